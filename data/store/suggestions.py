"""Intents that discovery suggests, what reviewers made of them, and the turns behind each.

    proposed -> accepted | dismissed        accepted <-> dismissed

A new discovery (`discoveries`) takes the place of what the one before it proposed; what a reviewer touched stays.
Turns are named by conversation and place; their words are not copied. Whoever changes anything holds the bot's row
first, so that two reviewers, a discovery and an erasure take turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, delete, func, insert, select, tuple_, update

from data.errors import NotFound
from data.store import bots
from data.store.engine import Tx
from data.store.suggestion_tables import suggestion_turns, suggestions

State = Literal["proposed", "accepted", "dismissed"]
BATCH = 500
"""Values per IN (...), and rows per statement: below the limit of variables of every SQLite build."""


class Place(NamedTuple):
    """A user turn: the key of its conversation, and which of its turns it is."""

    conversation: str
    place: int


class NewTurn(NamedTuple):
    """A turn of a group that was found: its rank there from 0, the most typical, and in which half of it it stands."""

    place: Place
    rank: int
    half: int = 0


@dataclass(frozen=True, slots=True)
class Behind:
    """A turn behind a suggestion. `origin` is the sequence of the suggestion that it was found for, `part` the half of
    that: neither changes when suggestions are merged and split, so that both can be undone."""

    place: Place
    rank: int
    origin: int
    part: int


@dataclass(frozen=True, slots=True)
class NewSuggestion:
    """A suggestion to be kept, with its turns. `reviewer` is whoever made it, where no discovery did."""

    name: str
    terms: Sequence[str]
    turns: Sequence[NewTurn] = ()
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested intent as it stands. `sequence` orders those of a bot: the older discovery first, in each the largest
    first. `turns` and `conversations` count what is behind it now."""

    id: str
    bot_id: str
    discovery_id: str
    sequence: int
    state: State
    name: str
    terms: list[str]
    revision: int
    reviewer: str | None
    created_at: datetime
    updated_at: datetime
    accepted_at: datetime | None
    turns: int
    conversations: int


_STORED = [column for column in suggestions.c if column.name != "workspace_id"]


def add(tx: Tx, bot_id: str, discovery_id: str, sequence: int, new: NewSuggestion) -> str:
    """Propose one more intent; its id."""
    body = {
        "id": tx.new_id("suggestion"),
        "bot_id": bot_id,
        "discovery_id": discovery_id,
        "sequence": sequence,
        "state": "proposed",
        "name": new.name,
        "terms": list(new.terms),
        "revision": 1,
        "reviewer": new.reviewer,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.insert(suggestions, body)
    for chunk in chunks(new.turns):
        rows = [
            {"workspace_id": tx.workspace, "suggestion_id": body["id"], "conversation_id": one.place.conversation,
             "place": one.place.place, "rank": one.rank, "origin": sequence, "part": 2 * sequence + one.half}
            for one in chunk
        ]  # fmt: skip
        tx.connection.execute(insert(suggestion_turns), rows)
    return str(body["id"])


def free_sequence(tx: Tx, bot_id: str) -> int:
    """A number that no suggestion of the bot carries, and no turn behind one remembers, nor any above it."""
    c, turns = suggestions.c, suggestion_turns
    of_bot = (tx.owns(suggestions), c.bot_id == bot_id)
    joined = suggestions.join(turns, (turns.c.suggestion_id == c.id) & tx.owns(turns))
    newest = select(func.max(c.sequence)).where(*of_bot)
    origin = select(func.max(turns.c.origin)).select_from(joined).where(*of_bot)
    return 1 + max(tx.connection.execute(one).scalar() or 0 for one in (newest, origin))


def untouched(tx: Tx, bot_id: str) -> list[str]:
    """The ids of what is proposed and no reviewer has changed."""
    c = suggestions.c
    wanted = select(c.id).where(tx.owns(suggestions), c.bot_id == bot_id, c.reviewer.is_(None))
    return list(tx.connection.execute(wanted).scalars())


def page(
    tx: Tx, bot_id: str, *, state: State | None = None, after: tuple[int, str] | None = None, limit: int
) -> list[Suggestion]:
    """At most `limit` suggestions by sequence, from the one after `after` (its sequence and id) on."""
    c = suggestions.c
    statement = _all(tx).where(c.bot_id == bot_id)
    if state is not None:
        statement = statement.where(c.state == state)
    if after is not None:
        statement = statement.where(tuple_(c.sequence, c.id) > tuple(after))
    found = tx.connection.execute(statement.order_by(c.sequence, c.id).limit(limit))
    return [Suggestion(*row) for row in found]


def get(tx: Tx, bot_id: str, suggestion_id: str) -> Suggestion:
    """Raises NotFound."""
    c = suggestions.c
    row = tx.connection.execute(_all(tx).where(c.bot_id == bot_id, c.id == suggestion_id)).first()
    if row is None:
        raise NotFound("There is no such suggestion.", remedy="`attune intents BOT` lists them.")
    return Suggestion(*row)


def lock(tx: Tx, bot_id: str, suggestion_id: str) -> Suggestion:
    """The same; it, and all suggestions of the bot, are held until the transaction ends. Raises NotFound."""
    bots.lock(tx, bot_id)
    return get(tx, bot_id, suggestion_id)


def names(tx: Tx, bot_id: str) -> list[str]:
    """The names of all that was not dismissed."""
    c = suggestions.c
    wanted = select(c.name).where(tx.owns(suggestions), c.bot_id == bot_id, c.state != "dismissed")
    return list(tx.connection.execute(wanted.order_by(c.sequence, c.id)).scalars())


def change(tx: Tx, held: Suggestion, **values: Any) -> Suggestion:
    """Change a suggestion that was locked; one revision more."""
    body = {"updated_at": tx.now, "revision": held.revision + 1, **values}
    is_it = (tx.owns(suggestions), suggestions.c.id == held.id)
    tx.connection.execute(update(suggestions).where(*is_it).values(**body))
    return get(tx, held.bot_id, held.id)


def drop(tx: Tx, ids: Sequence[str]) -> None:
    """Delete suggestions with what names their turns."""
    for chunk in chunks(ids):
        named = suggestion_turns.c.suggestion_id.in_(chunk)
        tx.connection.execute(delete(suggestion_turns).where(tx.owns(suggestion_turns), named))
        tx.connection.execute(delete(suggestions).where(tx.owns(suggestions), suggestions.c.id.in_(chunk)))


def mark(tx: Tx, bot_id: str, state: State | None = "accepted") -> str:
    """A digest of what is accepted: it changes when the labels that follow from it do. Without a state, of all that
    reviewers touched."""
    c = suggestions.c
    chosen = c.reviewer.is_not(None) if state is None else c.state == state
    wanted = select(c.id, c.revision).where(tx.owns(suggestions), c.bot_id == bot_id, chosen)
    digest = hashlib.sha256()
    for one in tx.connection.execute(wanted.order_by(c.id)):
        digest.update(f"{one.id}\x1f{one.revision}\x1e".encode())
    return digest.hexdigest()


def _all(tx: Tx) -> Select[Any]:
    turns = suggestion_turns
    of_it = (turns.c.workspace_id == suggestions.c.workspace_id) & (turns.c.suggestion_id == suggestions.c.id)
    count = select(func.count()).where(of_it).correlate(suggestions).scalar_subquery()
    said = select(func.count(turns.c.conversation_id.distinct())).where(of_it).correlate(suggestions).scalar_subquery()
    return select(*_STORED, count, said).where(tx.owns(suggestions))


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values, a bounded number at a time."""
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
