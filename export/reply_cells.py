"""Finding replies without comparing all of them, where there are very many: an inverted file of faiss (extra `index`).

Replies lie in cells around centres, and a search looks into the cells whose centres are nearest (Jégou et al. 2011,
"Product Quantization for Nearest Neighbor Search", section 4; Johnson et al. 2019, "Billion-scale similarity search
with GPUs"). What is added to a cosine for how often a reply is given is one more dimension of its vector, in which
every query is 1: so the whole score is one inner product. Cells only say which replies are worth comparing; they are
scored as ever by the index that they lie over, so that a reply has the same score on either way.

How many cells are looked into is tried out when they are made: the fewest in which nearly all of the true best replies
are found. Where that takes too many of them there are none, and every reply is compared. Cells are made where a release
is loaded, in seconds for a hundred thousand replies, with one thread and a fixed seed: nothing of them is in a
release, and the same release has the same cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Scores = Callable[[Array], npt.NDArray[np.float32]]
"""From queries [m, hidden] to the scores of all replies, [m, n]."""

RECALL = 0.99
"""Share of the truly best FIRST replies that have to be found."""
FIRST = 10
TRIED = 256
"""Queries that are tried."""
TRIED_AT_ONCE = 16
FEWEST = 4
"""Cells that are looked into at least."""
MOST_SHARE = 0.25
"""Looking into more of the cells than this is no gain over comparing every reply."""
CELLS = 2
"""So many times the square root of how many replies there are: more cells find more in as much time, but are made for
longer."""
PER_CELL = 39
"""Replies for each centre, at least: what faiss asks for."""
LEARNED = 40
"""Replies that a centre is learned from, at most."""
SPARE = 2
"""So many times the replies that are wanted are scored: inside a cell, vectors are held in eight bits."""


class Cells:
    """Immutable once made; shared by threads."""

    def __init__(self, faiss: Any, index: Any) -> None:
        self._faiss, self._index = faiss, index

    @classmethod
    def over(cls, vectors: npt.NDArray[np.float16], added: npt.NDArray[np.float32], scores: Scores) -> Cells | None:
        """Cells of `vectors` [n, hidden] with `added` [n]; `scores` compares everything. None without the extra, for
        too few replies, and where they would miss too much."""
        try:
            import faiss
        except ImportError:
            return None
        count = min(int(CELLS * len(vectors) ** 0.5), len(vectors) // PER_CELL)
        if count < 2 * FEWEST:
            return None
        faiss.omp_set_num_threads(1)
        cells = cls(faiss, _filled(faiss, vectors, added, count))
        return cells if cells._suffice(vectors, scores) else None

    @property
    def size_bytes(self) -> int:
        index = self._index
        return int(index.ntotal * (index.code_size + 8) + index.nlist * index.d * 4)

    def near(self, queries: npt.NDArray[np.float32], k: int) -> list[npt.NDArray[np.int64]]:
        """For each of `queries` [m, hidden] the rows worth comparing where the best `k` are wanted, in order; fewer
        where the cells nearby hold no more."""
        self._faiss.omp_set_num_threads(1)  # of this thread: one request takes one core
        asked = np.concatenate([queries, np.ones((len(queries), 1), dtype=np.float32)], axis=1)
        _, found = self._index.search(asked, SPARE * k)
        return [np.sort(rows[rows >= 0]) for rows in found]

    def _suffice(self, vectors: npt.NDArray[np.float16], scores: Scores) -> bool:
        """Look into ever more cells until that finds nearly all; False where it never does."""
        queries = _between(vectors)
        starts = range(0, len(queries), TRIED_AT_ONCE)
        blocks = (scores(queries[start : start + TRIED_AT_ONCE]) for start in starts)
        best = [set(row.tolist()) for block in blocks for row in np.argpartition(-block, FIRST, axis=1)[:, :FIRST]]
        looked = FEWEST
        while looked <= MOST_SHARE * self._index.nlist:
            self._index.nprobe = looked
            found = self.near(queries, FIRST)
            hits = sum(len(true.intersection(rows.tolist())) for true, rows in zip(best, found, strict=True))
            if hits >= RECALL * FIRST * len(queries):
                return True
            looked *= 2
        return False


def _filled(faiss: Any, vectors: npt.NDArray[np.float16], added: npt.NDArray[np.float32], count: int) -> Any:
    """An inverted file of `count` cells that holds all of `vectors`."""
    size = vectors.shape[1] + 1
    kind = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(size), size, count, kind, faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = LEARNED
    drawn = np.sort(np.random.default_rng(0).permutation(len(vectors))[: count * LEARNED])
    index.train(_joined(vectors[drawn], added[drawn]))
    block = 8192
    for start in range(0, len(vectors), block):
        index.add(_joined(vectors[start : start + block], added[start : start + block]))
    return index


def _joined(vectors: npt.NDArray[np.float16], added: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([vectors.astype(np.float32), added[:, None]], axis=1)


def _between(vectors: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Queries as conversations are: near some replies and equal to none. Half-way between two each, of length 1."""
    pairs = np.random.default_rng(0).integers(len(vectors), size=(2, TRIED))
    middle = vectors[pairs[0]].astype(np.float32) + vectors[pairs[1]].astype(np.float32)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    return np.asarray(middle / np.maximum(length, 1e-6), dtype=np.float32)
