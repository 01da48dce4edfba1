"""What all requests and all answers have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from service.reading import as_boolean, as_whole_number

Item = TypeVar("Item")

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
NOT_BLANK: Any = Field(json_schema_extra={"pattern": r"[^\s\x1c-\x1f\x85]"})
"""Documents what stripping white space does: of a text something must be left. Python strips five characters more than
the patterns of JSON Schema count as white space."""
Instant = AwareDatetime
Flag = Annotated[bool, BeforeValidator(as_boolean)]
"""A boolean of a query: the words true and false."""


class Asked(BaseModel):
    """A request body: no field beyond those named, and no value taken for another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Query(BaseModel):
    """The parameters of a query: text by nature, so that numbers are read from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Query):
    """Which part of a list."""

    limit: Annotated[int, BeforeValidator(as_whole_number)] = Field(50, ge=1, le=100, description="How many at most.")
    cursor: str | None = Field(None, min_length=1, max_length=500, description="`next_cursor` of the page before.")


class Listing(Told, Generic[Item]):
    """A page of a list. The order is stable: what is added later changes no page that was read."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool
    next_cursor: str | None = None


Json = dict[str, Any]
When = datetime
