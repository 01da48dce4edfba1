import threading
from collections.abc import Callable
from typing import Any

import pytest

from data.errors import (
    AttuneError,
    Collapsed,
    DatasetError,
    IntegrityError,
    JobCancelled,
    JobError,
    LeaseLost,
    NotFound,
    StorageFull,
    StoreUnavailable,
)
from data.jobs import SETTLE_TRIES, JobContext, run_job
from data.settings import JobSettings, Settings
from data.store import Store, bots, jobs
from data.store.jobs import Job

SETTINGS = Settings(jobs=JobSettings(heartbeat_seconds=0.01))
SLOW_HEART = Settings(jobs=JobSettings(heartbeat_seconds=60))


@pytest.fixture
def job(sqlite_store: Store) -> Job:
    with sqlite_store.begin() as tx:
        jobs.enqueue(tx, "train", {})
        claimed = jobs.claim(tx, "w", lease_seconds=30)
    assert claimed is not None
    return claimed


def steal(store: Store, clock) -> Job:
    clock.turn(31)
    with store.begin() as tx:
        heir = jobs.claim(tx, "heir", lease_seconds=30)
    assert heir is not None
    return heir


def raising(error: BaseException) -> Callable[[JobContext], dict[str, Any]]:
    def handler(_: JobContext) -> dict[str, Any]:
        raise error

    return handler


def events(store: Store, job: Job) -> list[tuple[str, dict]]:
    with store.read() as tx:
        return [(event.type, event.data) for event in jobs.events(tx, job.id)]


def test_a_result_ends_the_job(sqlite_store: Store, job: Job) -> None:
    done = run_job(sqlite_store, SETTINGS, job, lambda context: {"release": context.job.attempt})
    assert (done.state, done.result) == ("succeeded", {"release": 1})


