"""A brand's voice, measured on its own replies: how long, how formal, how they begin and end, which words are its own.

`Voice.of` counts; `Voice.distance` says how far another reply is from that, with reasons in words. It judges manners,
never content. Each trait of a reply that few of the brand's replies share costs it a part of its score; what more than
a quarter share costs nothing, since nobody speaks in one way only. A brand with several languages has a voice in each
that has replies enough. Small enough to be frozen into a release. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data.errors import IntegrityError
from data.language import likeliest
from data.log_odds import characteristic, counted
from data.manner import Manner, manner
from data.set_phrases import (
    SetPhrase,
    closing_forms,
    closings,
    has_any,
    opening_forms,
    openings,
    recurring,
)
from data.wording import terms

VERSION = 1
FEWEST = 30
"""Replies from which a voice is told, of a language, or of a trait."""
OWN_WORDS = 30
LONG_ENOUGH = 8
"""Words from which a reply is expected to hold one of the brand's own."""
RARE = 0.25
"""Share of the brand's replies below which a trait is off its voice."""
ALL = "*"
"""The voice of all replies together."""
_SPREAD = (0.05, 0.5, 0.95)

_COSTS: Mapping[str, tuple[float, str, str]] = {
    "opens": (0.2, "", "no greeting or other opening of the brand's, {share} of its replies have one"),
    "closes": (0.4, "", "no sign-off, {share} of the brand's have one"),
    "emoji": (0.3, "an emoji, {share} of the brand's have one", "no emoji, {share} of the brand's have one"),
    "exclaims": (0.15, "an exclamation mark, {share} of the brand's have one",
                 "no exclamation mark, {share} of the brand's have one"),
    "lower_case": (0.3, "begins in lower case, {share} of the brand's do",
                   "begins with a capital, though {share} of the brand's begin in lower case"),
    "shouts": (0.5, "written in capitals, {share} of the brand's are", ""),
    "contracts": (0.2, "contractions, {share} of the brand's have them",
                  "no contractions, {share} of the brand's have them"),
    "informal": (0.5, "addresses the customer informally, {share} of the brand's do",
                 "addresses the customer formally, though {share} of the brand's do so informally"),
    "courteous": (0.15, "a please or thank you, {share} of the brand's have one",
                  "no please or thank you, {share} of the brand's have one"),
    "own_words": (0.1, "", "none of the brand's own words, {share} of its replies have one"),
}  # fmt: skip
"""For each trait what it may cost at most, and what is said of a reply that has it, or lacks it; where nothing is said
that is free."""
_TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}


@dataclass(frozen=True, slots=True)
class Spread:
    """The 5 %, 50 % and 95 % points of a number over replies."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Iterable[int]) -> Spread:
        ordered = sorted(values)
        return cls(*(float(ordered[min(len(ordered) - 1, int(point * len(ordered)))]) for point in _SPREAD))


@dataclass(frozen=True, slots=True)
class Habit:
    """In how many of the `replies` that can show a trait it shows."""

    share: float
    replies: int

    @classmethod
    def of(cls, shown: Sequence[bool]) -> Habit:
        return cls(round(sum(shown) / len(shown), 4), len(shown))

    def expected(self, shown: bool) -> float:
        """How likely a reply of the brand is to show it, or not; never impossible after so many replies."""
        count = self.share * self.replies if shown else (1 - self.share) * self.replies
        return (count + 1) / (self.replies + 2)


@dataclass(frozen=True, slots=True)
class Manners:
    """The voice in one language, or in all; `language` where all replies are in one."""

    replies: int
    language: str | None
    words: Spread
    sentences: Spread
    habits: Mapping[str, Habit]
    openings: tuple[SetPhrase, ...] = ()
    closings: tuple[SetPhrase, ...] = ()
    own_words: tuple[str, ...] = ()

    def shown(self, text: str, language: str | None) -> Manner:
        """How a reply is said, with the traits that only this brand's phrases and words tell."""
        said = manner(text, self.language if language in (None, self.language) else None)
        traits = dict(said.traits)
        if self.openings:
            traits["opens"] = has_any(openings(text), opening_forms(self.openings))
        if self.closings:
            traits["closes"] = has_any(closings(text), closing_forms(self.closings))
        if self.own_words and said.words >= LONG_ENOUGH:
            traits["own_words"] = not frozenset(terms(text)).isdisjoint(self.own_words)
        return Manner(said.words, said.sentences, traits)


