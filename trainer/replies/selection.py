"""Measuring reply selection: for every query the true reply among 99 drawn from the other replies of the test file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.replies import key_of
from export.reply_scores import familiarity
from trainer.judgement.floor import Bm25
from trainer.judgement.metrics import mrr, recall_at

CANDIDATES = 100
"""The true reply and 99 draws."""


@dataclass(frozen=True, slots=True)
class Places:
    """`distinct` replies of TEST; `candidates` [queries, 100] name them, the true one in column 0."""

    distinct: list[str]
    candidates: npt.NDArray[np.int64]


def draw(replies: Sequence[str], seed: int) -> Places:
    distinct = list(dict.fromkeys(replies))
    at = {reply: place for place, reply in enumerate(distinct)}
    generator = np.random.default_rng(seed)
    wanted = min(CANDIDATES, len(distinct)) - 1
    rows = np.empty((len(replies), wanted + 1), dtype=np.int64)
    for row, reply in enumerate(replies):
        others = generator.choice(len(distinct) - 1, size=wanted, replace=False)
        rows[row] = [at[reply], *(others + (others >= at[reply]))]
    return Places(distinct, rows)


def selection(
    contexts: npt.NDArray[np.float32], replies: npt.NDArray[np.float32], places: Places
) -> npt.NDArray[np.float64]:
    """Cosines [queries, candidates] of the drawn candidates."""
    return np.stack([replies[row] @ context for row, context in zip(places.candidates, contexts, strict=True)])


def often(known: Sequence[str], places: Places) -> npt.NDArray[np.float64]:
    """How familiar [queries, candidates] each candidate is from the replies of TRAIN (`export.replies`)."""
    counts = Counter(map(key_of, known))
    return familiarity([counts[key_of(reply)] for reply in places.distinct])[places.candidates].astype(np.float64)


def lexical(queries: Sequence[str], places: Places) -> npt.NDArray[np.float64]:
    index = Bm25(places.distinct)
    block = 256
    found = []
    for start in range(0, len(queries), block):
        scores = np.asarray(index.scores(queries[start : start + block]))
        rows = places.candidates[start : start + block]
        found.append(np.take_along_axis(scores, rows, axis=1))
    return np.concatenate(found)


def selection_metrics(scores: npt.NDArray[np.float64]) -> dict[str, float]:
    truth = np.zeros(len(scores), dtype=np.int64)
    return {
        "recall_at_1_of_100": recall_at(scores, truth, 1),
        "recall_at_5_of_100": recall_at(scores, truth, 5),
        "mrr": mrr(scores, truth),
    }
