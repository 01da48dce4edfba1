"""The worker: finds jobs, and runs each in a child process, whose memory comes back and whose crash is only its own.

The worker itself imports no torch and owns no job: the child claims it, renews its lease and writes its outcome. A
child holds the reading end of a pipe from its parent; when the parent dies, however suddenly, the pipe closes and the
child stops at once, so that no orphan trains on. Its lease runs out, and the next worker takes the job up where it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from data.errors import JobError
from data.settings import Settings
from data.store import Store, jobs, open_store, workspaces
from data.store.jobs import UNFINISHED, Job

CHILD_ENDED = 4
"""Exit status of a child whose parent went away."""
GRACE_SECONDS = 20.0


Launch = Callable[[str, Path, str], list[str]]
"""From a job's id, the home folder and the job's workspace to the command of the child that works on it."""
Place = tuple[Store, Job]
"""A job and the store seen from its workspace."""


def command(job_id: str, home: Path, workspace: str) -> list[str]:
    """What runs one job. `-P` keeps a stray module of the working folder from being taken for ours."""
    where = ["--home", str(home), "--workspace", workspace]
    return [sys.executable, "-P", "-m", "trainer", "job", job_id, *where, "--attended"]


def unfinished(store: Store, kinds: Collection[str] | None = None) -> list[Job]:
    """The jobs of one workspace that are not over, of these kinds or all."""
    with store.read() as tx:
        return [job for job in jobs.list_all(tx, states=UNFINISHED) if kinds is None or job.kind in kinds]


def due(store: Store, kinds: Collection[str] | None = None) -> list[Job]:
    """Jobs of one workspace somebody should take: queued ones, and running ones whose owner fell silent; oldest
    first."""
    open_jobs, now = unfinished(store, kinds), store.clock()
    silent = [j for j in open_jobs if j.state == "running" and j.lease_until is not None and j.lease_until < now]
    queued = [j for j in open_jobs if j.state == "queued"]
    return sorted([*silent, *queued], key=_age)


def _age(job: Job) -> tuple[int, datetime, str]:
    return job.attempt, job.created_at, job.id


class Worker:
    """Runs the due jobs of all workspaces, one after another, until told to stop; with `kinds` only jobs of those."""

    def __init__(self, settings: Settings, launch: Launch = command, kinds: Collection[str] | None = None) -> None:
        self._settings, self._launch, self._kinds = settings, launch, kinds
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._untouched: Counter[str] = Counter()

    def run(self, *, until_idle: bool = False) -> None:
        """Work until `stop`; with `until_idle`, until nothing is due and nothing is running anywhere."""
        settings = self._settings
        url, busy = settings.store_url, settings.store.busy_seconds
        with open_store(url, home=settings.home, busy_seconds=busy, max_attempts=settings.jobs.max_attempts) as store:
            while not self._stop.is_set():
                waiting = self._due(store)
                if waiting:
                    self._attempt(*min(waiting, key=lambda one: (self._untouched[one[1].id], _age(one[1]))))
                elif until_idle and not self._open(store):
                    return
                else:
                    self._stop.wait(settings.jobs.poll_seconds)

    def stop(self) -> None:
        """Finish no more jobs; the running child is asked to give its job back."""
        self._stop.set()
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)

    def _due(self, store: Store) -> list[Place]:
        return [(place, job) for place in _workspaces(store) for job in due(place, self._kinds)]

    def _open(self, store: Store) -> bool:
        return any(unfinished(place, self._kinds) for place in _workspaces(store))

    def _attempt(self, store: Store, job: Job) -> None:
        """Let a child work on the job; one whose children never so much as take it is failed in the end."""
        status = self._run_one(job.id, store.workspace)
        with store.read() as tx:
            taken = jobs.get(tx, job.id).fence != job.fence
        if taken or self._stop.is_set():
            del self._untouched[job.id]
            return
        self._untouched[job.id] += 1
        if self._untouched[job.id] >= self._settings.jobs.max_attempts:
            with store.begin() as tx:
                held = jobs.claim(tx, "worker", lease_seconds=self._settings.jobs.lease_seconds, job_id=job.id)
                if held is not None:
                    jobs.fail(tx, held, _never_began(job.id, status).to_wire(), retry=False)
        else:
            self._stop.wait(self._settings.jobs.poll_seconds)

    def _run_one(self, job_id: str, workspace: str) -> int:
        """The exit status of the child that was given the job."""
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._launch(job_id, self._settings.home, workspace), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self._child = child
        if self._stop.is_set():  # asked to stop while the child was being started
            child.send_signal(signal.SIGTERM)
        try:
            return child.wait()
        finally:
            self._child = None
            if child.stdin is not None:
                child.stdin.close()
            _end(child)


def _workspaces(store: Store) -> list[Store]:
    """The store as each workspace sees it."""
    return [store.for_workspace(name) for name in workspaces.list_all(store)]


def _never_began(job_id: str, status: int) -> JobError:
    error = JobError(
        f"The training process ended before it took the job, each time it was started (exit code {status}).",
        remedy="Its last words are in the worker's log; then ask for the work again.",
        job=job_id,
    )
    error.code = "child_lost"
    return error


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def die_with_parent() -> None:
    """Watch standard input from a thread; when its other end closes, the parent is gone: stop without a farewell."""

    def watch() -> None:
        while os.read(0, 4096):
            time.sleep(0)
        os._exit(CHILD_ENDED)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def leave(_signal: int, _frame: object) -> None:
    """What a child does at SIGTERM: unwind, so that the job is given back, its attempt not counted."""
    raise SystemExit(128 + signal.SIGTERM)
