"""What only a model can say about data, measured for `data.appraise` to judge.

Which labels it doubts, which tokens its base does not know, and how much it gains from more to learn from. The model is
a ridge classifier over embeddings of the untuned base. Every row is scored by one that has not learned from it; label
errors are told from those scores by confident learning (Northcutt et al. 2021), as cleanlab has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.appraise import Evidence, Suspect
from data.curve import Point
from data.render import Renderer
from data.schema import Example
from trainer.bases import LocalBase
from trainer.embedding import embed
from trainer.linear import Labelled, thin
from trainer.ridge import Floats, left_out, probabilities, scores_of, waves

FOLDS = 5
"""Parts of the rows, each measured on by models that learn from the others: for the learning curve."""
FEWEST_OF_A_LABEL = 5
SHARES = (0.125, 0.25, 0.5, 1.0)
"""Parts of what a fold learns from, for the points of the curve."""
MOST_ROWS = 20_000
"""Labelled rows that models look at; of more, as many are drawn evenly from the labels."""
FEWEST_CURVE_ROWS = 80
"""Labelled rows below which a curve would be noise."""
SURE = 0.5
"""How sure the other label must be at least: a guess among many is no doubt."""


@dataclass(frozen=True, slots=True)
class Look:
    """With which base to look, how to stop looking, and how to draw."""

    base: LocalBase
    check: Callable[[], None]
    seed: int = 0


def gather(look: Look, rows: Sequence[Example]) -> Evidence:
    """Measure the rows, all of a dataset in the order of `data.appraise.examples`."""
    renderer = look.base.renderer()
    unknown, tokens = _read(renderer, rows, look.check)
    labelled, places = _labelled(look, renderer, rows)
    suspects: list[Suspect] = []
    points: list[Point] = []
    names = sorted(set(labelled.labels))
    if len(names) >= 2:
        classes = np.searchsorted(np.array(names), np.array(labelled.labels)).astype(np.int64)
        features = waves(labelled.embeddings, look.seed)
        scored = left_out(features, classes, labelled.weights.astype(np.float64))
        suspects = _suspects(classes, names, probabilities(scored.scores, classes), places)
        if len(labelled) >= FEWEST_CURVE_ROWS:
            points = _points(features, classes, scored.strength, look)
    return Evidence(look.base.name, renderer.room, unknown, tokens, suspects, points)


def _read(
    renderer: Renderer, rows: Sequence[Example], check: Callable[[], None]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """For each row: the share of its tokens that the base does not know, and how many it has."""
    unknown, tokens = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    for place, row in enumerate(rows):
        if place % 1000 == 0:
            check()
        tokens[place], strange = renderer.counts(row.text)
        unknown[place] = strange / max(1, tokens[place])
    return unknown, tokens


def _labelled(look: Look, renderer: Renderer, rows: Sequence[Example]) -> tuple[Labelled, npt.NDArray[np.int64]]:
    """The rows of labels that are no mere handful, embedded, and their row numbers from 1."""
    counts = Counter(row.intent for row in rows)
    kept = [
        place for place, row in enumerate(rows) if row.intent is not None and counts[row.intent] >= FEWEST_OF_A_LABEL
    ]
    labels = [str(rows[place].intent) for place in kept]
    places = np.array(kept, dtype=np.int64)
    drawn = thin(Labelled(np.arange(len(kept), dtype=np.float32)[:, None], labels, np.ones(len(kept), np.float32)),
                 MOST_ROWS, look.seed).embeddings[:, 0].astype(np.int64)  # fmt: skip
    places, labels = places[drawn], [labels[place] for place in drawn]
    texts = [rows[place].text for place in places]
    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    vectors = embed(look.base.encoder(), renderer, renderer.utterances(list(distinct)), look.check) if texts else None
    weights = np.array([rows[place].weight for place in places], dtype=np.float32)
    embeddings = np.zeros((0, 1), np.float32) if vectors is None else vectors[[distinct[text] for text in texts]]
    return Labelled(embeddings, labels, weights), places + 1


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
