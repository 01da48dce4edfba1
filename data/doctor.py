"""Is everything that the rows promise on the disk, and does everything on the disk belong to a row?

`examine` only looks. `repair` removes what belongs to nobody; what is damaged it leaves to a human and a backup.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from data.errors import IntegrityError, NotFound
from data.files import Blobs, remove, seconds_old
from data.schema import Finding, Severity
from data.settings import Settings
from data.store import Store, audit, census, workspaces
from data.store.census import MODELS, Census, Shelf

GRACE_SECONDS = 3600.0
"""Files younger than this may belong to work whose row is not committed yet: they are no orphans."""

BASES = "bases"
_LISTED = 5
_RESTORE = "Restore it from a backup; what it was made of may be made again."


@dataclass(frozen=True, slots=True)
class _Kind:
    """One thing that can be wrong: its code, how bad it is, what to do."""

    code: str
    severity: Severity
    remedy: str
    fixable: bool = False


_DATABASE = _Kind("database_damaged", "error", "Stop attune, keep a copy, restore the newest backup of the database.")
_BLOB = _Kind("blob_damaged", "error", "Upload the file again, or restore it from a backup.")
_DATASET = _Kind("dataset_damaged", "error", _RESTORE)
_RELEASE = _Kind("release_damaged", "error", _RESTORE)
_ENCODER = _Kind("encoder_damaged", "error", _RESTORE)
_BASE = _Kind("base_damaged", "error", "`attune bases remove NAME`, then import it again.")
_LIVE = _Kind("live_incomplete", "error", "Roll back to a complete release, or restore this one from a backup.")
_JOB = _Kind("job_silent", "warning", "Start a worker: it takes the job over.")
_COUNT = _Kind("upload_miscounted", "error", "Restore the newest backup of the database; rows are missing.")
_AUDIT = _Kind("audit_broken", "error", "Compare the log with a backup: somebody changed what is never changed.")
_ORPHAN = _Kind("orphan_file", "warning", "`attune doctor --repair` removes them.", fixable=True)


def examine(store: Store, settings: Settings, *, grace_seconds: float = GRACE_SECONDS) -> list[Finding]:
    """All that is wrong with the store and its files, worst first; empty when all is well. Changes nothing.

    Reads every file that is kept, so it takes as long as reading them takes.
    """
    home = settings.home
    rows = census.take(store)
    models = [name for name in sorted(rows.models) if not _is_whole_model(home / name)]
    broken = _broken_releases(home, rows.shelves)
    findings = [
        _finding(_DATABASE, store.integrity()),
        _finding(_COUNT, rows.miscounted_uploads),
        _finding(_AUDIT, _broken_logs(store)),
        _finding(_LIVE, (shelf.folder for shelf in rows.shelves if _is_unfit(shelf, broken, models))),
        _finding(_BLOB, _broken_blobs(home, rows.blobs)),
        _finding(_DATASET, (id_ for name, id_ in rows.datasets.items() if not _is_whole(home / "datasets" / name))),
        _finding(_RELEASE, broken),
        _finding(_ENCODER, models),
        _finding(_BASE, (record.name for record in _records(home) if not record.is_whole(home))),
        _finding(_JOB, rows.silent_jobs),
        _finding(_ORPHAN, (_label(path, home) for path in _orphans(home, rows, store.clock(), grace_seconds))),
    ]
    return [finding for finding in findings if finding is not None]


def repair(store: Store, settings: Settings, *, grace_seconds: float = GRACE_SECONDS) -> list[Finding]:
    """Remove what belongs to nobody, then examine again."""
    for path in _orphans(settings.home, census.take(store), store.clock(), grace_seconds):
        if seconds_old(path, store.clock()) >= grace_seconds:  # somebody may have come to need it
            remove(path)
    return examine(store, settings, grace_seconds=grace_seconds)


def _finding(kind: _Kind, what: Iterable[str]) -> Finding | None:
    found = list(what)
    if not found:
        return None
    shown = "; ".join(found[:_LISTED]) + ("; ..." if len(found) > _LISTED else "")
    return Finding(kind.code, kind.severity, len(found), kind.remedy, sample=shown, fixable=kind.fixable)


def _broken_logs(store: Store) -> list[str]:
    """Where the audit log of a workspace is not what was written."""
    broken = []
    for workspace in workspaces.list_all(store):
        with store.for_workspace(workspace).read() as tx:
            broken += [f"{workspace}: {wrong}" for wrong in audit.verify(tx)]
    return broken


def _broken_blobs(home: Path, needed: Mapping[str, str]) -> list[str]:
    """Ids of the uploads whose bytes are gone or changed."""
    blobs = Blobs(home)
    broken = []
    for digest, upload_id in needed.items():
        try:
            blobs.verify(digest)
        except (IntegrityError, NotFound):
            broken.append(upload_id)
    return broken


def _broken_releases(home: Path, shelves: Sequence[Shelf]) -> list[str]:
    return [
        shelf.folder
        for shelf in shelves
        if shelf.state != "reserved" and not _is_whole(home / "releases" / shelf.folder, digest=shelf.digest)
    ]


def _is_unfit(shelf: Shelf, releases: Sequence[str], models: Sequence[str]) -> bool:
    """Whether this is what answers customers and cannot: its folder or a model it names is broken or missing."""
    return shelf.is_live and (shelf.folder in releases or not shelf.models.isdisjoint(models))


def _is_whole_model(folder: Path) -> bool:
    """An encoder or a decoder, whose manifest is called after what it is."""
    return _is_whole(folder, f"{folder.parent.name.removesuffix('s')}.json", folder.name)


def _is_whole(folder: Path, manifest: str = "manifest.json", digest: str | None = None) -> bool:
    """Whether the folder's manifest is the one recorded and every file it names has the bytes it names."""
    try:
        raw = (folder / manifest).read_bytes()
        files: Mapping[str, Mapping[str, str]] = json.loads(raw)["files"]
        if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
            return False
        return all(_hash(folder / name) == entry["sha256"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


@dataclass(frozen=True, slots=True)
class _Record:
    """What is written down of an imported base; `folder` is None where it cannot be read."""

    name: str
    path: Path
    folder: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    def is_whole(self, home: Path) -> bool:
        """Whether every file of the base has the bytes of its import."""
        if self.folder is None or not self.digests:
            return False
        try:
            return all(_hash(home / BASES / self.folder / name) == digest for name, digest in self.digests.items())
        except OSError:
            return False


def _records(home: Path) -> list[_Record]:
    """Every base that was imported; its files are plain names in a folder that is named by a digest."""
    return [_record(path) for path in sorted((home / BASES).glob("*.json"))]


def _record(path: Path) -> _Record:
    try:
        body = json.loads(path.read_bytes())
        folder, digests = body["digest"], body["digests"]
        plain = all(Path(one).name == one for one in digests)
        proof = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        if body["name"] == path.stem and folder == proof and plain:
            return _Record(path.stem, path, folder, dict(digests))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return _Record(path.stem, path)


def _stray_bases(home: Path) -> list[Path]:
    """Folders and pieces that no imported base names: none, where a record is unreadable, for it may name any."""
    records = _records(home)
    if any(record.folder is None for record in records):
        return []
    kept = {record.path for record in records} | {home / BASES / str(record.folder) for record in records}
    return [path for path in sorted((home / BASES).glob("*")) if path not in kept]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _orphans(home: Path, rows: Census, now: datetime, grace_seconds: float) -> list[Path]:
    """Files and folders that no row names and nobody has touched for `grace_seconds`."""
    kept = {
        *(home / "blobs" / digest[:2] / digest for digest in rows.blobs),
        *(home / "datasets" / fingerprint for fingerprint in rows.datasets),
        *(home / "runs" / run for run in rows.runs),
        *(home / "releases" / shelf.folder for shelf in rows.shelves if shelf.state != "reserved"),
        *(home / name for name in rows.models),
    }
    there = [
        path
        for pattern in ("blobs/*/*", "datasets/*", "runs/*", "releases/*/*", *(f"{kind}/*" for kind in MODELS))
        for path in sorted(home.glob(pattern))
        if path not in kept
    ] + _stray_bases(home)
    strays = [path for path in there if seconds_old(path, now) >= grace_seconds]
    return strays + Blobs(home).abandoned(now, grace_seconds)


def _label(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix()
