"""Bots and their profiles. A profile is never changed in place: each change is a new version, frozen into releases."""

from __future__ import annotations

from typing import Any

from data.profile import BotProfile, parse_profile
from data.store import Tx, bots, releases
from data.store.bots import Bot
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.errors import Refusal
from service.schemas.bots import BotDetail, BotSummary, NewBot, ProfileChange
from service.schemas.shape import Listing, Page

api = Api("bots", "What a business owns, and what it says about it.")


@api.route(
    Route(method="POST", rule="/v1/bots", access=Access("admin"), body=NewBot, answers={201: BotDetail}, effect=True)
)
def create(call: Call, tx: Tx) -> Answer:
    """Make a bot."""
    asked: NewBot = call.body
    bot = bots.create(tx, asked.name, _profile({"name": asked.name, **(asked.profile or {})}))
    headers = {"Location": f"/v1/bots/{bot.name}", "ETag": profile_tag(1)}
    return Answer(_detail(tx, bot), 201, headers, subject=bot.name)


@api.route(Route(method="GET", rule="/v1/bots", access=Access("read"), query=Page, answers={200: Listing[BotSummary]}))
def index(call: Call) -> Answer:
    """All bots, by name."""
    with call.service.store_of(call.caller).read() as tx:
        return listed(
            call,
            lambda after, limit: bots.page(tx, after=after, limit=limit),
            lambda bot: bot.name,
            lambda bot: BotSummary(**_summary(tx, bot)),
        )


@api.route(Route(method="GET", rule="/v1/bots/<bot>", access=Access("read"), answers={200: BotDetail}))
def show(call: Call) -> Answer:
    """A bot and the newest version of its profile. The ETag names that version."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return Answer(_detail(tx, bot), headers={"ETag": profile_tag(bot.profile_version)})


@api.route(
    Route(
        method="PATCH",
        rule="/v1/bots/<bot>",
        access=Access("admin"),
        body=ProfileChange,
        answers={200: BotDetail},
        effect=True,
        conditional=True,
    )
)
def change(call: Call, tx: Tx) -> Answer:
    """Change the profile: the fields that are named, the others stay. It serves from the next release on."""
    bot = bots.lock(tx, bots.get(tx, call.path["bot"]).id)
    if call.if_match != profile_tag(bot.profile_version):
        raise stale("The profile was changed since you saw it.")
    asked: ProfileChange = call.body
    _, current = bots.profile(tx, bot.id)
    wanted = _profile({**current.to_wire(), **asked.profile})
    if wanted != current:
        bots.save_profile(tx, bot.id, wanted, expected_version=bot.profile_version)
        bot = bots.get_by_id(tx, bot.id)
    return Answer(_detail(tx, bot), headers={"ETag": profile_tag(bot.profile_version)}, subject=bot.name)


def profile_tag(version: int) -> str:
    return f'"p{version}"'


def stale(message: str) -> Refusal:
    return Refusal(412, "precondition_failed", f"{message} Look again, then decide again.", param="If-Match")


def _profile(body: dict[str, Any]) -> BotProfile:
    return parse_profile(body)


def _detail(tx: Tx, bot: Bot) -> BotDetail:
    _, profile = bots.profile(tx, bot.id)
    return BotDetail(**_summary(tx, bot), profile=profile)


def _summary(tx: Tx, bot: Bot) -> dict[str, Any]:
    live = releases.live(tx, bot.id).release
    return {
        "name": bot.name,
        "profile_version": bot.profile_version,
        "live": live.number if live else None,
        "created_at": bot.created_at,
    }
