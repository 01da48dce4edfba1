"""A dataset to take away: JSON Lines, or a folder that `datasets.load_from_disk` of Hugging Face reads. Neither needs
attune to be read.

It is written aside, beside its place, and moved there when it is whole. One split to a file or folder; rows of
validation and test that train has seen are splits of their own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from data.errors import UsageError
from data.files import disk, sync_tree
from data.frozen import ROOMS, FrozenDataset
from data.shards import BATCH_ROWS, read_records, schema

Form = Literal["jsonl", "datasets"]
FORMS: tuple[str, ...] = ("jsonl", "datasets")
CARD = "README.md"
ARROW = "data-00000-of-00001.arrow"


def hand_out(frozen: FrozenDataset, card: str, target: Path, form: Form) -> dict[str, int]:
    """Write the dataset to the new folder `target`; how many rows of each split there are.

    Raises UsageError when something is there, IntegrityError when the dataset is damaged, StorageFull, StorageError.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError("The folder to export to is not empty.", remedy="Name a new folder.")
    frozen.verify()
    aside = target.with_name(f".{target.name}.part")
    with disk():
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            written = _WRITERS[form](frozen, aside)
            (aside / CARD).write_text(card, encoding="utf-8")
            sync_tree(aside)
            if target.exists():
                target.rmdir()
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return written


def _records(frozen: FrozenDataset, room: str) -> Iterator[Mapping[str, Any]]:
    return (record for path in frozen.shards(room) for record in read_records(path))


def _as_jsonl(frozen: FrozenDataset, folder: Path) -> dict[str, int]:
    """One object a line, in UTF-8; what is absent is left out."""
    written = {}
    for room in ROOMS:
        rows = 0
        with (folder / f"{room}.jsonl").open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            for record in _records(frozen, room):
                told = {name: value for name, value in record.items() if value is not None and value != []}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
                rows += 1
        written[room] = rows
    return _without_empty(written, lambda room: (folder / f"{room}.jsonl").unlink())


def _as_datasets(frozen: FrozenDataset, folder: Path) -> dict[str, int]:
    """Arrow streams with the two small files beside each that tell `datasets` what they are."""
    written = {}
    for room in ROOMS:
        split = folder / room
        split.mkdir()
        written[room] = _write_arrow(frozen, room, split / ARROW)
        _write_json(split / "state.json", _state(frozen.fingerprint, room))
        _write_json(split / "dataset_info.json", {"description": f"attune dataset {frozen.fingerprint[:12]}"})
    kept = _without_empty(written, lambda room: shutil.rmtree(folder / room))
    _write_json(folder / "dataset_dict.json", {"splits": list(kept)})
    return kept


def _write_arrow(frozen: FrozenDataset, room: str, path: Path) -> int:
    rows = 0
    with path.open("wb") as file, pa.ipc.new_stream(file, schema()) as stream:
        batch: list[Mapping[str, Any]] = []
        for record in _records(frozen, room):
            batch.append(record)
            if len(batch) == BATCH_ROWS:
                rows += _flush(stream, batch)
        rows += _flush(stream, batch)
    return rows


def _flush(stream: Any, batch: list[Mapping[str, Any]]) -> int:
    if batch:
        stream.write_table(pa.Table.from_pylist([dict(record) for record in batch], schema=schema()))
    count = len(batch)
    batch.clear()
    return count


def _state(fingerprint: str, room: str) -> dict[str, Any]:
    """What `datasets` keeps of a split beside its rows."""
    return {
        "_data_files": [{"filename": ARROW}],
        "_fingerprint": fingerprint[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": room,
    }


def _without_empty(written: dict[str, int], drop: Callable[[str], object]) -> dict[str, int]:
    """Splits without a row are not handed out, but for the three that everybody expects."""
    for room in [room for room, rows in written.items() if not rows and room.startswith("seen_")]:
        drop(room)
        del written[room]
    return written


def _write_json(path: Path, body: Any) -> None:
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


_WRITERS: Mapping[str, Callable[[FrozenDataset, Path], dict[str, int]]] = {"jsonl": _as_jsonl, "datasets": _as_datasets}
