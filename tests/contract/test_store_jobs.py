"""What every database must promise about the queue."""

import pytest

from data.errors import LeaseLost, NotFound
from data.profile import BotProfile
from data.store import Store, bots, jobs
from data.store.jobs import Job

LEASE = 30.0


def enqueued(store: Store, kind: str = "train", key: str | None = None) -> Job:
    with store.begin() as tx:
        return jobs.enqueue(tx, kind, {"n": 1}, dedupe_key=key)


def claimed(store: Store, worker: str = "w1", **narrowed) -> Job | None:
    with store.begin() as tx:
        return jobs.claim(tx, worker, lease_seconds=LEASE, **narrowed)


def owned(store: Store, worker: str = "w1", **narrowed) -> Job:
    job = claimed(store, worker, **narrowed)
    assert job is not None
    return job


def now_is(store: Store, job: Job) -> Job:
    with store.read() as tx:
        return jobs.get(tx, job.id)


def types(store: Store, job: Job, after: int = 0) -> list[str]:
    with store.read() as tx:
        return [event.type for event in jobs.events(tx, job.id, after)]


def test_a_job_exists_only_if_the_transaction_that_asked_for_it_commits(store: Store) -> None:
    def ask_and_fail() -> None:
        with store.begin() as tx:
            jobs.enqueue(tx, "train", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    assert claimed(store) is None


def test_from_queue_to_result(store: Store, clock) -> None:
    job = enqueued(store)
    assert (job.state, job.attempt, job.max_attempts, job.is_over) == ("queued", 0, 3, False)
    clock.turn(1)
    mine = owned(store)
    assert (mine.state, mine.attempt, mine.fence, mine.lease_owner) == ("running", 1, 1, "w1")
    assert mine.started_at == clock()
    assert mine == now_is(store, job)
    clock.turn(1)
    with store.begin() as tx:
        done = jobs.finish(tx, mine, {"release": 7})
    assert (done.state, done.result, done.finished_at, done.is_over) == ("succeeded", {"release": 7}, clock(), True)
    assert done == now_is(store, job)
    assert types(store, job) == ["queued", "started", "succeeded"]
    assert types(store, job, after=2) == ["succeeded"]
    assert claimed(store) is None


def test_the_same_wish_is_the_same_job_until_it_fails(store: Store) -> None:
    job = enqueued(store, key="k")
    assert enqueued(store, key="k") == job
    assert enqueued(store, key="other").id != job.id
    mine = owned(store, job_id=job.id)
    assert enqueued(store, key="k") == mine
    with store.begin() as tx:
        jobs.finish(tx, mine, {})
    assert enqueued(store, key="k").id == job.id
    again = enqueued(store, key="f")
    failing = owned(store, job_id=again.id)
    with store.begin() as tx:
        jobs.fail(tx, failing, {"code": "x"}, retry=False)
    assert enqueued(store, key="f").id != again.id


def test_jobs_without_a_key_are_all_different(store: Store) -> None:
    assert enqueued(store).id != enqueued(store).id


def test_first_attempts_go_before_later_ones_and_old_before_new(store: Store, clock) -> None:
    made = []
    for _ in range(3):
        made.append(enqueued(store).id)
        clock.turn(1)
    first = owned(store)
    with store.begin() as tx:
        jobs.fail(tx, first, {"code": "x"}, retry=True)
    assert [owned(store).id for _ in range(3)] == [made[1], made[2], made[0]]


def test_a_worker_may_take_only_some_kinds_or_one_job(store: Store) -> None:
    one, two, three = enqueued(store, "import"), enqueued(store, "train"), enqueued(store, "train")
    assert claimed(store, kinds=[]) is None
    assert owned(store, job_id=three.id).id == three.id
    assert claimed(store, kinds=["import"], job_id=two.id) is None
    assert owned(store, kinds=["train"]).id == two.id
    assert owned(store, kinds=["import", "train"]).id == one.id


def test_a_silent_owner_loses_the_job_and_can_write_nothing_more(store: Store, clock) -> None:
    enqueued(store)
    zombie = owned(store, "zombie")
    clock.turn(LEASE)
    assert claimed(store, "heir") is None, "a lease lasts to its last moment"
    clock.turn(0.001)
    heir = owned(store, "heir")
    assert (heir.id, heir.attempt, heir.fence, heir.lease_owner) == (zombie.id, 2, 2, "heir")
    with store.begin() as tx:
        for write in (
            lambda: jobs.heartbeat(tx, zombie),
            lambda: jobs.check_fence(tx, zombie),
            lambda: jobs.event(tx, zombie, "progress", {}),
            lambda: jobs.finish(tx, zombie, {}),
            lambda: jobs.fail(tx, zombie, {}, retry=True),
            lambda: jobs.release_lease(tx, zombie),
            lambda: jobs.acknowledge_cancel(tx, zombie),
        ):
            with pytest.raises(LeaseLost):
                write()
    assert now_is(store, heir) == heir
    assert types(store, heir) == ["queued", "started", "started"]


def test_a_late_owner_whom_nobody_replaced_is_still_the_owner(store: Store, clock) -> None:
    enqueued(store)
    mine = owned(store)
    clock.turn(10 * LEASE)
    with store.begin() as tx:
        assert jobs.finish(tx, mine, {}).state == "succeeded"


def test_a_heartbeat_renews_the_lease_and_keeps_progress(store: Store, clock) -> None:
    enqueued(store)
    mine = owned(store)
    for turn in range(4):
        clock.turn(LEASE - 1)
        with store.begin() as tx:
            beaten = jobs.heartbeat(tx, mine, {"progress": turn / 4})
        assert claimed(store, "thief") is None
    assert beaten.progress == {"progress": 0.75}
    with store.begin() as tx:
        assert jobs.heartbeat(tx, mine).progress == {"progress": 0.75}
    assert now_is(store, mine).lease_until is not None


def test_a_job_whose_workers_keep_dying_fails(store: Store, clock) -> None:
    job = enqueued(store)
    for attempt in (1, 2, 3):
        assert owned(store, f"w{attempt}").attempt == attempt
        clock.turn(LEASE + 1)
    assert claimed(store) is None
    dead = now_is(store, job)
    assert (dead.state, dead.attempt) == ("failed", 3)
    assert dead.error is not None
    assert dead.error["code"] == "crash_loop"
    assert types(store, job)[-1] == "failed"


def test_a_failure_worth_another_attempt_is_queued_again_until_attempts_run_out(store: Store) -> None:
    job = enqueued(store)
    for expected in ("queued", "queued", "failed"):
        mine = owned(store)
        with store.begin() as tx:
            failed = jobs.fail(tx, mine, {"code": "storage_failed"}, retry=True)
        assert failed == now_is(store, job)
        assert (failed.state, failed.error, failed.lease_owner) == (expected, {"code": "storage_failed"}, None)
    assert claimed(store) is None


def test_a_failure_that_would_repeat_is_final(store: Store) -> None:
    enqueued(store)
    mine = owned(store)
    with store.begin() as tx:
        assert jobs.fail(tx, mine, {"code": "dataset_unfit"}, retry=False).state == "failed"
    with store.begin() as tx, pytest.raises(LeaseLost):
        jobs.finish(tx, mine, {})


def test_giving_a_job_back_costs_no_attempt(store: Store) -> None:
    enqueued(store)
    for fence in range(1, 6):
        mine = owned(store)
        assert (mine.attempt, mine.fence) == (1, fence)
        with store.begin() as tx:
            assert jobs.release_lease(tx, mine).state == "queued"
        with store.begin() as tx, pytest.raises(LeaseLost):
            jobs.heartbeat(tx, mine)


def test_cancelling_a_queued_job_ends_it(store: Store) -> None:
    job = enqueued(store)
    with store.begin() as tx:
        assert jobs.cancel(tx, job.id).state == "cancelled"
        assert jobs.cancel(tx, job.id).state == "cancelled"
    assert claimed(store) is None


def test_cancelling_a_running_job_asks_its_owner(store: Store) -> None:
    enqueued(store)
    mine = owned(store)
    with store.begin() as tx:
        asked = jobs.cancel(tx, mine.id)
        assert jobs.cancel(tx, mine.id) == asked
        assert (asked.state, asked.cancel_requested) == ("running", True)
        assert jobs.heartbeat(tx, mine).cancel_requested
        assert jobs.acknowledge_cancel(tx, mine).state == "cancelled"
    assert types(store, mine) == ["queued", "started", "cancel_requested", "cancelled"]


def test_cancelling_a_job_whose_owner_is_silent_ends_it(store: Store, clock) -> None:
    enqueued(store)
    zombie = owned(store)
    clock.turn(LEASE + 1)
    with store.begin() as tx:
        assert jobs.cancel(tx, zombie.id).state == "cancelled"
    with store.begin() as tx, pytest.raises(LeaseLost):
        jobs.finish(tx, zombie, {})


def test_a_cancelled_job_is_not_taken_over_when_its_owner_dies(store: Store, clock) -> None:
    enqueued(store)
    mine = owned(store)
    with store.begin() as tx:
        jobs.cancel(tx, mine.id)
    clock.turn(LEASE + 1)
    assert claimed(store) is None
    assert now_is(store, mine).state == "cancelled"


def test_a_cancelled_job_that_fails_is_not_tried_again(store: Store) -> None:
    enqueued(store)
    mine = owned(store)
    with store.begin() as tx:
        jobs.cancel(tx, mine.id)
        assert jobs.fail(tx, mine, {"code": "x"}, retry=True).state == "failed"


def test_cancelling_what_is_over_changes_nothing(store: Store) -> None:
    enqueued(store)
    mine = owned(store)
    with store.begin() as tx:
        done = jobs.finish(tx, mine, {})
    with store.begin() as tx:
        assert jobs.cancel(tx, mine.id) == done


def test_jobs_are_listed_newest_first_by_bot_and_state(store: Store, clock) -> None:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", BotProfile(name="Acme")).id
        first = jobs.enqueue(tx, "import", {}, bot).id
    clock.turn(1)
    second = enqueued(store).id
    owned(store, job_id=first)
    with store.read() as tx:
        assert [job.id for job in jobs.list_all(tx)] == [second, first]
        assert [job.id for job in jobs.list_all(tx, bot)] == [first]
        assert [job.id for job in jobs.list_all(tx, states=["queued"])] == [second]


def test_an_event_tells_what_and_when(store: Store, clock) -> None:
    enqueued(store)
    mine = owned(store)
    clock.turn(2)
    with store.begin() as tx:
        made = jobs.event(tx, mine, "epoch", {"loss": 0.5})
    assert (made.sequence, made.created_at) == (3, clock())
    with store.read() as tx:
        assert jobs.events(tx, mine.id, after=2) == [made]


def test_absent_jobs_are_not_found(store: Store) -> None:
    with store.begin() as tx:
        for ask in (jobs.get, jobs.cancel):
            with pytest.raises(NotFound):
                ask(tx, "job_0")
