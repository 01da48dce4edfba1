"""Groups of messages that mean the same, found in their embeddings; how many there are is found as well.

    smooth    each vector moves to the mean of itself and its nearest neighbours, so that ridges of noise fall in
    tree      Ward's agglomeration of a sample, at most `TREE_ROWS`: it holds every number of groups at once
    cut       each number, after a few steps of k-means in the plain embeddings, is judged: are the groups both tight
              (silhouette) and well separated in the graph of neighbours (modularity)?
    settle    more such steps for the best of them, over all drawn rows; the others are assigned

Silhouette alone cuts too many groups, modularity too few (its resolution limit, Fortunato and Barthelemy 2007): the
one times the root of the other stands between. `python -m tests.bench.discovery` measures it. A row far from its group,
as its group goes, is an outlier and belongs to none; so is a group of next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DRAWN_ROWS = 20_000
"""Rows that groups are made from; of more, as many are drawn and the others only assigned."""
TREE_ROWS = 6_000
SMOOTHED = 5
NEIGHBOURS = 10
FEWEST_ROWS = 12
"""Rows below which nothing can be told."""
FEWEST_IN_GROUP = 3
MOST_GROUPS = 400
CUTS = 40
"""Numbers of groups that are tried, evenly spaced by ratio."""
WEIGHTS = (1.0, 2.0, 3.0, 2.0, 1.0)
"""How much a cut and its neighbours on either side count when the best neighbourhood is looked for."""
STEPS = 8
JUDGED_STEPS = 4
"""Steps of k-means after which a cut is judged: the tree alone decides rows on the border by chance."""
FENCE = 1.5
"""How many times the middle half of a group is wide a row may lie below it (Tukey's fence)."""
BLOCK = 1_000
NOWHERE = -1

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """For each row its group (`NOWHERE`: none), how near it is to the middle of the group it is nearest to, that
    group (`nearest`), and in which of two halves of it the row stands (`halves`: 0 or 1)."""

    of: Numbers
    nearest: Numbers
    nearness: npt.NDArray[np.float32]
    halves: Numbers

    @property
    def count(self) -> int:
        return int(self.of.max(initial=NOWHERE)) + 1


def group(vectors: Vectors, seed: int, check: Callable[[], None]) -> Groups:
    """The groups of unit vectors, the largest first. The same vectors and seed give the same. `check` may raise."""
    if len(vectors) < FEWEST_ROWS:
        none = np.full(len(vectors), NOWHERE, dtype=np.int64)
        return Groups(none, none, np.zeros(len(vectors), np.float32), np.zeros(len(vectors), np.int64))
    generator = np.random.default_rng(seed)
    drawn = vectors[_draw(len(vectors), DRAWN_ROWS, generator)]
    rows = _draw(len(drawn), TREE_ROWS, generator)
    smoothed = _smooth(drawn, check)
    found = _cut(smoothed[rows], drawn[rows], check)
    first = _nearest(drawn, _middles(drawn[rows], found))[0]
    middles = _middles(drawn, _settled(drawn, first, STEPS))
    nearest, nearness = _nearest(vectors, middles)
    order = np.argsort(-np.bincount(nearest, minlength=len(middles)), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    nearest = place[nearest]
    return Groups(_covered(nearest, nearness), nearest, nearness, _halves(vectors, nearest, check))


def _draw(size: int, most: int, generator: np.random.Generator) -> Numbers:
    return np.sort(generator.permutation(size)[:most])


def _neighbours(vectors: Vectors, count: int, check: Callable[[], None]) -> tuple[Numbers, Vectors]:
    """The nearest others of each row, and how near they are."""
    count = min(count, len(vectors) - 1)
    rows, near = [], []
    for start in range(0, len(vectors), BLOCK):
        check()
        scores = vectors[start : start + BLOCK] @ vectors.T
        scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -2.0
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        rows.append(best)
        near.append(np.take_along_axis(scores, best, axis=1))
    return np.concatenate(rows), np.concatenate(near)


def _smooth(vectors: Vectors, check: Callable[[], None]) -> Vectors:
    rows, _ = _neighbours(vectors, SMOOTHED, check)
    total = vectors.copy()
    for column in rows.T:
        total += vectors[column]
    return _unit(total)


def _unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def _cut(smoothed: Vectors, plain: Vectors, check: Callable[[], None]) -> Numbers:
    """The best of the partitions that the tree over `smoothed` holds, as `plain` judges them."""
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]

    links = _links(plain, check)
    tree = linkage(smoothed, "ward")
    most = max(3, min(len(plain) // 5, MOST_GROUPS))
    cuts = []
    for count in sorted({round(size) for size in np.geomspace(2, most, CUTS)}):
        check()
        cuts.append(_settled(plain, fcluster(tree, count, "maxclust").astype(np.int64), JUDGED_STEPS))
    scores = [tightness(plain, found) * np.sqrt(max(_separation(links, found), 0.0)) for found in cuts]
    return cuts[_peak(np.array(scores))]


def _peak(scores: npt.NDArray[np.float64]) -> int:
    """The best of the best neighbourhood: among many cuts that are all but equal a single one wins by chance."""
    reach = len(WEIGHTS) // 2
    total = np.convolve(scores, WEIGHTS)[reach : reach + len(scores)]
    weight = np.convolve(np.ones(len(scores)), WEIGHTS)[reach : reach + len(scores)]
    middle = int((total / weight).argmax())
    first = max(0, middle - reach)
    return first + int(scores[first : middle + reach + 1].argmax())


def _settled(vectors: Vectors, found: Numbers, steps: int) -> Numbers:
    """A few steps of k-means from where a partition stands; groups are numbered without gaps."""
    for _ in range(steps):
        found = _nearest(vectors, _middles(vectors, found))[0]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """The graph of neighbours: who with whom, how strongly."""

    one: Numbers
    other: Numbers
    strength: npt.NDArray[np.float64]


def _links(vectors: Vectors, check: Callable[[], None]) -> _Links:
    rows, near = _neighbours(vectors, NEIGHBOURS, check)
    one = np.repeat(np.arange(len(vectors)), rows.shape[1])
    other, strength = rows.ravel(), np.maximum(near.ravel(), 0.0).astype(np.float64)
    low, high = np.minimum(one, other), np.maximum(one, other)
    _, first = np.unique(low * len(vectors) + high, return_index=True)
    return _Links(low[first], high[first], strength[first])


def _separation(links: _Links, found: Numbers) -> float:
    """Modularity (Newman and Girvan 2004): the share of links inside groups, above what chance would put there."""
    total = max(links.strength.sum(), 1e-9)
    groups = int(found.max()) + 1
    ends = np.bincount(found[links.one], links.strength, groups) + np.bincount(
        found[links.other], links.strength, groups
    )
    inside = links.strength[found[links.one] == found[links.other]].sum()
    return float(inside / total - np.square(ends / (2 * total)).sum())


def tightness(vectors: Vectors, found: Numbers) -> float:
    """The silhouette (Rousseeuw 1987) under cosine distance, exact, by sums: no pairs are held."""
    sizes = np.bincount(found).astype(np.float64)
    if len(sizes) < 2:
        return 0.0
    sums = _sums(vectors, found)
    rows = np.arange(len(vectors))
    alike = vectors @ sums.T
    own = 1 - (alike[rows, found] - 1) / np.maximum(sizes[found] - 1, 1)
    apart = 1 - alike / sizes
    apart[rows, found] = np.inf
    other = apart.min(axis=1)
    scores = (other - own) / np.maximum(np.maximum(own, other), 1e-9)
    return float(np.where(sizes[found] > 1, scores, 0.0).mean())


def _middles(vectors: Vectors, found: Numbers) -> Vectors:
    """The mean direction of each group that has a row."""
    numbers = np.unique(found, return_inverse=True)[1]
    return _unit(_sums(vectors, numbers))


def _sums(vectors: Vectors, found: Numbers) -> npt.NDArray[np.float64]:
    """The sum of each group's vectors."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    ones = np.ones(len(found))
    return np.asarray(csr_matrix((ones, (found, np.arange(len(found))))) @ vectors)


def _nearest(vectors: Vectors, middles: Vectors) -> tuple[Numbers, npt.NDArray[np.float32]]:
    found = np.empty(len(vectors), dtype=np.int64)
    near = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        scores = vectors[start : start + BLOCK] @ middles.T
        found[start : start + BLOCK] = scores.argmax(axis=1)
        near[start : start + BLOCK] = scores.max(axis=1)
    return found, near


def _covered(nearest: Numbers, nearness: npt.NDArray[np.float32]) -> Numbers:
    """The groups without what lies outside of them; numbered anew, since groups of next to nothing fall away."""
    kept = np.full(len(nearest), NOWHERE, dtype=np.int64)
    number = 0
    for one in range(int(nearest.max()) + 1):
        rows = np.flatnonzero(nearest == one)
        low, high = np.quantile(nearness[rows], (0.25, 0.75)) if len(rows) else (0.0, 0.0)
        inside = rows[nearness[rows] >= low - FENCE * (high - low)]
        if len(inside) >= FEWEST_IN_GROUP:
            kept[inside] = number
            number += 1
    return kept


def _halves(vectors: Vectors, nearest: Numbers, check: Callable[[], None]) -> Numbers:
    """Each group in two: two means, begun on both sides of the direction in which it is widest."""
    halves = np.zeros(len(vectors), dtype=np.int64)
    for one in np.unique(nearest):
        check()
        rows = np.flatnonzero(nearest == one)
        if len(rows) < 2 * FEWEST_IN_GROUP:
            continue
        inside = vectors[rows]
        centred = inside - inside.mean(axis=0)
        widest = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        side = (centred @ widest > 0).astype(np.int64)
        halves[rows] = _settled(inside, side, STEPS)
    return halves
