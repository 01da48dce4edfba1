"""Entities of what a customer typed: learned spans and values known by how they are written, as one list. Torch-free.

Models read cleaned and redacted text; entities come back with their places in what was typed, and its own words: what
stood behind a placeholder, not the placeholder. Where a learned span and a written value share text, the learned one
stays: it has learned what the brand calls things. Among written values the longer stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from data.clean import clean
from data.redact import Memory, Redactor
from data.render import Rendered, Renderer
from data.settings import ImportSettings
from data.spans import Edited, apart
from data.written import Written
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


@dataclass(frozen=True, slots=True)
class Recognised:
    """`text[start:end]` of a message as typed is `value`; code points. `source`: what found it."""

    start: int
    end: int
    type: str
    value: str
    confidence: float
    source: Literal["model", "rule"]

    def to_wire(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "type": self.type,
            "value": self.value,
            "confidence": round(self.confidence, 3),
            "source": self.source,
        }


class Recogniser:
    """Finds the entities of messages as they were typed. Thread-safe."""

    def __init__(self, imports: ImportSettings, model: EntityModel | None) -> None:
        """`imports` are those the model was trained with; without a model the written values are all there is."""
        self._redactor = Redactor(imports)
        self._written = Written(imports)
        self._model = model

    def find(self, typed: str, before: str | None = None) -> tuple[Recognised, ...]:
        """The entities of a message, in its order, without overlaps. `before`: what the brand said just before."""
        cleaned = clean(typed)
        if not cleaned.text:
            return ()
        found: list[Recognised] = []
        if self._model is not None:
            prepared = self._redactor.redact(cleaned.text, Memory())
            said = self._redactor.redact(clean(before).text, Memory()).text if before else None
            for span in self._model.find(prepared.text, said):
                at = prepared.back(span.start, span.end)
                found += _recognised(typed, cleaned, at, (span.type, span.confidence, "model"))
        for value in self._written.find(cleaned.text):
            found += _recognised(typed, cleaned, (value.start, value.end), (value.type, 1.0, "rule"))
        return tuple(apart(found))


def _recognised(
    typed: str, cleaned: Edited, at: tuple[int, int] | None, told: tuple[str, float, Literal["model", "rule"]]
) -> list[Recognised]:
    """What stands at `at` of the cleaned text, at its place in the typed one; nothing where that cannot be told."""
    place = cleaned.back(*at) if at is not None else None
    if place is None:
        return []
    value = typed[slice(*place)]
    start = place[0] + len(value) - len(value.lstrip())
    value = value.strip()
    return [Recognised(start, start + len(value), told[0], value, told[1], told[2])] if value else []
