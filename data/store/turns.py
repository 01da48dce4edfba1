"""The turns of sessions, as they were said: words, and what the bot thought when it answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, select

from data.errors import Conflict, NotFound
from data.store import sessions
from data.store.engine import Tx
from data.store.serving_tables import turns
from data.store.sessions import Session
from data.store.tables import columns_of

TurnRole = Literal["user", "assistant", "agent"]


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be added. `client_id` is the client's own id of a message; `reply_to` the message it answers.

    `detail` holds what only an explanation needs: reason, in_scope, ranking, candidates, entities
    (their places in the message).
    """

    role: TurnRole
    text: str
    client_id: str | None = None
    reply_to: str | None = None
    release: int | None = None
    intent: str | None = None
    confidence: float | None = None
    source: str | None = None
    action: str | None = None
    latency_ms: float | None = None
    state: Literal["complete", "incomplete"] = "complete"
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn as it is kept; `sequence` counts from 1 within its session, `release` is a number of its bot."""

    id: str
    bot_id: str
    session_id: str
    sequence: int
    role: TurnRole
    text: str
    client_id: str | None
    reply_to: str | None
    release: int | None
    intent: str | None
    confidence: float | None
    source: str | None
    action: str | None
    latency_ms: float | None
    state: Literal["complete", "incomplete"]
    detail: dict[str, Any] | None
    created_at: datetime


_COLUMNS = columns_of(turns, StoredTurn)


def add(tx: Tx, session: Session, new: NewTurn) -> StoredTurn:
    """Add a turn to a session. The caller need not have locked it.

    Raises NotFound, and Conflict when a turn of the session has the same `client_id`.
    """
    held = sessions.lock(tx, session.bot_id, session.id)
    turn = StoredTurn(
        id=tx.new_id("turn"),
        bot_id=held.bot_id,
        session_id=held.id,
        sequence=held.turns + 1,
        created_at=tx.now,
        **{name: getattr(new, name) for name in NewTurn.__slots__},
    )
    if not tx.insert(turns, {name: getattr(turn, name) for name in StoredTurn.__slots__}):
        raise Conflict("Another message came under this id before.", remedy="Give each message an id of its own.")
    sessions.heard(tx, held, turn.sequence)
    return turn


def get(tx: Tx, bot_id: str, turn_id: str) -> StoredTurn:
    """Raises NotFound."""
    row = tx.connection.execute(_all(tx).where(turns.c.bot_id == bot_id, turns.c.id == turn_id)).first()
    if row is None:
        raise NotFound("There is no such turn.")
    return StoredTurn(*row)


def of_session(tx: Tx, session_id: str, last: int | None = None) -> list[StoredTurn]:
    """The turns of a session, or the `last` of them, oldest first."""
    ordered = _all(tx).where(turns.c.session_id == session_id).order_by(turns.c.sequence.desc())
    found = [StoredTurn(*row) for row in tx.connection.execute(ordered.limit(last))]
    return found[::-1]


def before(tx: Tx, turn: StoredTurn, most: int) -> list[StoredTurn]:
    """The last `most` turns before `turn` in its session, oldest first."""
    earlier = _all(tx).where(turns.c.session_id == turn.session_id, turns.c.sequence < turn.sequence)
    found = tx.connection.execute(earlier.order_by(turns.c.sequence.desc()).limit(most))
    return [StoredTurn(*row) for row in found][::-1]


def by_client_id(tx: Tx, session_id: str, client_id: str) -> StoredTurn | None:
    """The message that the client sent under this id of its own."""
    wanted = (turns.c.session_id == session_id, turns.c.client_id == client_id)
    row = tx.connection.execute(_all(tx).where(*wanted)).first()
    return None if row is None else StoredTurn(*row)


def reply_of(tx: Tx, turn_id: str) -> StoredTurn | None:
    """What answered the message `turn_id`, if anything did."""
    row = tx.connection.execute(_all(tx).where(turns.c.reply_to == turn_id).order_by(turns.c.sequence)).first()
    return None if row is None else StoredTurn(*row)


def _all(tx: Tx) -> Select[Any]:
    return select(*_COLUMNS).where(tx.owns(turns))
