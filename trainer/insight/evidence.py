"""What only a model can say about data, measured for `data.appraise` to judge.

Which labels it doubts, which tokens its base does not know, and how much it gains from more to learn from. The model is
a ridge classifier over embeddings of the untuned base. Every row is scored by one that has not learned from it; label
errors are told from those scores by confident learning (Northcutt et al. 2021), as cleanlab has it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.appraise import Evidence, Suspect
from data.curve import Point
from data.render import Renderer
from data.schema import Example
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import embed_texts
from trainer.insight.ridge import Floats, left_out, probabilities, scores_of, waves

FOLDS = 5
"""Parts of the rows, each measured on by models that learn from the others: for the learning curve."""
FEWEST_OF_A_LABEL = 5
SHARES = (0.125, 0.25, 0.5, 1.0)
"""Parts of what a fold learns from, for the points of the curve."""
MOST_ROWS = 20_000
"""Labelled rows that models look at; of more, as many are drawn evenly from the labels."""
FEWEST_CURVE_ROWS = 80
"""Labelled rows below which a curve would be noise."""
CHECK_EVERY = 1_000
"""Rows between two looks at whether the job may go on."""
SURE = 0.5
"""How sure the other label must be at least: a guess among many is no doubt."""


@dataclass(frozen=True, slots=True)
class Look:
    """With which base to look, how to stop looking, and how to draw."""

    base: LocalBase
    check: Callable[[], None]
    seed: int = 0


def gather(look: Look, rows: Iterable[Example]) -> Evidence:
    """Measure all rows of a dataset, in the order of `data.appraise.examples`. Only labelled ones stay in memory."""
    renderer = look.base.renderer()
    unknown, tokens = array("d"), array("q")
    labelled: list[tuple[int, Example]] = []
    for number, row in enumerate(rows, start=1):
        if number % CHECK_EVERY == 0:
            look.check()
        count, strange = renderer.counts(row.text)
        tokens.append(count)
        unknown.append(strange / max(1, count))
        if row.intent is not None:
            labelled.append((number, row))
    suspects, points = _of_labels(look, renderer, _drawn(labelled, look.seed))
    return Evidence(
        base=look.base.name,
        longest=renderer.room,
        unknown=np.array(unknown, dtype=np.float64),
        tokens=np.array(tokens, dtype=np.int64),
        suspects=suspects,
        points=points,
    )


def _drawn(labelled: Sequence[tuple[int, Example]], seed: int) -> list[tuple[int, Example]]:
    """Rows of labels that are no mere handful; of very many, some of each label."""
    counts = Counter(row.intent for _, row in labelled)
    kept = [(number, row) for number, row in labelled if counts[row.intent] >= FEWEST_OF_A_LABEL]
    if len(kept) <= MOST_ROWS:
        return kept
    names = np.array([str(row.intent) for _, row in kept])
    order = _evenly(np.unique(names, return_inverse=True)[1], np.random.default_rng(seed))
    return [kept[place] for place in sorted(order[:MOST_ROWS].tolist())]


def _of_labels(
    look: Look, renderer: Renderer, rows: Sequence[tuple[int, Example]]
) -> tuple[list[Suspect], list[Point]]:
    """The labels that are doubted, and how much is understood after learning from some of the rows."""
    names, classes = np.unique(np.array([str(row.intent) for _, row in rows]), return_inverse=True)
    if len(names) < 2:
        return [], []
    texts = [row.text for _, row in rows]
    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    vectors = embed_texts(look.base.encoder(), renderer, list(distinct), look.check)
    features = waves(vectors[[distinct[text] for text in texts]], look.seed)
    scored = left_out(features, classes, np.array([row.weight for _, row in rows]))
    numbers = np.array([number for number, _ in rows])
    suspects = _suspects(classes, [str(name) for name in names], probabilities(scored.scores, classes), numbers)
    if len(rows) < FEWEST_CURVE_ROWS:
        return suspects, []
    return suspects, _points(features, classes, scored.strength, look)


def _suspects(
    given: npt.NDArray[np.int64], names: Sequence[str], scores: Floats, numbers: npt.NDArray[np.int64]
) -> list[Suspect]:
    """The rows whose label is likely wrong, the least credible first."""
    from cleanlab.filter import find_label_issues

    places: Any = find_label_issues(given, scores, return_indices_ranked_by="self_confidence", n_jobs=1)
    found = [(int(place), int(scores[place].argmax())) for place in places]
    return [
        Suspect(int(numbers[place]), names[best], float(scores[place, best]))
        for place, best in found
        if best != given[place] and scores[place, best] >= SURE
    ]


def _points(
    features: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], strength: float, look: Look
) -> list[Point]:
    """Accuracy on rows not learned from, by how much of the others was learned from."""
    generator = np.random.default_rng(look.seed)
    right: Counter[int] = Counter()
    sizes: Counter[int] = Counter()
    order = _evenly(classes, generator)
    for fold in range(FOLDS):
        look.check()
        held, others = order[fold::FOLDS], np.delete(order, np.s_[fold::FOLDS])
        for step, share in enumerate(SHARES):
            learned = others[: max(round(share * len(others)), 2)]
            best = scores_of(features[learned], classes[learned], strength, features[held]).argmax(axis=1)
            right[step] += int((best == classes[held]).sum())
            sizes[step] += len(learned)
    return [Point(sizes[step] // FOLDS, right[step] / len(classes)) for step in sorted(sizes)]


def _evenly(classes: npt.NDArray[np.int64], generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """An order of the rows of which every beginning holds all labels in about their shares."""
    rank = np.zeros(len(classes))
    for one in np.unique(classes):
        rows = generator.permutation(np.flatnonzero(classes == one))
        rank[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return np.argsort(rank, kind="stable")
