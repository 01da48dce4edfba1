"""What is this file? Decided by content; the name only breaks a tie between CSV and TSV."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from data.errors import ImportRefused
from data.importers import encoding, strict_json
from data.importers.columns import NAMES, plain_name
from data.importers.lines import Line, read_lines
from data.importers.nouns import Detection, Format, ImportOptions, Reason
from data.importers.packed import CHUNK, open_plain, refuse_foreign
from data.settings import ImportSettings

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 20


def detect(
    path: Path, name: str, options: ImportOptions | None = None, limits: ImportSettings | None = None
) -> Detection:
    """What the file at `path`, called `name` by its owner, is. Options win over what is found.

    Reads the whole file once. Raises ImportRefused for what is empty, no text, damaged, too large or neither format.
    """
    options, limits = options or ImportOptions(), limits or ImportSettings()
    head, found, newlines = _survey(path, options, limits)
    old_mac = b"\r" in head and b"\n" not in head
    base = Detection("jsonl", 1.0, found.name, found.confidence, found.bom, old_mac, lines=newlines)
    lines = _sample(head, base, limits)
    if options.format == "jsonl":
        return base
    if options.format is None:
        share = _share_of_json(lines)
        if share > 0:
            return replace(base, confidence=share)
    delimiter, confidence = _delimiter(lines[0].text if lines else "", name, options)
    form: Format = "tsv" if delimiter == "\t" else "csv"
    return replace(base, format=options.format or form, delimiter=delimiter, confidence=confidence)


def _survey(path: Path, options: ImportOptions, limits: ImportSettings) -> tuple[bytes, encoding.Encoding, int]:
    """The first bytes, the encoding, the number of line breaks; limits and damage show here, before any row."""
    with open_plain(path, limits) as plain:
        head = plain.read(CHUNK)
        refuse_foreign(head)
        if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
            raise ImportRefused(
                "The file holds nothing.", remedy="Upload a file with conversations.", reason="empty_file"
            )
        counted = _Counted(chain([head], plain.chunks()))
        found = _chosen(head, options) or encoding.sniff(counted, head)
        for _ in counted:
            pass
    return head, found, counted.newlines


class _Counted:
    """Chunks, with their line breaks counted as they pass."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.newlines = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.newlines += chunk.count(b"\n") or chunk.count(b"\r")
            yield chunk


def _chosen(head: bytes, options: ImportOptions) -> encoding.Encoding | None:
    """The encoding its owner names; a byte-order mark of that encoding is dropped all the same."""
    if options.encoding is None:
        return None
    name = codecs.lookup(options.encoding).name
    marked = encoding.marked(head)
    aliases = {"utf-8-sig": "utf-8", "utf-16": marked.name if marked else "utf-16-le"}
    name = aliases.get(name, name)
    return marked if marked is not None and marked.name == name else encoding.Encoding(name, 1.0)


def _sample(head: bytes, detection: Detection, limits: ImportSettings) -> list[Line]:
    """The first lines that are not blank; the last of the head may be cut and counts only when it is alone."""
    lines = list(islice(read_lines([head], detection, limits.max_line_bytes), 10 * SAMPLE_LINES))
    if len(head) == CHUNK and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.text.strip()][:SAMPLE_LINES]


def _share_of_json(lines: list[Line]) -> float:
    """How much of the sample is one JSON object per line; 0 for a table. Raises ImportRefused for one big document."""
    if not lines:
        return 0.0
    objects = sum(_is_object(line.text) for line in lines)
    start = lines[0].text.lstrip()[:1]
    if objects == 0 and (start == "[" or (start == "{" and len(lines) > 1)):
        raise ImportRefused(
            "Expected one JSON object per line; this is one JSON document.",
            remedy="Write every conversation on a line of its own (JSON Lines).",
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


def _delimiter(header: str, name: str, options: ImportOptions) -> tuple[str, float]:
    """The delimiter that makes most sense of the header line, and how sure we are."""
    if options.delimiter is not None:
        return options.delimiter, 1.0
    known = {plain_name(column) for column in options.fields.values()}.union(*NAMES.values())
    order = sorted(DELIMITERS, key=lambda one: one != "\t") if ".tsv" in name.lower() else list(DELIMITERS)

    def worth(delimiter: str) -> tuple[int, int]:
        cells = header.split(delimiter)
        return sum(plain_name(cell.strip('"')) in known for cell in cells[:1000]), len(cells)

    best = max(order, key=worth)
    hits, width = worth(best)
    return (best if width > 1 else order[0]), 0.95 if hits > 1 else 0.8 if hits else 0.4
