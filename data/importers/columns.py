"""Which column of a table holds what: by the owner's field map, else by the usual names.

A table whose columns are those of a file to train on (`prompt` and `completion`, `chosen` and `rejected`, ...) is read
as such: each row is then an object of that shape.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from data.clean import clean
from data.errors import ImportRefused
from data.importers.ai_chats.shapes import are_fields
from data.importers.nouns import FIELDS, ROLE_OF, ImportOptions
from data.importers.sides import Sides
from data.importers.usual_names import COLUMN_NAMES
from data.settings import ImportSettings

_DELIMITERS = ",;\t|"
MAX_SHOWN = 20
MAX_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read one table."""

    delimiter: str
    fields: Mapping[str, str]
    limits: ImportSettings
    brand: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: ImportOptions, limits: ImportSettings, delimiter: str = ",") -> Reading:
        """As the owner wants it read."""
        return cls(delimiter, options.fields, limits, options.brand)

    @property
    def is_mapped(self) -> bool:
        """Whether the owner says of any column what it holds."""
        return any(name in self.fields for name in FIELDS)

    def sides(self) -> Sides:
        return Sides.of(self.fields, self.brand)


@dataclass(frozen=True)
class Columns:
    """Which column (0-based) holds which field. `shaped`: every row is an object of a shape of its own."""

    places: Mapping[str, int]
    names: tuple[str, ...]
    shaped: bool = False
    ignored: tuple[str, ...] = field(default=())

    @property
    def width(self) -> int:
        return len(self.names)

    def cell(self, cells: Sequence[str], name: str) -> str | None:
        place = self.places.get(name)
        return None if place is None else cells[place]

    @property
    def holds_conversations(self) -> bool:
        return "conversation" in self.places

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The names of the columns as those of an object's fields."""
        return tuple(name.replace(" ", "_") for name in self.names)


def plain_name(header: str) -> str:
    """A column's name as compared: tidy, lower-case, spaces for `_` and `-`."""
    return " ".join(clean(header).text.lower().replace("_", " ").replace("-", " ").split())


def find_columns(header: Sequence[str], reading: Reading) -> Columns:
    """Match the header with the field map and the usual names. Raises ImportRefused when the table cannot be read."""
    if len(header) > reading.limits.max_columns:
        raise refused(
            f"Expected at most {reading.limits.max_columns} columns; the header has {len(header)}.",
            "Keep the columns that matter: text, role, conversation, intent.",
            "too_many_columns",
        )
    names = tuple(plain_name(cell) for cell in header)
    places = _places(names, header, reading)
    if not reading.is_mapped and not {"conversation", "role"} & set(places) and are_fields(_keys(names)):
        return Columns({}, names, shaped=True)
    _check(places, header)
    taken = set(places.values())
    ignored = tuple(name for place, name in enumerate(names) if place not in taken)
    return Columns(places, names, ignored=ignored)


def is_table_of_conversations(header: Sequence[str], reading: Reading) -> bool:
    """Whether columns of these names hold conversations, by the usual names."""
    names = [plain_name(cell) for cell in header]
    return all(set(COLUMN_NAMES[field]) & set(names) for field in ("conversation", "role", "text"))


def listed(header: Sequence[str]) -> str:
    """The names of the columns, as a refusal tells them: not too many, none too long."""
    shown = [" ".join(clean(name).text.split())[:MAX_SHOWN_CHARS] or "(no name)" for name in header[:MAX_SHOWN]]
    more = f" and {len(header) - MAX_SHOWN} more" if len(header) > MAX_SHOWN else ""
    return ", ".join(shown) + more


def refused(message: str, remedy: str, reason: str) -> ImportRefused:
    """A table that cannot be read as a whole, and why."""
    return ImportRefused(message, remedy=remedy, reason=reason)


def _keys(names: Sequence[str]) -> set[str]:
    return {name.replace(" ", "_") for name in names}


def _places(names: Sequence[str], header: Sequence[str], reading: Reading) -> dict[str, int]:
    mapped = {name: column for name, column in reading.fields.items() if not name.startswith(ROLE_OF)}
    wanted = {name: (plain_name(mapped[name]),) if name in mapped else COLUMN_NAMES[name] for name in FIELDS}
    claimed = {plain_name(column) for column in mapped.values()}
    places: dict[str, int] = {}
    for name, candidates in wanted.items():
        free = candidates if name in mapped else tuple(one for one in candidates if one not in claimed)
        place = _find(name, free, (names, header), is_mapped=name in mapped)
        if place is not None and (name in mapped or place not in places.values()):
            places[name] = place
    if "conversation" in places or "role" in places:
        places.pop("reply", None)
    return places


def _find(
    name: str, candidates: Sequence[str], header: tuple[Sequence[str], Sequence[str]], *, is_mapped: bool
) -> int | None:
    names, shown = header
    chosen = next((candidate for candidate in candidates if candidate in names), None)
    if chosen is None and is_mapped:
        raise refused(
            f"The column that the field map names for {name!r} is not there. The columns are: {listed(shown)}.",
            f"Name one of them, such as --map {name}={_example(shown, ()) or 'COLUMN'} (HTTP: map).",
            "column_missing",
        )
    if chosen is not None and list(names).count(chosen) > 1:
        raise refused(
            f"The header names the column for {name!r} more than once. The columns are: {listed(shown)}.",
            "Rename or drop one of them.",
            "duplicate_column",
        )
    return None if chosen is None else list(names).index(chosen)


def _check(places: Mapping[str, int], header: Sequence[str]) -> None:
    """Raise ImportRefused for a table that lacks a column, saying which it has and how to name one."""
    if "text" not in places:
        raise _lacking("No column holds the text of the messages.", "text", (header, places), "no_text_column")
    if "conversation" in places and "role" not in places:
        message = "Conversations need a column that says who speaks; none does."
        raise _lacking(message, "role", (header, places), "no_role_column")
    if "role" in places and "conversation" not in places:
        message = "No column tells which conversation a message belongs to."
        raise _lacking(message, "conversation", (header, places), "no_conversation_column")


def _lacking(message: str, name: str, found: tuple[Sequence[str], Mapping[str, int]], reason: str) -> ImportRefused:
    header, places = found
    example = _example(header, places.values())
    remedy = f"Name it: --map {name}={example} (HTTP: map), or rename it in the header (docs/formats.md)."
    if len(header) == 1 and any(mark in header[0] for mark in _DELIMITERS):
        remedy = "It is one column: name the character between the cells (--delimiter; HTTP: delimiter)."
    elif not example:
        remedy = f"Add a column that says so, with the name {name} in the header (docs/formats.md)."
    return refused(f"{message} The columns are: {listed(header)}.", remedy, reason)


def _example(header: Sequence[str], taken: Collection[int]) -> str:
    """A column that nothing is known of yet, "" where there is none."""
    free = (name for place, name in enumerate(header) if plain_name(name) and place not in taken)
    name = next(free, None)
    if name is None:
        return ""
    name = listed([name])
    return f'"{name}"' if " " in name else name
