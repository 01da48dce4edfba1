"""Releases, and the one pointer that says which of them answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import StorageError
from data.files import disk, release_folder
from data.lineage import of_release
from data.store import Tx, bots, releases
from data.store.bots import Bot
from data.store.releases import Live, Release
from data.store.releases import Promotion as Wanted
from data.verdict_view import verdict_sentences
from service.api._lineage import dataset_source, dataset_summary
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.bots import stale
from service.schemas.releases import Deployed, LiveDetail, Promotion, ReleaseDetail, ReleaseSummary
from service.schemas.shape import Listing, Page

api = Api("releases", "What was trained, and what is live.")
CARD = "README.md"
HISTORY = 20


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/releases",
        access=Access("read"),
        query=Page,
        answers={200: Listing[ReleaseSummary]},
    )
)
def index(call: Call) -> Answer:
    """The releases of a bot, the newest first."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        live = releases.live(tx, bot.id).release
        return listed(
            call,
            lambda after, limit: releases.page(tx, bot.id, after=after, limit=limit),
            lambda release: release.number,
            lambda release: ReleaseSummary(**_summary(bot, release, live)),
        )


@api.route(
    Route(method="GET", rule="/v1/bots/<bot>/releases/<number>", access=Access("read"), answers={200: ReleaseDetail})
)
def show(call: Call) -> Answer:
    """A release: its verdict, its card, and what it was made of."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        release = releases.get(tx, bot.id, number_of(call.path["number"]))
        live = releases.live(tx, bot.id).release
        made_of = of_release(tx, release)
    manifest: Mapping[str, Any] = release.manifest or {}
    return Answer(
        ReleaseDetail(
            **_summary(bot, release, live),
            verdict=release.verdict,
            summary=verdict_sentences(release.verdict or {}),
            card=_card(call, bot, release),
            lineage=dict(manifest.get("lineage") or {}),
            dataset=None if made_of is None else dataset_summary(bot, made_of),
            sources=[] if made_of is None else [dataset_source(source) for source in made_of.sources],
            thresholds=dict(manifest.get("thresholds") or {}),
            labels=list(manifest.get("labels") or ()),
        )
    )


@api.route(Route(method="GET", rule="/v1/bots/<bot>/live", access=Access("read"), answers={200: LiveDetail}))
def live(call: Call) -> Answer:
    """What answers now. The ETag names this version of the pointer."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return _live_answer(tx, bot, releases.live(tx, bot.id))


def _prepare(call: Call) -> Any:
    """Load the release aside, before anything is changed and outside of any transaction."""
    asked: Promotion = call.body
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        current = releases.live(tx, bot.id)
        _check_match(call, current)
        releases.check_gate(tx, bot.id, _wanted(call, current.version))
    return call.service.bots.prepare(call.caller.workspace, bot, asked.release)


@api.route(
    Route(
        method="PUT",
        rule="/v1/admin/bots/<bot>/live",
        access=Access("operate"),
        body=Promotion,
        answers={200: LiveDetail},
        effect=True,
        conditional=True,
        prepare=_prepare,
    )
)
def promote(call: Call, tx: Tx) -> Answer:
    """Promote a release or roll back to it. What the verdict holds back needs an `override_reason`."""
    asked: Promotion = call.body
    bot = bots.get(tx, call.path["bot"])
    current = releases.live(tx, bot.id)
    _check_match(call, current)
    moved = current
    if current.release is None or current.release.number != asked.release:
        moved = releases.promote(tx, bot.id, _wanted(call, current.version))
    answer = _live_answer(tx, bot, moved)
    return Answer(
        answer.body,
        headers=answer.headers,
        subject=f"{bot.name}@{asked.release}",
        reason=asked.override_reason or asked.reason,
        after=lambda: call.service.bots.adopt(call.prepared, moved),
    )


def _wanted(call: Call, version: int) -> Wanted:
    asked: Promotion = call.body
    return Wanted(asked.release, version, call.caller.id, asked.reason, asked.override_reason)


def _check_match(call: Call, current: Live) -> None:
    if call.if_match != live_tag(current.version):
        raise stale("The live release was changed since you saw it.")


def live_tag(version: int) -> str:
    return f'"v{version}"'


def number_of(text: str) -> int:
    """The release number in an address; what is none names a release that is not there."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _live_answer(tx: Tx, bot: Bot, found: Live) -> Answer:
    number = found.release.number if found.release else None
    moves = [
        Deployed(
            version=move.version,
            release=move.number,
            previous=move.previous,
            actor=move.actor,
            reason=move.reason,
            override_reason=move.override_reason,
            created_at=move.created_at,
        )
        for move in releases.history(tx, bot.id)[:HISTORY]
    ]
    name = None if number is None else f"{bot.name}@{number}"
    body = LiveDetail(bot=bot.name, release=number, name=name, version=found.version, history=moves)
    return Answer(body, headers={"ETag": live_tag(found.version)})


def _summary(bot: Bot, release: Release, live: Release | None) -> dict[str, Any]:
    return {
        "bot": bot.name,
        "number": release.number,
        "name": f"{bot.name}@{release.number}",
        "state": release.state,
        "decision": release.decision,
        "live": live is not None and live.number == release.number,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "trained_on_erased_data": release.trained_on_erased_data,
        "promotion_blocked": release.promotion_blocked,
    }


def _card(call: Call, bot: Bot, release: Release) -> str | None:
    """The model card. One that cannot be read is left out: the row still tells what matters."""
    if release.state == "reserved":
        return None
    home = call.service.settings.home
    folder = release_folder(home, call.caller.workspace, bot.name, release.number)
    try:
        with disk():
            return (folder / CARD).read_text(encoding="utf-8")
    except (StorageError, UnicodeDecodeError):
        return None
