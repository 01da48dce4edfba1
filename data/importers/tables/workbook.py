"""XLSX: the first sheet with a header that says what its columns hold, or the one that is named, as a table.

Cells are read as people see them: the last value of a formula, numbers by their format, dates as ISO writes them. Cells
merged downwards say the same in all their rows, but for the text. Rows are those of the sheet.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from data.errors import ImportRefused
from data.importers import cells, table
from data.importers.columns import Columns, Reading, find_columns, listed, refused
from data.importers.container import Member, open_container
from data.importers.first_pass import first_pass
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Remark
from data.importers.rows import Row
from data.importers.tables.workbook_guard import MAX_ROWS, Facts, damaged, looked_through

HEADER_ROWS = 20
"""Rows at the top of a sheet among which its header stands: titles come before it."""
BATCH = 256
PART = "xl/workbook.xml"
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, EOFError, SyntaxError,
           ArithmeticError, zipfile.BadZipFile, zlib.error, NotImplementedError, RecursionError)  # fmt: skip
"""What openpyxl makes of files that are not written as they should be; SyntaxError is what its XML parser raises."""


def sniff(sample: Sample) -> float:
    """One workbook among other files, or in gzip."""
    return 0.97 if sample.head.startswith(b"PK\x03\x04") and b"xl/workbook.xml" in sample.head[:60_000] else 0.0


def sniff_folder(samples: Sequence[Sample]) -> float:
    """The parts of a workbook, which is a zip itself."""
    names = {sample.name for sample in samples}
    return 0.97 if {PART, "[Content_Types].xml"} <= names else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The rows of the sheets that are read, one workbook after the other."""
    if any(member.name == PART for member in source.members):
        yield from _read(source.path, source.detection.name, options, source)
        return
    files = ((member.name, _inside(member, options, source)) for member in source.members)
    yield from table.one_after_another(files, alone=len(source.members) == 1)


def _inside(member: Member, options: ImportOptions, source: Source) -> Iterator[Item]:
    with source.as_file(member) as path:
        yield from _read(path, member.name, options, source)


def _read(path: Path, name: str, options: ImportOptions, source: Source) -> Iterator[Item]:
    reading = Reading.of(options, source.limits)
    with open_container(path, name, source.limits) as container:
        if container.packing != "zip" or container.junk:  # junk is not looked through
            raise damaged()
        facts = looked_through(container, source.limits)
    with _opened(path) as book:
        sheet, others = _chosen(book, options.sheet, reading, facts)
        if others:
            yield Remark("sheets_skipped", 0, ", ".join(others)[:400])
        if sheet.above:
            yield Remark("rows_above_header", sheet.header_line - 1, sheet.above[:400])
        yield from table.read(sheet, reading, first_pass(sheet, sheet.columns))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl  # a server, which reads no files, does without it

    with path.open("rb") as raw:
        book = _quietly(lambda: openpyxl.load_workbook(raw, read_only=True, data_only=True, keep_links=False))
        try:
            yield book
        finally:
            book.close()


def _quietly(do: Callable[[], Any]) -> Any:
    """What openpyxl does, without its warnings. Raises ImportRefused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return do()
    except _BROKEN:
        raise damaged() from None


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet whose header stands in `header_line`; what is above it is a title."""

    rows: Callable[[], Iterator[tuple[int, list[str]]]]
    columns: Columns
    header_line: int
    above: str = ""

    def __iter__(self) -> Iterator[Row]:
        width = self.columns.width
        for number, row in self.rows():
            if number > self.header_line and any(cell.strip() for cell in row[:width]):
                yield Row(number, (row + [""] * width)[:width])


