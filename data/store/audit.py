"""The audit log: who changed what, line after line, each one bound to the one before by a digest.

A line is never changed. What was changed, cut out or put in between later breaks the chain, and `verify` says where;
that the last lines are gone shows only beside a copy of the log.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from data.store.engine import Tx
from data.store.serving_tables import audit
from data.store.tables import columns_of, workspaces

Outcome = Literal["done", "denied", "failed"]
ROOT = "0" * 64
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened: `actor` is a key's id, `object` what was changed, `before` and `after` digests of it."""

    actor: str
    request_id: str
    action: str
    object: str
    outcome: Outcome = "done"
    before: str | None = None
    after: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the log. `previous` is the digest of the line before it."""

    sequence: int
    created_at: datetime
    actor: str
    request_id: str
    action: str
    object: str
    outcome: Outcome
    before: str | None
    after: str | None
    reason: str | None
    previous: str
    digest: str


_COLUMNS = columns_of(audit, Recorded)


def record(tx: Tx, entry: Entry) -> Recorded:
    """Add a line, as the last thing a transaction does: writers take turns from here on, so that the chain never forks.

    The lock is one that rows which refer to the workspace do not wait for.
    """
    turn = select(workspaces.c.id).where(workspaces.c.id == tx.workspace)
    tx.connection.execute(turn.with_for_update(key_share=True))
    newest = select(audit.c.sequence, audit.c.digest).where(tx.owns(audit)).order_by(audit.c.sequence.desc()).limit(1)
    row = tx.connection.execute(newest).first()
    sequence, previous = (1, ROOT) if row is None else (row.sequence + 1, row.digest)
    body: dict[str, Any] = {
        "sequence": sequence,
        "created_at": tx.now,
        **{name: getattr(entry, name) for name in Entry.__slots__},
        "previous": previous,
    }
    line = Recorded(**body, digest=_digest(tx, body))
    tx.connection.execute(audit.insert().values(workspace_id=tx.workspace, **body, digest=line.digest))
    return line


def page(tx: Tx, *, after: int = 0, limit: int) -> list[Recorded]:
    """At most `limit` lines after number `after`, oldest first."""
    wanted = select(*_COLUMNS).where(tx.owns(audit), audit.c.sequence > after)
    return [Recorded(*row) for row in tx.connection.execute(wanted.order_by(audit.c.sequence).limit(limit))]


def verify(tx: Tx) -> list[str]:
    """What is wrong with the chain, if anything."""
    expected, previous, after = 1, ROOT, 0
    while lines := page(tx, after=after, limit=_PAGE):
        for line in lines:
            if line.sequence != expected or line.previous != previous:
                return [f"the audit log is cut before line {line.sequence}"]
            body = {name: getattr(line, name) for name in Recorded.__slots__ if name != "digest"}
            if line.digest != _digest(tx, body):
                return [f"line {line.sequence} of the audit log was changed"]
            expected, previous, after = line.sequence + 1, line.digest, line.sequence
    return []


def _digest(tx: Tx, body: dict[str, Any]) -> str:
    told = {**body, "workspace": tx.workspace, "created_at": body["created_at"].isoformat()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("ascii")).hexdigest()
