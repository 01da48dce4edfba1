"""Parts of the test set, and whether the candidate got worse on one of them while it got better on the whole.

Parts are those of a language, of a length, of labels with few training rows, and of what came after the live release
was made. On each, McNemar's test compares the candidate with the reference; Holm's correction answers for having looked
at all of them. A part that is the whole test set is not compared again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from data.chance import chance_of
from trainer.judgement.comparison import Exchange, Slice, TestSet
from trainer.judgement.intervals import Interval, exchanged, holm

RARE_ROWS = 10
"""A label with fewer training rows than this is rare."""
LENGTHS = ("short", "medium", "long")
"""Thirds of the test messages, by characters."""

Bools = npt.NDArray[np.bool_]


def slices_of(test: TestSet, right: Mapping[str, Bools], reference: str | None) -> list[Slice]:
    """Every part of `test`, with what each model gets `right` there, by row; compared with `reference`, if any."""
    parts = [
        (name, value, np.array([other == value for other in column], dtype=bool))
        for name, column in _columns(test).items()
        for value in sorted(Counter(column))
    ]
    told = _exchanges([members for _, _, members in parts], right, reference)
    return [
        Slice(name, value, int(members.sum()), {model: _share(rows[members]) for model, rows in right.items()}, said)
        for (name, value, members), said in zip(parts, told, strict=True)
    ]


def _columns(test: TestSet) -> Mapping[str, Sequence[str]]:
    lengths = np.array([len(text) for text in test.texts])
    edges = np.quantile(lengths, [1 / 3, 2 / 3]) if len(lengths) else np.zeros(2)
    columns = {
        "language": [language or "unknown" for language in test.languages],
        "length": [LENGTHS[place] for place in np.searchsorted(edges, lengths)],
        "class": ["rare" if test.train_counts.get(label, 0) < RARE_ROWS else "common" for label in test.labels],
    }
    if test.new is not None and any(test.new):
        columns["data"] = ["new" if new else "known" for new in test.new]
    return columns


def _exchanges(parts: Sequence[Bools], right: Mapping[str, Bools], reference: str | None) -> Iterator[Exchange | None]:
    """For each part how the candidate does beside the reference; None where nothing is compared."""
    if reference is None:
        return iter([None] * len(parts))
    counts = [
        None if members.all() else exchanged(right[reference][members], right["candidate"][members])
        for members in parts
    ]
    chances = [chance_of(*pair) for pair in counts if pair is not None]
    found = iter(zip(chances, holm(chances), strict=True))
    return iter([None if pair is None else Exchange(reference, *pair, *next(found)) for pair in counts])


def _share(right: Bools) -> Interval:
    return Interval.of_share(int(right.sum()), len(right))
