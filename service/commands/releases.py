"""`attune datasets`, `releases`, `evaluate`, `promote`, `rollback`: what was trained, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from data.errors import Conflict, NotFound
from data.store import Store, datasets, releases
from data.store.bots import Bot
from data.store.releases import Live, Promotion, Release
from service.promotion import move
from service.session import Session
from service.tables import DECISIONS, listing, text, verdict_table
from service.terminal import Answer
from service.verbs import BotName, verb

ACTOR = "command line"
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="The release's number.", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class BotAsked:
    bot: BotName


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


def list_datasets(session: Session, asked: BotAsked) -> Answer:
    """List the frozen datasets of a bot."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            found = [(one, datasets.sources(tx, one.id)) for one in datasets.list_for(tx, bot.id)]
    wire = [
        {
            "dataset": one.id,
            "fingerprint": one.fingerprint,
            "created_at": one.created_at,
            "uploads": sources,
            "manifest": one.manifest,
        }
        for one, sources in found
    ]
    rows = [(one.fingerprint[:12], f"{one.created_at:%Y-%m-%d %H:%M}", len(sources), _sizes(one.manifest))
            for one, sources in found]  # fmt: skip
    table = listing(["fingerprint", "frozen (UTC)", "uploads", "rows"], rows, "Nothing was frozen yet.")
    return Answer({"bot": bot.name, "datasets": wire}, table)


def list_releases(session: Session, asked: BotAsked) -> Answer:
    """List the releases of a bot and which of them is live."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            found, live = releases.list_for(tx, bot.id), releases.live(tx, bot.id)
    number = live.release.number if live.release else None
    wire = [_release_wire(one, is_live=one.number == number) for one in found]
    rows = [(one["release"], one["state"], one["decision"], "live" if one["live"] else "", one["macro_f1"],
             f"{release.created_at:%Y-%m-%d %H:%M}") for one, release in zip(wire, found, strict=True)]  # fmt: skip
    head = ["release", "state", "verdict", "", "macro-F1", "begun (UTC)"]
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


def register(app: typer.Typer) -> None:
    verb(app, "datasets")(list_datasets)
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
    }


def _moved(bot: Bot, before: Live, after: Live) -> Answer:
    assert after.release is not None
    previous = before.release.number if before.release else None
    wire = {"bot": bot.name, "live": after.release.number, "previous": previous, "version": after.version}
    if previous == after.release.number:
        return Answer(wire, text(f"{bot.name}@{previous} is live already."))
    meaning = DECISIONS.get(after.release.decision or "", ("", ""))[0]
    return Answer(wire, text(f"{bot.name}@{after.release.number} is live now (verdict: it {meaning})."))


def _sizes(manifest: dict[str, Any]) -> str:
    """Rows by split, as the manifest counts them."""
    return ", ".join(f"{split} {count}" for split, count in dict(manifest.get("rows", {})).items())
