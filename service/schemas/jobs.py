"""Background work."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator

from data.schema import LEAST_TRIALS, MOST_SEARCH_MINUTES, MOST_TRIALS
from service.reading import as_whole_number
from service.schemas.shape import Asked, Instant, Json, Page, Told

_BASE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
BaseName = Annotated[str, StringConstraints(pattern=rf"^{_BASE.pattern}$")]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]

Task = Literal["intent", "reply", "generate", "sentiment", "entities"]


class JobDetail(Told):
    """A job as it stands."""

    object: Literal["job"] = "job"
    id: str
    kind: str = Field(description="`import`, `train`, `findings`, `discover` or `erase`.")
    bot: str | None
    state: State
    attempt: int = Field(description="How often it was begun.")
    max_attempts: int
    progress: float | None = Field(description="From 0 to 1, where it is known.")
    eta_seconds: float | None = Field(description="How long it may still take, where it is known.")
    detail: Json = Field(description="What the work last said of itself.")
    cancel_requested: bool
    upload: str | None = Field(description="The upload that an import reads.")
    release: int | None = Field(description="The release that a training made.")
    erasure: str | None = Field(description="The erasure that this job works on.")
    result: Json | None
    error: Json | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None


class JobPage(Page):
    """Which jobs."""

    bot: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,80}$", description="Only those of this bot.")
    state: State | None = Field(None, description="Only those in this state.")
    kind: Literal["import", "train", "findings", "discover", "erase"] | None = Field(
        None, description="Only those of this kind."
    )


class JobEvent(Told):
    """One thing that happened to a job."""

    object: Literal["job.event"] = "job.event"
    sequence: int
    type: str
    data: Json
    created_at: Instant


class EventPage(Page):
    """Which events. With `Accept: text/event-stream` they come as they happen, until the job is over."""

    after: Annotated[int | None, BeforeValidator(as_whole_number)] = Field(
        None, ge=0, le=10**9, description="Only events with a higher number."
    )


class Search(Asked):
    """How long a better recipe for the intents is searched for, among the messages that are learned from."""

    trials: int | None = Field(
        None,
        ge=LEAST_TRIALS,
        le=MOST_TRIALS,
        description="Recipes that are tried, the default first; 20 where minutes are not given.",
    )
    minutes: float | None = Field(None, gt=0, le=MOST_SEARCH_MINUTES, description="Of trials, all workers together.")


# A bound that fractions hold exactly: next to the largest exact whole number, who rounds is on the wrong side of it.
_WITHIN = Field(ge=-(10**15), le=10**15)
RecipeValue = bool | Annotated[int, _WITHIN] | Annotated[float, _WITHIN] | str


class Retraining(Asked):
    """What to train. Everything may be left out: then the data decides."""

    tasks: list[Task] | None = Field(None, min_length=1, max_length=4, json_schema_extra={"uniqueItems": True})
    recipe: dict[str, RecipeValue] | None = Field(None, description="A recipe in full or in part; docs/recipes.md.")
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="The same seed, the same model; else the recipe's, or 0."
    )
    search: Search | None = Field(
        None, description="Search a recipe first; taken only where it gains more than chance (docs/recipes.md)."
    )

    @field_validator("tasks")
    @classmethod
    def _names_each_once(cls, tasks: list[Task] | None) -> list[Task] | None:
        if tasks is not None and len(set(tasks)) < len(tasks):
            raise ValueError("`tasks` names each task once")
        return tasks

    @field_validator("search")
    @classmethod
    def _searches_for_intents(cls, search: Search | None, info: ValidationInfo) -> Search | None:
        tasks = info.data.get("tasks")
        if search is not None and tasks is not None and "intent" not in tasks:
            raise ValueError("a search is for the recipe of the intents, which are not among the `tasks` asked for")
        return search

    @field_validator("recipe")
    @classmethod
    def _names_no_path(cls, recipe: dict[str, RecipeValue] | None) -> dict[str, RecipeValue] | None:
        """A base that lies in a folder is for those who may put folders there: the command line takes it."""
        base = (recipe or {}).get("base", "base")
        if not isinstance(base, str) or not _BASE.fullmatch(base):
            raise ValueError("`base` names a base of the catalogue; a folder is for the command line")
        return recipe
