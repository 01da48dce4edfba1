"""Bots and their profiles. A profile is never changed in place: each save is a new version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from data.errors import Conflict, NameTaken, NotFound, UsageError
from data.profile import BotProfile
from data.store.engine import Tx
from data.store.tables import bot_profiles, bots, columns_of

NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bot:
    """What a business owns. `profile_version` is the newest version of its profile."""

    id: str
    name: str
    profile_version: int
    created_at: datetime


_COLUMNS = columns_of(bots, Bot)


def create(tx: Tx, name: str, profile: BotProfile) -> Bot:
    """A new bot with version 1 of its profile.

    The name stands in folder names, so it is plain: raises UsageError otherwise; NameTaken when there is such a bot.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            "A bot's name is 1 to 64 lower-case letters, digits, '-' or '_', with a letter or digit at both ends.",
            remedy="Choose such a name; what customers see is the name in the profile.",
        )
    bot = Bot(tx.new_id("bot"), name, 1, tx.now)
    if not tx.insert(bots, {"id": bot.id, "name": name, "profile_version": 1, "created_at": tx.now}):
        raise NameTaken("There is a bot of that name already.", remedy="Choose another name.", bot=name)
    _insert_profile(tx, bot.id, 1, profile)
    return bot


def get(tx: Tx, name: str) -> Bot:
    """The bot of that name. Raises NotFound."""
    bot = find(tx, name)
    if bot is None:
        raise absent(name)
    return bot


def absent(name: str) -> NotFound:
    """What is raised for a bot that is not there, and said of one that somebody may not know of."""
    return NotFound("There is no bot of that name.", remedy="`attune bots` lists them.", bot=name)


def find(tx: Tx, name: str) -> Bot | None:
    """The bot of that name; None where there is none."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(bots), bots.c.name == name)).first()
    return None if row is None else _bot(row)


def get_by_id(tx: Tx, bot_id: str) -> Bot:
    """The bot with that id. Raises NotFound."""
    return _by_id(tx, bot_id, lock=False)


def lock(tx: Tx, bot_id: str) -> Bot:
    """The bot, held until the transaction ends, so that what is decided about it still holds when it is written."""
    return _by_id(tx, bot_id, lock=True)


def page(tx: Tx, *, after: str | None = None, limit: int) -> list[Bot]:
    """At most `limit` bots by name, from the one after the name `after` on."""
    statement = select(*_COLUMNS).where(tx.owns(bots)).order_by(bots.c.name).limit(limit)
    if after is not None:
        statement = statement.where(bots.c.name > after)
    return [_bot(row) for row in tx.connection.execute(statement)]


def list_all(tx: Tx) -> list[Bot]:
    """Every bot, by name."""
    return [_bot(row) for row in tx.connection.execute(select(*_COLUMNS).where(tx.owns(bots)).order_by(bots.c.name))]


def profile(tx: Tx, bot_id: str, version: int | None = None) -> tuple[int, BotProfile]:
    """A version of the profile, the newest by default, and its number. Raises NotFound."""
    wanted = get_by_id(tx, bot_id).profile_version if version is None else version
    row = tx.connection.execute(
        select(bot_profiles.c.profile).where(
            tx.owns(bot_profiles), bot_profiles.c.bot_id == bot_id, bot_profiles.c.version == wanted
        )
    ).first()
    if row is None:
        raise NotFound("The bot has no such profile version.", bot=bot_id, version=wanted)
    return wanted, BotProfile.model_validate(row.profile)


def save_profile(tx: Tx, bot_id: str, profile: BotProfile, expected_version: int | None = None) -> int:
    """Keep `profile` as the next version and return its number.

    Raises Conflict when the newest version is not `expected_version` (somebody saved in between); NotFound.
    """
    newest = lock(tx, bot_id).profile_version
    if expected_version is not None and expected_version != newest:
        raise Conflict(
            f"The profile is at version {newest}; version {expected_version} was expected.",
            remedy="Read the newest version, make the change there and save again.",
            bot=bot_id,
            version=newest,
        )
    _insert_profile(tx, bot_id, newest + 1, profile)
    tx.connection.execute(update(bots).where(tx.owns(bots), bots.c.id == bot_id).values(profile_version=newest + 1))
    return newest + 1


def _insert_profile(tx: Tx, bot_id: str, version: int, profile: BotProfile) -> None:
    body = {"bot_id": bot_id, "version": version, "profile": profile.to_wire(), "created_at": tx.now}
    tx.insert(bot_profiles, body)


def _by_id(tx: Tx, bot_id: str, *, lock: bool) -> Bot:
    statement = select(*_COLUMNS).where(tx.owns(bots), bots.c.id == bot_id)
    held = statement.with_for_update(key_share=True)  # rows that name the bot are still written meanwhile
    row = tx.connection.execute(held if lock else statement).first()
    if row is None:
        raise NotFound("There is no such bot.", remedy="`attune bots` lists them.", bot=bot_id)
    return _bot(row)


def _bot(row: Row[*tuple[Any, ...]]) -> Bot:
    return Bot(*row)
