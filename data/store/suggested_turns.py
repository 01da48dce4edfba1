"""The turns behind suggested intents: which, what was said in them, and what label they get.

Their words stand in the conversations, and are read from there: when a conversation goes, nothing of it is left here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, select, tuple_, update

from data.errors import Conflict
from data.schema import Split
from data.store import bots, discoveries
from data.store.engine import Tx
from data.store.packing import unpacked
from data.store.suggestion_tables import suggestion_turns, suggestions
from data.store.suggestions import Behind, Place, State, Suggestion, change, chunks, drop, get
from data.store.tables import conversations

_NOT_WORD = re.compile(r"[\W_]+")


class Mark(NamedTuple):
    """Where a turn stands among those of a suggestion."""

    rank: int
    conversation: str
    place: int


class Utterance(NamedTuple):
    """What a customer said, and where; `split` is None where nothing was frozen yet."""

    mark: Mark
    text: str
    split: Split | None

    @property
    def place(self) -> Place:
        return Place(self.mark.conversation, self.mark.place)


def behind(tx: Tx, suggestion_id: str) -> list[Behind]:
    """All turns of a suggestion, the most typical first."""
    c = suggestion_turns.c
    wanted = select(c.conversation_id, c.place, c.rank, c.origin, c.part)
    ordered = wanted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id)
    found = tx.connection.execute(ordered.order_by(c.rank, c.conversation_id, c.place))
    return [Behind(Place(row[0], row[1]), *row[2:]) for row in found]


def utterances(tx: Tx, suggestion_id: str, limit: int, after: Sequence[Any] | None = None) -> list[Utterance]:
    """What was said in at most `limit` turns of a suggestion, the most typical first, from the one after the mark
    `after` on."""
    c, said = suggestion_turns.c, conversations
    joined = suggestion_turns.join(said, (said.c.id == c.conversation_id) & tx.owns(said))
    order = (c.rank, c.conversation_id, c.place)
    wanted = select(*order, said.c.body, said.c.split).select_from(joined)
    chosen = wanted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id)
    if after is not None:
        chosen = chosen.where(tuple_(*order) > tuple(after))
    found = tx.connection.execute(chosen.order_by(*order).limit(limit))
    return [Utterance(Mark(*row[:3]), unpacked(row[3]).turns[row[2]].text, row[4]) for row in found]


def splits(tx: Tx, suggestion_id: str) -> dict[str, int]:
    """How many of its turns are in which split; "" where that is not decided yet."""
    c, said = suggestion_turns.c, conversations
    joined = suggestion_turns.join(said, (said.c.id == c.conversation_id) & tx.owns(said))
    counted = select(said.c.split, func.count()).select_from(joined)
    grouped = counted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id).group_by(said.c.split)
    return {row[0] or "": int(row[1]) for row in tx.connection.execute(grouped)}


def move(tx: Tx, source: str, target: str, places: Sequence[Place] | None = None) -> None:
    """Put turns of one suggestion, all or those named, behind another. Raises Conflict where both hold one of them."""
    c, other = suggestion_turns.c, suggestion_turns.alias()
    key = ("workspace_id", "conversation_id", "place")
    same = and_(*(other.c[name] == c[name] for name in key), other.c.suggestion_id == target)
    shared = select(c.place).join(other, same)
    of_source = (tx.owns(suggestion_turns), c.suggestion_id == source)
    if tx.connection.execute(shared.where(*of_source).limit(1)).first() is not None:
        raise Conflict("A message stands behind both suggestions.", remedy="Accept one of them, dismiss the other.")
    moved = update(suggestion_turns).where(*of_source).values(suggestion_id=target)
    if places is None:
        tx.connection.execute(moved)
        return
    one = moved.where(c.conversation_id == bindparam("its_conversation"), c.place == bindparam("its_place"))
    for chunk in chunks(places):
        rows = [{"its_conversation": place.conversation, "its_place": place.place} for place in chunk]
        tx.connection.execute(one, rows)


def decided(tx: Tx, bot_id: str, state: State | None = None) -> dict[Place, str]:
    """The turns behind what reviewers touched, or behind what is in `state`, with the name they get there; of two the
    one that was accepted first, or else made first."""
    c, one = suggestion_turns.c, suggestions
    joined = suggestion_turns.join(one, (one.c.id == c.suggestion_id) & tx.owns(one))
    wanted = select(c.conversation_id, c.place, one.c.name).select_from(joined)
    chosen = one.c.reviewer.is_not(None) if state is None else one.c.state == state
    found: dict[Place, str] = {}
    ordered = wanted.where(tx.owns(suggestion_turns), one.c.bot_id == bot_id, chosen)
    for conversation, place, name in tx.connection.execute(ordered.order_by(one.c.accepted_at, one.c.id)):
        found.setdefault(Place(conversation, place), name)
    return found


def forget(tx: Tx, bot_id: str, keys: Sequence[str]) -> set[str]:
    """Take conversations that are to be deleted out of every suggestion. A suggestion without turns goes; a name that
    the machine made of what was said, and its words, go as well.

    Where a suggestion held any: its id and those of all discoveries, by which answers are found that tell of it, or of
    one that was merged into it.
    """
    bots.lock(tx, bot_id)
    c, touched = suggestion_turns.c, set[str]()
    for chunk in chunks(list(keys)):
        named = (tx.owns(suggestion_turns), c.conversation_id.in_(chunk))
        touched |= set(tx.connection.execute(select(c.suggestion_id).where(*named).distinct()).scalars())
        tx.connection.execute(delete(suggestion_turns).where(*named))
    for one in sorted(touched):
        held = get(tx, bot_id, one)
        if not held.turns:
            drop(tx, [one])
            continue
        change(tx, held, terms=[], **({"name": f"topic_{held.sequence}"} if _is_made(held) else {}))
    return {*touched, *discoveries.ids(tx, bot_id)} if touched else touched


def _is_made(held: Suggestion) -> bool:
    """Whether the name is the machine's: nobody stands for it yet, and it is made of the telling words."""
    words = {word for term in held.terms for word in _NOT_WORD.sub(" ", term).split()}
    own = {word for word in held.name.split("_") if not word.isdigit()}
    return held.state == "proposed" and (held.reviewer is None or own <= words)
