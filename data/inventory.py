"""What is in a frozen dataset: its rows by split and source, one by one, and those that say a certain reply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.frozen import ROOMS, FrozenDataset
from data.schema import FEEDBACK, SPLITS
from data.shards import count_rows, read_columns, read_slice

SEEN = "seen_"
FROM_FEEDBACK = "feedback_"
"""How the ids of feedback begin, which rows that were made of it name as their upload."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it stands: `place` counts the rows of a dataset from 0, over its rooms in order."""

    place: int
    room: str
    record: Mapping[str, Any]


def rows_by_source(frozen: FrozenDataset) -> dict[str, dict[str, int]]:
    """How many rows each upload gave to each split, by the upload's digest; all of feedback together. Rows of
    validation and test that train has seen count with their split."""
    counts: dict[str, dict[str, int]] = {}
    for room in ROOMS:
        for path in frozen.shards(room):
            found = read_columns(path, ["upload"])["upload"].value_counts().to_pylist()
            for one in found:
                of_source = counts.setdefault(source_of(one["values"]), dict.fromkeys(SPLITS, 0))
                of_source[room.removeprefix(SEEN)] += int(one["counts"])
    return dict(sorted(counts.items()))


def source_of(upload: str) -> str:
    """The digest of the upload that a row came in, or `feedback`."""
    return FEEDBACK if upload.startswith(FROM_FEEDBACK) else upload


def slice_rows(frozen: FrozenDataset, start: int, count: int) -> list[Row]:
    """At most `count` rows from place `start` on."""
    found: list[Row] = []
    first = 0
    for room in ROOMS:
        paths = frozen.shards(room)
        size = sum(count_rows(path) for path in paths)
        begin = max(start + len(found), first)
        if begin < first + size:
            records = read_slice(paths, begin - first, count - len(found))
            found += [Row(begin + place, room, record) for place, record in enumerate(records)]
        first += size
        if len(found) == count:
            break
    return found


def rows_that_say(frozen: FrozenDataset, reply: str, most: int) -> list[tuple[str, str]]:
    """(id of the row, its upload) of at most `most` rows whose reply is exactly this."""
    import pyarrow.compute as pc

    found: list[tuple[str, str]] = []
    for path in _shards(frozen):
        table = read_columns(path, ["id", "upload", "reply"])
        same = table.filter(pc.equal(table["reply"], reply)).slice(0, most - len(found))
        found += [(one["id"], one["upload"]) for one in same.to_pylist()]
        if len(found) == most:
            break
    return found


def _shards(frozen: FrozenDataset) -> Iterator[Any]:
    rooms: Iterable[str] = ROOMS
    return (path for room in rooms for path in frozen.shards(room))
