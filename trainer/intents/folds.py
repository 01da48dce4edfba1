"""Who learns and who is scored: folds over rows that also keep some labels from each model. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
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


def grouped(labels: Sequence[str], groups: Sequence[int], count: int, seed: int) -> list[Fold]:
    """`count` folds in which the rows of a group stand together, and the labels are spread as evenly as groups allow.

    The only group of a label is always learned, never scored, since no model could know the label otherwise.
    """
    part = _parts(labels, groups, count, seed)
    rows = range(len(labels))
    return [
        Fold(tuple(row for row in rows if part[row] != fold), tuple(row for row in rows if part[row] == fold))
        for fold in range(count)
    ]


def keeping_away(plan: Sequence[Fold], labels: Sequence[str], seed: int) -> list[Fold]:
    """The same folds, each keeping other labels from its model: their rows are scored as what the bot is not for."""
    names = [label for label in sorted(set(labels)) if label != OUT_OF_SCOPE]
    folds = []
    for fold, away in zip(plan, _kept_from(names, len(plan), np.random.default_rng(seed)), strict=True):
        hidden = {row for row, label in enumerate(labels) if label in away}
        learn = tuple(row for row in fold.learn if row not in hidden)
        folds.append(Fold(learn, tuple(sorted({*fold.score, *hidden}))))
    return folds


def _parts(labels: Sequence[str], groups: Sequence[int], count: int, seed: int) -> list[int]:
    """The part of every row: the largest groups first, each to where its labels are rarest, then where rows are."""
    generator = np.random.default_rng(seed)
    rows_of: dict[int, list[int]] = defaultdict(list)
    homes: dict[str, set[int]] = defaultdict(set)
    for row, (label, group) in enumerate(zip(labels, groups, strict=True)):
        rows_of[group].append(row)
        homes[label].add(group)
    totals = Counter(labels)
    lone = {min(own) for own in homes.values() if len(own) == 1}
    filled: list[Counter[str]] = [Counter() for _ in range(count)]
    part = [-1] * len(labels)
    names = sorted(rows_of)
    order = [names[at] for at in generator.permutation(len(names))]
    for group in sorted(order, key=lambda group: -len(rows_of[group])):
        own = Counter(labels[row] for row in rows_of[group])
        if group in lone:
            continue
        burden = [sum(rows * filled[at][label] / totals[label] for label, rows in own.items()) for at in range(count)]
        rank = generator.permutation(count)
        best = min(range(count), key=lambda at: (round(burden[at], 9), filled[at].total(), rank[at]))
        filled[best].update(own)
        for row in rows_of[group]:
            part[row] = best
    return part


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
