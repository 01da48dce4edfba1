"""The index of the brand's own earlier replies: exact search by inner product.

Vectors are kept as float16: the error of a cosine between unit vectors is below 0.001, and half the memory. For the
product they are widened to float32. A small index is widened once, for widening costs more than multiplying; a large
one block by block at each search, so that it is never held twice over. Where even that is too slow, cells may lie over
it that say which replies are worth comparing (export/reply_cells.py). What was replied in conversations like the one
asked about has a say in where is looked (export/precedents.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from data.errors import IntegrityError
from data.schema import ROLES
from export.precedents import Precedents
from export.reply_cells import Cells
from export.reply_scores import PLAIN, Scoring, familiarity
from export.sealed import REMEDY

Vectors = npt.NDArray[np.float16]
Queries = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.int64]

VECTORS_FILE = "reply_index.safetensors"
REPLIES_FILE = "replies.jsonl"
BLOCK = 8192
"""Rows widened at a time: 12 MB for 384 dimensions."""
QUERIES = 64
WIDE_BYTES = 32 << 20
"""An index is held widened while that takes no more than this: 21,000 replies of 384 dimensions."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One distinct reply of the brand.

    `count` is how often it was said, `intent` what it answered where known, `source` the digest of the turn it was
    learnt from, `echoes` whether its placeholders repeat what the customer had said each time (see placeholders).
    `details` are names, numbers and the like that the brand has said in one conversation alone: the reply is for no
    other, unless somebody says them there as well. `approved`: it is one of the profile's answers to `intent`, said
    before or not; the brand has vouched for its placeholders.
    """

    text: str
    role: str = "agent"
    count: int = 1
    intent: str | None = None
    source: str = ""
    echoes: bool = False
    details: tuple[str, ...] = ()
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A reply, its score (the product with the query, moved by the precedents, and what is added for how often it was
    given), and how likely it is right."""

    reply: Reply
    score: float
    confidence: float


