"""Which column of a table holds what: by the owner's field map, else by the usual names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.clean import clean
from data.errors import ImportRefused
from data.importers.nouns import FIELDS
from data.settings import ImportSettings

NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "content", "message", "utterance", "body", "query", "question", "message text", "sentence"),
    "role": ("role", "speaker", "author", "sender", "sender type", "from", "side", "participant", "author type"),
    "conversation": (
        "conversation", "conversation id", "session", "session id", "chat id", "ticket", "ticket id", "thread",
        "thread id", "dialogue", "dialogue id", "dialog id", "case", "case id", "chat",
    ),
    "intent": ("intent", "label", "category", "topic", "class"),
    "sentiment": ("sentiment",),
    "ts": ("ts", "timestamp", "sent at", "created at", "time", "date", "datetime"),
    "rating": ("rating", "csat", "stars"),
    "message_rating": ("message rating", "thumbs"),
    "customer": ("customer", "customer id", "user id", "visitor", "visitor id", "contact id"),
    "language": ("language", "lang", "locale"),
}  # fmt: skip
"""The usual names of columns, lower-case, with spaces for underscores; the first one present is taken."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read one table."""

    delimiter: str
    fields: Mapping[str, str]
    limits: ImportSettings


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column (0-based) holds which field."""

    places: Mapping[str, int]
    width: int
    ignored: tuple[str, ...]

    def cell(self, cells: list[str], name: str) -> str | None:
        place = self.places.get(name)
        return None if place is None else cells[place]

    @property
    def holds_conversations(self) -> bool:
        return "conversation" in self.places


def plain_name(header: str) -> str:
    """A column's name as compared: tidy, lower-case, spaces for `_` and `-`."""
    return " ".join(clean(header).text.lower().replace("_", " ").replace("-", " ").split())


def find_columns(header: list[str], reading: Reading) -> Columns:
    """Match the header with the field map and the usual names. Raises ImportRefused when the table cannot be read."""
    if len(header) > reading.limits.max_columns:
        raise refused(
            f"Expected at most {reading.limits.max_columns} columns; the header has {len(header)}.",
            "Keep the columns that matter: text, role, conversation, intent.",
            "too_many_columns",
        )
    names = [plain_name(cell) for cell in header]
    wanted = {name: (plain_name(reading.fields[name]),) if name in reading.fields else NAMES[name] for name in FIELDS}
    places: dict[str, int] = {}
    for name, candidates in wanted.items():
        place = _find(name, candidates, names, is_mapped=name in reading.fields)
        if place is not None and (name in reading.fields or place not in places.values()):
            places[name] = place
    _check(places)
    ignored = tuple(names[place] for place in range(len(names)) if place not in places.values())
    return Columns(places, len(names), ignored)


def _find(name: str, candidates: tuple[str, ...], names: list[str], *, is_mapped: bool) -> int | None:
    chosen = next((candidate for candidate in candidates if candidate in names), None)
    if chosen is None and is_mapped:
        raise refused(
            f"The column that the field map names for {name!r} is not in the header ({len(names)} columns).",
            "Compare the field map with the first line of the file.",
            "column_missing",
        )
    if chosen is not None and names.count(chosen) > 1:
        raise refused(
            f"The header names the column for {name!r} more than once.",
            "Rename or drop one of them.",
            "duplicate_column",
        )
    return None if chosen is None else names.index(chosen)


def _check(places: Mapping[str, int]) -> None:
    remedy = "Give a header line with the usual names (docs/formats.md), or a field map from field to column."
    if "text" not in places:
        raise refused("No column holds the text of the messages.", remedy, "no_text_column")
    if "conversation" in places and "role" not in places:
        raise refused("Conversations need a column that says who speaks; none does.", remedy, "no_role_column")
    if "role" in places and "conversation" not in places:
        raise refused("No column tells which conversation a message belongs to.", remedy, "no_conversation_column")


def refused(message: str, remedy: str, reason: str) -> ImportRefused:
    """A table that cannot be read as a whole, and why."""
    return ImportRefused(message, remedy=remedy, reason=reason)