@dataclass(frozen=True, slots=True)
class VoiceFit:
    """How well a reply fits the voice: 1 is one of many, 0 nothing like it. `reasons` say why, the worst first."""

    score: float
    reasons: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        return {"score": round(self.score, 4), "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Voice:
    """What makes a brand's replies its own, by language code, `*` being all of them; empty where they were too few."""

    replies: int
    manners: Mapping[str, Manners] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        replies: Sequence[str],
        languages: Sequence[str | None] | None = None,
        background: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Voice:
        """The voice of `replies`, one language each where they are known; `background` counts, by language, the words
        that anybody uses."""
        codes = [None] * len(replies) if languages is None else list(languages)
        rows = [(text, code) for text, code in zip(replies, codes, strict=True) if text.strip()]
        if len(rows) < FEWEST:
            return cls(len(rows))
        spoken = {code for _, code in rows}
        found = {ALL: _measured([text for text, _ in rows], rows[0][1] if len(spoken) == 1 else None, background or {})}
        for code in sorted(code for code in spoken if code is not None and len(spoken) > 1):
            texts = [text for text, other in rows if other == code]
            if len(texts) >= FEWEST:
                found[code] = _measured(texts, code, background or {})
        return cls(len(rows), found)

    def manners_of(self, language: str | None = None) -> Manners | None:
        """The voice in a language, or in all where it has none of its own; None where nothing is known."""
        own = self.manners.get(language) if language is not None else None
        return own or self.manners.get(ALL)

    def language_of(self, reply: str) -> str | None:
        """The language of a reply among those that have a voice of their own."""
        own = [code for code in self.manners if code != ALL]
        return likeliest(reply, own) if own else None

    def distance(self, reply: str, language: str | None = None) -> VoiceFit:
        """How well a reply fits, and why not better. A voice that is not known fits all but silence."""
        if not reply.strip():
            return VoiceFit(0.0, ("says nothing",))
        known = self.manners_of(language)
        if known is None:
            return VoiceFit(1.0)
        said = known.shown(reply, language)
        costs = [_length_cost(said.words, known.words), *(_trait_cost(*one, known) for one in said.traits.items())]
        told = sorted((cost for cost in costs if cost[0] > 0), key=lambda cost: -cost[0])
        return VoiceFit(math.prod((1 - cost for cost, _ in told), start=1.0), tuple(reason for _, reason in told))

    def to_wire(self) -> dict[str, Any]:
        manners = {code: _manners_to_wire(one) for code, one in self.manners.items()}
        return {"version": VERSION, "replies": self.replies, "manners": manners}

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Voice:
        """What `to_wire` wrote, or IntegrityError."""
        try:
            if body["version"] != VERSION:
                raise ValueError("version")
            return cls(int(body["replies"]), {code: _manners_from_wire(one) for code, one in body["manners"].items()})
        except (KeyError, TypeError, ValueError, AttributeError):
            raise IntegrityError(
                "The voice of the release cannot be read.", remedy="Export the release again with this version."
            ) from None


def _measured(texts: Sequence[str], language: str | None, background: Mapping[str, Mapping[str, int]]) -> Manners:
    plain = [manner(text, language) for text in texts]
    base = Manners(
        replies=len(texts),
        language=language,
        words=Spread.of(one.words for one in plain),
        sentences=Spread.of(one.sentences for one in plain),
        habits={},
        openings=recurring((openings(text) for text in texts), len(texts)),
        closings=recurring((closings(text) for text in texts), len(texts)),
        own_words=tuple(
            word for word, _ in characteristic(counted(texts), background.get(language or ALL, {}), OWN_WORDS)
        ),
    )
    shown = [base.shown(text, language).traits for text in texts]
    told = {name: [traits[name] for traits in shown if name in traits] for name in _COSTS}
    habits = {name: Habit.of(values) for name, values in told.items() if len(values) >= FEWEST}
    return replace(base, habits=habits)


def _length_cost(words: int, usual: Spread) -> tuple[float, str]:
    """Beyond the 90 % of replies in the middle, the root of how many times too long or too short."""
    if words > usual.high:
        times = max(2, round(words / max(usual.middle, 1)))
        much = _TIMES.get(times, f"{times} times")
        return 1 - math.sqrt((usual.high + 1) / (words + 1)), f"{much} as long as the brand's replies ({words} words)"
    if words < usual.low:
        most = f"most have {usual.low:.0f} to {usual.high:.0f}"
        few = "1 word" if words == 1 else f"{words} words"
        return 1 - math.sqrt((words + 1) / (usual.low + 1)), f"shorter than the brand's replies ({few}, {most})"
    return 0.0, ""


def _trait_cost(name: str, shown: bool, known: Manners) -> tuple[float, str]:
    habit = known.habits.get(name)
    most, having, lacking = _COSTS[name]
    reason = having if shown else lacking
    if habit is None or not reason:
        return 0.0, ""
    expected = habit.expected(shown)
    return most * max(0.0, 1 - expected / RARE), reason.format(share=_in_words(habit.share))


def _in_words(share: float) -> str:
    if 0.005 <= share < 0.995:
        return f"{100 * share:.0f} %"
    return {0.0: "none", 1.0: "all"}.get(share, "hardly any" if share < 0.5 else "nearly all")


def _manners_to_wire(one: Manners) -> dict[str, Any]:
    def phrases(found: Sequence[SetPhrase]) -> list[list[Any]]:
        return [[phrase.text, phrase.share] for phrase in found]

    return {
        "replies": one.replies,
        "language": one.language,
        "words": [one.words.low, one.words.middle, one.words.high],
        "sentences": [one.sentences.low, one.sentences.middle, one.sentences.high],
        "habits": {name: [habit.share, habit.replies] for name, habit in one.habits.items()},
        "openings": phrases(one.openings),
        "closings": phrases(one.closings),
        "own_words": list(one.own_words),
    }


def _manners_from_wire(body: Mapping[str, Any]) -> Manners:
    habits = {name: Habit(_share(share), int(replies)) for name, (share, replies) in body["habits"].items()}
    if not set(habits) <= set(_COSTS):
        raise ValueError("habits")
    return Manners(
        int(body["replies"]),
        None if body["language"] is None else str(body["language"]),
        Spread(*map(_count, body["words"])),
        Spread(*map(_count, body["sentences"])),
        habits,
        tuple(SetPhrase(str(text), _share(share)) for text, share in body["openings"]),
        tuple(SetPhrase(str(text), _share(share)) for text, share in body["closings"]),
        tuple(map(str, body["own_words"])),
    )


def _share(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError("share")
    return float(value)


def _count(value: Any) -> float:
    if not 0 <= float(value) < math.inf:
        raise ValueError("count")
    return float(value)
