"""The rows of a dataset that stay, as a dataset of their own; and what may still be told of the one that goes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from data.erasing.words import FEEDBACK_ID, Record
from data.files import disk
from data.frozen import MANIFEST, ROOMS, VERSION, FrozenDataset, file_entry, fingerprint_of
from data.manifest import Tally
from data.schema import SPLITS
from data.shards import SHARD_ROWS, ShardWriter, example_of, read_records

TOLD = (
    "version", "fingerprint", "files", "rows", "seen", "conversations", "replies", "languages", "attune", "set_aside",
    "groups", "largest_group", "near_duplicates_of_train", "settings", "feedback", "erased",
)  # fmt: skip
TOLD_OF_SOURCES = ("digest", "size", "conversations", "rows_in", "rows_used", "set_aside", "redacted", "upload")


def records(frozen: FrozenDataset) -> Iterator[tuple[str, Record]]:
    """Every row with its room. Raises IntegrityError where one cannot be read."""
    for room in ROOMS:
        for path in frozen.shards(room):
            for record in read_records(path):
                yield room, record


def write_remaining(
    frozen: FrozenDataset, folder: Path, left: Callable[[Record], Record | None], check: Callable[[], None]
) -> dict[str, Any] | None:
    """Write what is `left` of each row (None: nothing) into `folder`, manifest last; the manifest, or None where no row
    stays.

    Each row stays as it is, weight and split too: what was decided about it was decided in the company of all.
    """
    tally, gone = Tally(), Counter[str]()
    conversations: dict[str, set[int]] = {split: set() for split in SPLITS}
    with ExitStack() as stack:
        writers = {room: stack.enter_context(ShardWriter(folder, room, SHARD_ROWS)) for room in ROOMS}
        for place, (room, record) in enumerate(records(frozen)):
            if place % SHARD_ROWS == 0:
                check()
            stays = left(record)
            if stays is not None:
                example = example_of(dict(stays))
                writers[room].add(example)
                tally.add(room, example)
                conversations[example.split].add(int(example.conversation[:15], 16))
            else:
                gone["rows"] += 1
                gone[record["split"]] += str(record["upload"]).startswith(FEEDBACK_ID)
    if not sum(writer.rows for writer in writers.values()):
        return None
    manifest = {
        **frozen.manifest,
        "version": VERSION,
        "fingerprint": fingerprint_of({room: writer.digest for room, writer in writers.items()}),
        "files": {path.name: file_entry(path) for path in sorted(folder.iterdir())},
        **tally.to_wire(),
        "conversations": {split: len(found) for split, found in conversations.items()},
        "feedback": _feedback(frozen.manifest.get("feedback", {}), gone),
        "erased": {"from": frozen.fingerprint, "rows": gone["rows"]},
    }
    with disk():
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def tombstone(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a manifest whose rows are gone: counts and hashes, no name of a label."""
    sources = [{name: one[name] for name in TOLD_OF_SOURCES if name in one} for one in manifest.get("sources", ())]
    return {**{name: manifest[name] for name in TOLD if name in manifest}, "sources": sources}


def _feedback(told: Mapping[str, Any], gone: Counter[str]) -> dict[str, Any]:
    """What became of accepted feedback, less what is forgotten; each lesson is one row."""
    lost = sum(gone[split] for split in SPLITS)
    if not told or not lost:
        return dict(told)
    splits = {split: max(0, count - gone[split]) for split, count in dict(told["splits"]).items()}
    less = {name: max(0, int(told[name]) - lost) for name in ("rows_in", "rows_used")}
    return {**told, **less, "splits": splits}
