"""Chat and parse: the two questions a visitor's page asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request

from data.store import bots
from data.store.bots import Bot
from export.situation import label_of
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.sessions import check_length
from service.chatting import Exchange, Said, own_session, pieces
from service.hangups import hung_up
from service.schemas.chat import ChatAsked, ChatReply, Feeling, FoundEntity, ParseAsked, RankedIntent, Understood
from service.streams import Event

api = Api("chat", "Talking with a bot.")

EXPLAINED = ("reason", "in_scope", "candidates", "drafts")
"""What is told of a reply to whoever asks for it."""
READERS = frozenset(("data", "review", "admin"))
"""Scopes whose holders may read what was not said: nobody has vouched for it, so it is nothing for visitors."""


@api.route(
    Route(
        method="POST",
        rule="/v1/bots/<bot>/chat",
        access=Access("visitor"),
        body=ChatAsked,
        answers={200: ChatReply},
        refusals=(409, 507),
        cross_origin=True,
        streams=True,
    )
)
def chat(call: Call) -> Answer | Response:
    """Answer a message in its session. Both turns are kept; with `stream` the reply comes as events."""
    asked: ChatAsked = call.body
    check_length(call, asked.message, "message")
    session_id = own_session(asked.session, call.caller.session)
    store = call.service.store_of(call.caller)
    with store.read() as tx:
        bot = bots.get(tx, call.path["bot"])
        call.service.check_session(tx, call.caller, bot.id, session_id)
    exchange = call.service.chats.answer(
        store, bot, session_id, Said(asked.message, asked.message_id, hung_up(request))
    )
    in_full = not READERS.isdisjoint(call.caller.scopes)
    reply = _reply(bot, exchange, _explanation(exchange, in_full=in_full) if asked.explain else None)
    if reply.source is not None and reply.action is not None:
        call.service.metrics.replies.labels(reply.source, reply.action).inc()
    if asked.stream:
        return call.service.streams.answer(_streamed(reply), is_ready=True)
    return Answer(reply)


@api.route(
    Route(
        method="POST",
        rule="/v1/bots/<bot>/parse",
        access=Access("read", "visitor"),
        body=ParseAsked,
        answers={200: Understood},
        cross_origin=True,
    )
)
def parse(call: Call) -> Answer:
    """What a text means to the bot. Nothing is kept."""
    asked: ParseAsked = call.body
    check_length(call, asked.text, "text")
    check_length(call, asked.before or "", "before")
    bot = call.service.bot(call.caller.workspace, call.path["bot"])
    with call.service.bots.answering(call.caller.workspace, bot) as predictor:
        understood, release = predictor.understand(asked.text), predictor.release
        label = label_of(understood, predictor.parts.thresholds)
        entities = predictor.entities(asked.text, asked.before)
    felt = understood.sentiment
    ranking = [RankedIntent(intent=one.intent, probability=round(one.probability, 3)) for one in understood.ranking]
    return Answer(
        Understood(
            intent=label,
            confidence=round(understood.confidence, 3),
            in_scope=round(understood.in_scope, 3),
            ranking=ranking,
            entities=[FoundEntity(**one.to_wire()) for one in entities],
            sentiment=Feeling(**felt.to_wire()) if felt else None,
            release=release,
        )
    )


def _streamed(reply: ChatReply) -> Iterator[Event]:
    for piece in pieces(reply.reply or ""):
        yield "delta", {"text": piece}
    yield "reply", reply.model_dump(mode="json")


def _reply(bot: Bot, exchange: Exchange, explanation: dict[str, Any] | None) -> ChatReply:
    answer, session = exchange.answer, exchange.session
    detail = _detail(exchange)
    return ChatReply(
        turn=answer.id if answer else None,
        message_turn=exchange.message.id,
        session=session.id,
        owner=session.owner,
        reply=answer.text if answer else None,
        intent=answer.intent if answer else None,
        confidence=round(answer.confidence, 3) if answer and answer.confidence is not None else None,
        source=answer.source if answer else None,
        action=answer.action if answer else None,
        ranking=[RankedIntent(**one) for one in detail.get("ranking", [])],
        entities=[_entity(exchange.message.text, one) for one in detail.get("entities", [])],
        sentiment=Feeling(**detail["sentiment"]) if detail.get("sentiment") else None,
        release=f"{bot.name}@{answer.release}" if answer else None,
        latency_ms=answer.latency_ms if answer else None,
        explanation=explanation,
    )


def _detail(exchange: Exchange) -> dict[str, Any]:
    return (exchange.answer.detail if exchange.answer is not None else None) or {}


def _explanation(exchange: Exchange, *, in_full: bool) -> dict[str, Any]:
    """What led to the reply; if not `in_full`, without the words of what was not said."""
    told = {name: _detail(exchange).get(name) for name in EXPLAINED}
    if in_full or exchange.answer is None:
        return told
    for name in ("candidates", "drafts"):
        told[name] = [_said_alone(one, exchange.answer.text) for one in told[name] or ()]
    return told


def _said_alone(one: dict[str, Any], said: str) -> dict[str, Any]:
    """A candidate or a draft, with its words only where they are the reply."""
    return {name: value for name, value in one.items() if name != "reply" or value == said}


def _entity(message: str, kept: dict[str, Any]) -> FoundEntity:
    """An entity as it was kept, with its value from the message it was found in."""
    return FoundEntity(**kept, value=message[kept["start"] : kept["end"]])
