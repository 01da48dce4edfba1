"""The queue against a model of it: any order of claims, heartbeats, endings, cancellations and passing time.

The model knows one sentence: a worker may write exactly as long as nobody has claimed or ended the job since its claim.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import event

from data.errors import LeaseLost
from data.store import Tx, jobs, open_store
from data.store.jobs import Job
from tests.homes import lay_home

LEASE = 10.0
ATTEMPTS = 3


@dataclass
class Model:
    """What a job must look like."""

    state: str = "queued"
    attempt: int = 0
    fence: int = 0
    until: float = 0.0
    cancel: bool = False

    @property
    def is_over(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    def end(self, state: str) -> None:
        assert not self.is_over, "a job ends once"
        self.state = state
        self.fence += 1


class Queue(RuleBasedStateMachine):
    """Jobs, workers that hold claims on them (some long stale), and a clock."""

    claims = Bundle("claims")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.seconds = 0.0
        start = datetime(2026, 1, 1, tzinfo=UTC)
        home = lay_home(Path(self.folder.name))
        self.store = open_store(
            f"sqlite:///{home / 'attune.db'}", home=home, clock=lambda: start + timedelta(seconds=self.seconds)
        )
        event.listen(self.store.engine, "connect", lambda it, _: it.execute("PRAGMA synchronous=OFF"))
        self.store.engine.dispose()
        self.models: dict[str, Model] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule()
    def enqueue(self) -> None:
        self.seconds += 0.001  # no two jobs of one moment: their order would be that of their random ids
        if len(self.models) < 4:
            with self.store.begin() as tx:
                self.models[jobs.enqueue(tx, "train", {}).id] = Model()

    @rule(seconds=st.sampled_from([0.5, 4.0, LEASE, LEASE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds

    def _silent(self, model: Model) -> bool:
        return model.state == "running" and model.until < self.seconds

    @rule(target=claims)
    def claim(self):
        with self.store.begin() as tx:
            job = jobs.claim(tx, "w", lease_seconds=LEASE)
        for model in self.models.values():
            if self._silent(model) and model.cancel:
                model.end("cancelled")
            elif self._silent(model) and model.attempt >= ATTEMPTS:
                model.end("failed")
        free = {key: model for key, model in self.models.items() if model.state == "queued" or self._silent(model)}
        if job is None:
            assert free == {}
            return multiple()
        model = free[job.id]
        assert model.attempt == min(other.attempt for other in free.values())
        model.state, model.attempt, model.fence = "running", model.attempt + 1, model.fence + 1
        model.until = self.seconds + LEASE
        assert model.attempt <= ATTEMPTS
        return job

    def _write(self, job: Job, write) -> Model | None:
        """Let the holder of `job` write; the model when it may, None when it rightly could not."""
        model = self.models[job.id]
        may = model.state == "running" and model.fence == job.fence

        def attempt() -> None:
            with self.store.begin() as tx:
                write(tx)

        if may:
            attempt()
            return model
        with pytest.raises(LeaseLost):
            attempt()
        return None

    @rule(job=claims)
    def heartbeat(self, job: Job) -> None:
        told: list[Job] = []
        model = self._write(job, lambda tx: told.append(jobs.heartbeat(tx, job, {"progress": 0.5})))
        if model is not None:
            model.until = self.seconds + LEASE
            assert told[0].cancel_requested == model.cancel

    @rule(job=claims)
    def finish(self, job: Job) -> None:
        model = self._write(job, lambda tx: jobs.finish(tx, job, {"ok": True}))
        if model is not None:
            model.end("succeeded")

    @rule(job=consumes(claims), retry=st.booleans())
    def fail(self, job: Job, retry: bool) -> None:
        model = self._write(job, lambda tx: jobs.fail(tx, job, {"code": "x"}, retry=retry))
        if model is None:
            return
        if retry and model.attempt < ATTEMPTS and not model.cancel:
            model.state = "queued"
        else:
            model.end("failed")

    @rule(job=claims)
    def release(self, job: Job) -> None:
        model = self._write(job, lambda tx: jobs.release_lease(tx, job))
        if model is not None:
            model.state, model.attempt = "queued", model.attempt - 1

    @rule(job=claims)
    def acknowledge(self, job: Job) -> None:
        model = self._write(job, lambda tx: jobs.acknowledge_cancel(tx, job))
        if model is not None:
            model.end("cancelled")

    @precondition(lambda self: self.models)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.models)))
        model = self.models[job_id]
        with self.store.begin() as tx:
            jobs.cancel(tx, job_id)
        if model.is_over:
            return
        model.cancel = True
        if model.state == "queued" or self._silent(model):
            model.end("cancelled")

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        with self.store.read() as tx:
            for job_id, model in self.models.items():
                self._compare(tx, job_id, model)

    def _compare(self, tx: Tx, job_id: str, model: Model) -> None:
        job = jobs.get(tx, job_id)
        assert (job.state, job.attempt, job.fence) == (model.state, model.attempt, model.fence)
        assert (job.lease_owner is None) == (job.lease_until is None) == (job.state != "running")
        assert (job.finished_at is not None) == job.is_over == model.is_over
        numbers = [told.sequence for told in jobs.events(tx, job_id)]
        assert numbers == list(range(1, len(numbers) + 1))


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
