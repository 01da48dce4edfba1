"""Frozen datasets: a fingerprint, a manifest and the uploads they were built from. The rows lie in Parquet files.

A dataset that held what was erased is a tombstone: its row and what its manifest counts stay, its files are gone, and
`successor` names the one that was made of the remaining rows, if any remained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from data.errors import NotFound
from data.store import bots
from data.store.engine import Tx
from data.store.tables import columns_of, dataset_sources, datasets, uploads


@dataclass(frozen=True, slots=True)
class Dataset:
    """`fingerprint` names the folder of the shards and is the identity of what is in them; `number` counts the
    datasets of a bot from 1."""

    id: str
    bot_id: str
    number: int
    fingerprint: str
    manifest: dict[str, Any]
    created_at: datetime
    erased_at: datetime | None
    successor: str | None


_COLUMNS = columns_of(datasets, Dataset)


def create(tx: Tx, bot_id: str, fingerprint: str, manifest: dict[str, Any], upload_ids: Sequence[str]) -> Dataset:
    """Record a frozen dataset and its sources; the one of before when this bot has it already. A tombstone whose rows
    came back is a dataset again."""
    bots.lock(tx, bot_id)
    found = find(tx, bot_id, fingerprint)
    if found is not None:
        if found.erased_at is not None:
            _set(tx, found.id, manifest=manifest, erased_at=None, successor=None)
            _name_sources(tx, found.id, upload_ids)
        return get(tx, found.id)
    newest = select(func.max(datasets.c.number)).where(tx.owns(datasets), datasets.c.bot_id == bot_id)
    body = {
        "id": tx.new_id("dataset"),
        "bot_id": bot_id,
        "number": (tx.connection.execute(newest).scalar() or 0) + 1,
        "fingerprint": fingerprint,
        "manifest": manifest,
        "created_at": tx.now,
    }
    tx.insert(datasets, body)
    _name_sources(tx, str(body["id"]), upload_ids)
    return get(tx, str(body["id"]))


def bury(tx: Tx, dataset_id: str, manifest: dict[str, Any], successor: str | None) -> Dataset:
    """Make a tombstone of it. `manifest` is what may still be told; `successor` the dataset of the remaining rows."""
    _set(tx, dataset_id, manifest=manifest, erased_at=tx.now, successor=successor)
    return get(tx, dataset_id)


def get(tx: Tx, dataset_id: str) -> Dataset:
    """Raises NotFound."""
    return _one(tx, datasets.c.id == dataset_id)


def numbered(tx: Tx, bot_id: str, number: int) -> Dataset:
    """The bot's dataset of that number. Raises NotFound."""
    return _one(tx, (datasets.c.bot_id == bot_id) & (datasets.c.number == number))


def find(tx: Tx, bot_id: str, fingerprint: str) -> Dataset | None:
    """The bot's dataset with this fingerprint, if it was frozen before."""
    row = tx.connection.execute(
        select(*_COLUMNS).where(tx.owns(datasets), datasets.c.bot_id == bot_id, datasets.c.fingerprint == fingerprint)
    ).first()
    return None if row is None else Dataset(*row)


def list_for(tx: Tx, bot_id: str) -> list[Dataset]:
    """The datasets of a bot, oldest first."""
    statement = select(*_COLUMNS).where(tx.owns(datasets), datasets.c.bot_id == bot_id).order_by(datasets.c.number)
    return [Dataset(*row) for row in tx.connection.execute(statement)]


def page(tx: Tx, bot_id: str, *, after: int | None = None, limit: int) -> list[Dataset]:
    """At most `limit` datasets of a bot, the newest first, from the one after number `after` on."""
    statement = select(*_COLUMNS).where(tx.owns(datasets), datasets.c.bot_id == bot_id)
    if after is not None:
        statement = statement.where(datasets.c.number < after)
    return [Dataset(*row) for row in tx.connection.execute(statement.order_by(datasets.c.number.desc()).limit(limit))]


def sources(tx: Tx, dataset_id: str) -> list[str]:
    """Ids of the uploads the dataset was built from, oldest upload first."""
    statement = (
        select(uploads.c.id)
        .join(dataset_sources, (dataset_sources.c.upload_id == uploads.c.id) & tx.owns(dataset_sources))
        .where(tx.owns(uploads), dataset_sources.c.dataset_id == dataset_id)
        .order_by(uploads.c.sequence)
    )
    return list(tx.connection.execute(statement).scalars())


def built_from(tx: Tx, upload_id: str) -> list[Dataset]:
    """The datasets that this upload went into, oldest first."""
    statement = (
        select(*_COLUMNS)
        .join(dataset_sources, (dataset_sources.c.dataset_id == datasets.c.id) & tx.owns(dataset_sources))
        .where(tx.owns(datasets), dataset_sources.c.upload_id == upload_id)
        .order_by(datasets.c.number)
    )
    return [Dataset(*row) for row in tx.connection.execute(statement)]


def _one(tx: Tx, condition: Any) -> Dataset:
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(datasets), condition)).first()
    if row is None:
        raise NotFound("There is no such dataset.", remedy="`attune datasets BOT` lists them.")
    return Dataset(*row)


def _set(tx: Tx, dataset_id: str, **values: Any) -> None:
    tx.connection.execute(update(datasets).where(tx.owns(datasets), datasets.c.id == dataset_id).values(**values))


def _name_sources(tx: Tx, dataset_id: str, upload_ids: Sequence[str]) -> None:
    for upload_id in dict.fromkeys(upload_ids):
        tx.insert(dataset_sources, {"dataset_id": dataset_id, "upload_id": upload_id})
