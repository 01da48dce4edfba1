"""Conversations as lines of token ids: each whole where it fits, else cut between turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from data.chat_render import ChatRendered, ChatRenderer
from data.schema import BRAND_ROLES, Role

Talk = tuple[tuple[Role, str], ...]
"""Who said what, oldest first."""
SCAFFOLD = 4
"""Tokens that a turn takes beside its words, at most."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A point of a conversation where the brand answers: what was said so far, what it answered, and what the brand
    tells its model first (export/drafts)."""

    before: Talk
    reply: str
    told: tuple[str, ...] = ()


Lesson = Talk | Ask
"""What a generator learns from: all that the brand says in a conversation, or one reply."""


def asks_of(talks: Iterable[Talk]) -> list[Ask]:
    """Every reply of the brand to a customer."""
    return [
        Ask(talk[:at], talk[at][1])
        for talk in talks
        for at in range(1, len(talk))
        if talk[at][0] in BRAND_ROLES and talk[at - 1][0] == "user"
    ]


def rendered(lessons: Iterable[Lesson], renderer: ChatRenderer) -> list[ChatRendered]:
    return [line for lesson in lessons for line, _ in marked(lesson, renderer)]


def marked(lesson: Lesson, renderer: ChatRenderer) -> Iterator[tuple[ChatRendered, list[str]]]:
    """Lines, with the brand's replies in each; what it says twice in a row is one."""
    if isinstance(lesson, Ask):
        yield renderer.exchange(lesson.before, lesson.reply, lesson.told), [lesson.reply]
    else:
        for part in windows(lesson, renderer):
            yield renderer.dialogue(part), _replies(part)


def _replies(talk: Talk) -> list[str]:
    sides = groupby(talk, key=lambda turn: turn[0] in BRAND_ROLES)
    return ["\n".join(text for _, text in turns) for brand, turns in sides if brand]


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


def said(lesson: Lesson) -> list[str]:
    """What the brand says in it."""
    if isinstance(lesson, Ask):
        return [lesson.reply]
    return [text for role, text in lesson if role in BRAND_ROLES]
