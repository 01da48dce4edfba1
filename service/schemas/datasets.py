"""Frozen datasets: what is in one, where it comes from, what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from service.reading import as_whole_number
from service.schemas.shape import Instant, Json, Query, Told


class DatasetSource(Told):
    """A file that a dataset was built from."""

    upload: str
    name: str
    digest: str = Field(description="SHA-256 of the file.")
    state: str
    uploaded_by: str | None = Field(description="The key that handed it in; null for the command line.")
    created_at: Instant
    rows: dict[str, int] | None = Field(description="Its rows by split, where they were counted.")


class DatasetRun(Told):
    """A training on it."""

    run: str
    task: str
    state: str
    base: str


class DatasetSummary(Told):
    """A dataset in a list."""

    object: Literal["dataset"] = "dataset"
    id: str
    bot: str
    number: int
    fingerprint: str = Field(description="Names what is in it: equal rows, equal fingerprint.")
    created_at: Instant
    erased_at: Instant | None = Field(description="Since when its rows are gone: it held what was erased.")
    successor: int | None = Field(description="The dataset that was made of its remaining rows.")
    rows: dict[str, int] = Field(description="By split.")
    seen: dict[str, int] = Field(description="Rows of validation and test that say what train says; they stand apart.")
    conversations: dict[str, int]
    uploads: list[str]
    releases: list[int] = Field(description="The releases that were trained on it.")


class DatasetDetail(DatasetSummary):
    """A dataset with all there is to tell of it."""

    sources: list[DatasetSource]
    feedback: dict[str, int] | None = Field(description="Rows by split that came of accepted feedback.")
    runs: list[DatasetRun]
    manifest: Json
    card: str = Field(description="The dataset card, in Markdown.")


class DatasetRow(Told):
    """One message of a customer, as models learn from it."""

    object: Literal["dataset.row"] = "dataset.row"
    place: int = Field(description="Counts the rows of the dataset from 0.")
    room: str = Field(description="The split; `seen_...` for rows that stand apart.")
    id: str
    conversation: str
    upload: str | None = Field(description="The upload it came in; null for feedback.")
    row: Json = Field(description="Text, labels, context, reply, weight.")


class DiffQuery(Query):
    """Which datasets to compare."""

    since: Annotated[int, BeforeValidator(as_whole_number)] = Field(
        ge=1, le=10**9, description="The number of the dataset to compare with."
    )


class DatasetDiff(Told):
    """What came between two datasets: rows by source (a file's digest, or `feedback`) and split."""

    object: Literal["dataset.diff"] = "dataset.diff"
    bot: str
    since: int
    number: int
    added: dict[str, dict[str, int]]
    removed: dict[str, dict[str, int]]
    relabelled: dict[str, dict[str, int]]
    labels: list[Json] = Field(description="The most frequent changes of labels.")
    unchanged: int
    moved: int = Field(description="Rows of validation and test whose words came into train since, or left it.")


class SayingRow(Told):
    """A row that says what the bot said, and whose file it came in."""

    row: str
    upload: str | None
    file: str | None
    uploaded_by: str | None


class TurnLineage(Told):
    """Why the bot said this: reply, release, dataset, rows, files, and who handed them in."""

    object: Literal["turn.lineage"] = "turn.lineage"
    turn: str
    source: str | None = Field(
        description="Where the reply came from: approved, retrieved, generated, clarify, handoff."
    )
    release: int | None
    trained_on_erased_data: Instant | None
    dataset: DatasetSummary | None
    rows: list[SayingRow] = Field(description="Rows that say the same, if the reply was an earlier one of the brand.")
