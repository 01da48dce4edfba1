"""`attune jobs`: background work, looked at and cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Group

from data.errors import UsageError
from data.store import bots, jobs
from data.store.jobs import Event, Job
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.verbs import verb

EMPTY = "There is no job."


@dataclass(frozen=True, kw_only=True)
class JobsAsked:
    job: Annotated[str | None, typer.Argument(metavar="[ID]", help="One job, with what happened to it.")] = None
    cancel: Annotated[bool, typer.Option("--cancel", help="Ask this job to stop.")] = False


def show_jobs(session: Session, asked: JobsAsked) -> Answer:
    """List jobs, newest first; or show one, or cancel it."""
    if asked.cancel and asked.job is None:
        raise UsageError("Which job shall be cancelled?", remedy="attune jobs ID --cancel")
    if session.is_fresh and asked.job is None:
        session.terminal.note("The home folder holds nothing yet.")
        return Answer({"jobs": []}, text(EMPTY))
    with session.store() as store:
        if asked.job is not None and asked.cancel:
            with store.begin() as tx:
                jobs.cancel(tx, asked.job)
        with store.read() as tx:
            names = {bot.id: bot.name for bot in bots.list_all(tx)}
            if asked.job is not None:
                return _one(jobs.get(tx, asked.job), jobs.events(tx, asked.job), names)
            found = jobs.list_all(tx)
    rows = [(job.id, job.kind, names.get(job.bot_id or ""), job.state, job.attempt, _progress(job),
             f"{job.created_at:%Y-%m-%d %H:%M}") for job in found]  # fmt: skip
    table = listing(["job", "kind", "bot", "state", "attempt", "progress", "asked for (UTC)"], rows, EMPTY)
    return Answer({"jobs": [job_wire(job, names) for job in found]}, table)


def register(app: typer.Typer) -> None:
    verb(app, "jobs")(show_jobs)


def job_wire(job: Job, names: dict[str, str]) -> dict[str, Any]:
    """A job as JSON; who works on it is nobody's business outside."""
    shown = ("kind", "payload", "state", "attempt", "max_attempts", "progress", "result", "error", "cancel_requested",
             "created_at", "started_at", "finished_at")  # fmt: skip
    return {
        "job": job.id,
        "bot": names.get(job.bot_id or ""),
        **{name: getattr(job, name) for name in shown},
    }


def _one(job: Job, happened: list[Event], names: dict[str, str]) -> Answer:
    events = [
        {"sequence": one.sequence, "type": one.type, "data": one.data, "created_at": one.created_at} for one in happened
    ]
    error = job.error or {}
    head = facts(
        [
            ("job", job.id),
            ("kind", job.kind),
            ("bot", names.get(job.bot_id or "")),
            ("state", f"{job.state}{' (asked to stop)' if job.cancel_requested and not job.is_over else ''}"),
            ("attempt", f"{job.attempt} of {job.max_attempts}"),
            ("progress", _progress(job)),
            ("error", f"{error.get('message', '')} {error.get('remedy', '')}".strip()),
        ]
    )
    rows = [(f"{one.created_at:%H:%M:%S}", one.type) for one in happened if one.type != "progress"]
    return Answer({**job_wire(job, names), "events": events}, Group(head, listing(["at (UTC)", "event"], rows, "")))


def _progress(job: Job) -> str:
    share = (job.progress or {}).get("progress")
    return f"{share:.0%}" if isinstance(share, (int, float)) and not job.is_over else ""
