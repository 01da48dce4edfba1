"""Pairs of replies of which a reviewer preferred one, and both of them as lines of token ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from data.chat_render import ChatRendered, ChatRenderer
from data.examples import DISLIKED_TURN
from data.schema import Example
from trainer.generation.lines import Talk

Sides = tuple[ChatRendered, ChatRendered]
"""The chosen reply and the rejected one, each after the same tokens of the conversation."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`context` ends with what the customer said; of two replies to it, `chosen` is preferred to `rejected`."""

    context: Talk
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Preferences:
    """`alone` counts replies that were disliked and that nobody corrected: there is nothing to prefer to them."""

    pairs: Sequence[Pair] = field(default=())
    alone: int = 0


def preferences_of(rows: Iterable[Example]) -> Preferences:
    """The pairs that rows of a dataset hold: a reviewer's correction is preferred to the reply that it corrects."""
    found: list[Pair] = []
    alone = 0
    for row in rows:
        if row.corrected and row.reply is not None and row.rejected is not None:
            found.append(Pair((*row.context, ("user", row.text)), row.reply, row.rejected))
        alone += row.reply is None and row.rating == DISLIKED_TURN
    return Preferences(found, alone)


def sides(pair: Pair, renderer: ChatRenderer) -> Sides | None:
    """Both replies as lines, only their own tokens marked; None where nothing that fits into the context tells them
    apart."""
    replies = [renderer.reply(text) for text in (pair.chosen, pair.rejected)]
    # One prompt for both: what is cut of the conversation for the longer one must be no reason to prefer either.
    room = min(max(map(len, replies)), renderer.context // 2)
    asked = renderer.prompt(pair.context, room=room)
    kept = [reply[: renderer.context - len(asked)] for reply in replies]
    if kept[0] == kept[1]:
        return None
    chosen, rejected = (
        ChatRendered(asked + reply, said=(False,) * len(asked) + (True,) * len(reply)) for reply in kept
    )
    return chosen, rejected
