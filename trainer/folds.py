"""Who learns and who is scored: folds over rows that also keep some labels from each model. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.schema import OUT_OF_SCOPE

KEPT_FROM = 0.2
"""Share of the labels that a fold's model never sees: their rows stand for what the bot is not for."""
FEWEST_LABELS = 5
"""Below this many labels none is kept away: too little would be left to tell apart."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers to learn from and to score. No row is in both; scored rows may have labels not learned."""

    learn: tuple[int, ...]
    score: tuple[int, ...]


def plan(labels: Sequence[str], count: int, seed: int) -> list[Fold]:
    """`count` folds: stratified over rows, each keeping a different share of the labels from its model.

    A fold's own part of the rows is scored with the labels its model knows; all rows of the labels kept from it are
    scored as out of scope. Every label that is learned keeps at least one row to learn from.
    """
    generator = np.random.default_rng(seed)
    rows_of = _rows_of(labels)
    part = spread(labels, count, generator)
    names = [label for label in sorted(rows_of) if label != OUT_OF_SCOPE]
    away = _kept_from(names, count, generator)
    folds = []
    for fold in range(count):
        hidden = {row for label in away[fold] for row in rows_of[label]}
        learn = tuple(row for row in range(len(labels)) if part[row] != fold and row not in hidden)
        score = tuple(row for row in range(len(labels)) if part[row] == fold or row in hidden)
        folds.append(Fold(learn, score))
    return folds


def spread(labels: Sequence[str], count: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """The part, 0 to `count` - 1, of every row: those of a label are spread evenly. -1 for a label's only row: it is
    always learned, never scored, since no model could know its label otherwise."""
    part = np.zeros(len(labels), dtype=np.int64)
    for at, (_, own) in enumerate(sorted(_rows_of(labels).items())):
        rows = generator.permutation(own)
        part[rows] = (np.arange(len(rows)) + at) % count
        if len(rows) == 1:
            part[rows] = -1
    return part


def hold_out(labels: Sequence[str], share: float, seed: int, least: int = 0) -> tuple[list[int], list[int]]:
    """(rows to learn from, rows held out), stratified: of every label `share` of its rows, `least` or more of them, and
    never its last one."""
    generator = np.random.default_rng(seed)
    out: set[int] = set()
    array = np.array(labels)
    for label in sorted(set(labels)):
        rows = generator.permutation(np.flatnonzero(array == label))
        out.update(rows[: min(max(round(len(rows) * share), least), len(rows) - 1)].tolist())
    return [row for row in range(len(labels)) if row not in out], sorted(out)


def _rows_of(labels: Sequence[str]) -> dict[str, list[int]]:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        rows_of[label].append(row)
    return rows_of


def _kept_from(names: list[str], count: int, generator: np.random.Generator) -> list[list[str]]:
    if len(names) < FEWEST_LABELS:
        return [[] for _ in range(count)]
    order = generator.permutation(len(names))
    size = max(round(len(names) * min(KEPT_FROM, 1 / count)), 1)
    return [[names[at] for at in order[fold * size : (fold + 1) * size]] for fold in range(count)]
