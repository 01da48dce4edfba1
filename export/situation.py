"""What a decision about one message looks at: how it was understood, what could be said, and the bars for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from data.profile import BotProfile
from data.schema import OUT_OF_SCOPE
from export.corrections import Match
from export.drafts import Draft
from export.placeholders import Values
from export.sentiment import Sentiment
from export.thresholds import Thresholds

Action = Literal["greet", "answer", "clarify", "fallback", "handoff"]
Source = Literal["approved", "retrieved", "generated", "clarify", "handoff"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One intent and how likely it is, in scope."""

    intent: str
    probability: float


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message was taken to mean.

    `intent` is the likeliest intent (None without an intent model); `confidence` the probability that answering for it
    is right; `in_scope` the score that the message is one the bot covers; `ranking` holds the intents with their
    probabilities, likeliest first, without `oos`; `sentiment` is None where nothing can be said of it. `language` is
    that of the message, looked for only where the release has bars by language.
    """

    intent: str | None
    confidence: float
    in_scope: float
    ranking: tuple[Ranked, ...] = ()
    sentiment: Sentiment | None = None
    language: str | None = None


NOT_UNDERSTOOD = Understanding(intent=None, confidence=0.0, in_scope=1.0)
"""The understanding of a release that has no intent model: everything may be in scope, nothing is known."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An earlier reply of the brand that may fit. `echoes`: its placeholders repeat what the customer had said; `flaws`
    say in words why it must not be said here; `approved`: it is one of the profile's answers to `intent`."""

    text: str
    score: float
    intent: str | None = None
    count: int = 1
    echoes: bool = False
    flaws: tuple[str, ...] = ()
    approved: bool = False

    @property
    def source(self) -> Source:
        return "approved" if self.approved else "retrieved"


@dataclass(frozen=True, slots=True)
class Situation:
    """All a decision looks at. `corrections` are those for this message, `drafts` replies that were written for it,
    `foreign` the approved texts that are surely in another language than the message, `last_reply` what the brand last
    answered in this conversation, if anything."""

    understanding: Understanding
    profile: BotProfile
    thresholds: Thresholds
    corrections: tuple[Match, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    drafts: tuple[Draft, ...] = ()
    foreign: frozenset[str] = frozenset()
    values: Values = field(default_factory=dict)
    last_reply: str | None = None
    opening: bool = False


def is_out_of_scope(understanding: Understanding, thresholds: Thresholds) -> bool:
    """Whether no intent of the bot covers the message."""
    return understanding.intent == OUT_OF_SCOPE or understanding.in_scope < thresholds.oos


def label_of(understanding: Understanding, thresholds: Thresholds) -> str | None:
    """The one label of a message: its intent, or `oos`."""
    return OUT_OF_SCOPE if is_out_of_scope(understanding, thresholds) else understanding.intent


def is_sure(understanding: Understanding, thresholds: Thresholds) -> bool:
    """Whether the likeliest intent may be answered for."""
    return understanding.intent not in (None, OUT_OF_SCOPE) and is_confident(understanding, thresholds)


def is_confident(understanding: Understanding, thresholds: Thresholds) -> bool:
    """Whether the confidence reaches the bar of the message's language."""
    bar = thresholds.bar(understanding.language)
    return bar is not None and understanding.confidence >= bar
