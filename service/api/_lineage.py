"""Datasets and files as answers tell of them."""

from __future__ import annotations

from data.lineage import Lineage, Source
from data.store.bots import Bot
from service.schemas.datasets import DatasetSource, DatasetSummary


def dataset_summary(bot: Bot, found: Lineage) -> DatasetSummary:
    """A dataset as it is told."""
    one = found.dataset
    return DatasetSummary(
        id=one.id,
        bot=bot.name,
        number=one.number,
        fingerprint=one.fingerprint,
        created_at=one.created_at,
        erased_at=one.erased_at,
        successor=found.successor,
        rows=one.manifest.get("rows", {}),
        seen=one.manifest.get("seen", {}),
        conversations=one.manifest.get("conversations", {}),
        uploads=[source.upload for source in found.sources],
        releases=[release.number for release in found.releases],
    )


def dataset_source(source: Source) -> DatasetSource:
    """A file as it is told."""
    return DatasetSource(
        upload=source.upload,
        name=source.name,
        digest=source.digest,
        state=source.state,
        uploaded_by=source.uploaded_by,
        created_at=source.created_at,
        rows=None if source.rows is None else dict(source.rows),
    )
