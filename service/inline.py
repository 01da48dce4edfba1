"""A job worked on in this very process: what the command line does with work that needs no torch."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from data.errors import InUse
from data.jobs import Handler, run_job
from data.settings import Settings
from data.store import Store, jobs
from data.store.jobs import Job

Watched = Callable[[Job], AbstractContextManager[None]]


def unwatched(_: Job) -> AbstractContextManager[None]:
    """For work that nobody looks at meanwhile."""
    return nullcontext()


@dataclass(frozen=True)
class Inline:
    """Works on jobs by `handler`. `busy` is said where another process is at the job."""

    store: Store
    settings: Settings
    handler: Handler
    busy: str

    def work(self, job: Job, watched: Watched = unwatched) -> Job:
        """Work on the job until it is over: a failure that may pass is tried again, as often as the job allows.

        Raises InUse when another process is at it.
        """
        while not job.is_over:
            with self.store.begin() as tx:
                lease = self.settings.jobs.lease_seconds
                owned = jobs.claim(tx, worker_name(), lease_seconds=lease, kinds=[job.kind], job_id=job.id)
                current = jobs.get(tx, job.id)
            if owned is None and not current.is_over:
                raise InUse(self.busy, remedy=f"`attune jobs {job.id}` shows how far it is.", job=job.id)
            if owned is None:
                return current
            with watched(owned):
                job = run_job(self.store, self.settings, owned, self.handler)
        return job


def worker_name() -> str:
    """Who owns a job that runs in this process."""
    return f"{socket.gethostname()}:{os.getpid()}"
