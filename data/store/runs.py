"""Runs: one training of one task, and the checkpoints it may be resumed from.

A checkpoint file is trusted only while its bytes have the digest recorded here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, update

from data.errors import NotFound
from data.store.engine import Tx
from data.store.tables import columns_of, run_checkpoints, runs

State = Literal["running", "succeeded", "failed"]
QUOTES = "quotes"
"""Where metrics quote conversations; an erasure that reaches the dataset takes it out."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is about to be trained, on what, from which base, with which recipe, by which job."""

    task: str
    dataset_id: str
    base: str
    recipe: dict[str, Any]
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One training of one task. `metrics` once it succeeded, `error` once it failed."""

    id: str
    bot_id: str
    dataset_id: str
    job_id: str | None
    task: str
    base: str
    recipe: dict[str, Any]
    state: State
    metrics: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file of a run's folder and the SHA-256 it had when it was complete."""

    sequence: int
    name: str
    digest: str
    created_at: datetime


_COLUMNS = columns_of(runs, Run)


def create(tx: Tx, bot_id: str, new: NewRun) -> Run:
    """Begin a run."""
    run_id = tx.new_id("run")
    tx.insert(runs, {"id": run_id, "bot_id": bot_id, **asdict(new), "state": "running", "created_at": tx.now})
    return get(tx, run_id)


def get(tx: Tx, run_id: str) -> Run:
    """Raises NotFound."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(runs), runs.c.id == run_id)).first()
    if row is None:
        raise NotFound("There is no such run.", run=run_id)
    return Run(*row)


def list_for(tx: Tx, bot_id: str, job_id: str | None = None) -> list[Run]:
    """The runs of a bot, oldest first; of one job with `job_id` (what a resumed job did before it died)."""
    statement = select(*_COLUMNS).where(tx.owns(runs), runs.c.bot_id == bot_id)
    if job_id is not None:
        statement = statement.where(runs.c.job_id == job_id)
    return [Run(*row) for row in tx.connection.execute(statement.order_by(runs.c.created_at, runs.c.id))]


def finish(tx: Tx, run_id: str, metrics: dict[str, Any]) -> Run:
    """The run reached its end with these metrics."""
    return _settle(tx, run_id, state="succeeded", metrics=metrics)


def fail(tx: Tx, run_id: str, error: dict[str, Any]) -> Run:
    """The run came to nothing; `error` as AttuneError.to_wire gives it."""
    return _settle(tx, run_id, state="failed", error=error)


def record_checkpoint(tx: Tx, run_id: str, name: str, digest: str) -> Checkpoint:
    """Record a complete checkpoint file by its name in the run's folder. A name used again is trusted as it is now."""
    tx.connection.execute(select(runs.c.id).where(tx.owns(runs), runs.c.id == run_id).with_for_update())
    newest = select(func.max(run_checkpoints.c.sequence)).where(
        tx.owns(run_checkpoints), run_checkpoints.c.run_id == run_id
    )
    sequence = (tx.connection.execute(newest).scalar() or 0) + 1
    checkpoint = Checkpoint(sequence, name, digest, tx.now)
    tx.insert(run_checkpoints, {"run_id": run_id, **asdict(checkpoint)})
    return checkpoint


def checkpoints(tx: Tx, run_id: str) -> list[Checkpoint]:
    """The checkpoints of a run, newest first, one per name."""
    statement = (
        select(*columns_of(run_checkpoints, Checkpoint))
        .where(tx.owns(run_checkpoints), run_checkpoints.c.run_id == run_id)
        .order_by(run_checkpoints.c.sequence)
    )
    newest = {row.name: Checkpoint(*row) for row in tx.connection.execute(statement)}
    return sorted(newest.values(), key=lambda checkpoint: -checkpoint.sequence)


def _settle(tx: Tx, run_id: str, **values: Any) -> Run:
    tx.connection.execute(update(runs).where(tx.owns(runs), runs.c.id == run_id).values(**values, finished_at=tx.now))
    return get(tx, run_id)
