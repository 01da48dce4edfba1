"""The queue: rows of background work, owned one worker at a time.

    queued -> running -> succeeded | failed | cancelled
      ^__________|   (lease released, or a failure worth another attempt)

A worker owns a running job while its *lease* lasts and renews it by heartbeat. Every claim raises the *fence*. All that
a worker writes is written in a transaction that has first found the fence where its claim left it: a worker that lost
its job, however late it wakes, can write nothing (LeaseLost).

Jobs are taken first attempts first, then oldest first: one that keeps failing holds up nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update

from data.errors import JobError, LeaseLost, NotFound
from data.store.engine import Tx
from data.store.tables import columns_of, job_events, jobs

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
UNFINISHED: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """A row of background work, as its reader or its owner last saw it. `fence` is the owner's proof of ownership."""

    id: str
    kind: str
    bot_id: str | None
    payload: dict[str, Any]
    state: State
    attempt: int
    max_attempts: int
    fence: int
    lease_owner: str | None
    lease_until: datetime | None
    lease_seconds: float | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.state not in UNFINISHED


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; `sequence` counts from 1 within it."""

    sequence: int
    type: str
    data: dict[str, Any]
    created_at: datetime


_COLUMNS = columns_of(jobs, Job)


def enqueue(
    tx: Tx, kind: str, payload: Mapping[str, Any], bot_id: str | None = None, dedupe_key: str | None = None
) -> Job:
    """Ask for work; it starts only if this transaction commits. With a `dedupe_key` that an unfinished or succeeded job
    carries, that job is returned instead."""
    job_id = tx.new_id("job")
    body = {
        "id": job_id,
        "bot_id": bot_id,
        "kind": kind,
        "payload": dict(payload),
        "dedupe_key": dedupe_key,
        "state": "queued",
        "attempt": 0,
        "max_attempts": tx.max_attempts,
        "fence": 0,
        "cancel_requested": False,
        "created_at": tx.now,
    }
    if tx.insert(jobs, body):
        _note(tx, job_id, "queued")
        return get(tx, job_id)
    wanted = (jobs.c.dedupe_key == dedupe_key, jobs.c.state.in_((*UNFINISHED, "succeeded")))
    return Job(*tx.connection.execute(select(*_COLUMNS).where(tx.owns(jobs), *wanted)).one())


def get(tx: Tx, job_id: str, bot_id: str | None = None) -> Job:
    """The job; with `bot_id` only if it is of that bot. Raises NotFound."""
    return _one(tx, job_id, lock=False, bot_id=bot_id)


def list_all(tx: Tx, bot_id: str | None = None, states: Collection[State] | None = None) -> list[Job]:
    """Jobs, newest first: of one bot, in some states."""
    return [Job(*row) for row in tx.connection.execute(_newest_first(tx, bot_id=bot_id, states=states))]


def page(tx: Tx, *, after: str | None = None, limit: int, **wanted: Any) -> list[Job]:
    """At most `limit` jobs after the job `after`, newest first: of one `bot_id`, in some `states`, of some `kinds`."""
    statement, last = _newest_first(tx, **wanted), None if after is None else get(tx, after)
    if last is not None:
        statement = statement.where(tuple_(jobs.c.created_at, jobs.c.id) < (last.created_at, last.id))
    return [Job(*row) for row in tx.connection.execute(statement.limit(limit))]


def claim(
    tx: Tx, worker: str, *, lease_seconds: float, kinds: Collection[str] | None = None, job_id: str | None = None
) -> Job | None:
    """Own the next job for `lease_seconds`: a queued one, or one whose owner fell silent. None when there is none.

    Of the silent ones, those asked to cancel are cancelled and those out of attempts fail with code crash_loop.
    """
    wanted: list[ColumnElement[bool]] = [tx.owns(jobs)]
    if kinds is not None:
        wanted.append(jobs.c.kind.in_(kinds))
    if job_id is not None:
        wanted.append(jobs.c.id == job_id)
    _bury_the_dead(tx, wanted)
    statement = (
        select(*_COLUMNS)
        .where(*wanted, (jobs.c.state == "queued") | _silent(tx))
        .order_by(jobs.c.attempt, jobs.c.created_at, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = tx.connection.execute(statement).first()
    if row is None:
        return None
    found = Job(*row)
    owned = _set(
        tx,
        found,
        state="running",
        attempt=found.attempt + 1,
        fence=found.fence + 1,
        lease_owner=worker,
        lease_until=tx.now + timedelta(seconds=lease_seconds),
        lease_seconds=lease_seconds,
        started_at=found.started_at or tx.now,
    )
    _note(tx, owned.id, "started", attempt=owned.attempt, taken_over=found.state == "running")
    return owned


def check_fence(tx: Tx, job: Job) -> Job:
    """The job as it is now, held until the transaction ends. Raises LeaseLost unless the caller still owns it."""
    current = _one(tx, job.id, lock=True)
    if current.state != "running" or current.fence != job.fence:
        raise LeaseLost(
            "Another worker owns this job now, or it is over.", remedy="Stop; nothing was written.", job=job.id
        )
    return current


def heartbeat(tx: Tx, job: Job, progress: Mapping[str, Any] | None = None) -> Job:
    """Renew the lease for as long as it was claimed, and keep `progress`. The answer tells of a wish to cancel.

    Raises LeaseLost.
    """
    current = check_fence(tx, job)
    lease = timedelta(seconds=current.lease_seconds or 0)
    kept = {} if progress is None else {"progress": dict(progress)}
    return _set(tx, current, lease_until=tx.now + lease, **kept)


def event(tx: Tx, job: Job, type: str, data: Mapping[str, Any]) -> Event:  # noqa: A002 - what the wire calls it
    """Record something that happened to a job one owns. Raises LeaseLost."""
    check_fence(tx, job)
    return _note(tx, job.id, type, **data)


def events(tx: Tx, job_id: str, after: int = 0) -> list[Event]:
    """What happened to the job after event number `after`, in order."""
    statement = (
        select(*columns_of(job_events, Event))
        .where(tx.owns(job_events), job_events.c.job_id == job_id, job_events.c.sequence > after)
        .order_by(job_events.c.sequence)
    )
    return [Event(*row) for row in tx.connection.execute(statement)]


def finish(tx: Tx, job: Job, result: Mapping[str, Any]) -> Job:
    """The work is done. Raises LeaseLost."""
    return _end(tx, check_fence(tx, job), "succeeded", result=dict(result))


def fail(tx: Tx, job: Job, error: Mapping[str, Any], *, retry: bool) -> Job:
    """The attempt came to nothing: queued again when `retry` and attempts are left, failed otherwise. Raises LeaseLost.

    `error` is what AttuneError.to_wire gives; the last one stays readable while the job waits for its next attempt.
    """
    current = check_fence(tx, job)
    if retry and current.attempt < current.max_attempts and not current.cancel_requested:
        return _requeue(tx, current, "retrying", error=dict(error))
    return _end(tx, current, "failed", error=dict(error))


def release_lease(tx: Tx, job: Job) -> Job:
    """Give the job back unfinished (the worker is asked to stop); the attempt does not count. Raises LeaseLost."""
    current = check_fence(tx, job)
    return _requeue(tx, current, "released", attempt=current.attempt - 1)


def cancel(tx: Tx, job_id: str) -> Job:
    """Ask for the job to stop: at once when nobody works on it, else at its owner's next check; no effect once over."""
    current = _one(tx, job_id, lock=True)
    if current.is_over:
        return current
    if current.state == "queued" or _is_silent(tx, current):
        return _end(tx, current, "cancelled", cancel_requested=True)
    if current.cancel_requested:
        return current
    _note(tx, job_id, "cancel_requested")
    return _set(tx, current, cancel_requested=True)


