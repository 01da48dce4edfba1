"""From a file of logs to conversations, row by row, in bounded memory.

`detect` finds out what a file is by its content (names decide nothing) and refuses what is no log at all; it reads the
file once from end to end, so that a broken archive or a bomb is refused before the first row is kept. `read` then
yields conversations, rows set aside, remarks and hints, and never stops midway: after `detect`, no content of a row
raises. `kind` says what an importer of one kind of file is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.importers import kinds
from data.importers.container import Container, open_container
from data.importers.detect import detect
from data.importers.hints import IntentHint, ProfileHint, SpeakersFound
from data.importers.kind import Source
from data.importers.line_files import read_archive, read_file
from data.importers.nouns import Detection, ImportOptions, Item, Reason, Remark
from data.settings import ImportSettings

__all__ = [
    "Detection", "ImportOptions", "IntentHint", "Item", "ProfileHint", "Reason", "Remark", "SpeakersFound", "detect",
    "read",
]  # fmt: skip


def read(path: Path, detection: Detection, options: ImportOptions, limits: ImportSettings) -> Iterator[Item]:
    """What the file holds, in its order. Raises ImportRefused for a table without usable columns."""
    with open_container(path, detection.name, limits) as container:
        kind = kinds.named(detection.format)
        wanted = set(detection.members)
        members = tuple(sorted((one for one in container.members if one.name in wanted), key=lambda one: one.name))
        if container.packing != "zip":
            members = container.members
        source = Source(path, container.packing, members, detection, limits)
        if kind is not None:
            yield from kind.read(source, options)
        elif container.packing == "zip":
            yield from read_archive(source, options)
        else:
            yield from read_file(members[0], detection, options, limits)
        yield from _skipped(container, wanted)


def _skipped(container: Container, wanted: set[str]) -> Iterator[Remark]:
    """What an archive holds beside the files that were read."""
    if container.packing == "zip":
        others = [member.name for member in container.members if member.name not in wanted]
        yield from (Remark("files_skipped", 0, name) for name in (*others, *container.junk))
