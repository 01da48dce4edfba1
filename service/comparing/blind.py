"""What is compared, which of the two stands left, and what a person may choose. Pure.

Sides are drawn for each question from the seed and the question alone: neither what the releases say nor how they fare
can move one of them to a side.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from service.comparing.questions import lot

Choice = Literal["left", "right", "both good", "both bad", "skip", "same"]
"""`same`: nobody was asked, since both said the same."""
ASKED: tuple[Choice, ...] = ("left", "right", "both good", "both bad", "skip")
MOST_NOTE = 2_000
"""Characters of a note."""
KIND = "attune compare"
VERSION = 1
_WORDS: Mapping[str, Choice] = {
    "left": "left", "l": "left", "right": "right", "r": "right", "skip": "skip", "s": "skip",
    "both good": "both good", "good": "both good", "g": "both good",
    "both bad": "both bad", "bad": "both bad", "b": "both bad",
}  # fmt: skip
_SAID = re.compile(r"(both[\s_-]+(?:good|bad)|left|right|good|bad|skip|[lrgbs])(?:[\s:;,.-]+(.*))?", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two releases: its number, and what was published under it."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Pin:
    """All that decides a comparison. `release` is the one that is asked about, `other` what it is held against;
    `dataset` is the fingerprint of what the questions were drawn from, None where they came in a file; `count` is how
    many were asked for, `questions` how many there are, and `digest` names them."""

    bot: str
    release: Side
    other: Side
    seed: int
    dataset: str | None
    count: int | None
    questions: int
    digest: str

    def to_wire(self) -> dict[str, Any]:
        return {"kind": KIND, "version": VERSION, **asdict(self)}

    @classmethod
    def from_wire(cls, wire: Any) -> Self | None:
        """None for what is no such thing."""
        if not isinstance(wire, dict) or wire.get("kind") != KIND or wire.get("version") != VERSION:
            return None
        body = {name: value for name, value in wire.items() if name not in ("kind", "version")}
        try:
            release, other = (Side(**body.pop(name)) for name in ("release", "other"))
            pin = cls(release=release, other=other, **body)
        except (TypeError, KeyError):
            return None
        return pin if pin._is_sound() else None

    def _is_sound(self) -> bool:
        numbers = (self.release.number, self.other.number, self.seed, self.questions)
        texts = (self.bot, self.release.digest, self.other.digest, self.digest)
        absent = ((self.dataset, str), (self.count, int))
        return (
            all(type(one) is int for one in numbers)
            and all(type(one) is str for one in texts)
            and all(one is None or type(one) is kind for one, kind in absent)
        )

    def differences(self, other: Self) -> Iterator[str]:
        """What `other` is about and this is not, in words."""
        mine, theirs = (self.release, self.other), (other.release, other.other)
        if self.bot != other.bot:
            yield "another bot"
        elif [one.number for one in mine] != [one.number for one in theirs]:
            yield f"releases {theirs[0].number} and {theirs[1].number}"
        elif mine != theirs:
            yield "a release that was changed since"
        if self.seed != other.seed:
            yield f"seed {other.seed}"
        if (self.dataset, self.digest) != (other.dataset, other.digest):
            yield "other questions"

    def mark(self, question: str) -> str:
        """What names this question in a sheet of this comparison, and in no other. It tells nothing of the sides, and
        begins with a letter, so that no spreadsheet takes it for a number."""
        whole = json.dumps([asdict(self.release), asdict(self.other), self.seed, question])
        return "q" + hashlib.sha256(f"{self.bot}:{whole}".encode()).hexdigest()[:11]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a person chose for a question. `sources` are those of the release's reply and of the other's."""

    question: str
    choice: Choice
    note: str
    sources: tuple[str, str]

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: Any) -> Self | None:
        """None for what is no such thing."""
        if not isinstance(wire, dict) or set(wire) != {"question", "choice", "note", "sources"}:
            return None
        question, choice, note, sources = wire["question"], wire["choice"], wire["note"], wire["sources"]
        plain = isinstance(question, str) and isinstance(note, str) and choice in get_args(Choice)
        paired = isinstance(sources, list) and [type(one) for one in sources] == [str, str]
        return cls(question, choice, note, (sources[0], sources[1])) if plain and paired else None


def stands_left(seed: int, question: str) -> bool:
    """Whether the release that is asked about stands left for this question; the other does otherwise."""
    return lot(seed, "side", question)[0] % 2 == 0


def sided(pair: Sequence[str], *, left: bool) -> tuple[str, str]:
    """What stands left and right, of what belongs to the release and to the other. Its own inverse."""
    return (pair[0], pair[1]) if left else (pair[1], pair[0])


def heard(said: str) -> tuple[Choice, str] | None:
    """The choice that somebody typed, in full or by its first letter, and the note behind it; None for none."""
    found = _SAID.fullmatch(said.strip())
    if found is None:
        return None
    word = " ".join(re.split(r"[\s_-]+", found[1].lower()))
    return _WORDS[word], (found[2] or "").strip()[:MOST_NOTE]
