"""The entity model: a text, and what the brand said before it, in; typed spans out. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.render import Rendered, Renderer
from export.runtime import Embeddings
from export.tagging import Span, TaggingHead, rendered_for

States = Callable[[Sequence[Rendered]], Sequence[Embeddings]]
"""Rendered texts to the states of their tokens, [tokens, hidden] each."""
AT_ONCE = 256
"""Texts whose states are held at a time."""


@dataclass(frozen=True, slots=True)
class TokenChannel:
    """One way from text to the states of its tokens."""

    renderer: Renderer
    states: States


@dataclass(frozen=True, slots=True)
class EntityModel:
    channel: TokenChannel
    head: TaggingHead

    def find(self, text: str, before: str | None = None) -> tuple[Span, ...]:
        """The spans of `text`, as prepared for training, in its order."""
        return self.find_many([(text, before)])[0]

    def find_many(self, asked: Sequence[tuple[str, str | None]]) -> list[tuple[Span, ...]]:
        """`find` for each of (text, what the brand said before)."""
        found: list[tuple[Span, ...]] = []
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            rendered = [rendered_for(self.channel.renderer, text, before) for text, before in part]
            for (text, _), one, states in zip(part, rendered, self.channel.states(rendered), strict=True):
                found.append(self.head.tag(states, text, one.offsets))
        return found