@pytest.mark.parametrize(
    "error", [DatasetError("too few rows"), Collapsed("one class"), NotFound("gone"), IntegrityError("changed")]
)
def test_what_would_fail_again_is_not_tried_again(sqlite_store: Store, job: Job, error: AttuneError) -> None:
    done = run_job(sqlite_store, SETTINGS, job, raising(error))
    assert (done.state, done.error) == ("failed", error.to_wire())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageFull("full"), "storage_full"),
        (JobError("the child died"), "job_failed"),
        (ValueError("the customer said: my card is 4111"), "internal"),
        (MemoryError(), "out_of_memory"),
    ],
)
def test_what_may_go_better_is_tried_again_until_attempts_run_out(
    sqlite_store: Store, job: Job, error: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    for attempt, state in ((1, "queued"), (2, "queued"), (3, "failed")):
        assert job.attempt == attempt
        done = run_job(sqlite_store, SETTINGS, job, raising(error))
        assert (done.state, done.error is not None and done.error["code"]) == (state, code)
        if state == "queued":
            with sqlite_store.begin() as tx:
                claimed = jobs.claim(tx, "w", lease_seconds=30)
            assert claimed is not None
            job = claimed
    assert "4111" not in str(done.error) + caplog.text


def test_an_unforeseen_error_leaves_its_place_in_the_log(
    sqlite_store: Store, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    run_job(sqlite_store, SETTINGS, job, raising(ZeroDivisionError()))
    assert "ZeroDivisionError in handler:" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_worker_gives_the_job_back(sqlite_store: Store, job: Job, stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        run_job(sqlite_store, SETTINGS, job, raising(stop()))
    with sqlite_store.read() as tx:
        kept = jobs.get(tx, job.id)
    assert (kept.state, kept.attempt) == ("queued", 0)


def test_an_interrupted_worker_that_lost_its_job_leaves_it_alone(sqlite_store: Store, job: Job, clock) -> None:
    def handler(_: JobContext) -> dict[str, Any]:
        steal(sqlite_store, clock)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(sqlite_store, SLOW_HEART, job, handler)
    with sqlite_store.read() as tx:
        assert jobs.get(tx, job.id).lease_owner == "heir"


def until_stopped(context: JobContext) -> dict[str, Any]:
    for _ in range(2000):
        context.check()
        threading.Event().wait(0.005)
    raise AssertionError("nobody stopped the work")


def test_the_heart_hears_of_a_cancellation(sqlite_store: Store, job: Job) -> None:
    with sqlite_store.begin() as tx:
        jobs.cancel(tx, job.id)
    done = run_job(sqlite_store, SETTINGS, job, until_stopped)
    assert done.state == "cancelled"


def test_the_heart_hears_that_the_job_is_anothers_and_nothing_is_written(sqlite_store: Store, job: Job, clock) -> None:
    heir = steal(sqlite_store, clock)
    assert run_job(sqlite_store, SETTINGS, job, until_stopped) == heir


def test_the_heart_keeps_the_lease_while_the_work_goes_on(sqlite_store: Store, job: Job, clock) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        clock.turn(29)
        for _ in range(2000):
            threading.Event().wait(0.005)
            with sqlite_store.read() as tx:
                now = jobs.get(tx, job.id)
            if now.lease_until != job.lease_until:
                return {}
        raise AssertionError("the lease was never renewed")

    assert run_job(sqlite_store, SETTINGS, job, handler).state == "succeeded"


def test_a_result_that_comes_too_late_is_not_written(sqlite_store: Store, job: Job, clock) -> None:
    def handler(_: JobContext) -> dict[str, Any]:
        steal(sqlite_store, clock)
        return {"mine": True}

    done = run_job(sqlite_store, SLOW_HEART, job, handler)
    assert (done.state, done.lease_owner, done.result) == ("running", "heir", None)


def test_what_a_job_writes_is_written_under_its_fence(sqlite_store: Store, job: Job, clock) -> None:
    from data.profile import BotProfile

    context = JobContext(job, sqlite_store)
    with context.begin() as tx:
        bots.create(tx, "kept", BotProfile(name="Kept"))
    steal(sqlite_store, clock)

    def write() -> None:
        with context.begin() as tx:
            bots.create(tx, "refused", BotProfile(name="Refused"))

    with pytest.raises(LeaseLost):
        write()
    with sqlite_store.read() as tx:
        assert [bot.name for bot in bots.list_all(tx)] == ["kept"]


def test_progress_is_kept_as_progress_and_as_an_event_but_not_too_often(sqlite_store: Store, job: Job) -> None:
    seconds = iter([0.0, 0.1, 0.6, 0.7])
    context = JobContext(job, sqlite_store, clock=lambda: next(seconds))
    context.report(0.0, stage="fit")
    context.report(0.1)  # too soon
    context.report(0.2, loss=0.5)
    context.report(1.0)  # the last one always counts
    context.event("epoch", n=1)
    with sqlite_store.read() as tx:
        assert jobs.get(tx, job.id).progress == {"progress": 1.0}
    assert events(sqlite_store, job)[2:] == [
        ("progress", {"progress": 0.0, "stage": "fit"}),
        ("progress", {"progress": 0.2, "loss": 0.5}),
        ("progress", {"progress": 1.0}),
        ("epoch", {"n": 1}),
    ]


def test_a_context_told_to_stop_says_so_everywhere(sqlite_store: Store, job: Job) -> None:
    context = JobContext(job, sqlite_store)
    context.check()
    with sqlite_store.begin() as tx:
        jobs.cancel(tx, job.id)
    context.beat()
    for ask in (context.check, lambda: context.report(0.5), lambda: context.event("x")):
        with pytest.raises(JobCancelled):
            ask()


class Shaky:
    """A store that is out of reach the first `failures` times somebody wants to write."""

    def __init__(self, store: Store, failures: int) -> None:
        self._store = store
        self.failures = failures

    def begin(self):
        if self.failures > 0:
            self.failures -= 1
            raise StoreUnavailable("busy")
        return self._store.begin()

    def read(self):
        return self._store.read()


def test_a_heartbeat_that_finds_the_store_busy_is_no_reason_to_stop(
    sqlite_store: Store, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    context = JobContext(job, Shaky(sqlite_store, 1))
    context.beat()
    context.check()
    assert "store_unavailable" in caplog.text


def test_the_outcome_is_offered_again_to_a_busy_store(sqlite_store: Store, job: Job) -> None:
    shaky = Shaky(sqlite_store, SETTLE_TRIES - 1)
    quick = Settings(jobs=JobSettings(heartbeat_seconds=0.001))
    assert run_job(shaky, quick, job, lambda _: {}).state == "succeeded"


def test_an_outcome_that_cannot_be_written_is_told_to_the_worker(sqlite_store: Store, job: Job) -> None:
    quick = Settings(jobs=JobSettings(heartbeat_seconds=0.001))
    with pytest.raises(StoreUnavailable):
        run_job(Shaky(sqlite_store, 10_000), quick, job, lambda _: {})
    with sqlite_store.read() as tx:
        assert jobs.get(tx, job.id).state == "running", "its lease will expire"
