"""`attune init`, `bots`, `profile`: bots and what a business says about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from data.errors import NotFound
from data.profile import BotProfile, load_profile
from data.proposal import adopt
from data.store import Tx, bots, releases, uploads
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.verbs import BotName, verb


@dataclass(frozen=True, kw_only=True)
class InitAsked:
    bot: BotName
    profile: Annotated[Path | None, typer.Option("--profile", metavar="FILE", help="The bot's profile, in TOML.")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class NothingAsked:
    pass


@dataclass(frozen=True, kw_only=True)
class ProfileAsked:
    bot: BotName
    changed: Annotated[
        Path | None, typer.Option("--set", metavar="FILE", help="Keep this TOML file as the next version.")
    ] = None
    upload: Annotated[
        str | None,
        typer.Option("--from-upload", metavar="UPLOAD", help="Add the intents and answers that an upload defines."),
    ] = None


def init(session: Session, asked: InitAsked) -> Answer:
    """Create a bot, and the home folder where there is none."""
    profile = BotProfile(name=asked.bot) if asked.profile is None else load_profile(asked.profile)
    with session.new_store() as store, store.begin() as tx:
        bot = bots.create(tx, asked.bot, profile)
    wire = {"bot": bot.name, "profile_version": 1, "intents": len(profile.intents), "created_at": bot.created_at}
    return Answer(wire, text(f"Created the bot {bot.name}. Next: attune import {bot.name} FILE"))


def list_bots(session: Session, asked: NothingAsked) -> Answer:
    """List the bots."""
    empty = "There is no bot yet; `attune init BOT` creates one."
    if session.is_fresh:
        session.terminal.note("The home folder holds nothing yet.")
        return Answer({"bots": []}, text(empty))
    with session.store() as store, store.read() as tx:
        found = [(bot, releases.live(tx, bot.id).release) for bot in bots.list_all(tx)]
    wire = [
        {
            "bot": bot.name,
            "profile_version": bot.profile_version,
            "live": release.number if release else None,
            "created_at": bot.created_at,
        }
        for bot, release in found
    ]
    rows = [(one["bot"], one["profile_version"], one["live"], f"{bot.created_at:%Y-%m-%d %H:%M}") for one, (bot, _) in
            zip(wire, found, strict=True)]  # fmt: skip
    return Answer({"bots": wire}, listing(["bot", "profile version", "live release", "created (UTC)"], rows, empty))


def profile(session: Session, asked: ProfileAsked) -> Answer:
    """Show a bot's profile, or keep a new version of it. Releases keep the version they were made with."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        wanted = None if asked.changed is None else load_profile(asked.changed)
        with store.begin() as tx:
            version, current = bots.profile(tx, bot.id)
            if asked.upload is not None:
                wanted = adopt(wanted or current, _proposed(tx, bot.id, asked.upload))
            if wanted is not None and wanted != current:
                version, current = bots.save_profile(tx, bot.id, wanted, expected_version=version), wanted
    wire = {"bot": bot.name, "version": version, "profile": current.to_wire()}
    return Answer(wire, _profile_table(bot.name, version, current))


def _proposed(tx: Tx, bot_id: str, upload_id: str) -> dict[str, Any]:
    """What an upload of the bot proposes for its profile. Raises NotFound."""
    upload = uploads.get(tx, upload_id)
    if upload.bot_id != bot_id:
        raise NotFound("There is no such upload.", upload=upload_id)
    proposed = (upload.report or {}).get("profile")
    if not proposed:
        raise NotFound(
            "This upload defines no bot.", remedy="Import a file that does: docs/formats.md.", upload=upload_id
        )
    return dict(proposed)


def register(app: typer.Typer) -> None:
    verb(app, "init")(init)
    verb(app, "bots")(list_bots)
    verb(app, "profile")(profile)


def _profile_table(name: str, version: int, profile: BotProfile) -> RenderableType:
    plain = [
        (field, value)
        for field, value in profile.to_wire().items()
        if field != "intents" and not isinstance(value, dict)
    ]
    shown = [(field, ", ".join(value) if isinstance(value, list) else value) for field, value in plain]
    intents = [(intent.name, intent.readable, len(intent.answers), "yes" if intent.handoff else "")
               for intent in profile.intents]  # fmt: skip
    return Group(
        facts([("bot", name), ("version", version), *shown]),
        listing(["intent", "title", "answers", "to a person"], intents, "No intents are described."),
    )
