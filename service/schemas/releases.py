"""Releases and which of them is live."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.schemas.datasets import DatasetSource, DatasetSummary
from service.schemas.shape import NOT_BLANK, Asked, Instant, Json, Told

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), NOT_BLANK]


class ReleaseSummary(Told):
    """A release in a list."""

    object: Literal["release"] = "release"
    bot: str
    number: int
    name: str = Field(description="As people write it: `acme@7`.")
    state: Literal["reserved", "published", "rejected"]
    decision: str | None = Field(description="What the verdict says: promote, hold or reject.")
    live: bool
    created_at: Instant
    published_at: Instant | None
    trained_on_erased_data: Instant | None = Field(description="Since when it knows what is erased; null: it does not.")
    promotion_blocked: bool = Field(description="Whether it needs an `override_reason` for that.")


class ReleaseDetail(ReleaseSummary):
    """A release with all that speaks for and against it."""

    verdict: Json | None
    summary: list[str] = Field(description="What the statistics of the verdict say, in plain sentences.")
    card: str | None = Field(description="The model card, in Markdown.")
    lineage: Json = Field(description="What it was made of: dataset, runs, recipes, base.")
    dataset: DatasetSummary | None = Field(description="What it was trained on; its rows by number and page.")
    sources: list[DatasetSource] = Field(description="The files that came of, and who handed them in.")
    thresholds: Json
    labels: list[str]


class Deployed(Told):
    """One move of the live pointer."""

    version: int
    release: int
    previous: int | None
    actor: str
    reason: str
    override_reason: str | None
    created_at: Instant


class LiveDetail(Told):
    """What answers now. The ETag names this version of the pointer."""

    object: Literal["live"] = "live"
    bot: str
    release: int | None
    name: str | None
    version: int
    history: list[Deployed] = Field(description="The last moves, newest first.")


class Promotion(Asked):
    """Where to move the pointer; rolling back is the same call with an earlier release."""

    release: int = Field(ge=1, le=2**31 - 1)
    reason: Reason = "asked for over HTTP"
    override_reason: Reason | None = Field(None, description="Why to promote what the verdict holds back.")
