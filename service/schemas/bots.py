"""Bots and their profiles."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from data.profile import BotProfile
from service.schemas.shape import Asked, Instant, Name, Told


class NewBot(Asked):
    """A bot to be made."""

    name: Name = Field(description="Lower-case letters, digits, '-' and '_'; stands in addresses and never changes.")
    profile: dict[str, Any] | None = Field(None, description="The profile; what is left out is at its default.")


class ProfileChange(Asked):
    """Changes to the profile: the fields named here replace those of before, the others stay."""

    profile: dict[str, Any] = Field(min_length=1)


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
