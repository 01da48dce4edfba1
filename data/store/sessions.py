"""Sessions: one visitor's conversation with a bot, from when it was opened until it ends or falls silent.

A session belongs to the bot or to a person of the brand (`owner`): only the owner answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, select, tuple_, update

from data.errors import Conflict, NotFound
from data.schema import Split
from data.store import bots
from data.store.engine import Store, Tx
from data.store.serving_tables import sessions
from data.store.tables import columns_of

Owner = Literal["bot", "human"]


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be opened. `source` stands for where the visitor comes from, without naming it."""

    bot_id: str
    key_id: str
    origin: str | None
    source: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """`turns` is how many are kept; `split` and `split_group` are set once feedback on it was accepted."""

    id: str
    bot_id: str
    key_id: str
    origin: str | None
    source: str
    owner: Owner
    turns: int
    split: Split | None
    split_group: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


_COLUMNS = columns_of(sessions, Session)


def create(tx: Tx, new: NewSession) -> Session:
    """Raises NotFound for a bot that is not there."""
    bots.get_by_id(tx, new.bot_id)
    body: dict[str, Any] = {
        "id": tx.new_id("session"),
        "bot_id": new.bot_id,
        "key_id": new.key_id,
        "origin": new.origin,
        "source": new.source,
        "owner": "bot",
        "turns": 0,
        "created_at": tx.now,
        "last_seen_at": tx.now,
        "expires_at": new.expires_at,
    }
    tx.insert(sessions, body)
    return get(tx, new.bot_id, str(body["id"]))


def find(store: Store, session_id: str, *, idle_seconds: float) -> tuple[str, Session] | None:
    """The session and its workspace, whichever that is; None when there is none, or it has ended or fallen silent."""
    with store.read() as tx:
        statement = select(sessions.c.workspace_id, *_COLUMNS).where(sessions.c.id == session_id)
        row = tx.connection.execute(statement).first()
        now = tx.now
    if row is None:
        return None
    workspace, session = row[0], Session(*row[1:])
    if now >= session.expires_at or now >= session.last_seen_at + timedelta(seconds=idle_seconds):
        return None
    return workspace, session


def get(tx: Tx, bot_id: str, session_id: str) -> Session:
    """The session of that bot. Raises NotFound."""
    return _one(tx, _of(tx, bot_id, session_id))


def lock(tx: Tx, bot_id: str, session_id: str) -> Session:
    """The session, held until the transaction ends: nobody else adds a turn to it meanwhile."""
    return _one(tx, _of(tx, bot_id, session_id).with_for_update())


def page(tx: Tx, bot_id: str, *, owner: Owner | None = None, after: str | None = None, limit: int) -> list[Session]:
    """At most `limit` sessions of the bot, the newest first, from the one after `after` on."""
    statement = select(*_COLUMNS).where(tx.owns(sessions), sessions.c.bot_id == bot_id)
    if owner is not None:
        statement = statement.where(sessions.c.owner == owner)
    if after is not None:
        last = get(tx, bot_id, after)
        statement = statement.where(tuple_(sessions.c.created_at, sessions.c.id) < (last.created_at, last.id))
    ordered = statement.order_by(sessions.c.created_at.desc(), sessions.c.id.desc()).limit(limit)
    return [Session(*row) for row in tx.connection.execute(ordered)]


def hand(tx: Tx, bot_id: str, session_id: str, owner: Owner) -> Session:
    """Say who answers from now on. Raises NotFound."""
    lock(tx, bot_id, session_id)
    _set(tx, session_id, {"owner": owner})
    return get(tx, bot_id, session_id)


def heard(tx: Tx, session: Session, turns: int) -> None:
    """A turn was added: the session has `turns` now, and was seen now."""
    _set(tx, session.id, {"turns": turns, "last_seen_at": tx.now})


def assign_split(tx: Tx, session_id: str, split: Split, group: str) -> None:
    """Set the split of a session's feedback. Raises Conflict if it would move, NotFound."""
    statement = select(sessions.c.split).where(tx.owns(sessions), sessions.c.id == session_id).with_for_update()
    row = tx.connection.execute(statement).first()
    if row is None:
        raise NotFound("There is no such session.", session=session_id)
    if row.split not in (None, split):
        raise Conflict(f"A session of split {row.split} cannot move to {split}: splits never change.")
    _set(tx, session_id, {"split": split, "split_group": group})


def _set(tx: Tx, session_id: str, values: Mapping[str, Any]) -> None:
    tx.connection.execute(update(sessions).where(tx.owns(sessions), sessions.c.id == session_id).values(**values))


def _of(tx: Tx, bot_id: str, session_id: str) -> Select[Any]:
    return select(*_COLUMNS).where(tx.owns(sessions), sessions.c.bot_id == bot_id, sessions.c.id == session_id)


def _one(tx: Tx, statement: Select[Any]) -> Session:
    row = tx.connection.execute(statement).first()
    if row is None:
        raise NotFound("There is no such session.")
    return Session(*row)
