"""Frozen datasets: a fingerprint, a manifest and the uploads they were built from. The rows lie in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from data.errors import NotFound
from data.store.engine import Tx
from data.store.tables import columns_of, dataset_sources, datasets, uploads


@dataclass(frozen=True, slots=True)
class Dataset:
    """`fingerprint` names the folder of the shards and is the identity of what is in them."""

    id: str
    bot_id: str
    fingerprint: str
    manifest: dict[str, Any]
    created_at: datetime


_COLUMNS = columns_of(datasets, Dataset)


def create(tx: Tx, bot_id: str, fingerprint: str, manifest: dict[str, Any], upload_ids: Sequence[str]) -> Dataset:
    """Record a frozen dataset and its sources; the one of before when this bot has it already."""
    body = {"bot_id": bot_id, "fingerprint": fingerprint, "manifest": manifest, "created_at": tx.now}
    dataset_id = tx.new_id("dataset")
    if tx.insert(datasets, {"id": dataset_id, **body}):
        for upload_id in dict.fromkeys(upload_ids):
            tx.insert(dataset_sources, {"dataset_id": dataset_id, "upload_id": upload_id})
        return get(tx, dataset_id)
    found = find(tx, bot_id, fingerprint)
    assert found is not None, "the row that was in the way must be there"
    return found


def get(tx: Tx, dataset_id: str) -> Dataset:
    """Raises NotFound."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(datasets), datasets.c.id == dataset_id)).first()
    if row is None:
        raise NotFound("There is no such dataset.", remedy="`attune datasets BOT` lists them.", dataset=dataset_id)
    return Dataset(*row)


def find(tx: Tx, bot_id: str, fingerprint: str) -> Dataset | None:
    """The bot's dataset with this fingerprint, if it was frozen before."""
    row = tx.connection.execute(
        select(*_COLUMNS).where(tx.owns(datasets), datasets.c.bot_id == bot_id, datasets.c.fingerprint == fingerprint)
    ).first()
    return None if row is None else Dataset(*row)


def list_for(tx: Tx, bot_id: str) -> list[Dataset]:
    """The datasets of a bot, oldest first."""
    statement = (
        select(*_COLUMNS)
        .where(tx.owns(datasets), datasets.c.bot_id == bot_id)
        .order_by(datasets.c.created_at, datasets.c.id)
    )
    return [Dataset(*row) for row in tx.connection.execute(statement)]


def sources(tx: Tx, dataset_id: str) -> list[str]:
    """Ids of the uploads the dataset was built from, oldest upload first."""
    statement = (
        select(uploads.c.id)
        .join(dataset_sources, (dataset_sources.c.upload_id == uploads.c.id) & tx.owns(dataset_sources))
        .where(tx.owns(uploads), dataset_sources.c.dataset_id == dataset_id)
        .order_by(uploads.c.sequence)
    )
    return list(tx.connection.execute(statement).scalars())
