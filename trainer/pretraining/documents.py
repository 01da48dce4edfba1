"""Documents as lines of token ids: each whole where it fits, else cut between turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from data.chat_render import ChatRendered, ChatRenderer
from data.schema import Role
from trainer.pretraining.corpus import Document

SCAFFOLD = 4
"""Tokens that a turn takes beside its words, at most."""


def rendered(documents: Iterable[Document], renderer: ChatRenderer) -> list[ChatRendered]:
    return [renderer.dialogue(part) for document in documents for part in windows(document, renderer)]


def windows(document: Document, renderer: ChatRenderer) -> Iterator[Document]:
    """`document` in parts that each fit into the context; a turn that alone does not is a part of its own."""
    part: list[tuple[Role, str]] = []
    taken = SCAFFOLD
    for role, text in document:
        turn = len(renderer.reply(text)) + SCAFFOLD
        if part and taken + turn > renderer.context:
            yield tuple(part)
            part, taken = [], SCAFFOLD
        part.append((role, text))
        taken += turn
    if part:
        yield tuple(part)


def written(documents: Sequence[Document]) -> int:
    """Bytes of all that is said, in UTF-8."""
    return sum(len(text.encode()) for document in documents for _, text in document)
