"""Intents that discovery suggests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator

from data.suggested import A_LABEL, MOST_CHARS, is_label
from service.reading import as_whole_number
from service.schemas.jobs import BaseName
from service.schemas.shape import NOT_BLANK, Asked, Identifier, Instant, Json, Page, Query, Told

SuggestionState = Literal["proposed", "accepted", "dismissed"]


def _label(name: str) -> str:
    if not is_label(name):
        raise ValueError(A_LABEL)
    return name


IntentName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARS),
    AfterValidator(_label),
    NOT_BLANK,
]
Revision = Annotated[int | None, Field(ge=1, le=2**31 - 1, description="The revision that was looked at.")]


class DiscoveryAsked(Asked):
    """How to look."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="What random draws begin from.")
    base: BaseName | None = Field(None, description="The model of the catalogue that reads the messages.")


class DiscoveryDetail(Told):
    """What was looked at, in counts."""

    object: Literal["discovery"] = "discovery"
    id: str
    bot: str
    job: str | None
    facts: Json = Field(description="What was looked at, left out and found, in counts; docs/discovery.md.")
    created_at: Instant


class SuggestionPage(Page):
    """Which suggestions."""

    state: SuggestionState | None = Field(None, description="Only those in this state.")


class SuggestionQuery(Query):
    """How much of a suggestion to tell."""

    limit: Annotated[int, BeforeValidator(as_whole_number)] = Field(
        20, ge=0, le=1000, description="Utterances, the most typical first."
    )


class SuggestionOutlook(Told):
    """What accepting means."""

    splits: dict[str, int] = Field(
        description="Turns whose split is decided. What is in test is measured, not learned."
    )
    undecided: int = Field(description="Turns whose split the next dataset decides.")
    why: str = Field(description="The same in words.")


class SuggestionDetail(Told):
    """A suggested intent."""

    object: Literal["suggestion"] = "suggestion"
    id: str
    bot: str
    discovery: str
    state: SuggestionState
    name: str
    terms: list[str] = Field(description="Words that its turns use and others do not.")
    turns: int
    conversations: int
    revision: int
    reviewer: str | None = Field(description="Who changed it last; none: no later discovery keeps it.")
    created_at: Instant
    updated_at: Instant
    accepted_at: Instant | None
    outlook: SuggestionOutlook | None = None


class SuggestedUtterance(Told):
    """A turn behind a suggestion."""

    conversation: str
    place: int = Field(description="Which turn of its conversation, from 0.")
    text: str
    split: Literal["train", "validation", "test"] | None


class SuggestionCase(SuggestionDetail):
    """A suggestion with what was said."""

    utterances: list[SuggestedUtterance]


class SuggestionDecision(Asked):
    """A reviewer's decision."""

    name: IntentName | None = Field(None, description="The intent, where it is to be called otherwise.")
    revision: Revision = None


class SuggestionDismissal(Asked):
    """That it is no intent."""

    revision: Revision = None


class SuggestionName(Asked):
    """Another name."""

    name: IntentName
    revision: Revision = None


class SuggestionMerge(Asked):
    """Which suggestions are one. The first stays."""

    suggestions: list[Identifier] = Field(min_length=2, max_length=100, json_schema_extra={"uniqueItems": True})
    revision: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="The revision of the first.")] = None

    @field_validator("suggestions")
    @classmethod
    def _differ(cls, named: list[str]) -> list[str]:
        if len(set(named)) < len(named):
            raise ValueError("a suggestion is named twice")
        return named


class SuggestedTurn(Asked):
    """A turn, as a suggestion names it."""

    conversation: Identifier
    place: int = Field(ge=0, le=2**31 - 1)


class SuggestionSplit(Asked):
    """What leaves the suggestion; without turns it is parted as discovery saw it."""

    turns: list[SuggestedTurn] = Field(default_factory=list, max_length=1000)
    revision: Revision = None


class SuggestionParts(Told):
    """What a suggestion was parted into, the remaining one first."""

    object: Literal["list"] = "list"
    data: list[SuggestionDetail]
