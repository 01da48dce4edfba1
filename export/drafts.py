"""Replies that are written for one conversation, and what has to be known of each before it may be said.

A draft is written from the conversation and from the brand's own earlier replies that fit it best. It is held against
both, and against what the profile approves: every number, date, link and name that it states must occur in one of them,
or nobody vouches for it. A placeholder in it must be one that the customer's words hold, of a kind that one of the
replies it was written from has as well: "Call us on [phone 1]" would be filled with the customer's own number. It is
scored by the selector as an earlier reply is, and a little lower where it does not sound like the brand (data/voice).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from data.errors import IntegrityError
from data.profile import BotProfile
from data.schema import Role
from data.settings import ImportSettings
from data.voice import Voice
from data.written import Written as Values
from export.abusive import abusive
from export.grounding import Grounding, Sources
from export.placeholders import kinds, placeholders
from export.sampling import Sampling
from export.sealed import REMEDY
from export.writer import Brief, Writer, Written

FROM = 3
"""Earlier replies that a draft is written from."""
VOICE_WEIGHT = 0.1
"""How much of a score hangs on the voice."""
HINT = "We have said before: {reply}"
VOICE_FILE = "voice.json"
NO_SOURCES = Sources()


@dataclass(frozen=True, slots=True)
class Draft:
    """`score` is the selector's, less what the voice takes; `flaws` say in words why it must not be said."""

    text: str
    score: float
    voice: float = 1.0
    flaws: tuple[str, ...] = ()
    tokens: int = 0

    def to_wire(self) -> dict[str, Any]:
        scores = {"score": round(self.score, 3), "voice": round(self.voice, 3)}
        return {"reply": self.text, **scores, "flaws": list(self.flaws), "tokens": self.tokens}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a draft is written to, and from: the conversation, and earlier replies of the brand, the best first.
    `cancelled` tells that nobody waits for it any more."""

    turns: Sequence[tuple[Role, str]]
    known: Sequence[str] = ()
    cancelled: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Drafting:
    """What writes drafts, and what they are held against: `approved` is what the brand says by its profile. `voice` is
    None where too little is known of the brand's."""

    writer: Writer
    grounding: Grounding
    voice: Voice | None = None
    sampling: Sampling = field(default_factory=Sampling)
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    """What a reply waits for before it is written: only so many are, at once."""
    approved: Sources = NO_SOURCES
    stops: Sequence[str] = ()
    """What ends a reply, and is no part of it."""

    @classmethod
    def by(cls, writer: Writer, profile: BotProfile, imports: ImportSettings, voice: Voice | None) -> Self:
        """As the profile has it, of texts that are prepared by `imports`."""
        grounding, style = Grounding(Values(imports), known_names(profile)), profile.writing
        sampling = Sampling(**style.model_dump(exclude={"stops"}))
        approved = grounding.sources(approved_texts(profile))
        return cls(writer, grounding, voice, sampling, approved=approved, stops=style.stops)

    def draft(self, asked: Asked, score: Callable[[str], float]) -> Draft:
        """One reply. `score` is what the selector makes of a text. Raises Overloaded."""
        brief = Brief(asked.turns, told(asked.known), self.sampling, self.stops)
        if asked.cancelled is not None:
            brief = replace(brief, cancelled=asked.cancelled)
        with self.turn():
            written = self.writer.write(brief)
        fit = self._fit(written.text)
        worth = score(written.text) - VOICE_WEIGHT * (1 - fit) if written.text else 0.0
        return Draft(written.text, worth, fit, tuple(self._flaws(written, asked)), written.tokens)

    def _fit(self, text: str) -> float:
        """How well it sounds like the brand, in its language."""
        return self.voice.distance(text, self.voice.language_of(text)).score if self.voice else 1.0

    def _flaws(self, written: Written, asked: Asked) -> Iterator[str]:
        text = written.text
        if written.ending != "stop":
            yield "it does not end"
        if not text:
            yield "it says nothing"
            return
        said = self.grounding.sources([*(turn for _, turn in asked.turns), *asked.known])
        if any(self._unvouched(text, said)):  # else there is no need to look through all that is approved
            yield from self._unvouched(text, said | self.approved)
        if _fills_by_guess(text, asked):
            yield "it repeats a detail where no reply of the brand does"
        if abusive(text):
            yield "it is abusive"

    def _unvouched(self, text: str, sources: Sources) -> Iterator[str]:
        if self.grounding.ungrounded(text, sources):
            yield "it states what nobody has said"
        if self.grounding.called(text, sources):
            yield "it speaks to somebody whom nobody has named"


def _fills_by_guess(text: str, asked: Asked) -> bool:
    """Whether it has a placeholder that the customer's words do not hold, or one of a kind that none of the replies it
    was written from has."""
    theirs = frozenset[str]().union(*(placeholders(said) for role, said in asked.turns if role == "user"))
    ours = frozenset[str]().union(*(kinds(reply) for reply in asked.known[:FROM]))
    return not (placeholders(text) <= theirs and kinds(text) <= ours)


def approved_texts(profile: BotProfile) -> list[str]:
    """What the brand itself has approved: its answers to all intents, and its own words for greeting and handing
    over."""
    own = (profile.greeting, profile.fallback, profile.handoff)
    return [*own, *(answer for intent in profile.intents for answer in intent.answers)]


def known_names(profile: BotProfile) -> list[str]:
    """What the brand writes with capitals anyway: its own name, and whatever its profile says."""
    return [profile.name, *approved_texts(profile), *(intent.title for intent in profile.intents)]


def write_voice(voice: Voice, path: Path) -> None:
    path.write_text(json.dumps(voice.to_wire(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def read_voice(path: Path) -> Voice:
    """Raises IntegrityError."""
    try:
        return Voice.from_wire(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        raise IntegrityError("The voice of this release cannot be read.", remedy=REMEDY) from None


def told(known: Sequence[str]) -> tuple[str, ...]:
    """What the brand tells its model before a conversation: its own replies to write from."""
    return tuple(HINT.format(reply=" ".join(reply.split())) for reply in known[:FROM])
