"""Objects one after the other, as JSON Lines, JSON lists and Parquet hold them: each by its shape, or all as a table.

An object that holds a whole conversation, or a labelled text, is read by itself (`jsonl`). Flat objects that name their
conversation, who speaks and what is said are the rows of a table, and so is any flat object once the owner maps its
fields: then the objects of a conversation may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from data.importers import cells, jsonl, table
from data.importers.ai_chats import shapes
from data.importers.columns import Columns, Reading, find_columns, is_table_of_conversations, plain_name
from data.importers.first_pass import first_pass
from data.importers.nouns import Item, Reason, Remark
from data.importers.rows import Row
from data.schema import SetAside

HEAD = 200
"""Objects whose fields are looked at to find the columns."""
MAX_NAME = 200
_NESTED = frozenset(("turns", "tokens", "spans"))


@dataclass(frozen=True, slots=True)
class Found:
    """The object in row `row`, or the reason why there is none."""

    row: int
    body: dict[str, Any] | None = None
    flaw: Reason | None = None
    sample: str = ""


Objects = Callable[[], Iterable[Found]]


def read(objects: Objects, reading: Reading) -> Iterator[Item]:
    """What the objects hold; `objects` begins from their beginning, each time. Raises ImportRefused for a field map
    that does not fit."""
    columns = _columns(objects(), reading)
    if columns is None:
        for found in objects():
            yield from _alone(found, reading)
        return
    if columns.ignored:
        yield Remark("fields_ignored", 0, ", ".join(filter(None, columns.ignored))[:400])
    seen = first_pass(_rows(objects(), columns, reading), columns)
    assembly = table.Assembly(columns, reading, seen)
    for found in objects():
        if found.body is not None and _is_flat(found.body, reading):
            yield from assembly.take(_row(found, columns))
        else:
            yield from _alone(found, reading)
    yield from assembly.rest()


_known_name = lru_cache(maxsize=1 << 12)(plain_name)


def _plain(name: str) -> str:
    """A field's name as compared; names come again with every object, and only short ones are remembered."""
    return _known_name(name) if len(name) <= MAX_NAME else plain_name(name)


def _alone(found: Found, reading: Reading) -> Iterator[Item]:
    if found.body is None:
        yield SetAside(found.row, found.flaw or Reason.NOT_AN_OBJECT, found.sample)
    else:
        yield from jsonl.items(found.body, found.row, reading.limits)


def _columns(objects: Iterable[Found], reading: Reading) -> Columns | None:
    """The columns of the flat objects at the beginning; None where they are no table."""
    bodies = [found.body for found in islice(objects, HEAD) if found.body is not None]
    names = list(dict.fromkeys(name for body in bodies if _is_flat(body, reading) for name in body))
    if reading.is_mapped and bodies:
        return find_columns(names or list(dict.fromkeys(name for body in bodies for name in body)), reading)
    return find_columns(names, reading) if is_table_of_conversations(names, reading) else None


def _is_flat(body: dict[str, Any], reading: Reading) -> bool:
    if any(isinstance(body.get(name), list) for name in ("messages", *_NESTED)):
        return False
    shape = shapes.shape_of(body)
    return shape is None or (reading.is_mapped and shape in ("completion", "instruction"))


def _rows(objects: Iterable[Found], columns: Columns, reading: Reading) -> Iterator[Row]:
    for found in objects:
        if found.body is not None and _is_flat(found.body, reading):
            yield _row(found, columns)


def _row(found: Found, columns: Columns) -> Row:
    """The object as a row: what stands in its columns, as people would see it in a table."""
    body = {_plain(name): value for name, value in (found.body or {}).items()}
    shown = [cells.shown(body.get(name)) for name in columns.names]
    wanted = set(columns.places.values())
    if any(cell is None for place, cell in enumerate(shown) if place in wanted):
        return Row(found.row, [], Reason.WRONG_TYPE, str(found.body)[:400])
    return Row(found.row, [cell or "" for cell in shown])