def acknowledge_cancel(tx: Tx, job: Job) -> Job:
    """The owner stopped as it was asked to. Raises LeaseLost."""
    return _end(tx, check_fence(tx, job), "cancelled")


def _newest_first(tx: Tx, **wanted: Any) -> Select[Any]:
    columns = {"bot_id": jobs.c.bot_id, "states": jobs.c.state, "kinds": jobs.c.kind}
    chosen = [(columns[name], value) for name, value in wanted.items() if value is not None]
    conditions = [column.in_([value] if isinstance(value, str) else value) for column, value in chosen]
    found = select(*_COLUMNS).where(tx.owns(jobs), *conditions)
    return found.order_by(jobs.c.created_at.desc(), jobs.c.id.desc())


def _bury_the_dead(tx: Tx, wanted: list[ColumnElement[bool]]) -> None:
    """Settle the jobs whose owner fell silent and that nobody shall take over."""
    over = jobs.c.cancel_requested | (jobs.c.attempt >= jobs.c.max_attempts)
    statement = select(*_COLUMNS).where(*wanted, _silent(tx), over).with_for_update(skip_locked=True)
    for dead in [Job(*row) for row in tx.connection.execute(statement)]:
        if dead.cancel_requested:
            _end(tx, dead, "cancelled")
        else:
            _end(tx, dead, "failed", error=_crash_loop(dead).to_wire())


