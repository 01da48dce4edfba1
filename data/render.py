"""THE one function from turns to model input. Training, export and serving call it and nothing else.

A model sees the same ids for the same words on every path, because there is only one path. Two rules follow:

- The scaffold (start, separators, end, role marks) and what people typed are tokenised apart. A visitor who types
  `[SEP]` sends five characters, not a separator: no id of a special token can come out of user text.
- When turns do not fit, the oldest go first. An utterance that alone does not fit keeps its beginning and its end,
  since people open with the story and close with the question, or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from data.errors import BaseRefused
from data.schema import BRAND_ROLES, Role

Ids = npt.NDArray[np.int64]
_Made = TypeVar("_Made")

CONTEXT_TURNS = 4
"""Turns of a conversation that a model reads, the newest among them: what was said before seldom decides the reply."""

CHARS_PER_TOKEN = 24
"""Text beyond `max_length * CHARS_PER_TOKEN` characters is cut before tokenising, to bound its cost."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Token ids with, for each, the code point span of the utterance it came from; (0, 0) marks scaffold, and of a
    context whatever stands before its newest turn."""

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


class Padder(Protocol):
    """Lays rows of token ids side by side: what every renderer can."""

    def pad(self, batch: Sequence[Rendered]) -> tuple[Ids, Ids]: ...


def padded(batch: Sequence[Rendered], filler: int) -> tuple[Ids, Ids]:
    """(input_ids, attention_mask), int64 [len(batch), longest], rows filled at the right."""
    longest = max((len(rendered) for rendered in batch), default=0)
    ids = np.full((len(batch), longest), filler, dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, rendered in enumerate(batch):
        ids[row, : len(rendered)] = rendered.ids
        mask[row, : len(rendered)] = 1
    return ids, mask


class Renderer:
    """Turns text into ids with one tokenizer. Thread-safe: nothing changes after construction."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self.max_length = max_length
        self._tokenizer = tokenizer
        self._start, self._separator, self._end = _scaffold(tokenizer)
        unknown = (tokenizer.token_to_id(token) for token in ("[UNK]", "<unk>"))
        self.unknown_id = next((i for i in unknown if i is not None), None)
        special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self._control = frozenset(special - {self.unknown_id})
        self._marks: dict[bool, tuple[int, ...]] = {brand: self._text(f"{name}:") for brand, name in _MARKS.items()}
        self.pad_id = next((i for i in map(tokenizer.token_to_id, ("[PAD]", "<pad>")) if i is not None), 0)
        if max_length < len(self._start) + len(self._end) + 2:
            raise BaseRefused(f"A maximum length of {max_length} tokens leaves no room for text.")

    @classmethod
    def from_file(cls, path: Path, max_length: int) -> Renderer:
        """With the `tokenizer.json` at `path`. Raises BaseRefused when it is not one."""
        return with_tokenizer(path, lambda tokenizer: cls(tokenizer, max_length))

    def utterance(self, text: str) -> Rendered:
        """One utterance between start and end: the input of a classifier."""
        ids, offsets = self._fit(text, self.max_length - len(self._start) - len(self._end))
        blank = ((0, 0),)
        return Rendered(self._start + ids + self._end, blank * len(self._start) + offsets + blank * len(self._end))

    def utterances(self, texts: Sequence[str]) -> list[Rendered]:
        return [self.utterance(text) for text in texts]

    def context(self, turns: Sequence[tuple[Role, str]]) -> Rendered:
        """A conversation so far, oldest turn first, earlier turns marked with who spoke: the input of the selector.

        The newest turn stands alone at the end without a mark, so that a one-turn context equals `utterance`.
        """
        if not turns:
            return self.utterance("")
        newest = self.utterance(turns[-1][1])
        room = self.max_length - len(newest)
        earlier: tuple[int, ...] = ()
        for role, text in reversed(turns[-CONTEXT_TURNS:-1]):
            piece = self._marks[role in BRAND_ROLES] + self._text(self._bounded(text)) + self._separator
            if len(piece) > room:
                break
            earlier = piece + earlier
            room -= len(piece)
        start = len(self._start)
        offsets = newest.offsets[:start] + ((0, 0),) * len(earlier) + newest.offsets[start:]
        return Rendered(newest.ids[:start] + earlier + newest.ids[start:], offsets)

    def unknown_share(self, text: str) -> float:
        """The share of an utterance's tokens that this tokenizer does not know."""
        tokens, unknown = self.counts(text)
        return unknown / tokens if tokens else 0.0

    def counts(self, text: str) -> tuple[int, int]:
        """How many tokens an utterance has before it is cut to fit, and how many of them it does not know."""
        ids = self._text(self._bounded(text))
        return len(ids), ids.count(self.unknown_id) if self.unknown_id is not None else 0

    @property
    def room(self) -> int:
        """Tokens of an utterance that are read: all that is beside the scaffold."""
        return self.max_length - len(self._start) - len(self._end)

    def pad(self, batch: Sequence[Rendered]) -> tuple[Ids, Ids]:
        """(input_ids, attention_mask), int64, each of shape [len(batch), longest]."""
        return padded(batch, self.pad_id)

    def _text(self, text: str) -> tuple[int, ...]:
        return self._encode(text)[0]

    def _encode(self, text: str) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        """Ids and offsets of typed text. Vocabularies of some kinds (Unigram) hold their control tokens as ordinary
        pieces; one that is found in text becomes the unknown token, or goes where there is none."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if self._control.isdisjoint(encoding.ids):
            return tuple(encoding.ids), tuple(encoding.offsets)
        known = [
            (self.unknown_id if i in self._control else i, place)
            for i, place in zip(encoding.ids, encoding.offsets, strict=True)
        ]
        kept = [(i, place) for i, place in known if i is not None]
        return tuple(i for i, _ in kept), tuple(place for _, place in kept)

    def _bounded(self, text: str) -> str:
        limit = self.max_length * CHARS_PER_TOKEN
        return text if len(text) <= limit else text[: limit // 2] + text[-limit // 2 :]

    def _fit(self, text: str, room: int) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        bounded = self._bounded(text)
        ids, offsets = self._encode(bounded)
        if bounded is not text:
            kept = len(bounded) // 2
            shift = len(text) - len(bounded)
            offsets = tuple((a, b) if a < kept else (a + shift, b + shift) for a, b in offsets)
        if len(ids) <= room:
            return ids, offsets
        head = room - room // 2
        tail = len(ids) - room // 2
        return ids[:head] + ids[tail:], offsets[:head] + offsets[tail:]


def with_tokenizer(path: Path, make: Callable[[Tokenizer], _Made]) -> _Made:
    """What `make` makes of the `tokenizer.json` at `path`. Raises BaseRefused when it is not one."""
    try:
        return make(Tokenizer.from_file(str(path)))
    except BaseRefused:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception on a malformed file
        raise BaseRefused(
            f"The tokenizer file cannot be read ({type(error).__name__}).",
            remedy="Give a tokenizer.json as the tokenizers library writes it.",
        ) from None


_MARKS = {True: "us", False: "customer"}


def _scaffold(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """What the tokenizer's own post-processor puts before, between and after texts, as ids."""
    first = tokenizer.encode("a", add_special_tokens=False).ids
    pair = tokenizer.encode("a", "a").ids
    length = len(first)
    places = [i for i in range(len(pair) - length + 1) if pair[i : i + length] == first]
    if len(places) < 2:
        raise BaseRefused("The tokenizer does not keep the word 'a' whole, so its scaffold cannot be found.")
    begin, again = places[0], places[-1]
    return tuple(pair[:begin]), tuple(pair[begin + length : again]), tuple(pair[again + length :])
