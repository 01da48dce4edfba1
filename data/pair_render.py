"""THE one function from pairs of texts to the ids of a sequence-to-sequence model, and from its ids back to text.

The source is a text, or a conversation whose turns are marked with who spoke; the target is what the model shall
write. As everywhere (`data.render`), control tokens come from the tokenizer's scaffold alone, and what people type is
tokenised apart: a visitor who types `</s>` ends nothing.

The decoder begins with `opening`: its start token, and whatever the tokenizer puts before a text (nothing in a T5,
`<s>` in a BART). The model never has to guess it, neither in training nor in answering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from data.errors import BaseRefused
from data.render import CHARS_PER_TOKEN, Rendered, Renderer, with_tokenizer
from data.schema import BRAND_ROLES, Role

Source = tuple[tuple[Role | None, str], ...]
"""What was said, oldest first; a role of None marks a text that is no turn of a conversation."""


@dataclass(frozen=True, slots=True)
class PairShape:
    """What a model wants of its texts: the longest source and target in tokens, the token its decoder starts from, and
    an instruction that stands before every source."""

    source_length: int
    target_length: int
    start_id: int
    instruction: str = ""


class Seq2SeqRenderer(Renderer):
    """Turns sources and targets into ids with one tokenizer. Thread-safe, as every renderer."""

    def __init__(self, tokenizer: Tokenizer, shape: PairShape) -> None:
        """Raises BaseRefused when the tokenizer marks no end, or the lengths leave no room for text."""
        super().__init__(tokenizer, shape.source_length)
        if len(self._end) != 1:
            raise BaseRefused(
                f"The tokenizer ends a text with {len(self._end)} control tokens; a model that writes needs one.",
                remedy="Save the tokenizer with a post-processor that adds the end-of-sequence token, and no other.",
            )
        self.shape = shape
        self.end_id = self._end[0]
        self.opening = (shape.start_id, *self._start)
        self._instruction = self._text(shape.instruction)
        longest = max(map(len, self._marks.values()))
        if min(self.room - len(self._instruction) - longest, shape.target_length - 1) < 1:
            raise BaseRefused("The lengths of source and target, in tokens, leave no room for text.")

    @classmethod
    def read(cls, path: Path, shape: PairShape) -> Seq2SeqRenderer:
        """With the `tokenizer.json` at `path`. Raises BaseRefused."""
        return with_tokenizer(path, lambda tokenizer: cls(tokenizer, shape))

    def source(self, source: Source) -> Rendered:
        """Ids of a source. Of a conversation too long the oldest turns go first; a text, or a newest turn, that alone
        does not fit keeps its beginning and its end."""
        room = self.room - len(self._instruction)
        kept: tuple[int, ...] = ()
        for role, text in reversed(source):
            mark = self._mark(role)
            if not kept:
                kept = mark + self._fit(text, room - len(mark))[0]
                continue
            piece = mark + self._text(self._bounded(text))
            if len(kept) + len(piece) > room:
                break
            kept = piece + kept
        return Rendered(self._start + self._instruction + kept + self._end)

    def is_whole(self, source: Source) -> bool:
        """Whether all of a source is read."""
        size = sum(len(self._mark(role)) + len(self._text(self._bounded(text))) for role, text in source)
        return size <= self.room - len(self._instruction) and all(self._bounded(text) is text for _, text in source)

    def target(self, text: str) -> tuple[int, ...] | None:
        """Ids of what shall be written, its end included; None where that is longer than a target may be."""
        if len(text) > self.shape.target_length * CHARS_PER_TOKEN:
            return None
        ids = (*self._text(text), self.end_id)
        return ids if len(ids) <= self.shape.target_length else None

    def written(self, ids: Sequence[int]) -> str:
        """The text of ids that a model wrote; nothing of control tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _mark(self, role: Role | None) -> tuple[int, ...]:
        return () if role is None else self._marks[role in BRAND_ROLES]
