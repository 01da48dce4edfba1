"""Calls that may come twice: what was answered the first time, kept beside the effect in one transaction.

    kept = idempotency.begin(tx, ask)
    if kept is None:            # this transaction is the first
        ...                     # the effect
        idempotency.keep(tx, ask, Kept(201, {}, body))

Somebody who asks meanwhile waits for the first to commit, and then sees what was kept; if the first rolls back, it
becomes the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from data.errors import Conflict, IdempotencyMismatch
from data.store.engine import Tx
from data.store.serving_tables import idempotency_keys

KEEP_HOURS = 24
_UNFINISHED = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that names a key: who calls, what, and the digest of what is asked."""

    actor: str
    route: str
    key: str
    request_digest: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


def begin(tx: Tx, ask: Ask) -> Kept | None:
    """None: this transaction is the first and owns the key. Else what the first one answered.

    Raises IdempotencyMismatch when the first one asked for something else, Conflict when it left no answer.
    """
    body: dict[str, Any] = {
        "actor": ask.actor,
        "route": ask.route,
        "key": ask.key,
        "request_digest": ask.request_digest,
        "status": _UNFINISHED,
        "headers": {},
        "created_at": tx.now,
    }
    _drop(tx, ask)
    return None if tx.insert(idempotency_keys, body) else find(tx, ask)


def find(tx: Tx, ask: Ask) -> Kept | None:
    """What was answered to this call; None where none was. Raises what `begin` raises."""
    c = idempotency_keys.c
    fresh = c.created_at >= tx.now - timedelta(hours=KEEP_HOURS)
    found = select(c.request_digest, c.status, c.headers, c.body).where(*_is(tx, ask), fresh)
    row = tx.connection.execute(found).first()
    if row is None:
        return None
    if row.request_digest != ask.request_digest:
        raise IdempotencyMismatch(
            "This Idempotency-Key came with another request before.", remedy="Give each request a key of its own."
        )
    if row.status == _UNFINISHED:
        raise Conflict("The first call with this Idempotency-Key left no answer.", remedy="Use another key.")
    return Kept(row.status, row.headers, row.body)


def keep(tx: Tx, ask: Ask, kept: Kept) -> None:
    """Keep the answer, in the transaction that owns the key."""
    values = {"status": kept.status, "headers": kept.headers, "body": kept.body}
    tx.connection.execute(update(idempotency_keys).where(*_is(tx, ask)).values(**values))


def purge(tx: Tx) -> int:
    """Forget what is older than `KEEP_HOURS`; how many calls that were."""
    old = idempotency_keys.c.created_at < tx.now - timedelta(hours=KEEP_HOURS)
    return tx.connection.execute(delete(idempotency_keys).where(tx.owns(idempotency_keys), old)).rowcount


def _drop(tx: Tx, ask: Ask) -> None:
    """A key that is too old to hold is free again."""
    old = idempotency_keys.c.created_at < tx.now - timedelta(hours=KEEP_HOURS)
    tx.connection.execute(delete(idempotency_keys).where(*_is(tx, ask), old))


def _is(tx: Tx, ask: Ask) -> tuple[ColumnElement[bool], ...]:
    c = idempotency_keys.c
    return tx.owns(idempotency_keys), c.actor == ask.actor, c.route == ask.route, c.key == ask.key
