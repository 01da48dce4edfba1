"""Pages a browser opens: the chat page at / and the files that pages need."""

from __future__ import annotations

from flask import Response

from data import tokens
from data.store import bots, keys
from service.api._spec import Access, Api, Call, Route
from service.errors import Refusal
from service.pages import asset, render

api = Api("pages", "Pages for people.")
HTML = "text/html"
ASSET_CACHE = "public, max-age=300"


@api.route(Route(method="GET", rule="/", access=Access.open(), answers={200: HTML}, unlisted=True))
def home(call: Call) -> Response:
    """The chat page of the bot that `serve.public_key` belongs to; without one, a word on where to go."""
    text = call.service.settings.serve.public_key
    key = keys.find(call.service.store, text) if text is not None and tokens.parse(text) is not None else None
    if key is None or key.kind != "public" or key.bot_id is None:
        return render("welcome.html")
    with call.service.store.for_workspace(key.workspace).read() as tx:
        bot = bots.get_by_id(tx, key.bot_id)
        _, profile = bots.profile(tx, bot.id)
    intents = [(intent.name, intent.readable) for intent in profile.intents]
    return render("chat.html", bot=bot.name, brand=profile.name, public_key=text, intents=intents)


@api.route(Route(method="GET", rule="/assets/<name>", access=Access.open(), answers={200: "text/css"}, unlisted=True))
def file(call: Call) -> Response:
    """A script or style of ours."""
    found = asset(call.path["name"])
    if found is None:
        raise Refusal(404, "not_found", "There is nothing here.")
    body, kind = found
    return Response(body, content_type=kind, headers={"Cache-Control": ASSET_CACHE})
