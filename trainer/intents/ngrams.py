"""Making an encoder of n-grams from a brand's own texts: how rare each n-gram is, and the texts that span its space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.ngrams import BUCKETS
from data.render import Rendered
from export.ngrams import Ngrams, Weighing
from trainer.intents.linear import thin_rows

LANDMARKS = 1_024
"""Texts that span the space, at most: as many dimensions has a vector."""
_LEAST = 1e-5
"""Directions that hold less than this share of what the largest one holds are noise of the arithmetic."""


def make_ngrams(rendered: Sequence[Rendered], labels: Sequence[str], seed: int) -> Ngrams:
    """The encoder of these texts; of many, the landmarks are drawn evenly from the labels."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    distinct = list({one.ids: at for at, one in reversed(list(enumerate(rendered)))}.values())
    distinct.sort()
    weighing = _weighing([rendered[at] for at in distinct])
    chosen = thin_rows([labels[at] for at in distinct], LANDMARKS, seed)
    landmarks = [weighing.weigh(rendered[distinct[at]]) for at in chosen.tolist()]
    columns, values = (np.concatenate(parts) for parts in zip(*landmarks, strict=True))
    sizes = np.array([0, *(len(numbers) for numbers, _ in landmarks)])
    matrix = csr_matrix((values, columns, np.cumsum(sizes)), shape=(len(landmarks), 2 * BUCKETS), dtype=np.float64)
    entries = matrix.tocsc()
    entries.sort_indices()
    counts = np.diff(entries.indptr)[weighing.seen]
    return Ngrams(
        weighing=weighing,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        rows=entries.indices.astype(np.int32),
        values=entries.data.astype(np.float32),
        turn=_turn((matrix @ matrix.T).toarray()),
    )


def _weighing(rendered: Sequence[Rendered]) -> Weighing:
    """Inverse document frequencies, smoothed. An n-gram that nobody has seen is as rare as one seen once: a text that
    is scored but not learned is then weighed as one that comes later."""
    holding = np.zeros(2 * BUCKETS, dtype=np.int64)
    for one in rendered:
        holding[np.unique(np.array(one.ids, dtype=np.int64))] += 1
    seen = np.flatnonzero(holding)
    rarity = np.log((1 + len(rendered)) / (1 + holding[seen])) + 1
    rarest = float(np.float32(np.log((1 + len(rendered)) / 2) + 1))
    return Weighing(seen.astype(np.int32), rarity.astype(np.float32), rarest)


def _turn(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """What turns products with the landmarks into coordinates in which products are what they were."""
    held, directions = np.linalg.eigh(products)
    kept = held > _LEAST * max(float(held[-1]), _LEAST)
    if not kept.any():  # not one n-gram in all of the texts: one dimension, in which everything is nothing
        return np.zeros((len(products), 1), dtype=np.float32)
    turn = directions[:, kept][:, ::-1] / np.sqrt(held[kept][::-1])
    return np.ascontiguousarray(turn, dtype=np.float32)
