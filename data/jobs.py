"""Working on a job: the lease renewed beside the work, and the outcome written exactly once.

`run_job` calls a handler with a JobContext and settles the job by how the handler ends:

    returns a dict            succeeded
    raises JobCancelled       cancelled
    raises LeaseLost          nothing is written: another worker owns the job
    raises StorageError, JobError, or anything unforeseen
                              queued again while attempts are left, else failed
    raises another AttuneError
                              failed: the same input would fail again
    is interrupted            queued again, the attempt not counted; the interruption goes on
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from data.errors import AttuneError, JobCancelled, JobError, LeaseLost, StorageError, StoreUnavailable
from data.settings import Settings
from data.store import Store, Tx, jobs
from data.store.jobs import Job

REPORT_SECONDS = 0.5
"""Progress reported sooner than this after the last is not written."""
SETTLE_TRIES = 6
"""How often the outcome of a job is offered to a store that is unavailable, one heartbeat apart."""

_log = logging.getLogger(__name__)


class JobContext:
    """What a handler has of its job. Every method may be called from any thread.

    Each raises LeaseLost once another worker owns the job, and JobCancelled once its cancellation was asked for.
    """

    def __init__(self, job: Job, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.job = job
        self.store = store
        self._clock = clock
        self._reported = -REPORT_SECONDS
        self._lock = Lock()
        self._lost = Event()
        self._cancelled = Event()

    def check(self) -> None:
        """Return while the job may go on. Costs nothing: call it often."""
        if self._lost.is_set():
            raise LeaseLost("Another worker owns this job now.", remedy="Stop; write nothing.", job=self.job.id)
        if self._cancelled.is_set():
            raise JobCancelled("The job was cancelled.", job=self.job.id)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A write transaction that commits only while this worker owns the job."""
        self.check()
        with self.store.begin() as tx:
            jobs.check_fence(tx, self.job)
            yield tx

    def report(self, progress: float, **data: Any) -> None:
        """Keep how far the work is (0 to 1) and what goes with it: as the job's progress, and as an event."""
        self.check()
        with self._lock:
            now = self._clock()
            if now - self._reported < REPORT_SECONDS and progress < 1:
                return
            self._reported = now
        body = {"progress": progress, **data}
        with self.begin() as tx:
            jobs.heartbeat(tx, self.job, body)
            jobs.event(tx, self.job, "progress", body)

    def event(self, type: str, **data: Any) -> None:  # noqa: A002 - what the wire calls it
        """Record something that happened; never left out."""
        with self.begin() as tx:
            jobs.event(tx, self.job, type, data)

    def beat(self) -> None:
        """Renew the lease once and learn whether the job may go on. A store out of reach is asked again next time."""
        try:
            with self.store.begin() as tx:
                wanted = not jobs.heartbeat(tx, self.job).cancel_requested
        except LeaseLost:
            self._lost.set()
        except StorageError as error:
            _log.warning("job %s: heartbeat failed: %s", self.job.id, error.code)
        else:
            if not wanted:
                self._cancelled.set()


class Heart:
    """Beats beside the work, in a thread of its own, until the block ends or there is nothing left to renew."""

    def __init__(self, context: JobContext, every_seconds: float) -> None:
        self._context = context
        self._every = every_seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"heart of {context.job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._context.beat()


Handler = Callable[[JobContext], dict[str, Any]]
_Settle = Callable[[Tx], Job]


def run_job(store: Store, settings: Settings, job: Job, handler: Handler) -> Job:
    """Work on a job that this worker has claimed, and return it as it stands afterwards.

    Raises StoreUnavailable when the outcome could not be written: the lease will expire and the work be done again.
    """
    context = JobContext(job, store)
    with Heart(context, settings.jobs.heartbeat_seconds):
        settle = _outcome(context, handler)
        return _settled(store, job, settle, settings.jobs.heartbeat_seconds)


def _outcome(context: JobContext, handler: Handler) -> _Settle | None:
    """Run the handler; what is to be written about how it ended. None: nothing, the job is another's."""
    job = context.job
    try:
        result = handler(context)
    except LeaseLost:
        return None
    except JobCancelled:
        return lambda tx: jobs.acknowledge_cancel(tx, job)
    except Exception as raised:
        error, retry = _judged(job, raised)
        return lambda tx: jobs.fail(tx, job, error, retry=retry)
    except BaseException:
        _give_back(context)
        raise
    return lambda tx: jobs.finish(tx, job, result)


def _judged(job: Job, raised: Exception) -> tuple[dict[str, object], bool]:
    """The error as it is kept, and whether another attempt may end otherwise."""
    if isinstance(raised, AttuneError):
        return raised.to_wire(), isinstance(raised, (StorageError, JobError))
    frames = traceback.extract_tb(raised.__traceback__)
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-8:]))
    _log.error("job %s: %s in %s", job.id, type(raised).__name__, where)  # its text may quote a customer
    error = JobError(
        f"The job met something nobody foresaw: {type(raised).__name__}.",
        remedy="The log names the place. Please report it.",
        job=job.id,
    )
    error.code = "out_of_memory" if isinstance(raised, MemoryError) else "internal"
    return error.to_wire(), True


def _give_back(context: JobContext) -> None:
    try:
        with context.store.begin() as tx:
            jobs.release_lease(tx, context.job)
    except (LeaseLost, StorageError) as error:
        _log.warning("job %s: not given back: %s", context.job.id, error.code)


def _settled(store: Store, job: Job, settle: _Settle | None, pause_seconds: float) -> Job:
    """Write the outcome. Hours of work may hang on it, so a busy store is asked more than once."""
    for last in (tries == SETTLE_TRIES for tries in range(1, SETTLE_TRIES + 1)):
        try:
            return _written(store, job, settle)
        except StoreUnavailable:
            if last:
                raise
            time.sleep(pause_seconds)
    raise AssertionError("unreachable")


def _written(store: Store, job: Job, settle: _Settle | None) -> Job:
    try:
        if settle is not None:
            with store.begin() as tx:
                return settle(tx)
    except LeaseLost:
        _log.warning("job %s: its outcome came too late, another worker owns it", job.id)
    with store.read() as tx:
        return jobs.get(tx, job.id)
