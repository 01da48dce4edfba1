"""The bot profile: what a business says about its bot. Versioned in the store, frozen into every release."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from data.errors import ProfileError
from data.schema import OUT_OF_SCOPE

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Intent(_Frozen):
    """What customers want, in the brand's words. `title` finishes the sentence "is this about ...?".

    `handoff`: whoever wants this wants a person, so that the bot hands over as soon as it is sure of the intent.
    """

    name: Label
    title: str = Field("", max_length=200)
    description: str = Field("", max_length=2000)
    answers: tuple[Text, ...] = ()
    handoff: bool = False

    @property
    def readable(self) -> str:
        return self.title or self.name.replace("_", " ")


class Acceptance(_Frozen):
    """What a candidate must reach before the brand wants it live. None: no goal."""

    precision: float | None = Field(None, ge=0, le=1)
    latency_ms: float | None = Field(None, gt=0)


class WritingStyle(_Frozen):
    """How replies are written, where any are: how they are drawn, and what ends them. At a `temperature` of 0 the
    likeliest token is taken each time; above it, too, the same conversation gets the same reply."""

    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, le=100_000)
    repetition_penalty: float = Field(1.0, ge=1, le=2)
    max_tokens: int = Field(96, ge=8, le=512)
    seconds: float = Field(30.0, ge=0.1, le=300)
    stops: tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...] = Field((), max_length=8)


class BotProfile(_Frozen):
    """All a business says about its bot."""

    name: Label
    languages: tuple[str, ...] = ("en",)
    persona: str = Field("", max_length=4000)
    tone: str = Field("", max_length=4000)
    greeting: Text = "Hello. How can I help?"
    fallback: Text = "I am not sure I can answer that well. Shall I pass you to a colleague?"
    ask_back: Text = "Is this about {first} or about {second}?"
    handoff: Text = "I am passing you to a colleague now."
    intents: tuple[Intent, ...] = ()
    banned_phrases: tuple[Text, ...] = ()
    synonyms: tuple[tuple[Text, ...], ...] = ()
    reply_mode: Literal["grounded", "hybrid", "generative"] = "grounded"
    writing: WritingStyle = WritingStyle()
    target_precision: float = Field(0.9, ge=0.5, lt=1)
    acceptance: Acceptance = Acceptance()
    auto_promote: bool = False
    learn_from_chats: bool = False

    @model_validator(mode="after")
    def _agree(self) -> BotProfile:
        names = [intent.name for intent in self.intents]
        twins = [str(number) for number, name in enumerate(names, 1) if names.count(name) > 1]
        if twins:
            raise ValueError(f"intents are named twice: {', '.join(twins)} of the list")
        if OUT_OF_SCOPE in names:
            raise ValueError(f"{OUT_OF_SCOPE!r} is the label of out-of-scope messages and cannot be an intent")
        if any(len(group) < 2 for group in self.synonyms):
            raise ValueError("each group of synonyms must name two words or more that mean the same")
        fields = {"first", "second"}
        if any("{" + name + "}" not in self.ask_back for name in fields):
            raise ValueError("ask_back must name {first} and {second}, the two intents it asks between")
        return self

    def intent(self, name: str) -> Intent | None:
        return next((intent for intent in self.intents if intent.name == name), None)

    def to_wire(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def parse_profile(body: dict[str, Any]) -> BotProfile:
    """The profile in `body`, or ProfileError naming every field that is wrong (never its value)."""
    try:
        return BotProfile.model_validate(body)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or 'profile'}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        raise ProfileError(
            "The bot profile does not hold: " + "; ".join(problems) + ".",
            remedy="Mend those fields; docs/profile.md lists them all.",
        ) from None


def load_profile(path: Path) -> BotProfile:
    """Read a profile from a TOML file (UTF-8)."""
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(
            f"The profile file {path.name!r} cannot be read: {type(error).__name__}.",
            remedy="Give a readable TOML file in UTF-8.",
        ) from None
    return parse_profile(body)
