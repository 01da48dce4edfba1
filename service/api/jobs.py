"""Background work: how it stands, what happened to it, and asking it to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request

from data.errors import StorageError
from data.settings import Settings
from data.store import Tx, bots, jobs
from data.store.jobs import UNFINISHED, Event, Job
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.errors import Refusal
from service.schemas.jobs import EventPage, JobDetail, JobEvent, JobPage
from service.schemas.shape import Listing
from service.streams import KEEP_ALIVE_SECONDS, error_event, shutdown_event
from service.streams import Event as Sent

api = Api("jobs", "Background work.")
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 15.0
"""How long a stream goes on while the database does not answer."""
SHOWN_KINDS = ("import", "train", "findings", "discover", "erase")


@api.route(
    Route(
        method="GET",
        rule="/v1/jobs",
        access=Access("read"),
        query=JobPage,
        answers={200: Listing[JobDetail]},
        heeds_bot=True,
    )
)
def index(call: Call) -> Answer:
    """Jobs, the newest first."""
    asked: JobPage = call.query
    with call.service.store_of(call.caller).read() as tx:
        chosen: dict[str, Any] = {
            "bot_id": _bot_id(call, tx, asked.bot),
            "states": [asked.state] if asked.state else None,
            "kinds": [asked.kind] if asked.kind else None,
        }
        return listed(
            call,
            lambda after, limit: jobs.page(tx, after=after, limit=limit, **chosen),
            lambda job: job.id,
            lambda job: job_detail(tx, job),
        )


@api.route(Route(method="GET", rule="/v1/jobs/<job>", access=Access("read"), answers={200: JobDetail}, heeds_bot=True))
def show(call: Call) -> Answer:
    """A job as it stands."""
    with call.service.store_of(call.caller).read() as tx:
        return Answer(job_detail(tx, _own(call, tx)))


@api.route(
    Route(
        method="POST",
        rule="/v1/jobs/<job>/cancel",
        access=Access("operate"),
        answers={202: JobDetail},
        effect=True,
        heeds_bot=True,
    )
)
def cancel(call: Call, tx: Tx) -> Answer:
    """Ask a job to stop. One that is over stays as it is."""
    job = _own(call, tx)
    if not job.is_over:
        job = jobs.cancel(tx, job.id)
    return Answer(job_detail(tx, job), 202, subject=job.id)


@api.route(
    Route(
        method="GET",
        rule="/v1/jobs/<job>/events",
        access=Access("read"),
        query=EventPage,
        answers={200: Listing[JobEvent]},
        heeds_bot=True,
        streams=True,
    )
)
def events(call: Call) -> Answer | Response:
    """What happened to a job: a list, or with `Accept: text/event-stream` a stream until the job is over."""
    asked: EventPage = call.query
    with call.service.store_of(call.caller).read() as tx:
        job = _own(call, tx)
        if not _wants_stream():
            return listed(
                call,
                lambda after, limit: jobs.events(tx, job.id, max(after or 0, asked.after or 0))[:limit],
                lambda event: event.sequence,
                _event_detail,
            )
    return call.service.streams.answer(_follow(call, job.id, max(asked.after or 0, _last_event_id())))


def _own(call: Call, tx: Tx) -> Job:
    """The job of the address. To a key of one bot there are no jobs but that bot's. Raises NotFound."""
    return jobs.get(tx, call.path["job"], call.caller.bot_id)


def _bot_id(call: Call, tx: Tx, name: str | None) -> str | None:
    """The bot whose jobs are asked for; None: those of all. Raises NotFound."""
    own = call.caller.bot_id
    asked = own if name is None else bots.get(tx, name).id
    if own not in (None, asked):
        raise bots.absent(str(name))
    return asked


def _follow(call: Call, job_id: str, after: int) -> Iterator[Sent]:
    """Every event after number `after` as it happens; at the end the job itself, as `end`."""
    silent, failures = 0.0, 0
    while True:
        try:
            with call.service.store_of(call.caller).read() as tx:
                found, job = jobs.events(tx, job_id, after), jobs.get(tx, job_id)
                detail = job_detail(tx, job)
            failures = 0
        except StorageError:
            failures += 1
            if failures * LOOK_SECONDS > PATIENCE_SECONDS:
                yield error_event("store_unavailable", "The database does not answer; connect again.", call.request_id)
                return
            found, detail, job = [], None, None
        for event in found:
            after, silent = event.sequence, 0.0
            yield event.type, {**_event_detail(event).model_dump(mode="json")}
        if job is not None and detail is not None and job.is_over and not found:
            yield "end", detail.model_dump(mode="json")
            return
        if call.service.streams.wait(LOOK_SECONDS):
            yield shutdown_event(call.request_id)
            return
        silent += LOOK_SECONDS
        if silent >= KEEP_ALIVE_SECONDS:
            silent = 0.0
            yield "", {}


def _wants_stream() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/event-stream"]) == "text/event-stream"


def _last_event_id() -> int:
    """Where a client that lost its stream goes on; anything but a number is taken as none."""
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 9 else 0


def job_detail(tx: Tx, job: Job) -> JobDetail:
    """The job as it is told."""
    said = dict(job.progress or {})
    progress, eta = said.pop("progress", None), said.pop("eta_seconds", None)
    result = job.result or {}
    release = result.get("release")
    return JobDetail(
        id=job.id,
        kind=job.kind,
        bot=None if job.bot_id is None else bots.get_by_id(tx, job.bot_id).name,
        state=job.state,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        progress=1.0 if job.state == "succeeded" else progress,
        eta_seconds=None if job.is_over else eta,
        detail=said,
        cancel_requested=job.cancel_requested,
        upload=job.payload.get("upload"),
        release=release if isinstance(release, int) else None,
        erasure=job.payload.get("erasure"),
        result=job.result,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def room_in_queue(tx: Tx, settings: Settings) -> None:
    """Raises 429 when too many jobs wait already: a bounded queue is shed early, not late."""
    limit = settings.limits.queue
    if len(jobs.page(tx, states=UNFINISHED, limit=limit)) >= limit:
        message = f"{limit} jobs are waiting already; try again when some are done."
        raise Refusal(429, "queue_full", message, headers={"Retry-After": "60"})


def _event_detail(event: Event) -> JobEvent:
    return JobEvent(sequence=event.sequence, type=event.type, data=event.data, created_at=event.created_at)
