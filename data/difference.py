"""What came between two frozen datasets: rows added, removed, labelled otherwise, by source.

A row is known by its id, which follows from what was said and how it was labelled: the same words with another label
are another row. So where a row went and one came that says the same, it counts as relabelled, and as nothing else.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from data.frozen import ROOMS, FrozenDataset
from data.inventory import source_of
from data.shards import read_columns

SHOWN = 100
"""Changes of labels that are told one by one; the most frequent."""


class _Row(NamedTuple):
    room: str
    source: str
    labels: tuple[str | None, str | None]
    text: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows by source and split; `labels` counts (before, after) of those that were relabelled; `moved` are rows of
    validation and test whose words have come into train since, or left it."""

    added: Mapping[str, Mapping[str, int]]
    removed: Mapping[str, Mapping[str, int]]
    relabelled: Mapping[str, Mapping[str, int]]
    labels: Mapping[tuple[str | None, str | None], int]
    unchanged: int
    moved: int

    def to_wire(self) -> dict[str, Any]:
        most = sorted(self.labels.items(), key=lambda one: (-one[1], str(one[0])))[:SHOWN]
        return {
            "added": _plain(self.added),
            "removed": _plain(self.removed),
            "relabelled": _plain(self.relabelled),
            "labels": [{"before": before, "after": after, "rows": rows} for (before, after), rows in most],
            "unchanged": self.unchanged,
            "moved": self.moved,
        }


def difference(before: FrozenDataset, after: FrozenDataset) -> Difference:
    """What has to be done to `before` to come to `after`. Raises IntegrityError when one of them is damaged."""
    old = dict(_rows(before))
    added: dict[bytes, list[_Row]] = defaultdict(list)
    unchanged = moved = 0
    for id_, row in _rows(after):
        was = old.pop(id_, None)
        if was is None or was.labels != row.labels:
            added[row.text].append(row)
            if was is not None:
                old[id_] = was
        elif was.room == row.room:
            unchanged += 1
        else:
            moved += 1
    removed, relabelled, labels = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[Any]()
    for row in old.values():
        same = added.get(row.text)
        if same:
            came = same.pop()
            relabelled[_place(came)] += 1
            labels[row.labels[0], came.labels[0]] += 1
        else:
            removed[_place(row)] += 1
    came_in = Counter(_place(row) for rows in added.values() for row in rows)
    return Difference(_by_source(came_in), _by_source(removed), _by_source(relabelled), labels, unchanged, moved)


def _rows(frozen: FrozenDataset) -> Iterator[tuple[str, _Row]]:
    for room in ROOMS:
        for path in frozen.shards(room):
            for batch in read_columns(path, ["id", "upload", "intent", "sentiment", "text"]).to_batches():
                columns = batch.to_pydict()
                for id_, upload, intent, sentiment, text in zip(*columns.values(), strict=True):
                    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
                    yield id_, _Row(room, source_of(upload), (intent, sentiment), digest)


def _place(row: _Row) -> tuple[str, str]:
    return row.source, row.room.rpartition("_")[2]


def _by_source(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (source, split), rows in sorted(counts.items()):
        found.setdefault(source, {})[split] = rows
    return found


def _plain(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {source: dict(splits) for source, splits in counts.items()}
