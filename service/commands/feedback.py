"""`attune feedback`: what people said of replies, looked at and decided on."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from data import lessons
from data.errors import UsageError
from data.store import Tx, feedback, turns
from data.store.bots import Bot
from data.store.feedback import Feedback, Review
from service.session import Session
from service.tables import listing, text
from service.terminal import Answer
from service.verbs import BotName, verb

SHOWN = 100
CUT = 60


@dataclass(frozen=True, kw_only=True)
class FeedbackAsked:
    bot: BotName
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Which: pending, accepted, rejected or all.")
    ] = "pending"
    accept: Annotated[str | None, typer.Option("--accept", metavar="ID", help="Take it into the next dataset.")] = None
    reject: Annotated[str | None, typer.Option("--reject", metavar="ID", help="Leave it out.")] = None
    reply: Annotated[str | None, typer.Option("--reply", metavar="TEXT", help="The reply, in your words.")] = None
    intent: Annotated[str | None, typer.Option("--intent", metavar="NAME", help="The intent, corrected.")] = None
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why.")] = None


def review(session: Session, asked: FeedbackAsked) -> Answer:
    """List feedback by what reviewing it is worth; or accept or reject one piece of it."""
    if asked.state not in ("pending", "accepted", "rejected", "all"):
        raise UsageError("--state is pending, accepted, rejected or all.")
    if asked.accept is not None and asked.reject is not None:
        raise UsageError("Accept or reject, not both.")
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        if asked.accept is not None or asked.reject is not None:
            with store.begin() as tx:
                return _decide(session, tx, bot, asked)
        state: Any = None if asked.state == "all" else asked.state
        with store.read() as tx:
            found = feedback.page(tx, bot.id, state=state, limit=SHOWN)
            wires = [_wire(tx, bot, one) for one in found]
    rows = [
        (one["id"], one["state"], one["rating"], _cut(one["message"]), _cut(one["reply"]),
         _cut(one["corrected_reply"] or one["corrected_intent"] or one["comment"] or ""))
        for one in wires
    ]  # fmt: skip
    head = ["feedback", "state", "rating", "the visitor said", "the bot replied", "correction"]
    return Answer({"feedback": wires}, listing(head, rows, "There is none."))


def register(app: typer.Typer) -> None:
    verb(app, "feedback")(review)


def _decide(session: Session, tx: Tx, bot: Bot, asked: FeedbackAsked) -> Answer:
    state: Literal["accepted", "rejected"] = "accepted" if asked.accept is not None else "rejected"
    wanted = asked.accept or asked.reject or ""
    reviewer = f"cli:{getpass.getuser()}"
    found = feedback.review(tx, bot.id, wanted, Review(state, reviewer, asked.reply, asked.intent, asked.note))
    wire = _wire(tx, bot, found)
    if state == "rejected":
        return Answer(wire, text(f"{found.id} is rejected."))
    seen = lessons.outlook(tx, session.settings, found)
    wire["outlook"] = {"split": seen.split, "used": seen.used, "codes": list(seen.codes), "why": seen.why}
    return Answer(wire, text(f"{found.id} is accepted. {seen.why}\nNext: attune train {bot.name}"))


def _wire(tx: Tx, bot: Bot, one: Feedback) -> dict[str, Any]:
    reply = turns.get(tx, bot.id, one.turn_id)
    message = turns.get(tx, bot.id, reply.reply_to) if reply.reply_to else None
    shown = ("id", "state", "rating", "corrected_reply", "corrected_intent", "comment", "revision", "by_visitor",
             "created_at", "updated_at", "review", "reviewer")  # fmt: skip
    return {
        **{name: getattr(one, name) for name in shown},
        "bot": bot.name,
        "turn": one.turn_id,
        "message": message.text if message else "",
        "reply": reply.text,
        "intent": reply.intent,
        "confidence": reply.confidence,
        "source": reply.source,
        "release": reply.release,
    }


def _cut(words: str) -> str:
    return words if len(words) <= CUT else words[: CUT - 1] + "…"
