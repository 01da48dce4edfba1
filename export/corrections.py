"""The replies that reviewers approved in a bot's place, and how the one that is for *this* message is found.

A correction is for a message that says the same: its normal form is equal and so are its numbers. It is also for one
that asks the same in other words, which takes two things. Their words must be the same set, endings and words that
carry no meaning left out, and their vectors must be close. Neither is enough alone: vectors of "open on Sunday" and
"open on Saturday" lie at a cosine of 0.97, of a question and its negation too, while the same words may ask another
thing in another order.

A message that says little ("yes please") means what the brand had just asked. There a correction holds only where the
brand's turn before it was the same as well.

`EQUAL_ENOUGH` was measured with the untuned default base. Among the 842,000 pairs of different messages of the sample
brand no pair of two intents passes both tests, nor does one by the tuned encoder of its release. Among the 39 million
of Banking77 337 pairs pass, 10 of them with two labels, and each of those 10 asks the same thing under both labels
("Why didn't my top up work?"). By the cosine alone at this bar, one message in a hundred of Banking77 would have been
answered with the correction of another intent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from data.dedupe import normal_form
from data.errors import IntegrityError
from data.redact import PLACEHOLDER
from data.split import connects
from export.sealed import REMEDY

CORRECTIONS_FILE = "corrections.jsonl"
VECTORS_FILE = "corrections.safetensors"
EQUAL_ENOUGH = 0.9
"""Cosine from which two messages of the same words ask the same."""

Vectors = npt.NDArray[np.floating[Any]]
Embed = Callable[[str], Vectors]
"""The vector [hidden] of one message."""
Place = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Correction:
    """One approved reply. `message` and `before`, the brand's turn just before it, are prepared text.

    `intent` is what the reviewer says the message means, where anything was said; `echoes` whether the placeholders of
    `reply` repeat what the customer had said (see placeholders).
    """

    id: str
    message: str
    before: str | None
    reply: str
    intent: str | None = None
    echoes: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A correction that is for a message; `equal` where the message is the one that was corrected, word for word."""

    correction: Correction
    equal: bool


class Corrections:
    """The corrections of a release, oldest first, with the vectors of their messages. Immutable, shared by threads."""

    def __init__(self, vectors: Vectors, corrections: Sequence[Correction]) -> None:
        """`vectors` [n, hidden], one row per correction, finite. Raises ValueError otherwise."""
        if vectors.ndim != 2 or len(vectors) != len(corrections):
            raise ValueError(f"{len(corrections)} corrections need as many vectors; came shape {vectors.shape}")
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is refused below
            narrow = np.ascontiguousarray(vectors, dtype=np.float16)
        if not np.isfinite(narrow).all():
            raise ValueError("a vector of a correction is not finite")
        narrow.setflags(write=False)
        self.vectors = narrow
        self.corrections = tuple(corrections)
        self._places: dict[Place, list[int]] = {}
        self._words: dict[frozenset[str], list[int]] = {}
        for row, correction in enumerate(self.corrections):
            self._places.setdefault(_place(correction.message), []).append(row)
            if connects(correction.message):
                self._words.setdefault(words(correction.message), []).append(row)

    def __len__(self) -> int:
        return len(self.corrections)

    @property
    def hidden(self) -> int:
        return int(self.vectors.shape[1])

    def find(self, message: str, before: str | None, embed: Embed) -> tuple[Match, ...]:
        """The corrections that are for the prepared `message` after the brand's turn `before`, the best first.

        Equal messages go before equal questions, those after the same turn of the brand before others, then the
        newest. `embed` is called only where words agree, so that most messages cost nothing.
        """
        says_enough = connects(message)
        equal = self._places.get(_place(message), [])
        rows = [row for row in equal if says_enough or self._follows(row, before)]
        found = [Match(self.corrections[row], True) for row in self._ranked(rows, before)]
        if not says_enough:
            return tuple(found)
        near = [row for row in self._words.get(words(message), ()) if row not in equal]
        if near:
            vector = np.asarray(embed(message), dtype=np.float32)
            near = [row for row in near if float(self.vectors[row].astype(np.float32) @ vector) >= EQUAL_ENOUGH]
        return (*found, *(Match(self.corrections[row], False) for row in self._ranked(near, before)))

    def _ranked(self, rows: Sequence[int], before: str | None) -> list[int]:
        return sorted(rows, key=lambda row: (not self._follows(row, before), -row))

    def _follows(self, row: int, before: str | None) -> bool:
        """Whether the corrected message came after the same turn of the brand."""
        then = self.corrections[row].before
        if then is None or before is None:
            return then is before
        return _place(then) == _place(before)

    def save(self, folder: Path) -> None:
        """Write `corrections.jsonl`, whose lines are the rows of `corrections.safetensors` in order."""
        save_file({"vectors": self.vectors}, str(folder / VECTORS_FILE))
        with (folder / CORRECTIONS_FILE).open("w", encoding="utf-8", newline="\n") as file:
            for correction in self.corrections:
                file.write(json.dumps(asdict(correction), ensure_ascii=True) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Corrections:
        """Read what `save` wrote. Raises IntegrityError when the two files do not hold or do not agree."""
        try:
            vectors = load_file(str(folder / VECTORS_FILE))["vectors"]
            with (folder / CORRECTIONS_FILE).open(encoding="utf-8", newline="\n") as file:
                corrections = [_correction(json.loads(line)) for line in file]
            return cls(vectors, corrections)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise IntegrityError(
                f"The corrections of this release cannot be read ({type(error).__name__}).", remedy=REMEDY
            ) from None


def words(text: str) -> frozenset[str]:
    """The words that say what `text` is about, without their endings; numbers and negations stay as they are."""
    plain = _NOT.sub(" not", PLACEHOLDER.sub(r" \1 ", text).casefold())
    return frozenset(_stem(word) for word in _WORD.findall(plain) if word not in _CARRIERS)


def _place(text: str) -> Place:
    """What two messages share that say the same; a normal form alone would take one size or date for another."""
    return normal_form(text), tuple(_NUMBER.findall(PLACEHOLDER.sub(" ", text)))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def _correction(body: dict[str, Any]) -> Correction:
    correction = Correction(**body)
    texts = (correction.id, correction.message, correction.reply)
    maybe = (correction.before, correction.intent)
    if not all(isinstance(text, str) for text in texts) or not isinstance(correction.echoes, bool):
        raise ValueError("a correction is malformed")
    if not all(text is None or isinstance(text, str) for text in maybe):
        raise ValueError("a correction is malformed")
    return correction


_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")
_NOT = re.compile(r"(?:(?<=\w)n['’]t\b|(?<=\bcan)not\b)")
_ENDINGS = ("ing", "ed", "es", "s", "e")
_SHORTEST_STEM = 4
_CARRIERS = frozenset(
    (
        *("a", "an", "the", "this", "that", "there", "my", "your", "our", "their", "its", "and", "just", "so", "well"),
        *("is", "are", "was", "were", "be", "been", "am", "do", "does", "did", "have", "has", "had"),
        *("can", "could", "would", "will", "shall", "may", "might", "please", "hi", "hello", "hey", "ok", "okay"),
    )
)
"""English words that a question keeps its meaning without. Pronouns are none: "can you call me", "can I call you".
In other languages nothing is left out, so that a question must keep all of its words."""
