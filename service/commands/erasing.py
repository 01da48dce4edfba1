"""`attune erase` and `attune erasures`: forgetting people and files, and what was forgotten."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from data.erasing.job import run_erasure
from data.erasing.lifting import lift
from data.erasing.request import Asked, replay, request_erasure
from data.errors import JobCancelled, UsageError
from data.store import Store, erasures
from data.store.bots import Bot
from data.store.erasures import Erasure, Kind
from data.store.jobs import Job
from export.unsaid import unsay
from service.child import error_of
from service.inline import Inline
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.verbs import BotName, verb

SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class EraseAsked:
    bot: BotName
    upload: Annotated[
        list[str], typer.Option("--upload", metavar="ID", help="A file and all that was imported of it.")
    ] = field(default_factory=list)
    customer: Annotated[
        list[str],
        typer.Option(
            "--customer", metavar="NAME",
            help="A person, as the logs name them: a name, number or address. Several are ways to write one person.",
        ),
    ] = field(default_factory=list)  # fmt: skip
    conversation: Annotated[
        list[str], typer.Option("--conversation", metavar="ID", help="One conversation, as rows of datasets name it.")
    ] = field(default_factory=list)
    session: Annotated[
        list[str], typer.Option("--session", metavar="ID", help="A visitor's chat, with all feedback on it.")
    ] = field(default_factory=list)
    turn: Annotated[
        list[str], typer.Option("--turn", metavar="ID", help="Single messages of chats, with what answered them.")
    ] = field(default_factory=list)
    dry: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and from which releases; keep it.")] = (
        False
    )
    again: Annotated[
        bool, typer.Option("--again", help="Erase again what the journal names: after a backup was restored.")
    ] = False

    def named(self) -> Iterator[tuple[Kind, tuple[str, ...]]]:
        kinds: tuple[Kind, ...] = ("upload", "customer", "conversation", "session", "turn")
        return ((kind, tuple(getattr(self, kind))) for kind in kinds if getattr(self, kind))


@dataclass(frozen=True, kw_only=True)
class ErasuresAsked:
    bot: BotName
    erasure: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them, with its report.")] = None
    lift: Annotated[bool, typer.Option("--lift", help="Let in again what this one keeps out.")] = False


def erase(session: Session, asked: EraseAsked) -> Answer:
    """Forget a person, a file, a chat: in rows, files, datasets, and in what releases repeat. It cannot be undone."""
    named = list(asked.named())
    if asked.again == bool(named) or len(named) > 1:
        raise UsageError(
            "Name one kind of thing to forget: --upload, --customer, --conversation, --session or --turn; or --again.",
            remedy="attune erase BOT --customer NAME --dry-run",
        )
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.begin() as tx:
            if asked.again:
                requested = replay(tx, session.settings.home, bot.id)
            else:
                kind, names = named[0]
                wanted = Asked(kind, names, f"cli:{getpass.getuser()}", asked.dry)
                requested = [request_erasure(tx, session.settings.home, bot.id, wanted)]
        done = [_worked(session, store, job) for _, job in requested]
        with store.read() as tx:
            found = [erasures.get(tx, bot.id, one.id) for one, _ in requested]
    wires = [{**_wire(bot, one), "report": job.result} for one, job in zip(found, done, strict=True)]
    wire = {"bot": bot.name, "erasures": wires} if asked.again else wires[0]
    shown = [_report(bot, one) for one in found] or [text("The journal names nothing that is not erased here.")]
    return Answer(wire, Group(*shown))


def look(session: Session, asked: ErasuresAsked) -> Answer:
    """List what was erased of a bot; or show one erasure, or let in again what it keeps out."""
    if asked.lift and asked.erasure is None:
        raise UsageError("Which erasure shall be lifted?", remedy="attune erasures BOT ID --lift")
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        if asked.lift and asked.erasure is not None:
            with store.begin() as tx:
                lifted = lift(tx, bot.id, asked.erasure)
            said = f"It keeps nothing out any more ({lifted} marks). What was erased stays erased."
            return Answer({"bot": bot.name, "erasure": asked.erasure, "lifted": lifted}, text(said))
        with store.read() as tx:
            if asked.erasure is not None:
                one = erasures.get(tx, bot.id, asked.erasure)
                return Answer(_wire(bot, one), _report(bot, one))
            found = erasures.page(tx, bot.id, limit=SHOWN)
    rows = [(one.id, one.kind, "looked" if one.dry_run else "erased" if one.finished_at else "under way",
             one.requested_by, f"{one.created_at:%Y-%m-%d %H:%M}") for one in found]  # fmt: skip
    table = listing(["erasure", "of", "state", "asked for by", "at (UTC)"], rows, "Nothing was erased.")
    return Answer({"bot": bot.name, "erasures": [_wire(bot, one) for one in found]}, table)


def register(app: typer.Typer) -> None:
    verb(app, "erase")(erase)
    verb(app, "erasures")(look)


def _worked(session: Session, store: Store, job: Job) -> Job:
    """The erasure done, here and now. Raises what it failed of."""
    busy = "Another process is at this erasure."
    settings = session.settings
    done = Inline(store, settings, lambda context: run_erasure(context, settings, unsay), busy).work(job)
    if done.state == "cancelled":
        raise JobCancelled("The erasure was cancelled; ask for it again to end it.", job=job.id)
    if done.state == "failed":
        raise error_of(done.error)
    return done


def _wire(bot: Bot, one: Erasure) -> dict[str, Any]:
    """An erasure as JSON; names of people are not in it."""
    return {
        "erasure": one.id,
        "bot": bot.name,
        "kind": one.kind,
        "ids": [] if one.kind == "customer" else one.ids,
        "requested_by": one.requested_by,
        "dry_run": one.dry_run,
        "job": one.job_id,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
        "report": one.report,
    }


def _report(bot: Bot, one: Erasure) -> RenderableType:
    report = one.report or {}
    counts = ("conversations", "sessions", "turns", "feedback", "rows", "originals", "replies_told", "runs", "logs",
              "backups")  # fmt: skip
    marked = ", ".join(
        f"{bot.name}@{told['release']}{' (written anew)' if told['rewritten'] else ''}"
        for told in report.get("releases", ())
    )
    made = ", ".join(
        f"{told['dataset']}" + (f" -> {told['successor']}" if told.get("successor") else "")
        for told in report.get("datasets", ())
    )
    state = "nothing was done, this only looked" if one.dry_run else "done" if one.finished_at else "under way"
    if one.finished_at and not any(report.get(name) for name in counts):
        state += "; nothing of it is here"
    return facts(
        [
            ("erasure", one.id),
            ("of", one.kind),
            ("state", state),
            *((name.replace("_", " "), report.get(name) or None) for name in counts),
            ("datasets", made),
            ("trained on it", marked),
            ("trained again", report.get("retraining")),
        ]
    )
