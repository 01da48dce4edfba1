"""The first look at a bot's conversations: what splitting and weighing need to know, in a few bytes per user turn.

Text is never kept. A turn leaves two 64-bit hashes (its normal form, its near-duplicate cluster), a conversation its
`Member`. Once splits are known, `weigh` says of every user turn where it goes and what it counts.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.dedupe import normal_form
from data.examples import user_turns
from data.schema import FEEDBACK, SPLITS, Split
from data.split import Member, connects
from data.store.conversations import StoredConversation

DUPLICATE = "duplicate_conversation"


class Survey:
    """What was seen of the conversations, in their order. `groups` are those that stored rows are in already."""

    def __init__(self, conversations: Iterable[StoredConversation]) -> None:
        self.members: list[Member] = []
        self.groups: dict[str, str | None] = {}
        self.set_aside: dict[str, str] = {}
        self._fingerprints: set[bytes] = set()
        self._turns = array("I")
        self._texts = array("Q")
        self._clusters = array("Q")
        self.add(conversations)

    def add(self, conversations: Iterable[StoredConversation]) -> None:
        """Look at more of them, younger than all before."""
        for stored in conversations:
            self._add(stored)

    @property
    def turns(self) -> int:
        """User turns of all members."""
        return len(self._texts)

    def _add(self, stored: StoredConversation) -> None:
        mark = hashlib.blake2b(stored.fingerprint.encode(), digest_size=16).digest()
        if mark in self._fingerprints:  # two uploads that were imported at the same time may hold the same
            self.set_aside[stored.key] = DUPLICATE
            return
        self._fingerprints.add(mark)
        near: list[str] = []
        before = len(self._texts)
        for place, turn in user_turns(stored.conversation):
            cluster = stored.near[place] if place < len(stored.near) else None
            text = _number(normal_form(turn.text))
            self._texts.append(text)
            self._clusters.append(text if cluster is None else _number(cluster))
            if cluster is not None and connects(turn.text):
                near.append(cluster)
        self._turns.append(len(self._texts) - before)
        reviewed = stored.upload == FEEDBACK  # its customer is its session, whose split a reviewer may have been told
        if stored.split is not None:
            self.groups[stored.key] = stored.group
        self.members.append(
            Member(
                stored.key,
                age=len(self.members),
                customer=stored.conversation.customer,
                near=tuple(dict.fromkeys(near)),
                split=stored.split,
                mark=(stored.conversation.customer or "") if reviewed else stored.fingerprint,
                promised=reviewed and stored.split is not None,
            )
        )

    def weigh(self, splits: Mapping[str, Split]) -> Weighed:
        """Where every user turn goes, when its conversation has one of `splits`, and what it weighs there."""
        sizes = np.frombuffer(self._turns, dtype=np.uint32).astype(np.int64)
        codes = np.array([_CODE.get(splits.get(member.key, ""), -1) for member in self.members], dtype=np.int64)
        split = np.repeat(codes, sizes)
        texts = np.frombuffer(self._texts, dtype=np.uint64)
        clusters = np.frombuffer(self._clusters, dtype=np.uint64)
        train = split == _CODE["train"]
        measured = split > _CODE["train"]
        seen = measured & np.isin(texts, texts[train])
        near = measured & ~seen & np.isin(clusters, clusters[train])
        weights = np.ones(len(texts))
        for code in _CODE.values():
            for inside in ((split == code) & ~seen, (split == code) & seen):
                _, place, size = np.unique(clusters[inside], return_inverse=True, return_counts=True)
                weights[inside] = 1.0 / size[place]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        return Weighed(
            starts={member.key: int(start) for member, start in zip(self.members, starts, strict=False)},
            seen=seen,
            weights=weights,
            turns={name: int((split == code).sum()) for name, code in _CODE.items()},
            near={name: int((near & (split == code)).sum()) for name, code in _CODE.items() if name != "train"},
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """Facts about user turns; those of a conversation begin at `starts[key]`.

    `seen`: the turn is measured on, and a turn of train has the same normal form. `weights`: 1 / turns of its cluster
    in the same rows. `turns`: how many there are in each split. `near`: for validation and test how many turns that
    are not seen have a near-duplicate in train.
    """

    starts: Mapping[str, int]
    seen: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    turns: Mapping[str, int]
    near: Mapping[str, int]


_CODE: Mapping[str, int] = {split: code for code, split in enumerate(SPLITS)}


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
