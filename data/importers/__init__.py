"""From a file of logs to conversations, row by row, in bounded memory.

`detect` finds out what a file is by its content (names decide nothing) and refuses what is no log at all; it reads the
file once from end to end, so that a broken archive or a bomb is refused before the first row is kept. `read` then
yields conversations, rows set aside and remarks, and never stops midway: after `detect`, no content of a row raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.importers.columns import Reading
from data.importers.detect import detect
from data.importers.jsonl import read as read_jsonl
from data.importers.lines import read_lines
from data.importers.nouns import Detection, Format, ImportOptions, Item, Reason, Remark
from data.importers.packed import open_plain
from data.importers.table import conversation_ends
from data.importers.table import read as read_table
from data.settings import ImportSettings

__all__ = ["Detection", "Format", "ImportOptions", "Item", "Reason", "Remark", "detect", "read"]


def read(path: Path, detection: Detection, options: ImportOptions, limits: ImportSettings) -> Iterator[Item]:
    """What the file holds, in its order. Raises ImportRefused for a table without usable columns."""
    ends = conversation_ends(path, detection, options, limits) if detection.format != "jsonl" else None
    with open_plain(path, limits) as plain:
        lines = read_lines(plain.chunks(), detection, limits.max_line_bytes)
        if ends is None:
            yield from read_jsonl(lines, limits)
        else:
            yield from read_table(lines, Reading(detection.delimiter, options.fields, limits), ends)
