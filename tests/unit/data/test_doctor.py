"""The doctor finds each thing that can be wrong, and nothing where all is well."""

import hashlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from data.doctor import examine, repair
from data.files import Blobs
from data.profile import BotProfile
from data.schema import Conversation, Turn
from data.settings import Settings
from data.store import (
    Store,
    audit,
    bots,
    conversations,
    datasets,
    jobs,
    releases,
    runs,
    serving_tables,
    tables,
    uploads,
    workspaces,
)
from data.store.audit import Entry
from data.store.conversations import StoredConversation
from data.store.releases import NewRelease, Promotion
from data.store.runs import NewRun
from data.store.uploads import NewUpload


def sealed(folder: Path, manifest: str, **body) -> str:
    """A folder of one file and the manifest that names it; returns the manifest's digest."""
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"weights")
    files = {"weights": {"sha256": hashlib.sha256(b"weights").hexdigest(), "size": 7}}
    raw = json.dumps({**body, "files": files}).encode()
    (folder / manifest).write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


@dataclass
class Healthy:
    """A home with one of everything, all of it whole."""

    store: Store
    settings: Settings
    home: Path
    bot: str
    blob: str
    encoder: str

    def codes(self) -> dict[str, int]:
        return {found.code: found.count for found in examine(self.store, self.settings, grace_seconds=-1e9)}


@pytest.fixture
def healthy(sqlite_store: Store) -> Healthy:
    home = sqlite_store.home
    blob = Blobs(home).put(io.BytesIO(b"logs"), max_bytes=10)
    sealed(home / "datasets" / ("f" * 64), "manifest.json")
    encoder = sealed(home / "encoders" / "new", "encoder.json")
    (home / "encoders" / "new").rename(home / "encoders" / encoder)
    manifest = {"encoders": {"intent": encoder}}
    digest = sealed(home / "releases" / "acme" / "1", "manifest.json", **manifest)
    with sqlite_store.begin() as tx:
        bot = bots.create(tx, "acme", BotProfile(name="Acme")).id
        upload = uploads.create(tx, bot, NewUpload("a", blob.digest, blob.size))[0].id
        turns = (Turn("user", "hi"),)
        conversations.add_many(tx, upload, [StoredConversation("c", Conversation("x", turns), "f", 0)])
        uploads.finish(tx, upload, {})
        dataset = datasets.create(tx, bot, "f" * 64, {}, [upload]).id
        run = runs.create(tx, bot, NewRun("intent", dataset, "base", {})).id
        number = releases.reserve(tx, bot)
        releases.publish(tx, bot, number, NewRelease(digest, manifest, {"decision": "promote"}))
        releases.promote(tx, bot, Promotion(number, 0, "ann", "because"))
    (home / "runs" / run).mkdir(parents=True)
    return Healthy(sqlite_store, Settings(home=home), home, bot, blob.digest, encoder)


def test_where_all_is_well_nothing_is_found(healthy: Healthy) -> None:
    shutil.rmtree(healthy.home / "tmp")
    assert healthy.codes() == {}


def test_an_empty_home_is_well(sqlite_store: Store) -> None:
    assert examine(sqlite_store, Settings(home=sqlite_store.home)) == []


def test_a_changed_or_missing_blob_is_found(healthy: Healthy) -> None:
    path = Blobs(healthy.home).path(healthy.blob)
    path.write_bytes(b"rot")
    assert healthy.codes() == {"blob_damaged": 1}
    path.unlink()
    assert healthy.codes() == {"blob_damaged": 1}


@pytest.mark.parametrize("damage", ["change", "remove", "manifest", "nonsense"])
def test_a_damaged_dataset_is_found(healthy: Healthy, damage: str) -> None:
    folder = healthy.home / "datasets" / ("f" * 64)
    if damage == "change":
        (folder / "weights").write_bytes(b"other")
    elif damage == "remove":
        shutil.rmtree(folder)
    else:
        (folder / "manifest.json").write_text("[]" if damage == "nonsense" else "{")
    assert healthy.codes() == {"dataset_damaged": 1}


def test_a_damaged_release_that_is_live_is_found_twice(healthy: Healthy) -> None:
    manifest = healthy.home / "releases" / "acme" / "1" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    assert healthy.codes() == {"release_damaged": 1, "live_incomplete": 1}


def test_a_live_release_without_its_encoder_is_found(healthy: Healthy) -> None:
    (healthy.home / "encoders" / healthy.encoder / "weights").unlink()
    assert healthy.codes() == {"encoder_damaged": 1, "live_incomplete": 1}


def imported(home: Path, name: str) -> Path:
    """A base as an import leaves it; returns its record."""
    digests = {"model.safetensors": hashlib.sha256(b"weights").hexdigest()}
    folder = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    (home / "bases" / folder).mkdir(parents=True, exist_ok=True)
    (home / "bases" / folder / "model.safetensors").write_bytes(b"weights")
    record = home / "bases" / f"{name}.json"
    record.write_text(json.dumps({"name": name, "digest": folder, "digests": digests}))
    return record