def _chosen(book: Any, name: str | None, reading: Reading, facts: Facts) -> tuple[_Sheet, list[str]]:
    """The sheet to read, and the names of the others. Raises ImportRefused."""
    sheets = list(book.worksheets)
    titles = [sheet.title for sheet in sheets]
    if name is not None:
        wanted = [sheet for sheet in sheets if sheet.title.strip().casefold() == name.strip().casefold()]
        if not wanted:
            raise refused(
                f"There is no sheet of that name. The sheets are: {listed(titles)}.",
                "Name one of them.",
                "sheet_missing",
            )
    else:
        wanted = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    problems: list[ImportRefused] = []
    for sheet in wanted:
        try:
            found = _with_header(sheet, reading, facts)
        except ImportRefused as refusal:
            problems.append(refusal)
            continue
        return found, [title for title in titles if title != sheet.title]
    telling = [problem for problem in problems if problem.ids.get("reason") != "no_header"]
    raise next(iter(telling or problems), None) or refused(
        f"No sheet can be read: {len(sheets)} are hidden.", "Show one, or name it (--sheet; HTTP: sheet).", "no_header"
    )


def _with_header(sheet: Any, reading: Reading, facts: Facts) -> _Sheet:
    """The sheet with the first row that says what its columns hold. Raises ImportRefused where none does."""

    def rows() -> Iterator[tuple[int, list[str]]]:
        return _rows(sheet, min(facts.width, reading.limits.max_columns + 1))

    problems: list[tuple[int, ImportRefused]] = []
    above: list[str] = []
    top = islice(((number, row) for number, row in rows() if any(row)), HEADER_ROWS)
    for number, row in top:
        header = _without_tail(row)
        try:
            columns = find_columns(header, reading)
        except ImportRefused as refusal:
            problems.append((len(list(filter(None, header))), refusal))
            above += [cell for cell in header if cell]
            continue
        filled = _filled(rows, sheet, columns, facts)
        return _Sheet(filled, columns, number, " | ".join(above))
    if problems:
        raise max(problems, key=lambda one: min(one[0], 2))[1]  # of the first row that is more than a title
    raise refused("The sheet holds no cells.", "Begin with a row that names the columns.", "no_header")


def _without_tail(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row = row[:-1]
    return row


def _filled(
    rows: Callable[[], Iterator[tuple[int, list[str]]]], sheet: Any, columns: Columns, facts: Facts
) -> Callable[[], Iterator[tuple[int, list[str]]]]:
    """The rows, with cells that are merged downwards repeated, but for texts: they are said once."""
    said = {columns.places.get("text"), columns.places.get("reply")}
    # openpyxl tells of merged cells only where it holds the whole sheet: they were found before, by the sheet's part
    part = str(getattr(sheet, "_worksheet_path", "")).lstrip("/")
    merged = {(first, column - 1): last for first, last, column in facts.merged.get(part, ()) if column - 1 not in said}
    if not merged:
        return rows

    def read() -> Iterator[tuple[int, list[str]]]:
        going: dict[int, tuple[int, str]] = {}
        starts = {first for first, _ in merged}
        for number, row in rows():
            for column, (last, value) in list(going.items()):
                if number > last:
                    del going[column]
                elif column < len(row) and not row[column]:
                    row[column] = value
            if number in starts:
                for column, value in enumerate(row):
                    if (number, column) in merged:
                        going[column] = (merged[number, column], value)
            yield number, row

    return read


def _rows(sheet: Any, width: int) -> Iterator[tuple[int, list[str]]]:
    """(number, cells as people see them) of the rows of a sheet, at most `width` cells of each."""
    sheet.reset_dimensions()
    if not width:
        return
    found = sheet.iter_rows(max_col=width)
    number = 0
    while batch := _quietly(lambda: list(islice(found, BATCH))):
        for row in batch:
            number += 1
            if number > MAX_ROWS:
                return
            yield number, [_shown(cell) for cell in row]


def _shown(cell: Any) -> str:
    if cell.value is None or cell.data_type == "e":
        return ""
    try:
        number_format = cell.number_format or "General"
    except (IndexError, AttributeError, TypeError):
        number_format = "General"
    return cells.shown(cell.value, number_format) or ""


KINDS: tuple[Kind, ...] = (Kind("xlsx", "an Excel workbook", read, sniff, sniff_folder, is_text=False),)
