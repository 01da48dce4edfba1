"""The turns behind suggested intents: which, what was said in them, and what label they get.

Their words stand in the conversations, and are read from there: when a conversation goes, nothing of it is left here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select, tuple_, update

from data.errors import Conflict
from data.schema import Split
from data.store.engine import Tx
from data.store.packing import unpacked
from data.store.suggestion_tables import suggestion_turns, suggestions
from data.store.suggestions import Behind, Place, State, change, chunks, drop, get
from data.store.tables import conversations


class Utterance(NamedTuple):
    """What a customer said, and where; `split` is None where nothing was frozen yet."""

    place: Place
    text: str
    split: Split | None


def behind(tx: Tx, suggestion_id: str) -> list[Behind]:
    """All turns of a suggestion, the most typical first."""
    c = suggestion_turns.c
    wanted = select(c.conversation_id, c.place, c.rank, c.origin, c.part)
    ordered = wanted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id)
    found = tx.connection.execute(ordered.order_by(c.rank, c.conversation_id, c.place))
    return [Behind(Place(row[0], row[1]), *row[2:]) for row in found]


def utterances(tx: Tx, suggestion_id: str, limit: int, after: int = 0) -> list[Utterance]:
    """What was said in at most `limit` turns of a suggestion, the most typical first, after the first `after`."""
    c, said = suggestion_turns.c, conversations
    joined = suggestion_turns.join(said, (said.c.id == c.conversation_id) & tx.owns(said))
    wanted = select(c.conversation_id, c.place, said.c.body, said.c.split).select_from(joined)
    ordered = wanted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id)
    found = tx.connection.execute(ordered.order_by(c.rank, c.conversation_id, c.place).offset(after).limit(limit))
    return [Utterance(Place(row[0], row[1]), unpacked(row[2]).turns[row[1]].text, row[3]) for row in found]


def splits(tx: Tx, suggestion_id: str) -> dict[str, int]:
    """How many of its turns are in which split; "" where that is not decided yet."""
    c, said = suggestion_turns.c, conversations
    joined = suggestion_turns.join(said, (said.c.id == c.conversation_id) & tx.owns(said))
    counted = select(said.c.split, func.count()).select_from(joined)
    grouped = counted.where(tx.owns(suggestion_turns), c.suggestion_id == suggestion_id).group_by(said.c.split)
    return {row[0] or "": int(row[1]) for row in tx.connection.execute(grouped)}


def move(tx: Tx, source: str, target: str, places: Sequence[Place] | None = None) -> None:
    """Put turns of one suggestion, all or those named, behind another. Raises Conflict where both hold one of them."""
    c = suggestion_turns.c
    there = {one.place for one in behind(tx, target)}
    moved = [one.place for one in behind(tx, source)] if places is None else list(places)
    if there & set(moved):
        raise Conflict("A turn stands behind both suggestions.", remedy="Accept one of them, dismiss the other.")
    for chunk in chunks(moved):
        named = tuple_(c.conversation_id, c.place).in_([tuple(one) for one in chunk])
        of_source = update(suggestion_turns).where(tx.owns(suggestion_turns), c.suggestion_id == source, named)
        tx.connection.execute(of_source.values(suggestion_id=target))


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
    """Take conversations that are to be deleted out of every suggestion; the ids of those that held any.

    A suggestion without turns goes. A name that the machine made of what was said, and its words, go as well.
    """
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
        made = held.reviewer is None and held.state == "proposed"
        change(tx, held, terms=[], **({"name": f"topic_{held.sequence}"} if made else {}))
    return touched
