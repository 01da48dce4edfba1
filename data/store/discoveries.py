"""Discoveries: what was looked at when intents were looked for, in counts, and when what was found took its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from data.store import bots, suggestions
from data.store.engine import Tx
from data.store.suggestion_tables import discoveries
from data.store.suggestions import NewSuggestion
from data.store.tables import columns_of


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was looked at; `facts` are counts alone."""

    id: str
    bot_id: str
    job_id: str | None
    facts: dict[str, Any]
    created_at: datetime


_COLUMNS = columns_of(discoveries, Discovery)


def keep(tx: Tx, bot_id: str, job_id: str | None, facts: Mapping[str, Any], new: Sequence[NewSuggestion]) -> Discovery:
    """Keep what a discovery found, in the place of what is still proposed and nobody has touched."""
    bots.lock(tx, bot_id)
    suggestions.drop(tx, suggestions.untouched(tx, bot_id))
    first = suggestions.free_sequence(tx, bot_id)
    found = Discovery(tx.new_id("discovery"), bot_id, job_id, dict(facts), tx.now)
    tx.insert(discoveries, {name: getattr(found, name) for name in ("id", "bot_id", "job_id", "facts", "created_at")})
    for sequence, one in enumerate(new, start=first):
        suggestions.add(tx, bot_id, found.id, sequence, one)
    return found


def newest(tx: Tx, bot_id: str) -> Discovery | None:
    """The last discovery of the bot."""
    return next(iter(page(tx, bot_id, limit=1)), None)


def of_job(tx: Tx, job_id: str) -> Discovery | None:
    """What the job has kept, where it was killed before it could say so."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(discoveries), discoveries.c.job_id == job_id)).first()
    return None if row is None else Discovery(*row)


def ids(tx: Tx, bot_id: str) -> list[str]:
    """The ids of all discoveries of the bot."""
    wanted = select(discoveries.c.id).where(tx.owns(discoveries), discoveries.c.bot_id == bot_id)
    return list(tx.connection.execute(wanted).scalars())


def page(tx: Tx, bot_id: str, *, after: str | None = None, limit: int) -> list[Discovery]:
    """At most `limit` discoveries, the newest first, from the one after `after` on. Ids sort by time."""
    statement = select(*_COLUMNS).where(tx.owns(discoveries), discoveries.c.bot_id == bot_id)
    if after is not None:
        statement = statement.where(discoveries.c.id < after)
    found = tx.connection.execute(statement.order_by(discoveries.c.id.desc()).limit(limit))
    return [Discovery(*row) for row in found]
