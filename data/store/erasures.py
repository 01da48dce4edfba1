"""Erasures: what was asked to be forgotten, what came of it, and what must not come in again.

    create -> (a job works on it) -> finish

While it is worked on, an erasure of a customer holds the names that were given; `finish` forgets them. What stays are
`ids`: names of things, and keyed digests of people, which say nothing to whoever has not the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import delete, select, update

from data.errors import NotFound
from data.store.engine import Tx
from data.store.erasure_tables import erasures, suppressions
from data.store.tables import columns_of

Kind = Literal["upload", "customer", "conversation", "session", "turn"]
KINDS: tuple[str, ...] = get_args(Kind)
AGAIN = "journal:"
"""Who asked, where an erasure is done again after a restore; its first id follows."""


@dataclass(frozen=True, slots=True)
class NewErasure:
    """What is to be forgotten. `ids` name uploads, conversations, sessions or turns, or are keyed digests of a customer
    whose `names` they stand for; a `dry_run` only looks."""

    kind: Kind
    ids: tuple[str, ...]
    requested_by: str
    names: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure as it stands: `report` grows while it is worked on, `finished_at` says that it is done."""

    id: str
    bot_id: str
    job_id: str | None
    kind: Kind
    ids: list[str]
    names: list[str] | None
    requested_by: str
    dry_run: bool
    report: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


_COLUMNS = columns_of(erasures, Erasure)


def create(tx: Tx, bot_id: str, new: NewErasure) -> Erasure:
    erasure_id = tx.new_id("erasure")
    body = {
        "id": erasure_id,
        "bot_id": bot_id,
        "kind": new.kind,
        "ids": list(new.ids),
        "names": list(new.names) or None,
        "requested_by": new.requested_by,
        "dry_run": new.dry_run,
        "created_at": tx.now,
    }
    tx.insert(erasures, body)
    return get(tx, bot_id, erasure_id)


def assign(tx: Tx, erasure_id: str, job_id: str) -> None:
    """Say which job works on it."""
    _set(tx, erasure_id, job_id=job_id)


def get(tx: Tx, bot_id: str, erasure_id: str) -> Erasure:
    """The erasure of that bot. Raises NotFound."""
    wanted = (tx.owns(erasures), erasures.c.bot_id == bot_id, erasures.c.id == erasure_id)
    row = tx.connection.execute(select(*_COLUMNS).where(*wanted)).first()
    if row is None:
        raise NotFound("There is no such erasure.", remedy="`attune erasures BOT` lists them.")
    return Erasure(*row)


def is_known(tx: Tx, erasure_id: str) -> bool:
    """Whether these rows know of it: as itself, or asked for again out of the journal."""
    c = erasures.c
    same = (c.id == erasure_id) | (c.requested_by == f"{AGAIN}{erasure_id}")
    return tx.connection.execute(select(c.id).where(tx.owns(erasures), same).limit(1)).first() is not None


def page(tx: Tx, bot_id: str, *, after: str | None = None, limit: int) -> list[Erasure]:
    """At most `limit` erasures of a bot, the newest first, from the one after `after` on. Ids sort by time."""
    statement = select(*_COLUMNS).where(tx.owns(erasures), erasures.c.bot_id == bot_id)
    if after is not None:
        statement = statement.where(erasures.c.id < after)
    return [Erasure(*row) for row in tx.connection.execute(statement.order_by(erasures.c.id.desc()).limit(limit))]


def note(tx: Tx, erasure_id: str, report: Mapping[str, Any]) -> None:
    """Keep how far it is."""
    _set(tx, erasure_id, report=dict(report))


def finish(tx: Tx, erasure_id: str, report: Mapping[str, Any]) -> None:
    """It is done: the names go."""
    _set(tx, erasure_id, report=dict(report), names=None, finished_at=tx.now)


def suppress(tx: Tx, bot_id: str, erasure_id: str, marks: Iterable[str]) -> None:
    """What has one of these marks must not come in again."""
    for mark in sorted(set(marks)):
        tx.insert(suppressions, {"bot_id": bot_id, "mark": mark, "erasure_id": erasure_id})


def suppressed(tx: Tx, bot_id: str) -> frozenset[str]:
    """The marks of all that must not come in again."""
    named = select(suppressions.c.mark).where(tx.owns(suppressions), suppressions.c.bot_id == bot_id)
    return frozenset(tx.connection.execute(named).scalars())


def lift(tx: Tx, bot_id: str, erasure_id: str) -> int:
    """Let in again what this erasure kept out; how many marks that were. Raises NotFound."""
    get(tx, bot_id, erasure_id)
    gone = delete(suppressions).where(tx.owns(suppressions), suppressions.c.erasure_id == erasure_id)
    return tx.connection.execute(gone).rowcount


def _set(tx: Tx, erasure_id: str, **values: Any) -> None:
    tx.connection.execute(update(erasures).where(tx.owns(erasures), erasures.c.id == erasure_id).values(**values))
