"""Feedback on replies: pending until a reviewer accepts or rejects it, every version of it kept.

One author has one current word on a turn. A change is a new revision and waits for a review again, so that nothing is
learned that no reviewer has seen. `value` orders the queue: what teaches most comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, and_, func, or_, select, update

from data.errors import Conflict, NotFound
from data.store import turns
from data.store.engine import Tx
from data.store.serving_tables import feedback, feedback_revisions
from data.store.tables import columns_of
from data.store.turns import StoredTurn

State = Literal["pending", "accepted", "rejected"]
SAID = ("rating", "corrected_reply", "corrected_intent", "comment")


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of the reply `turn`. `author` is a session or a key, `source` where its author comes from."""

    turn: StoredTurn
    author: str
    by_visitor: bool
    source: str
    rating: int | None = None
    corrected_reply: str | None = None
    corrected_intent: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's decision; a correction named here stands in for the author's.

    `seen` is the revision that was reviewed, where the reviewer can tell: another one is not decided on.
    """

    state: Literal["accepted", "rejected"]
    reviewer: str
    corrected_reply: str | None = None
    corrected_intent: str | None = None
    note: str | None = None
    seen: int | None = None

    def to_wire(self) -> dict[str, str]:
        said = {name: getattr(self, name) for name in ("corrected_reply", "corrected_intent", "note")}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Feedback:
    """Feedback as it stands. `prepared` is the conversation that is learned from, made of revision `prepared_revision`.

    `review` holds what the reviewer changed: corrected_reply, corrected_intent, note.
    """

    id: str
    bot_id: str
    session_id: str
    turn_id: str
    author: str
    by_visitor: bool
    source: str
    rating: int | None
    corrected_reply: str | None
    corrected_intent: str | None
    comment: str | None
    state: State
    revision: int
    value: float
    created_at: datetime
    updated_at: datetime
    reviewed_at: datetime | None
    reviewer: str | None
    review: dict[str, Any] | None
    prepared: dict[str, Any] | None
    prepared_revision: int | None

    @property
    def reply(self) -> str | None:
        """The reply that should have been given: the reviewer's words, else the author's."""
        return (self.review or {}).get("corrected_reply") or self.corrected_reply

    @property
    def intent(self) -> str | None:
        """The intent that was meant: the reviewer's word, else the author's."""
        return (self.review or {}).get("corrected_intent") or self.corrected_intent


_COLUMNS = columns_of(feedback, Feedback)


def put(tx: Tx, bot_id: str, given: Given) -> tuple[Feedback, bool]:
    """Keep what was given; True when it is new. The same again changes nothing; a change waits for a review again.

    Raises NotFound unless the turn is that bot's.
    """
    turns.get(tx, bot_id, given.turn.id)
    said = {name: getattr(given, name) for name in SAID}
    held = _of_author(tx, given.turn.id, given.author)
    if held is None:
        body: dict[str, Any] = {
            "id": tx.new_id("feedback"),
            "bot_id": bot_id,
            "session_id": given.turn.session_id,
            "turn_id": given.turn.id,
            "author": given.author,
            "by_visitor": given.by_visitor,
            "source": given.source,
            **said,
            "state": "pending",
            "revision": 1,
            "value": worth(given),
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        if tx.insert(feedback, body):
            _note(tx, body["id"], 1, said, given.author)
            return get(tx, bot_id, body["id"]), True
        held = _of_author(tx, given.turn.id, given.author)
        assert held is not None, "somebody else has just put it there"
    if said == {name: getattr(held, name) for name in SAID}:
        return held, False
    revision = held.revision + 1
    changed = {"reviewed_at": None, "reviewer": None, "review": None, "updated_at": tx.now}
    _set(tx, held.id, {**said, **changed, "state": "pending", "revision": revision, "value": worth(given)})
    _note(tx, held.id, revision, said, given.author)
    return get(tx, bot_id, held.id), False


def worth(given: Given) -> float:
    """What reviewing it is worth: a dislike counts most, then a correction, a fallback, and how unsure the bot was."""
    turn = given.turn
    unsure = 1.0 - (turn.confidence if turn.confidence is not None else 0.5)
    corrected = given.corrected_reply is not None or given.corrected_intent is not None
    fell_back = turn.action in ("fallback", "clarify", "handoff")
    return round(4.0 * (given.rating == -1) + 2.0 * corrected + 1.0 * fell_back + unsure, 6)


def review(tx: Tx, bot_id: str, feedback_id: str, decided: Review) -> Feedback:
    """Accept or reject. The same decision again changes nothing.

    Raises NotFound, and Conflict when its author, or another reviewer, changed it since it was `seen`.
    """
    held = _lock(tx, bot_id, feedback_id)
    wire = decided.to_wire()
    if (held.state, held.review or {}) == (decided.state, wire):
        return held
    if decided.seen not in (None, held.revision):
        raise Conflict(
            f"This feedback is at revision {held.revision}; revision {decided.seen} was reviewed.",
            remedy="Read it again, then decide.",
            feedback=feedback_id,
            revision=held.revision,
        )
    revision = held.revision + 1
    values: dict[str, Any] = {
        "state": decided.state,
        "revision": revision,
        "reviewed_at": tx.now,
        "reviewer": decided.reviewer,
        "review": wire,
    }
    _set(tx, held.id, values)
    _note(tx, held.id, revision, {"state": decided.state, **wire}, decided.reviewer)
    return get(tx, bot_id, feedback_id)


def get(tx: Tx, bot_id: str, feedback_id: str) -> Feedback:
    """Raises NotFound."""
    return _one(tx, _all(tx).where(feedback.c.bot_id == bot_id, feedback.c.id == feedback_id))


def page(
    tx: Tx, bot_id: str, *, state: State | None = None, after: tuple[float, str] | None = None, limit: int
) -> list[Feedback]:
    """At most `limit` pieces, worth most first, from the one after `after` (its value and id) on."""
    statement = _all(tx).where(feedback.c.bot_id == bot_id)
    if state is not None:
        statement = statement.where(feedback.c.state == state)
    if after is not None:
        value, last = after
        behind = and_(feedback.c.value == value, feedback.c.id > last)
        statement = statement.where(or_(feedback.c.value < value, behind))
    ordered = statement.order_by(feedback.c.value.desc(), feedback.c.id).limit(limit)
    return [Feedback(*row) for row in tx.connection.execute(ordered)]


def accepted(tx: Tx, bot_id: str) -> list[Feedback]:
    """All that was accepted for this bot, oldest first."""
    wanted = _all(tx).where(feedback.c.bot_id == bot_id, feedback.c.state == "accepted")
    ordered = wanted.order_by(feedback.c.created_at, feedback.c.id)
    return [Feedback(*row) for row in tx.connection.execute(ordered)]


def times_from(tx: Tx, bot_id: str, source: str) -> list[datetime]:
    """When feedback came from this source, oldest first: what tells a flood."""
    statement = select(feedback.c.created_at).where(
        tx.owns(feedback), feedback.c.bot_id == bot_id, feedback.c.source == source
    )
    return list(tx.connection.execute(statement.order_by(feedback.c.created_at)).scalars())


def counts_by_source(tx: Tx, bot_id: str, state: State = "accepted") -> dict[str, int]:
    """How many pieces in this state each source gave."""
    statement = (
        select(feedback.c.source, func.count())
        .where(tx.owns(feedback), feedback.c.bot_id == bot_id, feedback.c.state == state)
        .group_by(feedback.c.source)
    )
    return {row[0]: row[1] for row in tx.connection.execute(statement)}


def revisions(tx: Tx, feedback_id: str) -> list[dict[str, Any]]:
    """Everything that was said and decided, in order."""
    c = feedback_revisions.c
    statement = select(c.revision, c.body, c.actor, c.created_at).where(
        tx.owns(feedback_revisions), c.feedback_id == feedback_id
    )
    return [dict(row._mapping) for row in tx.connection.execute(statement.order_by(c.revision))]


def keep_prepared(tx: Tx, feedback_id: str, revision: int, prepared: Mapping[str, Any]) -> None:
    """Keep the conversation that was made of this revision, so that it is made once."""
    same = (feedback.c.id == feedback_id, feedback.c.revision == revision)
    values = {"prepared": dict(prepared), "prepared_revision": revision}
    tx.connection.execute(update(feedback).where(tx.owns(feedback), *same).values(**values))


def _of_author(tx: Tx, turn_id: str, author: str) -> Feedback | None:
    wanted = _all(tx).where(feedback.c.turn_id == turn_id, feedback.c.author == author).with_for_update()
    row = tx.connection.execute(wanted).first()
    return None if row is None else Feedback(*row)


def _lock(tx: Tx, bot_id: str, feedback_id: str) -> Feedback:
    return _one(tx, _all(tx).where(feedback.c.bot_id == bot_id, feedback.c.id == feedback_id).with_for_update())


def _all(tx: Tx) -> Select[Any]:
    return select(*_COLUMNS).where(tx.owns(feedback))


def _one(tx: Tx, statement: Select[Any]) -> Feedback:
    row = tx.connection.execute(statement).first()
    if row is None:
        raise NotFound("There is no such feedback.")
    return Feedback(*row)


def _set(tx: Tx, feedback_id: str, values: Mapping[str, Any]) -> None:
    tx.connection.execute(update(feedback).where(tx.owns(feedback), feedback.c.id == feedback_id).values(**values))


def _note(tx: Tx, feedback_id: str, revision: int, body: Mapping[str, Any], actor: str) -> None:
    values = {
        "feedback_id": feedback_id,
        "revision": revision,
        "body": dict(body),
        "actor": actor,
        "created_at": tx.now,
    }
    tx.insert(feedback_revisions, values)
