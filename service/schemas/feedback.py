"""What visitors and reviewers say of a reply."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from service.reading import as_number
from service.schemas.shape import NOT_BLANK, Asked, Identifier, Instant, Json, Page, Told

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), NOT_BLANK]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), NOT_BLANK]
Rating = Annotated[Literal[-1, 1], BeforeValidator(as_number)]
FeedbackState = Literal["pending", "accepted", "rejected"]


class FeedbackGiven(Asked):
    """Feedback on one reply. Sent again, it replaces what was said before."""

    turn: Identifier = Field(description="`turn` of the reply.")
    rating: Rating | None = None
    corrected_reply: Text | None = Field(None, description="What should have been answered.")
    corrected_intent: Label | None = Field(None, description="What was meant: an intent of the bot, or `oos`.")
    comment: Text | None = None


class FeedbackReview(Asked):
    """A reviewer's decision. What is named here replaces what the visitor wrote."""

    corrected_reply: Text | None = None
    corrected_intent: Label | None = None
    note: Text | None = None
    revision: int | None = Field(None, ge=1, le=2**31 - 1, description="What you reviewed; 409 when it was changed.")


class Outlook(Told):
    """What accepting will mean for the next dataset."""

    split: Literal["train", "validation", "test"]
    used: bool = Field(description="False: it will not be learned from; `why` says why.")
    codes: list[str] = Field(description="What there is to know, such as measured_not_learned.")
    why: str = Field(description="The same in words.")


class FeedbackDetail(Told):
    """Feedback, and the reply it speaks of."""

    object: Literal["feedback"] = "feedback"
    id: str
    bot: str
    session: str
    turn: str
    rating: Literal[-1, 1] | None
    corrected_reply: str | None
    corrected_intent: str | None
    comment: str | None
    state: FeedbackState
    revision: int
    by_visitor: bool
    created_at: Instant
    updated_at: Instant


class FeedbackCase(FeedbackDetail):
    """Feedback as a reviewer sees it."""

    message: str = Field(description="What the visitor had said.")
    reply: str
    intent: str | None
    confidence: float | None
    source: str | None
    release: str | None
    review: Json | None
    reviewed_at: Instant | None
    reviewer: str | None
    outlook: Outlook | None = None


class FeedbackPage(Page):
    """Which feedback; pending first by what reviewing it is worth."""

    state: FeedbackState | None = None
