"""Which conversations, feedback, sessions and turns an erasure means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.store import Store, Tx, forgetting, turns
from data.store.erasures import Erasure
from data.store.forgetting import Found, Wanted
from data.suppression import Marks


@dataclass(frozen=True, slots=True)
class Target:
    """What is meant, as far as rows are there to tell it. `fingerprints` are those of conversations, `touched` the
    uploads that hold any of them, `feedback` what speaks of the turns, `sessions` those in which something changes."""

    wanted: Wanted
    fingerprints: frozenset[str] = frozenset()
    touched: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    lessons: frozenset[str] = frozenset()

    def is_gone(self, record: Mapping[str, Any]) -> bool:
        """Whether a row of a dataset came of it."""
        return record["conversation"] in self.fingerprints or record["upload"] in self.lessons


def target_of(store: Store, marks: Marks, erasure: Erasure) -> Target:
    """What there is of it now. Asked again later, it is what is left."""
    with store.read() as tx:
        wanted = _wanted(tx, marks, erasure)
        if erasure.kind in ("session", "turn"):
            return _of_chats(tx, erasure, wanted)
    fingerprints, touched = set(), set()
    for found in conversations(store, erasure.bot_id, wanted):
        fingerprints.add(found.fingerprint)
        touched.add(found.upload)
    return Target(wanted, frozenset(fingerprints), tuple(sorted(touched)))


def conversations(store: Store, bot_id: str, wanted: Wanted) -> Iterator[Found]:
    """Every conversation that is meant."""
    after = ""
    while True:
        with store.read() as tx:
            page = forgetting.conversations_of(tx, bot_id, wanted, after)
        yield from page
        if len(page) < forgetting.BATCH:
            return
        after = page[-1].key


def _wanted(tx: Tx, marks: Marks, erasure: Erasure) -> Wanted:
    if erasure.kind == "customer":
        ids = set(erasure.ids)
        known = forgetting.customers(tx, erasure.bot_id)
        return Wanted(customers=[digest for digest in known if marks.kept(digest) in ids])
    if erasure.kind == "upload":
        return Wanted(uploads=erasure.ids)
    return Wanted(conversations=erasure.ids if erasure.kind == "conversation" else ())


def _of_chats(tx: Tx, erasure: Erasure, wanted: Wanted) -> Target:
    """Of a session all turns and feedback; of single turns also what answered them, for it may repeat them.

    All lessons of a session go out of what was frozen, since each quotes the turns before its own.
    """
    if erasure.kind == "session":
        sessions = tuple(erasure.ids)
        said = tuple(turn.id for session in sessions for turn in turns.of_session(tx, session))
    else:
        said = tuple(dict.fromkeys((*erasure.ids, *forgetting.answers_to(tx, erasure.ids))))
        sessions = tuple(forgetting.sessions_of(tx, erasure.bot_id, said))
    given = forgetting.feedback_of(tx, sessions)
    gone = tuple(one for one, turn in given if turn in set(said))
    return Target(wanted, sessions=sessions, turns=said, feedback=gone, lessons=frozenset(one for one, _ in given))
