"""Bots and their profiles. A profile is never changed in place: each change is a new version, frozen into releases."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from data.profile import BotProfile
from data.store import Tx, bots, releases
from data.store.bots import Bot
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.errors import Invalid, Refusal
from service.reading import details_of
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


@api.route(
    Route(
        method="GET",
        rule="/v1/bots",
        access=Access("read"),
        query=Page,
        answers={200: Listing[BotSummary]},
        heeds_bot=True,
    )
)
def index(call: Call) -> Answer:
    """All bots, by name."""
    with call.service.store_of(call.caller).read() as tx:
        return listed(
            call,
            lambda after, limit: _page(call, tx, after, limit),
            lambda bot: bot.name,
            lambda bot: BotSummary(**_summary(tx, bot)),
        )


def _page(call: Call, tx: Tx, after: str | None, limit: int) -> list[Bot]:
    """To a key of one bot there is no other."""
    own = call.caller.bot_id
    if own is None:
        return bots.page(tx, after=after, limit=limit)
    return [bots.get_by_id(tx, own)] if after is None else []


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
    """The profile in `body`, as strictly read as any other body. Raises 422 naming every field that is wrong."""
    try:
        return BotProfile.model_validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        raise Invalid(
            "The bot profile does not hold: `details` says where.", details_of(error, "profile"), code="profile_invalid"
        ) from None


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
