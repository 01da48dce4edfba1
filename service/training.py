"""Asking for a training: one job row. From the command line a child process works on it until the job is over."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data import lessons
from data.errors import InUse, JobCancelled, RecipeError
from data.schema import TASKS
from data.settings import Settings
from data.store import Store, Tx, bots, jobs, suggestions, uploads
from data.store.bots import Bot
from data.store.jobs import Job
from data.version import attune_version
from service.child import Child, Event, Launch, ended_without_a_word, error_of, follow, running

KIND = "train"
WAIT_SECONDS = 0.2
_CANCELLED = {KIND: "The training was cancelled; nothing was published."}


@dataclass(frozen=True, slots=True)
class Order:
    """What to train. `recipe` is None where the amount of data shall choose, `base` and `seed` where the recipe does,
    `chat_base` where it is the usual one, `search` (trials and minutes, each of which may be left out) where no better
    recipe is searched for."""

    tasks: tuple[str, ...] = TASKS
    recipe: Mapping[str, Any] | None = None
    seed: int | None = None
    base: str | None = None
    search: Mapping[str, float] | None = None
    chat_base: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The payload of the job. Raises RecipeError for a value that no job can carry."""
        recipe = None if self.recipe is None else dict(self.recipe)
        wrong = sorted(str(name) for name, value in (recipe or {}).items() if not _can_be_sent(value))
        if wrong:
            raise RecipeError(
                f"The recipe does not hold: {', '.join(wrong)} must be text, true, false or a finite number.",
                remedy="docs/recipes.md lists every field and range.",
            )
        if self.search is not None and "intent" not in self.tasks:
            raise RecipeError(
                "A search is for the recipe of the intents, which are not among the tasks asked for.",
                remedy="Ask for the task intent too, or for no search.",
            )
        named = {"seed": self.seed, "base": self.base, "chat_base": self.chat_base}
        chosen: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if self.search is not None:
            chosen["search"] = dict(self.search)
        return {"tasks": list(self.tasks), "recipe": recipe, **chosen}


def _can_be_sent(value: object) -> bool:
    """TOML has dates, and TOML and Python's JSON have `nan` and `inf`: none of them is in JSON."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def request_training(tx: Tx, bot: Bot, order: Order) -> Job:
    """The job for this order on what is imported now: one that was done or begun before, or a new one.

    Raises InUse while another process works on it.
    """
    job = enqueue_training(tx, bot, order)
    if job.state == "running" and job.lease_until is not None and job.lease_until > tx.now:
        raise InUse(
            "This training is under way in another process.",
            remedy=f"`attune jobs {job.id}` shows it; if its worker died, try again in half a minute.",
            job=job.id,
        )
    return job


def enqueue_training(tx: Tx, bot: Bot, order: Order) -> Job:
    """The job for this order on what there is now, whoever works on it: one of before, or a new one."""
    return jobs.enqueue(
        tx, KIND, order.to_wire(), bot_id=bot.id, dedupe_key=f"{KIND}:{what_decides(tx, bot, order.to_wire())}"
    )


def what_decides(tx: Tx, bot: Bot, asked: Mapping[str, Any]) -> str:
    """A digest of what decides the outcome: imported uploads, accepted feedback and suggestions, profile, what is
    asked, the code."""
    sources = sorted(upload.id for upload in uploads.list_for(tx, bot.id) if upload.state == "imported")
    version, _ = bots.profile(tx, bot.id)
    taught = [lessons.mark(tx, bot.id), suggestions.mark(tx, bot.id)]
    said = json.dumps([bot.id, sources, taught, version, dict(asked), attune_version()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


@dataclass
class Training:
    """The child that works on a training job, started again while attempts are left."""

    store: Store
    settings: Settings
    launch: Launch
    note: Callable[[str], None]
    sleep: Callable[[float], None] = field(default=time.sleep)

    def work(self, job: Job, tell: Callable[[Event], None]) -> Job:
        """Run the job to its end and return it, succeeded. Ctrl-C cancels it.

        Raises what the job failed with, JobCancelled, or JobError when the child could not even begin.
        """
        if job.is_over:
            self.note("This was done before, and nothing has changed since.")
            return _succeeded(job)
        for attempt in range(1, job.max_attempts + 1):
            child = self._attempt(job, tell)
            current = self._settled(job.id)
            if current.is_over:
                return _succeeded(current)
            if attempt < job.max_attempts:
                self.note("The training process ended before the job did; taking the job up again.")
        raise ended_without_a_word(child)

    def _attempt(self, job: Job, tell: Callable[[Event], None]) -> Child:
        command = self.launch(["job", job.id, "--home", str(self.settings.home), "--attended"])
        with running(command, self.settings.home / "logs" / f"{job.id}.log") as child:
            follow(child, tell, lambda: self._cancel(job))
        return child

    def _cancel(self, job: Job) -> None:
        self.note("Cancelling; this takes a few seconds. Ctrl-C again ends it at once.")
        with self.store.begin() as tx:
            jobs.cancel(tx, job.id)

    def _settled(self, job_id: str) -> Job:
        """The job once nobody works on it: over, queued, or with a lease that ran out because its worker died."""
        while True:
            with self.store.begin() as tx:
                job = jobs.get(tx, job_id)
                if job.cancel_requested:
                    job = jobs.cancel(tx, job_id)
                silent = job.lease_until is None or job.lease_until < tx.now
            if job.is_over or job.state == "queued" or silent:
                return job
            self.sleep(WAIT_SECONDS)


def run_trainer(launch: Launch, arguments: Sequence[str], log: Path | None, tell: Callable[[Event], None]) -> Event:
    """Run the trainer for something that is no job; returns the event that ended it. Ctrl-C ends the child.

    Raises what the child failed with, and JobCancelled when it was stopped.
    """
    stopped: list[bool] = []
    with running(launch(arguments), log) as child:

        def stop() -> None:
            stopped.append(True)
            child.stop()

        closing = follow(child, tell, stop)
    if stopped:
        raise JobCancelled("Stopped; nothing was finished.")
    if closing is None:
        raise ended_without_a_word(child)
    if closing["type"] == "failed":
        raise error_of(closing.get("error"))
    return closing


def _succeeded(job: Job) -> Job:
    if job.state == "cancelled":
        raise JobCancelled(_CANCELLED.get(job.kind, "The work was cancelled; nothing came of it."), job=job.id)
    if job.state == "failed":
        raise error_of(job.error)
    return job