def _crash_loop(job: Job) -> JobError:
    error = JobError(
        f"Each of {job.attempt} attempts ended without a word: the worker was killed or crashed.",
        remedy="Look for what killed it (memory is the usual cause), then ask for the work again.",
        job=job.id,
    )
    error.code = "crash_loop"
    return error


def _silent(tx: Tx) -> ColumnElement[bool]:
    return (jobs.c.state == "running") & (jobs.c.lease_until < tx.now)


def _is_silent(tx: Tx, job: Job) -> bool:
    return job.state == "running" and job.lease_until is not None and job.lease_until < tx.now


def _requeue(tx: Tx, current: Job, why: str, **values: Any) -> Job:
    _note(tx, current.id, why, attempt=current.attempt, **({"error": values["error"]} if "error" in values else {}))
    return _set(tx, current, state="queued", lease_owner=None, lease_until=None, **values)


def _end(tx: Tx, current: Job, state: State, **values: Any) -> Job:
    """Into a terminal state; the fence moves on, so that no owner of before writes any more."""
    _note(tx, current.id, state, **({"error": values["error"]} if "error" in values else {}))
    over = {"state": state, "fence": current.fence + 1, "lease_owner": None, "lease_until": None, "finished_at": tx.now}
    return _set(tx, current, **over, **values)


def _one(tx: Tx, job_id: str, *, lock: bool, bot_id: str | None = None) -> Job:
    statement = select(*_COLUMNS).where(tx.owns(jobs), jobs.c.id == job_id)
    row = tx.connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None or bot_id not in (None, row.bot_id):
        raise NotFound("There is no such job.", remedy="`attune jobs` lists them.", job=job_id)
    return Job(*row)


def _set(tx: Tx, current: Job, **values: Any) -> Job:
    """Change a job that this transaction holds, and return it as it is now."""
    tx.connection.execute(update(jobs).where(tx.owns(jobs), jobs.c.id == current.id).values(**values))
    return replace(current, **values)


def _note(tx: Tx, job_id: str, type: str, **data: Any) -> Event:  # noqa: A002
    """Append an event; the caller holds the job's row, so numbers do not collide."""
    newest = select(func.max(job_events.c.sequence)).where(tx.owns(job_events), job_events.c.job_id == job_id)
    noted = Event((tx.connection.execute(newest).scalar() or 0) + 1, type, data, tx.now)
    tx.insert(job_events, {"job_id": job_id, **asdict(noted)})
    return noted
