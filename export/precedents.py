"""Precedents: what the brand has replied in conversations like this one.

A selector compares a conversation with replies. Here it is first compared with earlier conversations, and its vector
moved some of the way to the replies that were given in those most like it, as Rocchio 1971 ("Relevance feedback in
information retrieval") moves a query to what was found relevant. What is found must then suit both: the conversation,
and what was said before in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SHARPNESS = 50.0
"""Inverse temperature of the softmax over cosines: a conversation .05 less alike counts a twelfth."""
STAYS = 0.75
"""A conversation has itself among its precedents, with this cosine: what no earlier one is like is not moved."""
LEAST = 1e-4
"""Replies with a smaller share of the whole are passed over."""
BLOCK = 64
"""Conversations that are moved at a time, so that queries x precedents are never held."""

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


class Precedents:
    """Earlier conversations and what was replied in each. Immutable, so shared by threads as it is."""

    def __init__(self, contexts: Array, replies: Sequence[int] | Array, share: float) -> None:
        """`contexts` [m, hidden], finite unit vectors, kept in float16; `replies` [m]: the row of the index that was
        given in each; `share`: how far a conversation is moved, from 0 to below 1. Raises ValueError otherwise."""
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is refused below
            narrow = np.asarray(contexts, dtype=np.float16)
        rows = np.asarray(replies, dtype=np.int32)
        if narrow.ndim != 2 or rows.shape != (len(narrow),) or (len(rows) and rows.min() < 0):
            raise ValueError(f"{len(rows)} replies need as many contexts; came an array of shape {narrow.shape}")
        if not np.isfinite(narrow).all() or not 0 <= share < 1:
            raise ValueError("the precedents of the reply index are not what they should be")
        self.contexts: Floats = narrow.astype(np.float32)  # widening at each search would cost more than the product
        self.contexts.setflags(write=False)
        self.replies, self.share = rows, float(share)

    def __len__(self) -> int:
        return len(self.replies)

    @property
    def size_bytes(self) -> int:
        return int(self.contexts.nbytes + self.replies.nbytes)

    def moved(self, queries: Floats, vectors: Array) -> Floats:
        """`queries` [q, hidden] moved to what was replied in conversations like them; `vectors` [n, hidden] are those
        of the index."""
        if not len(self) or not self.share:
            return queries
        result = np.empty_like(queries)
        for start in range(0, len(queries), BLOCK):
            some = queries[start : start + BLOCK]
            cosines = some @ self.contexts.T
            most = np.maximum(cosines.max(axis=1, keepdims=True), STAYS)
            weights = np.exp(SHARPNESS * (cosines - most))
            itself = np.exp(SHARPNESS * (STAYS - most[:, 0]))
            for row, (query, weight, own) in enumerate(zip(some, weights, itself, strict=True), start):
                given = np.bincount(self.replies, weight / (weight.sum() + own))
                said = np.flatnonzero(given > LEAST)
                replied = given[said].astype(np.float32) @ vectors[said].astype(np.float32, copy=False)
                stays = np.float32(1 - self.share * given[said].sum())
                result[row] = stays * query + self.share * replied
        return result

    def first(self, count: int) -> Precedents:
        """The first `count` of them."""
        return Precedents(self.contexts[:count], self.replies[:count], self.share)

    def among(self, stays: Sequence[int]) -> Precedents:
        """Those whose reply is among the rows `stays`, which become 0, 1, 2 and so on."""
        place = {row: at for at, row in enumerate(stays)}
        kept = [at for at, row in enumerate(self.replies.tolist()) if row in place]
        return Precedents(self.contexts[kept], [place[int(self.replies[at])] for at in kept], self.share)

    def to_tensors(self) -> dict[str, Array]:
        return {
            "precedent_contexts": self.contexts.astype(np.float16),
            "precedent_replies": self.replies,
            "precedent_share": np.array([self.share]),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array], shape: tuple[int, int]) -> Precedents | None:
        """None for releases that have none; `shape` is that of the index's vectors. Raises ValueError, KeyError."""
        if "precedent_contexts" not in tensors:
            return None
        (share,) = tensors["precedent_share"].tolist()
        found = cls(tensors["precedent_contexts"], tensors["precedent_replies"], share)
        found.check(shape)
        return found

    def check(self, shape: tuple[int, int]) -> None:
        """Raise ValueError unless they fit an index whose vectors have this shape."""
        rows, hidden = shape
        if self.contexts.shape[1] != hidden or (len(self) and int(self.replies.max()) >= rows):
            raise ValueError("the precedents are of another reply index")
