"""Visitors' sessions: opened with a bot's key, followed and taken over by the brand's people."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import request

from data.errors import NotFound
from data.store import Tx, bots, sessions, turns
from data.store.bots import Bot
from data.store.sessions import NewSession, Session
from data.store.turns import NewTurn, StoredTurn
from service.api._listing import listed
from service.api._spec import PUBLIC, Access, Answer, Api, Call, Route
from service.errors import Invalid, Refusal
from service.schemas.chat import (
    AgentMessage,
    OwnerChange,
    SessionAsked,
    SessionDetail,
    SessionOpened,
    SessionPage,
    SessionSummary,
    TurnDetail,
)
from service.schemas.shape import Listing

api = Api("sessions", "Conversations with visitors.")


def _greeting(call: Call) -> str:
    """The greeting of the live release, else of the newest profile. The bot is in memory before the first message."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        _, profile = bots.profile(tx, bot.id)
    try:
        with call.service.bots.answering(call.caller.workspace, bot) as predictor:
            return predictor.parts.profile.greeting
    except NotFound:
        return profile.greeting


def _with_token(call: Call, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """The token follows from the session, so that it need not be kept to be told again."""
    return {**kept, "token": call.service.doorkeeper.visitor_token(call.caller.workspace, str(kept["id"]))}


@api.route(
    Route(
        method="POST",
        rule="/v1/bots/<bot>/sessions",
        access=Access(PUBLIC, "visitor"),
        body=SessionAsked,
        optional_body=True,
        answers={201: SessionOpened},
        effect=True,
        audited=False,
        cross_origin=True,
        prepare=_greeting,
        digest=lambda _: "session",
        again=_with_token,
    )
)
def create(call: Call, tx: Tx) -> Answer:
    """Open a session for a visitor, with a public bot key or a secret key of scope visitor."""
    caller, serve = call.caller, call.service.settings.serve
    if caller.key is None:
        raise Refusal(403, "forbidden", "A session is opened with a key, not with the token of another session.")
    bot = bots.get(tx, call.path["bot"])
    session = sessions.create(
        tx,
        NewSession(
            bot_id=bot.id,
            key_id=caller.id,
            origin=request.headers.get("Origin"),
            source=_source(call, request.remote_addr),
            expires_at=tx.now + timedelta(hours=serve.session_hours),
        ),
    )
    answer = SessionOpened(
        id=session.id,
        bot=bot.name,
        token="",
        greeting=call.prepared,
        expires_at=session.expires_at,
        idle_seconds=round(serve.session_idle_minutes * 60),
    )
    kept = answer.model_dump(mode="json")
    headers = {"Location": f"/v1/bots/{bot.name}/sessions/{session.id}"}
    return Answer(_with_token(call, kept), 201, headers, subject=session.id, kept=kept)


def _source(call: Call, address: str | None) -> str:
    """What stands for the network a visitor comes from, without naming it; empty where the address says nothing.

    Behind a proxy whose headers are not believed all visitors have one address, and a private one says nothing: then
    each session is its own source.
    """
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if not parsed.is_global:
        return ""
    network = ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False)
    return call.service.secret.sign("source", str(network))[:32]


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/sessions",
        access=Access("review"),
        query=SessionPage,
        answers={200: Listing[SessionSummary]},
    )
)
def index(call: Call) -> Answer:
    """The sessions of a bot, the newest first; `owner=human` are those that wait for a person or have one."""
    asked: SessionPage = call.query
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: sessions.page(tx, bot.id, owner=asked.owner, after=after, limit=limit),
            lambda session: session.id,
            lambda session: SessionSummary(**_summary(bot, session)),
        )


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/sessions/<session>",
        access=Access("visitor", "review"),
        answers={200: SessionDetail},
        cross_origin=True,
    )
)
def show(call: Call) -> Answer:
    """A session and what was said in it. A visitor sees their own."""
    with call.service.store_of(call.caller).read() as tx:
        bot, session = _own(call, tx)
        return Answer(_detail(tx, bot, session))


@api.route(
    Route(
        method="PUT",
        rule="/v1/admin/bots/<bot>/sessions/<session>/owner",
        access=Access("review"),
        body=OwnerChange,
        answers={200: SessionDetail},
        effect=True,
    )
)
def hand(call: Call, tx: Tx) -> Answer:
    """Take a conversation over, or give it back to the bot."""
    asked: OwnerChange = call.body
    bot, session = _own(call, tx)
    sessions.hand(tx, bot.id, session.id, asked.owner)
    return Answer(_detail(tx, bot, sessions.get(tx, bot.id, session.id)), subject=session.id)


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/sessions/<session>/messages",
        access=Access("review"),
        body=AgentMessage,
        answers={201: TurnDetail},
        effect=True,
    )
)
def say(call: Call, tx: Tx) -> Answer:
    """Say something to the visitor as a person. The conversation must have been taken over."""
    asked: AgentMessage = call.body
    check_length(call, asked.text, "text")
    bot, found = _own(call, tx)
    session = sessions.lock(tx, bot.id, found.id)
    if session.owner != "human":
        raise Refusal(409, "conflict", "The bot has this conversation; take it over first.")
    turn = turns.add(tx, session, NewTurn(role="agent", text=asked.text))
    return Answer(turn_detail(bot, turn), 201, subject=session.id)


def check_length(call: Call, text: str, param: str) -> None:
    """Raises 422 for a message that is longer than messages may be."""
    most = call.service.settings.limits.message_chars
    if len(text) > most:
        message = f"The text is longer than {most} characters."
        raise Invalid(message, [{"param": param, "message": message}], code="message_too_long")


def _own(call: Call, tx: Tx) -> tuple[Bot, Session]:
    """The bot and the session of the address. To a visitor there are no sessions but their own."""
    bot = bots.get(tx, call.path["bot"])
    session = sessions.get(tx, bot.id, call.path["session"])
    caller = call.caller
    stranger = caller.session is not None and caller.session.id != session.id
    client = caller.session is None and "review" not in caller.scopes and session.key_id != caller.id
    if stranger or client:
        raise NotFound("There is no such session.")
    return bot, session


def _summary(bot: Bot, session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "bot": bot.name,
        "owner": session.owner,
        "turns": session.turns,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
    }


def _detail(tx: Tx, bot: Bot, session: Session) -> SessionDetail:
    said = turns.of_session(tx, session.id, last=200)
    return SessionDetail(**_summary(bot, session), messages=[turn_detail(bot, turn) for turn in said])


def turn_detail(bot: Bot, turn: StoredTurn) -> TurnDetail:
    """A turn as it is told."""
    return TurnDetail(
        id=turn.id,
        role=turn.role,
        text=turn.text,
        release=None if turn.release is None else f"{bot.name}@{turn.release}",
        intent=turn.intent,
        confidence=None if turn.confidence is None else round(turn.confidence, 3),
        source=turn.source,
        action=turn.action,
        latency_ms=turn.latency_ms,
        state=turn.state,
        created_at=turn.created_at,
    )