@pytest.mark.parametrize("damage", ["change", "remove", "cut", "nonsense", "another name", "another place"])
def test_a_damaged_base_is_found(healthy: Healthy, damage: str) -> None:
    record = imported(healthy.home, "small.one")
    assert healthy.codes() == {}
    (weights,) = healthy.home.glob("bases/*/model.safetensors")
    if damage == "change":
        weights.write_bytes(b"rot")
    elif damage == "remove":
        shutil.rmtree(weights.parent)
    elif damage == "another name":
        record.rename(record.with_name("other.json"))
    else:
        body = record.read_text()
        record.write_text({"cut": body[:-9], "nonsense": "[]"}.get(damage, body.replace(weights.parent.name, "../out")))
    assert healthy.codes() == {"base_damaged": 1}
    repair(healthy.store, healthy.settings, grace_seconds=-1e9)
    assert weights.exists() == (damage != "remove"), "what an unreadable record stood for is not swept away"


def test_what_a_killed_import_of_a_base_left_is_swept(healthy: Healthy) -> None:
    record = imported(healthy.home, "small")
    left = [healthy.home / "bases" / ("c" * 64), healthy.home / "bases" / "small.17.part"]
    for path in left:
        path.mkdir()
    assert healthy.codes() == {"orphan_file": 2}
    assert repair(healthy.store, healthy.settings, grace_seconds=-1e9) == []
    assert (record.exists(), [path.exists() for path in left]) == (True, [False, False])


def test_lost_rows_are_found(healthy: Healthy) -> None:
    with healthy.store.begin() as tx:
        tx.connection.execute(delete(tables.conversations))
    assert healthy.codes() == {"upload_miscounted": 1}


def test_damaged_references_are_found(healthy: Healthy) -> None:
    with healthy.store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("DELETE FROM workspaces")
    (found,) = examine(healthy.store, healthy.settings)
    assert (found.code, found.severity) == ("database_damaged", "error")
    assert "workspaces" in found.sample


def test_a_silent_job_is_found(healthy: Healthy, clock) -> None:
    with healthy.store.begin() as tx:
        jobs.enqueue(tx, "train", {})
        jobs.claim(tx, "w", lease_seconds=5)
    assert healthy.codes() == {}
    clock.turn(6)
    assert healthy.codes() == {"job_silent": 1}


def test_an_audit_log_that_was_tampered_with_is_found_in_whatever_workspace(healthy: Healthy) -> None:
    other = workspaces.ensure(healthy.store, "other")
    for store in (healthy.store, other):
        with store.begin() as tx:
            for name in ("ann", "eve"):
                audit.record(tx, Entry(name, "req_1", "promote", "bot acme"))
    assert healthy.codes() == {}
    lines = serving_tables.audit
    with other.begin() as tx:
        tx.connection.execute(update(lines).where(tx.owns(lines), lines.c.actor == "eve").values(actor="ann"))
    (found,) = examine(healthy.store, healthy.settings, grace_seconds=-1e9)
    assert (found.code, found.severity, found.count) == ("audit_broken", "error", 1)
    assert found.sample == "other: line 2 of the audit log was changed"
    with healthy.store.begin() as tx:
        tx.connection.execute(delete(lines).where(tx.owns(lines), lines.c.sequence == 1))
    assert healthy.codes() == {"audit_broken": 2}
    assert [found.code for found in repair(healthy.store, healthy.settings)] == ["audit_broken"]


def orphans(home: Path) -> list[Path]:
    made = [
        home / "blobs" / "00" / ("0" * 64),
        home / "datasets" / "stray",
        home / "runs" / "run_0",
        home / "releases" / "acme" / "2",
        home / "releases" / "gone" / "1",
        home / "encoders" / "stray",
        home / "decoders" / "stray",
        home / "adapters" / "stray",
        home / "tmp" / "left",
    ]
    for path in made:
        path.mkdir(parents=True)
        (path / "file").write_text("x")
    return made


def test_orphans_are_found_and_swept_and_nothing_else(healthy: Healthy) -> None:
    with healthy.store.begin() as tx:
        releases.reserve(tx, healthy.bot)  # its folder 2 is there, but was never published
    made = orphans(healthy.home)
    (found,) = examine(healthy.store, healthy.settings, grace_seconds=-1e9)
    assert (found.code, found.count, found.fixable) == ("orphan_file", len(made), True)
    assert found.sample.endswith("...")
    assert repair(healthy.store, healthy.settings, grace_seconds=-1e9) == []
    assert not any(path.exists() for path in made)


def test_young_files_may_belong_to_work_that_is_not_committed_yet(healthy: Healthy, clock) -> None:
    from datetime import UTC, datetime

    clock.now = datetime.now(UTC)
    made = orphans(healthy.home)
    assert repair(healthy.store, healthy.settings) == []
    assert all(path.exists() for path in made)


def test_files_of_another_workspace_are_no_orphans(healthy: Healthy) -> None:
    assert examine(healthy.store.for_workspace("other"), healthy.settings, grace_seconds=-1e9) == []
