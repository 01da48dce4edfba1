"""CSV, TSV and JSON Lines: which of them a file is, and reading one, whatever it was packed in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from data.errors import ImportRefused
from data.importers import jsonl, objects, strict_json, table
from data.importers.columns import Reading, plain_name
from data.importers.container import Member
from data.importers.delimited import DelimitedTable, named_delimiter
from data.importers.first_pass import first_pass
from data.importers.kind import Source
from data.importers.lines import Line, read_lines
from data.importers.nouns import NAME_IT, Detection, ImportOptions, Item, Reason
from data.importers.objects import Found
from data.importers.packed import CHUNK
from data.importers.usual_names import COLUMN_NAMES
from data.settings import ImportSettings

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 20
GUESSED_TABLE = 0.45
"""So sure are we of a table whose header says nothing but whose lines are alike; below this nothing speaks for one."""
MOST = 0.8
_LIST = re.compile(r"\[\s*(?:$|[\[{\"\]]|-?[\d.]+\s*(?:[,\]]|$)|true|false|null)")
"""How a list in JSON begins: a line that begins with a time or a word in brackets is none."""


def detect_lines(head: bytes, base: Detection, options: ImportOptions, limits: ImportSettings) -> Detection:
    """Which of the three a text that begins with `head` is; `base` says how it is written.

    Raises ImportRefused for one big JSON document.
    """
    lines = _sample(head, base, limits)
    if options.format == "jsonl":
        return base
    if options.format is None:
        share = _share_of_json(lines)
        if share > 0:
            return replace(base, confidence=share)
    delimiter, confidence = _delimiter([line.text for line in lines], base.name, options)
    form = "tsv" if delimiter == "\t" else "csv"
    return replace(base, format=options.format or form, delimiter=delimiter, confidence=confidence)


def read_file(member: Member, detection: Detection, options: ImportOptions, limits: ImportSettings) -> Iterator[Item]:
    """What one file holds, in its order. Raises ImportRefused for a table without usable columns."""

    def lines() -> Iterator[Line]:
        return read_lines(member.chunks(), detection, limits.max_line_bytes)

    if detection.format == "jsonl":
        yield from objects.read(lambda: map(_found, jsonl.bodies(lines())), Reading.of(options, limits))
        return
    reading = Reading.of(options, limits, detection.delimiter)
    try:
        first = DelimitedTable(lines(), reading)
        seen = first_pass(first, first.columns)
    except ImportRefused as refused:
        if detection.confidence >= GUESSED_TABLE or refused.ids.get("reason") != "no_text_column":
            raise
        raise ImportRefused(
            "This looks like no kind of file that is known here; read as a table, no column holds messages.",
            remedy="If it is a table, begin with a line that names its columns, such as conversation, role, text. If a"
            f" program exported it, {NAME_IT}.",
            reason="no_text_column",
        ) from None
    yield from table.read(DelimitedTable(lines(), reading), reading, seen)


def _found(line: tuple[int, dict[str, Any] | Reason, str]) -> Found:
    row, body, sample = line
    return Found(row, flaw=body, sample=sample) if isinstance(body, Reason) else Found(row, body)


def read_archive(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The files of an archive one after the other; rows are counted on from file to file."""

    def items(member: Member) -> Iterator[Item]:
        head = member.head(CHUNK)
        form = detect_lines(head, replace(source.written(member), name=member.name), options, source.limits)
        yield from read_file(member, form, options, source.limits)

    files = ((member.name, items(member)) for member in source.members)
    yield from table.one_after_another(files, alone=len(source.members) == 1)


def _sample(head: bytes, detection: Detection, limits: ImportSettings) -> list[Line]:
    """The first lines that are not blank; the last of the head may be cut and counts only when it is alone."""
    lines = list(islice(read_lines([head], detection, limits.max_line_bytes), 10 * SAMPLE_LINES))
    if len(head) >= CHUNK and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.text.strip()][:SAMPLE_LINES]


def _share_of_json(lines: list[Line]) -> float:
    """How much of the sample is one JSON object per line; 0 for a table. Raises ImportRefused for one big document."""
    if not lines:
        return 0.0
    verdicts = [_is_object(line.text) for line in lines]
    objects = sum(verdicts)
    first = lines[0].text.lstrip()
    start = "" if first[:1] == "[" and _LIST.match(first) is None else first[:1]
    if (start == "[" and (objects == 0 or lines[0].text.strip() == "[")) or (
        start == "{" and len(lines) > 1 and not verdicts[0] and 2 * objects < len(lines)
    ):
        raise ImportRefused(
            f"This is one JSON document, {'a list' if start == '[' else 'an object'}, of no kind that is known here.",
            remedy="If its entries are messages or texts to learn from, name its format: --format json (HTTP: format)."
            f" If a program exported it, {NAME_IT}.",
            reason="json_document",
        )
    if objects == 0:
        return 0.3 if start == "{" else 0.0
    return objects / len(lines) if 2 * objects >= len(lines) or start == "{" else 0.0


def _is_object(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(strict_json.loads(text), dict)
    except strict_json.JsonError as error:
        return error.reason is not Reason.MALFORMED_JSON


def _delimiter(lines: list[str], name: str, options: ImportOptions) -> tuple[str, float]:
    """The delimiter that makes most sense of the first lines, and how sure we are."""
    if options.delimiter is not None:
        return options.delimiter, 1.0
    named = named_delimiter(lines[0]) if lines else None
    if named is not None:
        return named, 0.95
    header = lines[0] if lines else ""
    known = {plain_name(column) for column in options.fields.values()}.union(*COLUMN_NAMES.values())
    order = sorted(DELIMITERS, key=lambda one: one != "\t") if ".tsv" in name.lower() else list(DELIMITERS)

    def worth(delimiter: str) -> tuple[int, bool, int]:
        cells = header.split(delimiter)
        hits = sum(plain_name(cell.strip('"')) in known for cell in cells[:1000])
        even = [line.count(delimiter) == len(cells) - 1 for line in lines[1:]]
        return hits, len(cells) > 1 and len(even) > 0 and sum(even) >= MOST * len(even), len(cells)

    best = max(order, key=worth)
    hits, is_even, width = worth(best)
    sure = 0.95 if hits > 1 else 0.8 if hits else GUESSED_TABLE if is_even else 0.4
    return (best if width > 1 else order[0]), sure
