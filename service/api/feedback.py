"""Feedback: given on a reply, kept apart until a reviewer has looked at it, and only then learned from."""

from __future__ import annotations

from typing import Any

from data import lessons
from data.errors import NotFound
from data.schema import OUT_OF_SCOPE
from data.store import Tx, bots, feedback, releases, sessions, turns
from data.store.bots import Bot
from data.store.feedback import Feedback, Given, Review
from data.store.turns import StoredTurn
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.errors import Invalid, Refusal
from service.schemas.feedback import (
    FeedbackCase,
    FeedbackDetail,
    FeedbackGiven,
    FeedbackPage,
    FeedbackReview,
    Outlook,
)
from service.schemas.shape import Listing

api = Api("feedback", "What people say of replies, and what reviewers make of it.")


@api.route(
    Route(
        method="POST",
        rule="/v1/bots/<bot>/feedback",
        access=Access("visitor", "review"),
        body=FeedbackGiven,
        answers={200: FeedbackDetail, 201: FeedbackDetail},
        effect=True,
        audited=False,
        cross_origin=True,
    )
)
def give(call: Call, tx: Tx) -> Answer:
    """Rate or correct a reply of one's own session. Sent again, it replaces what was said; it waits for a reviewer."""
    asked: FeedbackGiven = call.body
    bot = bots.get(tx, call.path["bot"])
    if asked.model_dump(exclude={"turn"}, exclude_none=True) == {}:
        raise _senseless("Say something: a rating, a correction or a comment.", "rating")
    turn = _rated(call, tx, bot, asked.turn)
    _check_intent(tx, bot, asked.corrected_intent)
    given = Given(
        turn=turn,
        author=call.caller.id,
        by_visitor=call.caller.is_visitor,
        source=_source(tx, bot, turn) if call.caller.is_visitor else call.caller.id,
        rating=asked.rating,
        corrected_reply=asked.corrected_reply,
        corrected_intent=asked.corrected_intent,
        comment=asked.comment,
    )
    found, new = feedback.put(tx, bot.id, given)
    return Answer(FeedbackDetail(**_facts(bot, found)), 201 if new else 200, subject=found.id)


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/feedback",
        access=Access("review"),
        query=FeedbackPage,
        answers={200: Listing[FeedbackCase]},
    )
)
def index(call: Call) -> Answer:
    """Feedback by what reviewing it is worth: disliked replies, low confidence and fallbacks first."""
    asked: FeedbackPage = call.query
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: feedback.page(tx, bot.id, state=asked.state, after=after, limit=limit),
            lambda one: [one.value, one.id],
            lambda one: _case(tx, bot, one),
        )


def _reviewed(call: Call, tx: Tx, state: Any) -> Answer:
    asked: FeedbackReview = call.body
    bot = bots.get(tx, call.path["bot"])
    _check_intent(tx, bot, asked.corrected_intent)
    review = Review(
        state, call.caller.id, asked.corrected_reply, asked.corrected_intent, asked.note, seen=asked.revision
    )
    found = feedback.review(tx, bot.id, call.path["feedback"], review)
    outlook = None
    if state == "accepted":
        seen = lessons.outlook(tx, call.service.settings, found)
        outlook = Outlook(split=seen.split, used=seen.used, codes=list(seen.codes), why=seen.why)
    return Answer(_case(tx, bot, found, outlook), subject=found.id, reason=asked.note)


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/feedback/<feedback>/accept",
        access=Access("review"),
        body=FeedbackReview,
        optional_body=True,
        answers={200: FeedbackCase},
        effect=True,
    )
)
def accept(call: Call, tx: Tx) -> Answer:
    """Take feedback into the next dataset, as it is or edited. `outlook` says what will become of it."""
    return _reviewed(call, tx, "accepted")


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/feedback/<feedback>/reject",
        access=Access("review"),
        body=FeedbackReview,
        optional_body=True,
        answers={200: FeedbackCase},
        effect=True,
    )
)
def reject(call: Call, tx: Tx) -> Answer:
    """Leave feedback out of every dataset to come."""
    return _reviewed(call, tx, "rejected")


def _rated(call: Call, tx: Tx, bot: Bot, turn_id: str) -> StoredTurn:
    """The reply that is spoken of. To a visitor there are no turns but those of their own session."""
    turn = turns.get(tx, bot.id, turn_id)
    session = call.caller.session
    if session is not None and turn.session_id != session.id:
        raise NotFound("There is no such turn.")
    is_client = session is None and "review" not in call.caller.scopes
    if is_client and sessions.get(tx, bot.id, turn.session_id).key_id != call.caller.id:
        raise NotFound("There is no such turn.")
    if turn.role == "user":
        raise _senseless("Feedback speaks of a reply; this turn is a visitor's message.", "turn")
    return turn


def _source(tx: Tx, bot: Bot, turn: StoredTurn) -> str:
    session = sessions.get(tx, bot.id, turn.session_id)
    return session.source or session.id


def _check_intent(tx: Tx, bot: Bot, name: str | None) -> None:
    """Raises 422 for an intent that neither the profile nor the live release knows."""
    if name is None or name == OUT_OF_SCOPE:
        return
    _, profile = bots.profile(tx, bot.id)
    live = releases.live(tx, bot.id).release
    known = {intent.name for intent in profile.intents} | set((live.manifest or {}).get("labels", ()) if live else ())
    if name not in known:
        raise _senseless("This is no intent of the bot; `oos` is what none of them covers.", "corrected_intent")


def _senseless(message: str, param: str) -> Refusal:
    return Invalid(message, [{"param": param, "message": message}])


def _facts(bot: Bot, one: Feedback) -> dict[str, Any]:
    return {
        "id": one.id,
        "bot": bot.name,
        "session": one.session_id,
        "turn": one.turn_id,
        "rating": one.rating,
        "corrected_reply": one.corrected_reply,
        "corrected_intent": one.corrected_intent,
        "comment": one.comment,
        "state": one.state,
        "revision": one.revision,
        "by_visitor": one.by_visitor,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


def _case(tx: Tx, bot: Bot, one: Feedback, outlook: Outlook | None = None) -> FeedbackCase:
    reply = turns.get(tx, bot.id, one.turn_id)
    message = turns.get(tx, bot.id, reply.reply_to) if reply.reply_to else None
    return FeedbackCase(
        **_facts(bot, one),
        message=message.text if message else "",
        reply=reply.text,
        intent=reply.intent,
        confidence=None if reply.confidence is None else round(reply.confidence, 3),
        source=reply.source,
        release=None if reply.release is None else f"{bot.name}@{reply.release}",
        review=one.review,
        reviewed_at=one.reviewed_at,
        reviewer=one.reviewer,
        outlook=outlook,
    )
