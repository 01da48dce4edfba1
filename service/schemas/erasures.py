"""Forgetting people and files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.schemas.shape import NOT_BLANK, Asked, Instant, Json, Told

Kind = Literal["upload", "customer", "conversation", "session", "turn"]
Called = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), NOT_BLANK]


class ErasureAsked(Asked):
    """What to forget: things of one kind, or one customer."""

    kind: Kind = Field(
        description="upload: a file and all imported of it; customer: a person; conversation: one, as rows of datasets "
        "name it; session: a chat with all feedback on it; turn: single messages, with what answered them."
    )
    names: list[Called] = Field(
        min_length=1,
        max_length=100,
        description="Ids of those things; of a customer all the ways in which the logs name them.",
    )
    dry_run: bool = Field(False, description="Report what would go, and which releases know it; keep it.")


class ErasureDetail(Told):
    """An erasure as it stands. It names nobody."""

    object: Literal["erasure"] = "erasure"
    id: str
    bot: str
    kind: Kind
    ids: list[str] = Field(description="The things that were named; of a customer nothing.")
    requested_by: str
    dry_run: bool
    job: str | None
    state: Literal["pending", "finished"]
    report: Json | None = Field(description="Counts, and the datasets and releases that it concerns.")
    created_at: Instant
    finished_at: Instant | None
