"""What is to be forgotten, as digests of what was said: how it is recognised in what was made of it.

A reply goes only where no row that stays says it: what the brand told many customers is nobody's. A bot's own answer
that a visitor liked repeats a reply; it is no other source of it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]
"""A row of a frozen dataset as `data.shards` reads it."""
FEEDBACK_ID = "feedback_"


@dataclass(slots=True)
class Words:
    """`rows` are ids of examples, `feedback` ids of feedback; `texts` and `replies` digests of what was said."""

    feedback: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    texts: set[bytes] = field(default_factory=set)
    replies: set[bytes] = field(default_factory=set)

    def said(self, text: str) -> bool:
        """Whether a customer's message is one of those."""
        return _digest(text) in self.texts

    def told(self, text: str) -> bool:
        """Whether a reply of the brand is one of those, in whatever case and spacing."""
        return _reply_digest(text) in self.replies

    def verdict(self, verdict: Mapping[str, Any]) -> dict[str, Any]:
        """The verdict without those of its examples that quote them."""
        flips = [flip for flip in verdict.get("flips", ()) if not self.said(str(flip.get("text", "")))]
        return {**verdict, "flips": flips} if "flips" in verdict else dict(verdict)


class Listening:
    """Goes over the rows of all datasets and finds out which words are to go."""

    def __init__(self, is_gone: Callable[[Record], bool], feedback: Iterable[str]) -> None:
        self._is_gone = is_gone
        self._words = Words(feedback=set(feedback))
        self._stay: set[bytes] = set()
        self._echoes: list[tuple[str, str, str, bytes]] = []
        self._rejected: list[tuple[str, bytes]] = []
        self._counts = Counter[str]()

    def hear(self, record: Record, dataset: str) -> None:
        """Hear one row of this dataset."""
        reply = None if record["reply"] is None else _reply_digest(record["reply"])
        if self._is_gone(record):
            self._counts[dataset] += 1
            self._words.rows.add(record["id"])
            self._words.texts.add(_digest(record["text"]))
            if reply is not None:
                self._words.replies.add(reply)
            return
        if record.get("rejected") is not None:
            self._rejected.append((dataset, _reply_digest(record["rejected"])))
        if reply is not None:
            if is_echo(record):
                self._echoes.append((dataset, record["id"], record["upload"], reply))
            else:
                self._stay.add(reply)

    def words(self) -> tuple[Words, dict[str, int]]:
        """What was heard, once all rows are through, and how many rows of which dataset go; 0 where rows only lose what
        the bot repeated and a reviewer corrected."""
        found = self._words
        found.replies -= self._stay
        for dataset, row, feedback, reply in self._echoes:
            if reply in found.replies:
                self._counts[dataset] += 1
                found.rows.add(row)
                found.feedback.add(feedback)
        losing = {dataset: 0 for dataset, rejected in self._rejected if rejected in found.replies}
        return found, {**losing, **self._counts}


def is_echo(record: Record) -> bool:
    """Whether its reply is what the bot said and somebody liked: an earlier reply of the brand, once more."""
    return str(record["upload"]).startswith(FEEDBACK_ID) and not record["corrected"]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _reply_digest(text: str) -> bytes:
    return _digest(" ".join(text.lower().split()))
