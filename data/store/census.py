"""What the rows of the whole database, all workspaces together, say there must be. For `doctor`, and for erasures.

The one module whose statements name no single workspace: a file that any workspace needs is no orphan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, select

from data.files import release_name
from data.store.engine import Store
from data.store.release_tables import deployments, releases
from data.store.tables import bots, conversations, datasets, jobs, runs, uploads

MODELS = ("encoders", "decoders", "adapters")
"""What releases share, in folders of the home by these names."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A release as its row describes it; `folder` is relative to the home's `releases/`, `models` to the home:
    the folders of the encoders, decoders and adapters that it needs."""

    bot_id: str
    folder: str
    state: str
    digest: str | None
    models: frozenset[str]
    is_live: bool


@dataclass(frozen=True, slots=True)
class Census:
    """`blobs` and `datasets` map the digest or fingerprint a file is named for to the id of one row that needs it."""

    blobs: Mapping[str, str]
    datasets: Mapping[str, str]
    runs: frozenset[str]
    shelves: tuple[Shelf, ...]
    silent_jobs: tuple[str, ...]
    miscounted_uploads: tuple[str, ...]

    @property
    def models(self) -> frozenset[str]:
        return frozenset[str]().union(*(shelf.models for shelf in self.shelves))


def take(store: Store) -> Census:
    """Count everything, in one consistent state."""
    with store.read() as tx:
        ask = tx.connection
        kept = select(uploads.c.digest, uploads.c.id).where(uploads.c.original_erased_at.is_(None))
        blobs = {row.digest: row.id for row in ask.execute(kept)}
        whole = select(datasets.c.fingerprint, datasets.c.id).where(datasets.c.erased_at.is_(None))
        frozen = {row.fingerprint: row.id for row in ask.execute(whole)}
        silent = select(jobs.c.id).where(
            jobs.c.state == "running", jobs.c.lease_until.is_(None) | (jobs.c.lease_until < tx.now)
        )
        return Census(
            blobs=blobs,
            datasets=frozen,
            runs=frozenset(ask.execute(select(runs.c.id)).scalars()),
            shelves=_shelves(ask),
            silent_jobs=tuple(ask.execute(silent.order_by(jobs.c.id)).scalars()),
            miscounted_uploads=_miscounted(ask),
        )


def needs_blob(store: Store, digest: str) -> bool:
    """Whether any upload, of any workspace, still has its original under this digest."""
    named = select(uploads.c.id).where(uploads.c.digest == digest, uploads.c.original_erased_at.is_(None)).limit(1)
    with store.read() as tx:
        return tx.connection.execute(named).first() is not None


def needs_dataset(store: Store, fingerprint: str) -> bool:
    """Whether the rows of any bot's dataset, in any workspace, still lie under this fingerprint."""
    named = select(datasets.c.id).where(datasets.c.fingerprint == fingerprint, datasets.c.erased_at.is_(None)).limit(1)
    with store.read() as tx:
        return tx.connection.execute(named).first() is not None


def busy(store: Store) -> int:
    """How many jobs of all workspaces are being worked on."""
    with store.read() as tx:
        at_work = select(func.count()).select_from(jobs).where(jobs.c.state == "running")
        return int(tx.connection.execute(at_work).scalar_one())


def _shelves(ask: Connection) -> tuple[Shelf, ...]:
    moves = select(
        deployments.c.workspace_id, deployments.c.bot_id, func.max(deployments.c.version).label("version")
    ).group_by(deployments.c.workspace_id, deployments.c.bot_id)
    newest = moves.subquery()
    pointers = select(deployments.c.workspace_id, deployments.c.bot_id, deployments.c.number).join(
        newest,
        and_(*(deployments.c[name] == newest.c[name] for name in ("workspace_id", "bot_id", "version"))),
    )
    live = {tuple(row) for row in ask.execute(pointers)}
    statement = select(releases, bots.c.name).join(
        bots, and_(bots.c.workspace_id == releases.c.workspace_id, bots.c.id == releases.c.bot_id)
    )
    return tuple(
        Shelf(
            bot_id=row.bot_id,
            folder=release_name(row.workspace_id, row.name, row.number),
            state=row.state,
            digest=row.digest,
            models=models_of(row.manifest),
            is_live=(row.workspace_id, row.bot_id, row.number) in live,
        )
        for row in ask.execute(statement.order_by(bots.c.name, releases.c.number))
    )


def models_of(manifest: Mapping[str, Any] | None) -> frozenset[str]:
    """The folders of the models that a release's manifest names, relative to the home."""
    named = {kind: (manifest or {}).get(kind) or {} for kind in MODELS}
    return frozenset(f"{kind}/{digest}" for kind, digests in named.items() for digest in digests.values())


def _miscounted(ask: Connection) -> tuple[str, ...]:
    """Imported uploads with fewer or more conversations than they were finished with."""
    kept = (
        select(func.count())
        .where(conversations.c.workspace_id == uploads.c.workspace_id, conversations.c.upload_id == uploads.c.id)
        .scalar_subquery()
    )
    statement = select(uploads.c.id).where(uploads.c.state == "imported", uploads.c.conversations != kept)
    return tuple(ask.execute(statement.order_by(uploads.c.id)).scalars())
