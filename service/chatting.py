"""One message of a visitor, answered: heard in its session, replied to by the live release, both turns kept.

The reply is computed first and both turns are written in one transaction, provided that nobody spoke in between; else
the new turns are heard too and the reply is computed again. So nothing is answered that is not kept, and a message that
is sent twice under one id is kept and answered once.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data.errors import Conflict, NotFound
from data.store import Store, Tx, sessions, turns
from data.store.bots import Bot
from data.store.sessions import Session
from data.store.turns import NewTurn, StoredTurn
from export.hear import Spoken
from export.predict import Prediction
from service.bots import LiveBots
from service.errors import Refusal

HISTORY = 50
"""Turns of a session that are heard."""
TRIES = 5
STRIPES = 64
KEPT = ("reason", "in_scope", "ranking", "candidates", "drafts", "sentiment")
"""What is kept of a prediction beside its reply."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a visitor sent: the words, and the visitor's own id for them, if any. `gone` tells that nobody waits for
    the answer any more."""

    message: str
    client_id: str | None = None
    gone: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and its answer as they are kept. `answer` is None while a person has the conversation."""

    session: Session
    message: StoredTurn
    answer: StoredTurn | None


class Chats:
    """Answers visitors of one process. Messages of one session are taken one after another."""

    def __init__(self, live: LiveBots, clock: Callable[[], float] = time.perf_counter) -> None:
        self._live = live
        self._clock = clock
        self._locks = tuple(threading.Lock() for _ in range(STRIPES))

    def answer(self, store: Store, bot: Bot, session_id: str, said: Said) -> Exchange:
        """The exchange for `said`, new or repeated.

        Raises NotFound, ReleaseUnavailable, StoreUnavailable, Overloaded, and 409 for another text under the same id.
        """
        with self._one_at_a_time(session_id):
            for _ in range(TRIES):
                with store.read() as tx:
                    before = sessions.get(tx, bot.id, session_id)
                    known = _repeated(tx, before, said)
                    past = [] if known else turns.of_session(tx, session_id, last=HISTORY)
                if known is not None:
                    return known
                prediction, milliseconds = self._predicted(store, bot, before, past, said)
                kept = _kept(store, before, said, prediction, milliseconds)
                if kept is not None:
                    return kept
        raise Refusal(503, "overloaded", "This session is very busy; try again.", headers={"Retry-After": "1"})

    def _predicted(
        self, store: Store, bot: Bot, session: Session, past: list[StoredTurn], said: Said
    ) -> tuple[Prediction | None, float]:
        if session.owner == "human":
            return None, 0.0
        spoken: list[Spoken] = [(turn.role, turn.text) for turn in past]
        started = self._clock()
        with self._live.answering(store.workspace, bot) as predictor:
            prediction = predictor.reply([*spoken, ("user", said.message)], said.gone)
        if prediction.drafts and said.gone():  # what was broken off says nothing; the same message may come again
            raise Refusal(503, "overloaded", "Nobody waited for the answer.", headers={"Retry-After": "1"})
        return prediction, (self._clock() - started) * 1000

    @contextmanager
    def _one_at_a_time(self, session_id: str) -> Iterator[None]:
        with self._locks[zlib.crc32(session_id.encode()) % STRIPES]:
            yield


def _repeated(tx: Tx, session: Session, said: Said) -> Exchange | None:
    """The exchange of a message that came before under the same id."""
    if said.client_id is None:
        return None
    message = turns.by_client_id(tx, session.id, said.client_id)
    if message is None:
        return None
    if message.text != said.message:
        raise Conflict("Another message was sent under this message_id.", remedy="Give each message an id of its own.")
    return Exchange(session, message, turns.reply_of(tx, message.id))


def _kept(
    store: Store, before: Session, said: Said, prediction: Prediction | None, milliseconds: float
) -> Exchange | None:
    """Both turns, kept; None when somebody spoke, or took the conversation, since `before`."""
    with store.begin() as tx:
        session = sessions.lock(tx, before.bot_id, before.id)
        known = _repeated(tx, session, said)
        if known is not None:
            return known
        if (session.turns, session.owner) != (before.turns, before.owner):
            return None
        message = turns.add(tx, session, NewTurn(role="user", text=said.message, client_id=said.client_id))
        if prediction is None:
            return Exchange(sessions.get(tx, before.bot_id, before.id), message, None)
        answer = turns.add(tx, session, _turn(prediction, message, milliseconds))
        if prediction.action == "handoff":
            sessions.hand(tx, before.bot_id, before.id, "human")
        return Exchange(sessions.get(tx, before.bot_id, before.id), message, answer)


def _turn(prediction: Prediction, message: StoredTurn, milliseconds: float) -> NewTurn:
    wire = prediction.to_wire()
    return NewTurn(
        role="assistant",
        text=prediction.reply,
        reply_to=message.id,
        release=int(prediction.release.rpartition("@")[2]),
        intent=prediction.intent,
        confidence=prediction.confidence,
        source=prediction.source,
        action=prediction.action,
        latency_ms=round(milliseconds, 3),
        detail={name: wire[name] for name in KEPT} | {"entities": [_without_value(one) for one in wire["entities"]]},
    )


def _without_value(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Its value stands in the message, which may be forgotten by itself."""
    return {name: value for name, value in entity.items() if name != "value"}


def pieces(text: str, size: int = 24) -> Iterator[str]:
    """`text` in pieces for a stream, cut after spaces; together they are `text` again."""
    start = 0
    while start < len(text):
        cut = text.find(" ", start + size)
        end = len(text) if cut < 0 else cut + 1
        yield text[start:end]
        start = end


def own_session(session_id: str | None, bound: Session | None) -> str:
    """The session a message belongs to. Raises 422 when it names none, or one that is not the token's."""
    if bound is not None:
        if session_id not in (None, bound.id):
            raise NotFound("There is no such session.")
        return bound.id
    if session_id is None:
        raise Refusal(422, "invalid", "Name the session; only a visitor's token does so itself.", param="session")
    return session_id
