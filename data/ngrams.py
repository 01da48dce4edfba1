"""From text to the numbers of its n-grams: the input of an encoder that knows no language beforehand.

An encoder that was trained on one language splits another into pieces that mean nothing to it. What people repeat when
they want the same thing, the same letters in the same order, is there in every language: so a text becomes its
character n-grams within words, and its words, one and two at a time. Each is a number, by a hash: there is no
vocabulary to keep, and nothing anybody typed can be a control token. Scripts without spaces need no segmenter: every
character of theirs is a word, and a sentence is one run of characters.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from data.render import CONTEXT_TURNS, Rendered, Renderer
from data.schema import Role

BUCKETS = 1 << 17
"""Numbers there are for n-grams of characters (0 to BUCKETS - 1), and as many again for words."""
LONGEST = 4
"""Characters of the longest n-gram. Longer ones gained nothing in cross-validation (docs/benchmarks.md)."""
MAX_CHARACTERS = 1_024
"""Characters of a text that are read: its beginning and its end."""

# Scripts written without spaces give one term per character.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TERM = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def terms(text: str) -> list[str]:
    """The words of `text`, lower-cased; each character where a script has no spaces."""
    return _TERM.findall(text.lower())


class NgramRenderer(Renderer):
    """Turns text into the numbers of its n-grams, each as often as it stands there. `max_length` counts characters.

    A renderer without a tokenizer: there is no scaffold, and no number is unknown.
    """

    def __init__(self, max_length: int = MAX_CHARACTERS) -> None:  # the tokenizer's own set-up is not wanted here
        self.max_length = max_length
        self.unknown_id = None
        self.pad_id = 0

    def utterance(self, text: str) -> Rendered:
        """The n-grams of one utterance. Which place each comes from is not told: one place gives many."""
        return Rendered(tuple(_numbers(self._kept(text))))

    def context(self, turns: Sequence[tuple[Role, str]]) -> Rendered:
        """The n-grams of the newest turns together: who spoke makes no difference to them."""
        return self.utterance("\n".join(text for _, text in turns[-CONTEXT_TURNS:]))

    def counts(self, text: str) -> tuple[int, int]:
        """How many n-grams an utterance has, and that none of them is unknown."""
        return len(self.utterance(text)), 0

    @property
    def room(self) -> int:
        return self.max_length

    def _kept(self, text: str) -> str:
        half = self.max_length // 2
        return text if len(text) <= self.max_length else f"{text[:half]} {text[-half:]}"


def _numbers(text: str) -> Iterator[int]:
    for word in text.lower().split():
        padded = f" {word} "
        for length in range(1, min(LONGEST, len(padded)) + 1):
            for start in range(len(padded) - length + 1):
                piece = padded[start : start + length]
                if piece != " ":
                    yield zlib.crc32(piece.encode("utf-8", "surrogatepass")) % BUCKETS
    words = terms(text)
    for piece in (*words, *(f"{one} {two}" for one, two in pairwise(words))):
        yield BUCKETS + zlib.crc32(piece.encode("utf-8", "surrogatepass")) % BUCKETS
