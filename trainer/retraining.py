"""What all steps of a retraining share, and the run of one task: its folder, its row, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data.errors import BaseRefused, JobCancelled, TrainingError, UsageError
from data.files import Blobs, remove
from data.frozen import FrozenDataset
from data.jobs import JobContext
from data.profile import BotProfile
from data.settings import Settings
from data.store import jobs, runs
from data.store.bots import Bot
from data.store.jobs import Job
from data.store.runs import NewRun
from trainer.core.ledger import StoreLedger
from trainer.core.run_folder import RunFolder
from trainer.order import Order
from trainer.recipes import Recipe

KIND = "train"
Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Retraining:
    """What all steps share."""

    context: JobContext
    settings: Settings
    emit: Emit
    order: Order
    bot: Bot
    profile: BotProfile
    profile_version: int
    blobs: Blobs
    seconds: dict[str, float]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Announce a phase, look whether the job may go on, and time it."""
        self.context.check()
        self.context.event("phase", phase=name)
        self.emit({"type": "phase", "phase": name})
        started = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - started, 2)

    def report(self, event: Mapping[str, Any]) -> None:
        """Progress of a fit: to whoever watches, and into the job's row."""
        self.emit(event)
        if event.get("type") == "progress":
            share = event["step"] / max(event["steps"], 1)
            self.context.report(min(float(share), 0.999), **{k: v for k, v in event.items() if k != "type"})


def bot_of(job: Job) -> str:
    """The id of the bot to train. Raises UsageError for a job that is no training, or nobody's."""
    if job.kind != KIND:
        raise UsageError(f"This worker knows no jobs of the kind {job.kind!r}.", remedy="Update attune.")
    if job.bot_id is None:
        raise UsageError("A train job belongs to a bot.")
    return job.bot_id


def run_folder(work: Retraining, task: str, dataset: FrozenDataset, recipe: Recipe) -> tuple[RunFolder, str]:
    """The folder of this job's run of `task`: the one a killed attempt left, where its recipe and data are the same."""
    body = recipe.model_dump(mode="json")
    with work.context.begin() as tx:
        mine = [r for r in runs.list_for(tx, work.bot.id, work.context.job.id) if r.task == task]
        same = [r for r in mine if r.recipe == body and r.dataset_id == dataset.id and r.state != "failed"]
        new = NewRun(task, dataset.id, recipe.base, body, work.context.job.id)
        run = same[0] if same else runs.create(tx, work.bot.id, new)
    folder = work.settings.home / "runs" / run.id
    folder.mkdir(parents=True, exist_ok=True)
    train = work.settings.train
    ledger = StoreLedger(work.context, run.id)
    held = RunFolder(
        folder, ledger, work.report, work.context.check, train.threads, train.accelerator, train.checkpoint_seconds
    )
    return held, run.id


@contextmanager
def settling(work: Retraining, run_id: str) -> Iterator[dict[str, Any]]:
    """End the run as the block ends, with the metrics put into what it is given.

    What ends the job for good ends the run; after anything else the next attempt goes on with it.
    """
    metrics: dict[str, Any] = {}
    try:
        yield metrics
    except (JobCancelled, TrainingError, UsageError, BaseRefused) as error:
        with work.context.store.begin() as tx:
            jobs.check_fence(tx, work.context.job)
            runs.fail(tx, run_id, error.to_wire())
        remove(work.settings.home / "runs" / run_id)
        raise
    with work.context.begin() as tx:
        if runs.get(tx, run_id).state == "running":
            runs.finish(tx, run_id, metrics)
