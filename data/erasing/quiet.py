"""Nobody else at work on what is being forgotten: whoever reads it is cancelled and asked for again, imports are
waited for.

An import that began before knows nothing of whom to keep out; one that begins later does. A training that freezes its
dataset waits in turn until no erasure of its bot is under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from data.erasing.ledger import Ledger
from data.erasing.request import KIND
from data.ingest import KIND as IMPORT
from data.jobs import JobContext
from data.store import Store, Tx, jobs
from data.store.jobs import Job, State
from data.work import Work

TRAIN = "train"
FINDINGS = "findings"
DISCOVER = "discover"
READERS = (TRAIN, FINDINGS, DISCOVER)
"""The kinds of the jobs that read all that was said, and leave something that came of it."""
RUNNING: tuple[State, ...] = ("running",)
LOOK_SECONDS = 0.2
Sleep = Callable[[float], None]


def quieten(context: JobContext, ledger: Ledger, sleep: Sleep = time.sleep) -> None:
    """Return once nobody else changes the bot: trainings ended, imports and earlier erasures done."""
    while True:
        context.check()
        with ledger.begin() as tx:
            others = jobs.list_all(tx, context.job.bot_id, RUNNING)
            if not [job for job in others if _disturbs(tx, job, context.job, ledger)]:
                return
        sleep(LOOK_SECONDS)


def wait_for_erasures(store: Store, bot_id: str, work: Work, sleep: Sleep = time.sleep) -> None:
    """Return once no erasure of this bot is being worked on. `work` may raise meanwhile."""
    while True:
        with store.read() as tx:
            running = [job for job in jobs.list_all(tx, bot_id, RUNNING) if job.kind == KIND]
            if not [job for job in running if not _is_silent(tx, job)]:
                return
        sleep(LOOK_SECONDS)
        work.check()


def ask_again(tx: Tx, ledger: Ledger) -> None:
    """Ask again for the trainings that were cancelled, now on what is left."""
    for told in ledger.report["trainings"]:
        if told.get("again") is None:
            before = jobs.get(tx, told["cancelled"])
            told["again"] = jobs.enqueue(tx, before.kind, before.payload, bot_id=before.bot_id).id


def _disturbs(tx: Tx, job: Job, own: Job, ledger: Ledger) -> bool:
    """Whether the job must be waited for; a training is asked to end, one whose owner is silent is taken from it."""
    if job.id == own.id:
        return False
    if job.kind in READERS:
        if job.id not in {told["cancelled"] for told in ledger.report["trainings"]}:
            ledger.list("trainings", {"cancelled": job.id, "again": None})
        return not jobs.cancel(tx, job.id).is_over
    if job.kind == IMPORT and _is_silent(tx, job):
        held = jobs.claim(tx, "erasing", lease_seconds=1, job_id=job.id)
        if held is not None:
            jobs.release_lease(tx, held)
        return False
    if job.kind == KIND:
        return not _is_silent(tx, job) and _begun(job) < _begun(own)
    return job.kind == IMPORT


def _is_silent(tx: Tx, job: Job) -> bool:
    return job.lease_until is None or job.lease_until < tx.now


def _begun(job: Job) -> tuple[float, str]:
    return (job.started_at.timestamp() if job.started_at else 0.0, job.id)
