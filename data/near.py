"""What a bot's customers have said before, so that what comes next joins the near-duplicate clusters that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from data.dedupe import NearIndex
from data.files import Blobs
from data.mapped import Space
from data.schema import Conversation
from data.store import Store, conversations, feedback
from data.store.packing import unpacked

BATCH = 256
"""Conversations read at a time."""
Keyed = tuple[Conversation, Iterable[str | None]]


def near_index(store: Store) -> NearIndex:
    """An empty index that outgrows the heap beside the store's other files."""
    return NearIndex(Space(Blobs(store.home).tmp))


def known_utterances(store: Store, bot_id: str, check: Callable[[], None]) -> NearIndex:
    """The clusters of all imported conversations and of the accepted feedback that was prepared; `check` may raise."""
    index = near_index(store)
    stored = conversations.stream(store, bot_id)
    while page := list(islice(stored, BATCH)):
        check()
        _learn(index, ((one.conversation, one.near) for one in page))
    with store.read() as tx:
        kept = [one.prepared for one in feedback.accepted(tx, bot_id) if one.prepared is not None]
    _learn(index, ((unpacked(body["conversation"]), body["near"]) for body in kept))
    return index


def _learn(index: NearIndex, given: Iterable[Keyed]) -> None:
    pairs = [pair for said, near in given for pair in zip(said.turns, near, strict=True)]
    known = [(turn.text, key) for turn, key in pairs if key is not None]
    index.learn([text for text, _ in known], [key for _, key in known])
