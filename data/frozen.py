"""A frozen dataset on the disk: Parquet shards and a manifest, in a folder named by the fingerprint of what is in it.

`<split>-00000.parquet` holds what is learned (train) and measured on (validation, test). `seen_<split>-00000.parquet`
holds the rows of validation and test that say what a row of train says, word for word: nothing is learned about a
model from what it has seen, so they stand apart and no score counts them unless it asks for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import IntegrityError
from data.schema import SPLITS, Example, Split
from data.shards import canonical, example_of, read_records

MANIFEST = "manifest.json"
VERSION = 3
"""Since 2 a row says whether its reply is a reviewer's correction, since 3 what it corrects."""
READABLE = (2, VERSION)
ROOMS = (*SPLITS, "seen_validation", "seen_test")
"""The sequences of rows in a dataset, by the name of their files."""

_REMEDY = "Freeze the dataset again: what is in it follows from the imported conversations."


@dataclass(frozen=True, slots=True)
class FrozenDataset:
    """`id` is that of its row, empty when it was opened by its folder alone.

    `set_aside`: how many conversations were left out, by reason, and `feedback` what became of accepted feedback. They
    are the manifest's, and after a freeze those of that freeze: when new uploads and feedback bring no new row, the
    dataset, manifest and all, is the one of before.
    """

    folder: Path
    manifest: Mapping[str, Any]
    id: str = ""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    feedback: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return str(self.manifest["fingerprint"])

    def count(self, split: Split) -> int:
        """Rows that `rows(split)` yields."""
        return int(self.manifest["rows"][split])

    def rows(self, split: Split) -> Iterator[Example]:
        """The examples of a split, in a fixed order, few in memory at a time; without those that train has seen."""
        return self._room(split)

    def seen(self, split: Split) -> Iterator[Example]:
        """The examples of validation or test whose words stand in train; none for train."""
        return self._room(f"seen_{split}")

    def shards(self, room: str) -> list[Path]:
        """The files of one of `ROOMS`, in order."""
        return [self.folder / name for name in sorted(self.manifest["files"]) if name.rpartition("-")[0] == room]

    def verify(self) -> None:
        """Read everything and compare with the manifest. Raises IntegrityError that names what differs."""
        files: Mapping[str, Mapping[str, Any]] = self.manifest["files"]
        problems = [f"{name} {state}" for name, entry in sorted(files.items()) if (state := self._state(name, entry))]
        there = {path.name for path in self.folder.iterdir()}
        problems += [f"{name} does not belong there" for name in sorted(there - set(files) - {MANIFEST})]
        if not problems and self._fingerprint() != self.fingerprint:
            problems.append("the rows are not those of the fingerprint")
        if problems:
            raise IntegrityError(f"This dataset is not as it was frozen: {'; '.join(problems)}.", remedy=_REMEDY)

    def _room(self, room: str) -> Iterator[Example]:
        return (example_of(record) for path in self.shards(room) for record in read_records(path))

    def _fingerprint(self) -> str:
        return fingerprint_of({room: self._digest(room) for room in ROOMS}, int(self.manifest["version"]))

    def _digest(self, room: str) -> str:
        digest = hashlib.sha256()
        for path in self.shards(room):
            for record in read_records(path):
                digest.update(canonical(record))
        return digest.hexdigest()

    def _state(self, name: str, entry: Mapping[str, Any]) -> str:
        path = self.folder / name
        if path.is_symlink() or not path.is_file():
            return "is missing"
        return "" if file_entry(path) == entry else "has changed"


def open_dataset(folder: Path, row_id: str = "") -> FrozenDataset:
    """The dataset in `folder`; no row is read yet. Raises IntegrityError when it is incomplete or no dataset."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except OSError:
        raise IntegrityError(f"This is not a complete dataset: it has no {MANIFEST}.", remedy=_REMEDY) from None
    except ValueError:
        manifest = None
    if not _is_manifest(manifest):
        raise IntegrityError(f"The {MANIFEST} of this dataset cannot be read.", remedy=_REMEDY)
    if manifest["version"] not in READABLE:
        raise IntegrityError(
            f"Expected a dataset of version {VERSION}; this one is of version {manifest['version']}.", remedy=_REMEDY
        )
    return FrozenDataset(folder, manifest, row_id, manifest.get("set_aside", {}), manifest.get("feedback", {}))


def fingerprint_of(digests: Mapping[str, str], version: int = VERSION) -> str:
    """The fingerprint of a dataset whose rooms have these digests of their rows."""
    return hashlib.sha256(canonical({"version": version, "rooms": dict(digests)})).hexdigest()


def file_entry(path: Path) -> dict[str, Any]:
    """What a manifest says about a file."""
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": path.stat().st_size}


def _is_manifest(manifest: Any) -> bool:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("version"), int):
        return False
    rows, files = manifest.get("rows"), manifest.get("files")
    return (
        isinstance(manifest.get("fingerprint"), str)
        and isinstance(rows, dict)
        and all(isinstance(rows.get(split), int) for split in SPLITS)
        and isinstance(files, dict)
        and all(isinstance(entry, dict) and Path(name).name == name for name, entry in files.items())
    )
