"""Releases and which of them is live.

A number is reserved before its folder is made and never given twice: reserved -> published | rejected. The live pointer
of a bot *is* its newest deployment: promoting and rolling back both add one, on condition that the newest is still the
one the caller saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, update

from data.errors import Conflict, GateClosed, NotFound, PointerMoved
from data.store import bots
from data.store.engine import Tx
from data.store.release_tables import deployments, releases
from data.store.tables import bots as bot_rows
from data.store.tables import columns_of

State = Literal["reserved", "published", "rejected"]


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A complete release folder: the SHA-256 of its manifest, the manifest, the verdict, and what became of it."""

    digest: str
    manifest: dict[str, Any]
    verdict: dict[str, Any]
    state: Literal["published", "rejected"] = "published"


@dataclass(frozen=True, slots=True)
class Release:
    """`digest`, `manifest` and `verdict` are None only while the number is merely reserved.

    `revision` counts the erasures that took words out of it, the one thing that changes a release; since
    `trained_on_erased_data` its weights may know what is erased, and `promotion_blocked` asks for a reason to promote.
    """

    bot_id: str
    number: int
    state: State
    digest: str | None
    manifest: dict[str, Any] | None
    verdict: dict[str, Any] | None
    created_at: datetime
    published_at: datetime | None
    revision: int
    trained_on_erased_data: datetime | None
    promotion_blocked: bool

    @property
    def decision(self) -> str | None:
        """What the verdict says: promote, hold or reject."""
        return None if self.verdict is None else self.verdict.get("decision")


@dataclass(frozen=True, slots=True)
class Promotion:
    """What an operator asks for. `expected_version` is the Live.version last seen; 0 where nothing was live yet."""

    number: int
    expected_version: int
    actor: str
    reason: str
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One move of the live pointer. `previous` is the release that was live before."""

    version: int
    number: int
    previous: int | None
    actor: str
    reason: str
    override_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Live:
    """What answers now, and the version of the pointer (0: never set). `rewrites` as in `Pointer`."""

    release: Release | None
    version: int
    rewrites: int = 0


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the live pointer of one bot stands, and since when. `rewrites` counts how often erasures changed any
    release of the bot."""

    bot_id: str
    bot: str
    version: int
    number: int
    moved_at: datetime
    rewrites: int = 0


_COLUMNS = columns_of(releases, Release)
_MOVES = columns_of(deployments, Deployment)


def reserve(tx: Tx, bot_id: str) -> int:
    """The bot's next release number, never given out again."""
    bots.lock(tx, bot_id)
    newest = select(func.max(releases.c.number)).where(tx.owns(releases), releases.c.bot_id == bot_id)
    number: int = (tx.connection.execute(newest).scalar() or 0) + 1
    fresh = {"state": "reserved", "revision": 0, "promotion_blocked": False, "created_at": tx.now}
    tx.insert(releases, {"bot_id": bot_id, "number": number, **fresh})
    return number


def publish(tx: Tx, bot_id: str, number: int, new: NewRelease) -> Release:
    """Record that the reserved release is complete. The same again changes nothing; another one raises Conflict."""
    bots.lock(tx, bot_id)
    held = get(tx, bot_id, number)
    if held.state == "reserved":
        values = {"state": new.state, "digest": new.digest, "manifest": new.manifest, "verdict": new.verdict}
        tx.connection.execute(update(releases).where(*_is(tx, bot_id, number)).values(**values, published_at=tx.now))
        return get(tx, bot_id, number)
    if (held.digest, held.state) != (new.digest, new.state):
        raise Conflict(
            f"Release {number} is published already and never changes.",
            remedy="Reserve a new number.",
            bot=bot_id,
            release=number,
        )
    return held


def get(tx: Tx, bot_id: str, number: int) -> Release:
    """Raises NotFound."""
    row = tx.connection.execute(select(*_COLUMNS).where(*_is(tx, bot_id, number))).first()
    if row is None:
        raise NotFound(
            "There is no release of that number.",
            remedy="`attune releases BOT` lists them.",
            bot=bot_id,
            release=number,
        )
    return Release(*row)


def list_for(tx: Tx, bot_id: str) -> list[Release]:
    """The releases of a bot by number, those merely reserved included."""
    statement = select(*_COLUMNS).where(tx.owns(releases), releases.c.bot_id == bot_id).order_by(releases.c.number)
    return [Release(*row) for row in tx.connection.execute(statement)]


def page(tx: Tx, bot_id: str, *, after: int | None = None, limit: int) -> list[Release]:
    """At most `limit` releases of a bot, the newest first, from the one after number `after` on."""
    statement = select(*_COLUMNS).where(tx.owns(releases), releases.c.bot_id == bot_id)
    if after is not None:
        statement = statement.where(releases.c.number < after)
    ordered = statement.order_by(releases.c.number.desc()).limit(limit)
    return [Release(*row) for row in tx.connection.execute(ordered)]