class ReplyIndex:
    """Distinct replies and their vectors, row by row. Immutable, so shared by threads as it is."""

    def __init__(
        self,
        vectors: Queries,
        replies: Sequence[Reply],
        scoring: Scoring = PLAIN,
        precedents: Precedents | None = None,
    ) -> None:
        """`vectors` [n, hidden], one row per reply, finite. Raises ValueError otherwise."""
        if vectors.ndim != 2 or len(vectors) != len(replies):
            raise ValueError(f"{len(replies)} replies need as many vectors; came an array of shape {vectors.shape}")
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is refused below
            narrow = np.ascontiguousarray(vectors, dtype=np.float16)
        if not np.isfinite(narrow).all():
            raise ValueError("a vector of the reply index is not finite")
        narrow.setflags(write=False)
        if precedents is not None:
            precedents.check((len(narrow), narrow.shape[1]))
        self.scoring, self.precedents = scoring, precedents
        self._added = np.float32(scoring.frequency) * familiarity([reply.count for reply in replies])
        self.vectors: Vectors = narrow
        self.replies = tuple(replies)
        self._wide = narrow.astype(np.float32) if 2 * narrow.nbytes <= WIDE_BYTES else None
        self._cells: Cells | None = None

    def __len__(self) -> int:
        return len(self.replies)

    @property
    def hidden(self) -> int:
        return int(self.vectors.shape[1])

    @property
    def size_bytes(self) -> int:
        """Bytes of the vectors in memory; the texts come on top."""
        beside = sum(part.size_bytes for part in (self._cells, self.precedents) if part is not None)
        return self.vectors.nbytes + (0 if self._wide is None else self._wide.nbytes) + beside

    @property
    def is_exact(self) -> bool:
        """Whether every search compares all replies."""
        return self._cells is None

    def in_cells(self, most: int) -> ReplyIndex:
        """The same replies; where there are more than `most`, a search compares a part of them, if the extra `index` is
        installed and what it finds is nearly always the same."""
        index = ReplyIndex(self.vectors, self.replies, self.scoring, self.precedents)
        if len(self) > most:
            index._cells = Cells.over(index.vectors, index._added, index._compared)
        return index

    def moved(self, queries: Queries) -> npt.NDArray[np.float32]:
        """`queries` [m, hidden] as they are compared with replies: moved by the precedents, if there are any.
        ValueError for one that is not finite."""
        wide = self._checked(queries)
        return wide if self.precedents is None else self.precedents.moved(wide, self._comparable)

    def scores(self, queries: Queries) -> npt.NDArray[np.float32]:
        """Scores [m, n] of every reply for `queries` [m, hidden]. ValueError for one that is not finite."""
        return self._compared(self.moved(queries))

    @property
    def _comparable(self) -> npt.NDArray[np.floating[Any]]:
        return self.vectors if self._wide is None else self._wide

    def _compared(self, wide: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores [m, n] for queries that were moved."""
        result = np.empty((len(wide), len(self)), dtype=np.float32)
        for start in range(0, len(self), BLOCK):
            block = self._comparable[start : start + BLOCK].astype(np.float32, copy=False)
            np.matmul(wide, block.T, out=result[:, start : start + BLOCK])
        result += self._added
        return result

    def added(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """What is added to the cosines of `texts`, [n], were they found here; nothing where they do not stand here."""
        counts = {key_of(reply.text): reply.count for reply in self.replies}
        return np.float32(self.scoring.frequency) * familiarity([counts.get(key_of(text), 0) for text in texts])

    def scored_by(self, scoring: Scoring) -> ReplyIndex:
        """The same replies, scored otherwise."""
        return ReplyIndex(self.vectors, self.replies, scoring, self.precedents)

    def remembering(self, precedents: Precedents | None) -> ReplyIndex:
        """The same replies, found by these precedents, or by none."""
        return ReplyIndex(self.vectors, self.replies, self.scoring, precedents)

    def among(self, stays: Sequence[int], replies: Sequence[Reply]) -> ReplyIndex:
        """The rows `stays` alone, with what `replies` now say of them."""
        precedents = None if self.precedents is None else self.precedents.among(stays)
        return ReplyIndex(self.vectors[list(stays)], replies, self.scoring, precedents)

    def search(self, query: Queries, k: int) -> tuple[Hit, ...]:
        """The `k` best replies for one query [hidden], best first; equal scores in the order of the index."""
        return self.search_many(query[None, :], k)[0]

    def search_many(self, queries: Queries, k: int) -> list[tuple[Hit, ...]]:
        """`search` for every row of `queries` [m, hidden], a few at a time, so that m x n scores are never held."""
        found: list[tuple[Hit, ...]] = []
        for start in range(0, len(queries), QUERIES):
            some = self.moved(queries[start : start + QUERIES])
            looked = self._everywhere(some) if self._cells is None or k < 1 else self._nearby(some, k, self._cells)
            found += (tuple(self._top(rows, scores, k)) for rows, scores in looked)
        return found

    def _checked(self, queries: Queries) -> npt.NDArray[np.float32]:
        wide = np.ascontiguousarray(queries, dtype=np.float32)
        if wide.ndim != 2 or wide.shape[1] != self.hidden:
            raise ValueError(f"queries of shape [m, {self.hidden}] were expected, came {queries.shape}")
        if not np.isfinite(wide).all():
            raise ValueError("a query is not finite")
        return wide

    def _everywhere(self, wide: npt.NDArray[np.float32]) -> Iterator[tuple[Rows, npt.NDArray[np.float32]]]:
        """For each query, moved, all rows and their scores."""
        rows = np.arange(len(self))
        yield from ((rows, scores) for scores in self._compared(wide))

    def _nearby(
        self, wide: npt.NDArray[np.float32], k: int, cells: Cells
    ) -> Iterator[tuple[Rows, npt.NDArray[np.float32]]]:
        """For each query, moved, the rows among which its best `k` nearly always are, and their scores; all of them
        where the cells nearby hold too few."""
        least = min(max(k, 2), len(self))
        for query, rows in zip(wide, cells.near(wide, least), strict=True):
            if len(rows) < least:
                yield from self._everywhere(query[None, :])
            else:
                yield rows, self.vectors[rows].astype(np.float32) @ query + self._added[rows]

    def _top(self, rows: Rows, scores: npt.NDArray[np.float32], k: int) -> Iterator[Hit]:
        """The best `k` of `rows`, which come in the order of the index, with these scores."""
        if k < 1 or not len(scores):
            return
        most = min(max(k, 2), len(scores))  # what the second is worth says something of the first
        bar = np.partition(scores, len(scores) - most)[len(scores) - most]
        near = np.flatnonzero(scores >= bar)  # more than these on ties: the stable sort settles them by row
        best = near[np.argsort(-scores[near], kind="stable")][:most]
        replies = [self.replies[row] for row in rows[best]]
        sure = self.scoring.confidence(scores[best], [reply.count for reply in replies])
        for reply, score, confidence in list(zip(replies, scores[best], sure, strict=True))[:k]:
            yield Hit(reply, float(score), float(confidence))

    def save(self, folder: Path) -> None:
        """Write `reply_index.safetensors` and `replies.jsonl`, whose lines are the rows in order."""
        remembered = {} if self.precedents is None else self.precedents.to_tensors()
        tensors = {"vectors": self.vectors, **self.scoring.to_tensors(), **remembered}
        save_file(tensors, str(folder / VECTORS_FILE))
        with (folder / REPLIES_FILE).open("w", encoding="utf-8", newline="\n") as file:
            for reply in self.replies:
                file.write(json.dumps(asdict(reply), ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> ReplyIndex:
        """Read what `save` wrote. Raises IntegrityError when the two files do not hold or do not agree."""
        try:
            tensors = load_file(str(folder / VECTORS_FILE))
            with (folder / REPLIES_FILE).open(encoding="utf-8", newline="\n") as file:
                replies = [_reply(json.loads(line)) for line in file]
            vectors = tensors["vectors"]
            if vectors.ndim != 2:
                raise ValueError("the vectors of the reply index are no table")
            precedents = Precedents.from_tensors(tensors, (len(vectors), vectors.shape[1]))
            return cls(vectors, replies, Scoring.from_tensors(tensors), precedents)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise IntegrityError(
                f"The reply index of this release cannot be read ({type(error).__name__}).", remedy=REMEDY
            ) from None


def key_of(reply: str) -> str:
    """Equal for replies that differ only in case and spacing: they are one."""
    return " ".join(reply.lower().split())


def _reply(body: dict[str, Any]) -> Reply:
    reply = Reply(**{**body, "details": tuple(body.get("details", ()))})
    if (
        not all(isinstance(text, str) for text in (reply.text, *reply.details))
        or reply.role not in ROLES
        or not isinstance(reply.count, int)
    ):
        raise ValueError("a reply of the index is malformed")
    return reply
