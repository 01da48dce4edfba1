"""From one conversation to examples: what every task learns from or is measured on. Pure.

One example per user turn: its text and labels, the turns before it, and what the brand answered. A reply is taken
only where nobody disliked it: one that was rated -1, or any of a conversation that was rated 1, never becomes a target.
It stays in the context of what follows, for it was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data.merge import JOINT
from data.schema import Conversation, Example, Role, Split, Turn

CONTEXT_TURNS = 8
"""Turns before a message that an example carries: more than any model's input holds, and a bound on its size."""
DISLIKED_TURN = -1
DISLIKED_CONVERSATION = 1
ID_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a conversation's examples come from and go to.

    `fingerprint` is the conversation's and names it in the examples, `upload` the digest of the upload it came in:
    both follow from content. `languages` holds one value per turn, or nothing.
    """

    fingerprint: str
    upload: str
    split: Split
    languages: Sequence[str | None] = ()


class Reply(NamedTuple):
    """What the brand said before the user spoke again; `role` is agent where a person had a part in it, `corrected`
    whether a reviewer's words stand in it for the bot's own, and `rejected` those."""

    text: str | None = None
    role: Role | None = None
    rating: int | None = None
    corrected: bool = False
    rejected: str | None = None


def user_turns(conversation: Conversation) -> Iterator[tuple[int, Turn]]:
    """The turns that become examples, with their places; the only one where the conversation names one."""
    for place, turn in enumerate(conversation.turns):
        if conversation.only not in (None, place):
            continue
        if turn.role == "user" and not turn.text.isspace() and turn.text:
            yield place, turn


def examples_of(conversation: Conversation, origin: Origin, context_turns: int = CONTEXT_TURNS) -> Iterator[Example]:
    """One example per user turn, in order, each of weight 1."""
    for place, turn in user_turns(conversation):
        reply = reply_to(conversation, place)
        yield Example(
            id=f"{origin.fingerprint[:ID_DIGITS]}:{place}",
            conversation=origin.fingerprint,
            upload=origin.upload,
            split=origin.split,
            text=turn.text,
            language=_language(conversation, origin, place),
            intent=turn.intent,
            sentiment=turn.sentiment,
            entities=turn.entities,
            context=_context(conversation, place, context_turns),
            reply=reply.text,
            reply_role=reply.role,
            rating=reply.rating,
            corrected=reply.corrected,
            rejected=reply.rejected,
        )


def reply_to(conversation: Conversation, place: int) -> Reply:
    """What the brand answered to the turn at `place`: all it said until the user spoke again.

    Without text when it said nothing or somebody disliked it. `rating` is the worst that any part of it got.
    """
    said: list[Turn] = []
    for turn in conversation.turns[place + 1 :]:
        if turn.role == "user":
            break
        if turn.is_brand and turn.text.strip():
            said.append(turn)
    if not said:
        return Reply()
    rating = min((turn.rating for turn in said if turn.rating is not None), default=None)
    if rating == DISLIKED_TURN or conversation.rating == DISLIKED_CONVERSATION:
        return Reply(rating=rating)
    role: Role = "agent" if any(turn.role == "agent" for turn in said) else "assistant"
    text, corrected = JOINT.join(turn.text for turn in said), any(turn.corrected for turn in said)
    # Of several turns nobody can say which words stand for which.
    rejected = said[0].rejected if len(said) == 1 and said[0].rejected != text else None
    return Reply(text, role, rating, corrected, rejected)


def _context(conversation: Conversation, place: int, most: int) -> tuple[tuple[Role, str], ...]:
    """The last `most` turns before `place`; what systems logged is nothing that was said."""
    said: list[tuple[Role, str]] = []
    for turn in reversed(conversation.turns[:place]):
        if len(said) == most:
            break
        if turn.role != "system" and turn.text.strip():
            said.append((turn.role, turn.text))
    return tuple(reversed(said))


def _language(conversation: Conversation, origin: Origin, place: int) -> str | None:
    found = origin.languages[place] if place < len(origin.languages) else None
    return found or conversation.language
