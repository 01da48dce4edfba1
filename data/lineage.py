"""From a release to the dataset it was trained on, to the rows, to the files they came in, to who handed those in; and
back: which datasets and releases came of a file.

Told from rows; what is in a dataset, row by row, `inventory` tells from its files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from data.errors import IntegrityError
from data.frozen import FrozenDataset, open_dataset
from data.inventory import rows_by_source, rows_that_say
from data.schema import FEEDBACK
from data.store import Store, Tx, datasets, releases, runs, uploads
from data.store.datasets import Dataset
from data.store.releases import Release
from data.store.turns import StoredTurn
from data.store.uploads import Upload

MOST_ROWS = 20
"""Rows that are named of those that say a reply."""
RETRIEVED = "retrieved"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a dataset was built from, and who handed it in. `rows` by split, where they were counted."""

    upload: str
    name: str
    digest: str
    state: str
    uploaded_by: str | None
    created_at: datetime
    rows: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """A dataset with what it came of and what came of it; `successor` is the number of the dataset that was made of its
    remaining rows, `feedback` the rows by split that came of accepted feedback, where they were counted."""

    dataset: Dataset
    sources: tuple[Source, ...]
    runs: tuple[Mapping[str, str], ...]
    releases: tuple[Release, ...]
    successor: int | None = None
    feedback: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Saying:
    """Why a turn says what it says: its release, the dataset of that, and the rows that say the same, each with the
    file it came in."""

    release: Release | None = None
    lineage: Lineage | None = None
    rows: Sequence[tuple[str, Source | None]] = field(default=())


def of_dataset(tx: Tx, one: Dataset) -> Lineage:
    """What the rows of the store tell of a dataset."""
    sources = tuple(_source(uploads.get(tx, name)) for name in datasets.sources(tx, one.id))
    trained = (run for run in runs.list_for(tx, one.bot_id) if run.dataset_id == one.id)
    made = tuple(release for release in releases.list_for(tx, one.bot_id) if _dataset_name(release) == one.fingerprint)
    successor = None if one.successor is None else datasets.get(tx, one.successor).number
    told = tuple({"run": run.id, "task": run.task, "state": run.state, "base": run.base} for run in trained)
    return Lineage(one, sources, told, made, successor)


def of_release(tx: Tx, release: Release) -> Lineage | None:
    """Where a release comes from; None where its manifest names no dataset of this bot."""
    name = _dataset_name(release)
    one = None if name is None else datasets.find(tx, release.bot_id, name)
    return None if one is None else of_dataset(tx, one)


def of_upload(tx: Tx, upload: Upload) -> list[Lineage]:
    """The datasets that an upload went into, oldest first, each with what came of it."""
    return [of_dataset(tx, one) for one in datasets.built_from(tx, upload.id)]


def of_turn(store: Store, turn: StoredTurn) -> Saying:
    """Why the bot said this. Only a reply that was found among earlier ones is said by rows."""
    with store.read() as tx:
        if turn.release is None:
            return Saying()
        release = releases.get(tx, turn.bot_id, turn.release)
        found = of_release(tx, release)
    if found is None or found.dataset.erased_at is not None or turn.source != RETRIEVED:
        return Saying(release, found)
    by_digest = {source.digest: source for source in reversed(found.sources)}
    rows = rows_that_say(frozen(store, found.dataset), _found_reply(turn), MOST_ROWS)
    return Saying(release, found, [(row, by_digest.get(upload)) for row, upload in rows])


def counted(store: Store, found: Lineage) -> Lineage:
    """The same with the rows of each source counted in the files. Raises IntegrityError where they are gone."""
    if found.dataset.erased_at is not None:
        return found
    rows = rows_by_source(frozen(store, found.dataset))
    given: dict[str, Mapping[str, int]] = {}
    sources = []
    for source in found.sources:  # one file may have been read in two ways; its rows are told of the first
        mine = rows.get(source.digest, {}) if source.digest not in given else {}
        given[source.digest] = mine
        sources.append(replace(source, rows=mine))
    taught = rows.get(FEEDBACK, {})
    return replace(found, sources=tuple(sources), feedback=taught)


def frozen(store: Store, one: Dataset) -> FrozenDataset:
    """The files of a dataset. Raises IntegrityError; of a tombstone, saying that it is one."""
    if one.erased_at is not None:
        raise IntegrityError(
            f"Dataset {one.number} held what was erased: its rows are gone.",
            remedy="What it may still tell stands in its manifest; its remaining rows are in its successor.",
        )
    return open_dataset(store.home / "datasets" / one.fingerprint, one.id)


def _source(upload: Upload) -> Source:
    return Source(upload.id, upload.name, upload.digest, upload.state, upload.attested_by, upload.created_at)


def _dataset_name(release: Release) -> str | None:
    lineage: Mapping[str, Any] = (release.manifest or {}).get("lineage") or {}
    return lineage.get("dataset")


def _found_reply(turn: StoredTurn) -> str:
    """The earlier reply that was chosen: the first candidate, before its placeholders were filled."""
    candidates = (turn.detail or {}).get("candidates") or [{"reply": turn.text}]
    return str(candidates[0]["reply"])
