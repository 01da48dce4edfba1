"""`attune releases`, `evaluate`, `promote`, `rollback`: what was trained, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Group

from data.errors import Conflict, NotFound, UsageError
from data.lineage import counted, of_release, of_upload
from data.store import Store, Tx, releases, uploads
from data.store.bots import Bot
from data.store.releases import Live, Promotion, Release
from service.commands.datasets import lineage_wire, sources_table
from service.promotion import move
from service.session import Session
from service.tables import DECISIONS, facts, listing, text, verdict_table
from service.terminal import Answer
from service.verbs import BotName, verb

ACTOR = "command line"
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="The release's number.", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class ReleasesAsked:
    bot: BotName
    number: Annotated[int | None, typer.Argument(metavar="[N]", min=1, help="One of them alone.")] = None
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Where N comes from: its dataset, rows, files, and who handed them in.")
    ] = False
    of_upload: Annotated[
        str | None, typer.Option("--of-upload", metavar="ID", help="Only those trained on this upload.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class EvaluateAsked:
    bot: BotName
    number: Annotated[int | None, typer.Argument(metavar="[N]", min=1, help="Which release; the newest otherwise.")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class PromoteAsked:
    bot: BotName
    number: Number
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "promoted"
    override_reason: Annotated[
        str | None, typer.Option("--override-reason", help="Why it goes live although the verdict does not say so.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class RollbackAsked:
    bot: BotName
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "rolled back"


def list_releases(session: Session, asked: ReleasesAsked) -> Answer:
    """List the releases of a bot and which of them is live; or tell where one comes from."""
    if asked.lineage and asked.number is None:
        raise UsageError("Whose lineage?", remedy="attune releases BOT N --lineage")
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        if asked.lineage and asked.number is not None:
            return _lineage(store, bot, asked.number)
        with store.read() as tx:
            found, live = _wanted(tx, bot, asked), releases.live(tx, bot.id)
    number = live.release.number if live.release else None
    wire = [_release_wire(one, is_live=one.number == number) for one in found]
    rows = [(one["release"], one["state"], one["decision"], "live" if one["live"] else "", one["macro_f1"],
             f"{release.created_at:%Y-%m-%d %H:%M}", _knows(release))
            for one, release in zip(wire, found, strict=True)]  # fmt: skip
    head = ["release", "state", "verdict", "", "macro-F1", "begun (UTC)", ""]
    table = listing(head, rows, f"There is none yet; `attune train {bot.name}` makes one.")
    return Answer({"bot": bot.name, "live": number, "version": live.version, "releases": wire}, table)


def evaluate(session: Session, asked: EvaluateAsked) -> Answer:
    """Show how a release compares with the floor, the base and what was live: its verdict."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        release = _judged(store, bot, asked.number)
    assert release.verdict is not None
    wire = {"bot": bot.name, "release": release.number, "state": release.state, "verdict": release.verdict}
    return Answer(wire, verdict_table(f"{bot.name}@{release.number}", release.verdict))


def promote(session: Session, asked: PromoteAsked) -> Answer:
    """Make a release live. The verdict must say promote, or a reason must be given to override it."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            live = releases.live(tx, bot.id)
        wanted = Promotion(asked.number, live.version, ACTOR, asked.reason, asked.override_reason)
        moved = move(store, bot, wanted)
    return _moved(bot, live, moved)


def rollback(session: Session, asked: RollbackAsked) -> Answer:
    """Make the release live that was live before."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            live, target = releases.live(tx, bot.id), releases.rollback_target(tx, bot.id)
        if target is None:
            raise Conflict(
                "There is no release to go back to.", remedy=f"`attune releases {bot.name}` lists them.", bot=bot.name
            )
        wanted = Promotion(target, live.version, ACTOR, asked.reason, override_reason="it was live before")
        moved = move(store, bot, wanted)
    return _moved(bot, live, moved)


def _wanted(tx: Tx, bot: Bot, asked: ReleasesAsked) -> list[Release]:
    if asked.number is not None:
        return [releases.get(tx, bot.id, asked.number)]
    if asked.of_upload is None:
        return releases.list_for(tx, bot.id)
    upload = uploads.get(tx, asked.of_upload)
    if upload.bot_id != bot.id:
        raise NotFound("There is no such upload.")
    made = {one.number: one for found in of_upload(tx, upload) for one in found.releases}
    return [made[number] for number in sorted(made)]


def _lineage(store: Store, bot: Bot, number: int) -> Answer:
    """Release, dataset, files, people."""
    with store.read() as tx:
        release = releases.get(tx, bot.id, number)
        found = of_release(tx, release)
    wire = {"bot": bot.name, **_release_wire(release, is_live=False), "dataset": None}
    del wire["live"]
    if found is None:
        return Answer(wire, text(f"{bot.name}@{number} names no dataset."))
    found = counted(store, found)
    one = found.dataset
    head = facts(
        [
            ("release", f"{bot.name}@{number}"),
            ("dataset", f"{one.number} ({one.fingerprint[:12]})"),
            ("rows", ", ".join(f"{split} {count}" for split, count in one.manifest["rows"].items())),
            ("runs", ", ".join(f"{run['run']} ({run['task']} from {run['base']})" for run in found.runs)),
            ("erased", _knows(release)),
        ]
    )
    table = Group(head, sources_table(found), text(f"Row by row: attune datasets {bot.name} rows {one.number}", "dim"))
    return Answer({**wire, "dataset": lineage_wire(found)}, table)


def _knows(release: Release) -> str:
    since = release.trained_on_erased_data
    return "" if since is None else f"trained on data erased since {since:%Y-%m-%d}"


def register(app: typer.Typer) -> None:
    verb(app, "releases")(list_releases)
    verb(app, "evaluate")(evaluate)
    verb(app, "promote")(promote)
    verb(app, "rollback")(rollback)


def _judged(store: Store, bot: Bot, number: int | None) -> Release:
    """The release with that number, or the newest that has a verdict."""
    with store.read() as tx:
        found = releases.list_for(tx, bot.id) if number is None else [releases.get(tx, bot.id, number)]
    judged = [one for one in found if one.verdict is not None]
    if not judged:
        raise NotFound(
            "No such release of this bot was judged yet.", remedy=f"`attune train {bot.name}` makes one.", bot=bot.name
        )
    return judged[-1]


def _release_wire(release: Release, *, is_live: bool) -> dict[str, Any]:
    models = (release.verdict or {}).get("models", {})
    macro_f1 = models.get("candidate", {}).get("macro_f1", {}).get("value")
    return {
        "release": release.number,
        "state": release.state,
        "decision": release.decision,
        "live": is_live,
        "macro_f1": None if macro_f1 is None else round(macro_f1, 4),
        "digest": release.digest,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "trained_on_erased_data": release.trained_on_erased_data,
        "promotion_blocked": release.promotion_blocked,
    }


def _moved(bot: Bot, before: Live, after: Live) -> Answer:
    assert after.release is not None
    previous = before.release.number if before.release else None
    wire = {"bot": bot.name, "live": after.release.number, "previous": previous, "version": after.version}
    if previous == after.release.number:
        return Answer(wire, text(f"{bot.name}@{previous} is live already."))
    meaning = DECISIONS.get(after.release.decision or "", ("", ""))[0]
    return Answer(wire, text(f"{bot.name}@{after.release.number} is live now (verdict: it {meaning})."))
