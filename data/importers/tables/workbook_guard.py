"""A workbook looked through before it is opened: XML that is made to fill the memory is refused.

Every part is read once, piece by piece, by a parser that builds nothing. It counts elements, rows and columns, finds
merged cells, and refuses document types, which no spreadsheet writes and most attacks on XML need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from data.errors import ImportRefused
from data.importers.container import Container, Member
from data.settings import ImportSettings

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_ROW_ELEMENTS = 8 * MAX_COLUMNS
MAX_ELEMENTS = 2_000_000
"""Of any part but a sheet."""
MAX_DEPTH = 64
MAX_MERGED = 100_000
MAX_RUN_CHARS = 4_000_000
"""Of one text between two tags, in any part."""
_XML = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*(?:<|$)")
_CELL = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})")


@dataclass(slots=True)
class Facts:
    """What was found in the sheets: the widest row, and what is merged down, by part: (first row, last, column)."""

    width: int = 0
    merged: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)


def looked_through(container: Container, limits: ImportSettings) -> Facts:
    """Read all parts of a workbook. Raises ImportRefused."""
    facts = Facts()
    for member in container.members:
        if _XML.match(member.head(1024)[:1024]):
            _part(member, facts, limits)
    return facts


def cell_at(name: str) -> tuple[int, int] | None:
    """(row, column) of a cell such as `B12`, both from 1; None for what is none, or outside of any sheet."""
    found = _CELL.fullmatch(name)
    if found is None:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    row = int(found[2])
    return (row, column) if row <= MAX_ROWS and column <= MAX_COLUMNS else None


def damaged() -> ImportRefused:
    return ImportRefused(
        "The workbook is damaged, or not written as spreadsheets are.",
        remedy="Open it and save it again as .xlsx, or as CSV (UTF-8).",
        reason="workbook_damaged",
    )


def too_large(what: str) -> ImportRefused:
    return ImportRefused(
        f"The workbook holds {what} than are read here.",
        remedy="Save the sheet that matters as CSV (UTF-8), or split it.",
        reason="too_large",
    )


def _part(member: Member, facts: Facts, limits: ImportSettings) -> None:
    look = _Look(facts, member.name)
    parser = expat.ParserCreate()
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    parser.CharacterDataHandler = look.text
    parser.StartDoctypeDeclHandler = look.doctype
    parser.buffer_text = True
    size = 0
    try:
        for piece in _pieces(member):
            size += len(piece)
            parser.Parse(piece, False)
            if not look.is_sheet and size > limits.max_document_bytes:
                raise too_large(f"a part of more than {limits.max_document_bytes} bytes, more")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError):
        raise damaged() from None


def _pieces(member: Member) -> Iterator[bytes]:
    for chunk in member.chunks():
        for start in range(0, len(chunk), 1 << 16):
            yield chunk[start : start + (1 << 16)]


class _Look:
    """Handlers of one part."""

    def __init__(self, facts: Facts, name: str) -> None:
        self._facts = facts
        self._name = name
        self._depth = self._elements = self._chars = 0
        self._row = self._column = self._in_row = 0
        self.is_sheet = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._chars = 0
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise damaged()
        tag = name.rpartition(":")[2]
        if self._depth == 1:
            self.is_sheet = tag == "worksheet"
        elif self.is_sheet:
            self._in_sheet(tag, attributes)
        elif self._elements > MAX_ELEMENTS:
            raise too_large("more pieces")

    def end(self, _: str) -> None:
        self._chars = 0
        self._depth -= 1

    def text(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > MAX_RUN_CHARS:
            raise too_large("longer texts")

    def doctype(self, *_: object) -> None:
        raise damaged()

    def _in_sheet(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            self._next_row(attributes.get("r"))
        elif tag == "c":
            self._next_cell(attributes.get("r"))
        elif tag == "mergeCell":
            self._merge(attributes.get("ref", ""))
        self._in_row += 1
        if self._in_row > MAX_ROW_ELEMENTS:
            raise too_large("more cells in a row")

    def _next_row(self, number: str | None) -> None:
        row = self._row + 1 if number is None else int(number)
        if row <= self._row or row > MAX_ROWS:
            raise too_large("more rows, or rows in another order,") if row > MAX_ROWS else damaged()
        self._row, self._column, self._in_row = row, 0, 0

    def _next_cell(self, name: str | None) -> None:
        place = (self._row, self._column + 1) if name is None else cell_at(name)
        if place is None or place[1] > MAX_COLUMNS:
            raise damaged()
        self._column = place[1]
        self._facts.width = max(self._facts.width, self._column)

    def _merge(self, ref: str) -> None:
        """Note cells that are merged down; what is merged sideways alone holds its value in the first column."""
        first, _, last = ref.partition(":")
        begin, end = cell_at(first), cell_at(last or first)
        merged = self._facts.merged.setdefault(self._name, [])
        if begin is None or end is None or len(merged) >= MAX_MERGED:
            raise damaged()
        if end[0] > begin[0]:
            merged.append((begin[0], end[0], begin[1]))
        self._in_row = 0
