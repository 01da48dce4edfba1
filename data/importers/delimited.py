"""CSV and TSV as tables: a header line, then rows, some of whose cells may be quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from data.importers import table
from data.importers.columns import Columns, Reading, find_columns, refused
from data.importers.lines import Line
from data.importers.nouns import Reason
from data.importers.rows import Row, Rows

MAX_KNOWN_LABELS = 10_000
_SEPARATOR = re.compile(r'\s*"?sep=([,;|\t])"?[,;|\s]*', re.IGNORECASE)


def named_delimiter(line: str) -> str | None:
    """The delimiter that a first line such as `sep=;` names: spreadsheets write it, and do not show it."""
    found = _SEPARATOR.fullmatch(line)
    return None if found is None else found[1]


class DelimitedTable:
    """The rows after the header; those whose number of cells does not fit are flawed."""

    def __init__(self, lines: Iterable[Line], reading: Reading) -> None:
        self._labels: set[str] = set()
        self._sides = reading.sides()
        self._rows = iter(Rows(_told(lines), reading.delimiter, self._looks_like_row))
        self.columns = Columns({}, ())
        header = next(self._rows, None)
        if header is not None and header.flaw is Reason.UNDECODABLE:
            raise refused(
                "The header line is written in another encoding than the rest, or in one that was not recognised.",
                "Name the encoding, such as shift_jis, euc_kr or big5, or save the table as UTF-8.",
                "no_header",
            )
        if header is None or header.flaw is not None:
            raise refused(
                "The table has no readable header line.", "Begin with a line that names the columns.", "no_header"
            )
        self.header_line = header.number
        self.columns = find_columns(header.cells, reading)

    def __iter__(self) -> Iterator[Row]:
        width, label = self.columns.width, self.columns.places.get("intent")
        for row in self._rows:
            cells = row.cells
            if row.flaw is None and len(cells) != width:
                cells = cells[:width] if not any(cells[width:]) else cells
                if len(cells) != width:
                    yield Row(row.number, [], Reason.RAGGED_ROW, table.sample_of(cells))
                    continue
                row = row._replace(cells=cells)
            if label is not None and row.flaw is None and len(self._labels) < MAX_KNOWN_LABELS:
                self._labels.add(cells[label])
            yield row

    def _looks_like_row(self, cells: list[str]) -> bool:
        """As many cells as columns, and a role or a label seen before in its place."""
        if len(cells) != self.columns.width or not self.columns.places:
            return False
        role, label = self.columns.cell(cells, "role"), self.columns.cell(cells, "intent")
        if role is not None:
            return not isinstance(self._sides.role_of(role), Reason)
        return bool(label) and label in self._labels


def _told(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines of the table itself."""
    rest = iter(lines)
    first = next(rest, None)
    if first is None:
        return rest
    return rest if named_delimiter(first.text) is not None else chain([first], rest)