def live(tx: Tx, bot_id: str) -> Live:
    """The release that answers for this bot and the version of the pointer."""
    newest = _newest(tx, bot_id)
    if newest is None:
        return Live(None, 0)
    return Live(get(tx, bot_id, newest.number), newest.version, _rewrites(tx, bot_id))


def pointers(tx: Tx) -> list[Pointer]:
    """The live pointer of every bot that has one: what a server compares with what it has in memory."""
    newest = (
        select(deployments.c.bot_id, func.max(deployments.c.version).label("version"))
        .where(tx.owns(deployments))
        .group_by(deployments.c.bot_id)
        .subquery()
    )
    changed = (
        select(func.coalesce(func.sum(releases.c.revision), 0))
        .where(tx.owns(releases), releases.c.bot_id == bot_rows.c.id)
        .scalar_subquery()
    )
    moves = (deployments.c.version, deployments.c.number, deployments.c.created_at)
    statement = (
        select(bot_rows.c.id, bot_rows.c.name, *moves, changed)
        .where(tx.owns(deployments), tx.owns(bot_rows), bot_rows.c.id == deployments.c.bot_id)
        .where(newest.c.bot_id == deployments.c.bot_id, newest.c.version == deployments.c.version)
        .order_by(bot_rows.c.id)
    )
    return [Pointer(*row) for row in tx.connection.execute(statement)]


def promote(tx: Tx, bot_id: str, wanted: Promotion) -> Live:
    """Move the live pointer; a rollback is a promotion of an earlier release.

    Raises PointerMoved when somebody moved it since, GateClosed when the verdict does not say promote and no reason to
    override it is given, NotFound when the release is absent or not complete.
    """
    bots.lock(tx, bot_id)
    newest = _newest(tx, bot_id)
    version = 0 if newest is None else newest.version
    if wanted.expected_version != version:
        raise PointerMoved(
            f"The live pointer is at version {version}; version {wanted.expected_version} was expected.",
            remedy="Look at what is live now, then decide again.",
            bot=bot_id,
            version=version,
        )
    release = check_gate(tx, bot_id, wanted)
    body = {
        "bot_id": bot_id,
        "version": version + 1,
        "number": wanted.number,
        "previous": None if newest is None else newest.number,
        "actor": wanted.actor,
        "reason": wanted.reason,
        "override_reason": wanted.override_reason,
        "created_at": tx.now,
    }
    tx.insert(deployments, body)
    return Live(release, version + 1, _rewrites(tx, bot_id))


def check_gate(tx: Tx, bot_id: str, wanted: Promotion) -> Release:
    """The release that is asked for, if it may go live. Raises NotFound, GateClosed."""
    release = get(tx, bot_id, wanted.number)
    _check_gate(release, wanted)
    return release


def history(tx: Tx, bot_id: str) -> list[Deployment]:
    """Every move of the live pointer, newest first."""
    statement = (
        select(*_MOVES)
        .where(tx.owns(deployments), deployments.c.bot_id == bot_id)
        .order_by(deployments.c.version.desc())
    )
    return [Deployment(*row) for row in tx.connection.execute(statement)]


def rollback_target(tx: Tx, bot_id: str) -> int | None:
    """The release that was live before the one that is; None when there was none."""
    newest = _newest(tx, bot_id)
    return None if newest is None else newest.previous


def _check_gate(release: Release, wanted: Promotion) -> None:
    if release.state == "reserved":
        raise NotFound(
            f"Release {release.number} was reserved but never completed.",
            remedy="Promote a published release.",
            bot=release.bot_id,
            release=release.number,
        )
    if release.decision != "promote" and not wanted.override_reason:
        raise GateClosed(
            f"The verdict on release {release.number} is {release.decision}, not promote.",
            remedy="Read the verdict's reasons; give an override reason to promote it all the same.",
            bot=release.bot_id,
            release=release.number,
        )
    if release.promotion_blocked and not wanted.override_reason:
        raise GateClosed(
            f"Release {release.number} was trained on data that is erased, and erasure.policy blocks its promotion.",
            remedy="Train again on what is left; give an override reason to promote it all the same.",
            bot=release.bot_id,
            release=release.number,
        )


def _rewrites(tx: Tx, bot_id: str) -> int:
    changed = select(func.coalesce(func.sum(releases.c.revision), 0))
    return int(tx.connection.execute(changed.where(tx.owns(releases), releases.c.bot_id == bot_id)).scalar_one())


def _newest(tx: Tx, bot_id: str) -> Deployment | None:
    statement = (
        select(*_MOVES)
        .where(tx.owns(deployments), deployments.c.bot_id == bot_id)
        .order_by(deployments.c.version.desc())
        .limit(1)
    )
    row = tx.connection.execute(statement).first()
    return None if row is None else Deployment(*row)


def _is(tx: Tx, bot_id: str, number: int) -> Sequence[Any]:
    return tx.owns(releases), releases.c.bot_id == bot_id, releases.c.number == number
