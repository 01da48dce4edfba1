"""The one shape of every error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Detail(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(extra="forbid")

    param: str
    message: str


class ErrorFacts(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(description="For people. It quotes nothing of the request.")
    type: str = Field(description="The family of the error.")
    param: str | None = Field(None, description="The part of the request that is wrong.")
    code: str = Field(description="Stable; docs/errors.md lists them all.")
    request_id: str
    doc_url: str
    details: list[Detail] = Field(default_factory=list)


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    model_config = ConfigDict(title="Error", extra="forbid")

    error: ErrorFacts
