"""Conversations as lines of token ids: each whole where it fits, else cut between turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from data.chat_render import ChatRendered, ChatRenderer
from data.schema import BRAND_ROLES, Role

Talk = tuple[tuple[Role, str], ...]
"""Who said what, oldest first."""
SCAFFOLD = 4
"""Tokens that a turn takes beside its words, at most."""


def rendered(talks: Iterable[Talk], renderer: ChatRenderer) -> list[ChatRendered]:
    return [renderer.dialogue(part) for talk in talks for part in windows(talk, renderer)]


def windows(talk: Talk, renderer: ChatRenderer) -> Iterator[Talk]:
    """`talk` in parts that each fit into the context; a turn that alone does not is a part of its own."""
    part: list[tuple[Role, str]] = []
    taken = SCAFFOLD
    for role, text in talk:
        turn = len(renderer.reply(text)) + SCAFFOLD
        if part and taken + turn > renderer.context:
            yield tuple(part)
            part, taken = [], SCAFFOLD
        part.append((role, text))
        taken += turn
    if part:
        yield tuple(part)


def written(talks: Iterable[Talk]) -> int:
    """Bytes of all that is said, in UTF-8."""
    return sum(len(text.encode()) for talk in talks for _, text in talk)


def said(talk: Talk) -> list[str]:
    """What the brand says in it."""
    return [text for role, text in talk if role in BRAND_ROLES]
