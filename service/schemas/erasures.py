"""Forgetting people and files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from service.schemas.shape import NOT_BLANK, Asked, Identifier, Instant, Json, Told

Kind = Literal["upload", "customer", "conversation", "session", "turn"]
Called = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), NOT_BLANK]


class ErasureAsked(Asked):
    """What to forget: one kind of thing, named by exactly one of these."""

    upload: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,80}$", description="A file and all imported of it.")
    customer: list[Called] | None = Field(
        None, min_length=1, max_length=20, description="A person, in all the ways in which the logs name them."
    )
    conversation: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,80}$", description="A conversation, as rows of datasets name it."
    )
    session: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,80}$", description="A chat, with feedback on it.")
    turns: list[Identifier] | None = Field(
        None, min_length=1, max_length=100, description="Messages of chats, with what answered them."
    )
    dry_run: bool = Field(False, description="Report what would go, and which releases know it; keep it.")

    @model_validator(mode="after")
    def _names_one_thing(self) -> ErasureAsked:
        given = [name for name in ("upload", "customer", "conversation", "session", "turns") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("name exactly one of upload, customer, conversation, session and turns")
        return self

    def named(self) -> tuple[Kind, tuple[str, ...]]:
        """The kind, and the names."""
        if self.turns:
            return "turn", tuple(self.turns)
        if self.customer:
            return "customer", tuple(self.customer)
        singles: tuple[tuple[Kind, str | None], ...] = (
            ("upload", self.upload),
            ("conversation", self.conversation),
            ("session", self.session),
        )
        return next((kind, (name,)) for kind, name in singles if name)


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
