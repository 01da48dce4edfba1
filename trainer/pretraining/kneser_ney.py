"""The floor of a language model: interpolated, modified Kneser-Ney n-grams (Chen & Goodman 1999) over token ids.

Counts of the highest order are of what was seen; of the lower ones, of how many different tokens stood before. Every
order has three discounts, for what was counted once, twice and more often. An n-gram is known by a hash of 64 bits, and
tables are sorted arrays: five orders of some millions of tokens take seconds. That two n-grams share a hash is less
likely than one in a million for as many of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST = 0.05
"""Of a count of one, the least that is taken from it."""


@dataclass(frozen=True, eq=False)
class _Order:
    """N-grams of one length: sorted `grams`, the `share` of its context that each keeps after its discount; and of
    every context, sorted `contexts` with the `rest` that goes to the order below."""

    grams: Hashes
    share: Floats
    contexts: Hashes
    rest: Floats


class KneserNey:
    """Fitted on token sequences; each begins anew, nothing is seen across two of them."""

    def __init__(self, rows: Sequence[Sequence[int]], vocabulary: int, order: int = 5) -> None:
        """`vocabulary`: how many different tokens there are; `order`: the longest n-gram."""
        self._vocabulary = vocabulary
        windows = _windows(rows, order)
        self._orders: list[_Order] = []
        seen: Ints | None = None  # one place where each n-gram stands that is longer by a token
        for length in range(order, 0, -1):
            places = windows if seen is None else windows[seen]
            # The longest count how often they stand; the others, the different n-grams that end in them.
            grams, first, counts = np.unique(_hashed(places, length), return_index=True, return_counts=True)
            self._orders.insert(0, _fitted(grams, _contexts(places[first], length), counts))
            seen = first if seen is None else seen[first]

    def log_probabilities(self, rows: Sequence[Sequence[int]]) -> Floats:
        """The natural log-probability of every token but the first of each row, in order."""
        places = _windows(rows, len(self._orders), first=1)
        found = np.full(len(places), 1.0 / self._vocabulary)
        for length, order in enumerate(self._orders, 1):
            # What was never a context says nothing of what follows: the order below stands as it is.
            place, known = _find(order.contexts, _contexts(places, length))
            gram, seen = _find(order.grams, _hashed(places, length))
            share = np.where(seen, order.share[gram], 0.0)
            found = np.where(known, share + order.rest[place] * found, found)
        return np.asarray(np.log(found))


def _windows(rows: Sequence[Sequence[int]], order: int, first: int = 0) -> Ints:
    """Every token from the place `first` of its row on, with the tokens before it: int64 [n, order]; 0 stands before
    the beginning."""
    found = []
    for row in rows:
        padded = np.concatenate([np.zeros(order - 1, dtype=np.int64), np.asarray(row, dtype=np.int64) + 1])
        found.append(np.lib.stride_tricks.sliding_window_view(padded, order)[first:])
    return np.concatenate(found) if found else np.zeros((0, order), dtype=np.int64)


def _hashed(windows: Ints, length: int) -> Hashes:
    """A hash of the last `length` tokens of each window."""
    return _mixed(windows[:, windows.shape[1] - length :])


def _contexts(windows: Ints, length: int) -> Hashes:
    """A hash of what stands before the last token, in n-grams of `length`."""
    return _mixed(windows[:, windows.shape[1] - length : -1])


def _mixed(digits: Ints) -> Hashes:
    """Each row as one number of 64 bits, by the finaliser of splitmix64 (Steele et al. 2014)."""
    found = np.full(len(digits), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in digits.T:
        found = found * np.uint64(0x100000001B3) ^ column.astype(np.uint64)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(31)
    return found


def _fitted(grams: Hashes, contexts: Hashes, counts: Ints) -> _Order:
    taken = _discounts(counts)[np.minimum(counts, 3)]
    distinct, at = np.unique(contexts, return_inverse=True)
    total = np.bincount(at, counts)
    return _Order(grams, (counts - taken) / total[at], distinct, np.bincount(at, taken) / total)


def _discounts(counts: Ints) -> Floats:
    """What is taken from a count of 0 (nothing), 1, 2, and 3 or more; never all of it, and never nothing: a little is
    left for what was not seen."""
    n1, n2, n3, n4 = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    spread = max(n1 / (n1 + 2 * n2), LEAST) if n1 + n2 else 0.5

    def taken(times: int, here: int, above: int) -> float:
        return min(max(times - (times + 1) * spread * above / here, LEAST), times - LEAST) if here else spread

    return np.array([0.0, taken(1, n1, n2), taken(2, n2, n3), taken(3, n3, n4)])


def _find(ordered: Hashes, wanted: Hashes) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Where each of `wanted` stands (somewhere, if it does not), and whether it does."""
    if not len(ordered):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return at, ordered[at] == wanted
