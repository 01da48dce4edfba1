"""Bots and their profiles."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler

from data.profile import BotProfile
from service.schemas.shape import Asked, Instant, Name, Told


class _AsProfile:
    """Documents a dictionary as a profile of which anything may be left out; it is read when the whole is there."""

    def __get_pydantic_json_schema__(self, _: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(BotProfile.__pydantic_core_schema__))
        return {"type": "object", "properties": whole["properties"], "additionalProperties": False}


ProfilePart = Annotated[dict[str, Any], _AsProfile()]


class NewBot(Asked):
    """A bot to be made."""

    name: Name = Field(description="Lower-case letters, digits, '-' and '_'; stands in addresses and never changes.")
    profile: ProfilePart | None = Field(None, description="The profile; what is left out is at its default.")


class ProfileChange(Asked):
    """Changes to the profile: the fields named here replace those of before, the others stay."""

    profile: ProfilePart = Field(min_length=1, json_schema_extra={"minProperties": 1})


class BotSummary(Told):
    """A bot in a list."""

    object: Literal["bot"] = "bot"
    name: str
    profile_version: int
    live: int | None = Field(description="The number of the release that answers; null while none does.")
    created_at: Instant


class BotDetail(BotSummary):
    """A bot and the newest version of its profile."""

    profile: BotProfile
