"""What a file tells beside its conversations: who spoke for the brand in it, and how a bot was defined in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeakersFound:
    """How it was decided who speaks for the brand, how sure that is (0..1), and who they are (some of the names)."""

    decided_by: str
    confidence: float
    brand: tuple[str, ...] = ()
    brand_count: int = 0
    customer_count: int = 0


@dataclass(frozen=True, slots=True)
class IntentHint:
    """An intent as another product defines it. `answers` are replies its owner wrote; `handoff`: to a person."""

    name: str
    title: str = ""
    description: str = ""
    answers: tuple[str, ...] = ()
    handoff: bool = False


@dataclass(frozen=True, slots=True)
class ProfileHint:
    """The definition of a bot, or a piece of one: an importer may yield as many as it comes across."""

    intents: tuple[IntentHint, ...] = ()
    greeting: str = ""
    fallback: str = ""
    languages: tuple[str, ...] = ()
    banned_phrases: tuple[str, ...] = ()
