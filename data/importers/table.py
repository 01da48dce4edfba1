"""CSV and TSV: a header, then one message or one labelled text per row.

A table with columns for conversation, role and text holds conversations, whose rows may stand anywhere in the file; a
table with neither conversation nor role holds labelled texts. Which column holds what follows from the owner's field
map, else from the usual names.

Conversations are yielded as they end, so that only the open ones are in memory. A first pass over the file finds the
last row of each: 8 bytes per row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from data.importers import records
from data.importers.columns import Columns, Reading, find_columns, refused
from data.importers.lines import Line
from data.importers.nouns import Item, Reason, Remark
from data.importers.rows import Row, Rows
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

Ends = npt.NDArray[np.bool_]

MAX_KNOWN_LABELS = 10_000


@dataclass(slots=True)
class _Open:
    """A conversation whose last row has not been seen."""

    id: str
    row: int
    turns: list[Turn] = field(default_factory=list)
    rows: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def conversation_ends(lines: Iterable[Line], reading: Reading) -> Ends:
    """Pass one: for every row with a conversation, whether it is that conversation's last. Empty for labelled texts."""
    rows = _TableRows(lines, reading)
    if not rows.columns.holds_conversations:
        return np.zeros(0, dtype=np.bool_)
    keys = array("q")
    keys.extend(hash(rows.columns.cell(row.cells, "conversation")) for row in rows if row.flaw is None)
    return last_of_each(np.frombuffer(keys, dtype=np.int64))


def last_of_each(keys: npt.NDArray[np.int64]) -> Ends:
    """For every place whether no later place holds the same key."""
    ends = np.zeros(len(keys), dtype=np.bool_)
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    ends[len(keys) - 1 - from_the_end] = True
    return ends


def read(lines: Iterable[Line], reading: Reading, ends: Ends) -> Iterator[Item]:
    """Pass two: the conversations or labelled texts of the table."""
    rows = _TableRows(lines, reading)
    if rows.columns.ignored:
        yield Remark("columns_ignored", rows.header_line, ", ".join(filter(None, rows.columns.ignored))[:400])
    if rows.columns.holds_conversations:
        yield from _conversations(rows, reading, ends)
    else:
        for row in rows:
            yield from _labelled(row, rows.columns, reading)


class _TableRows:
    """The rows after the header; those whose number of cells does not fit are flawed."""

    def __init__(self, lines: Iterable[Line], reading: Reading) -> None:
        self._labels: set[str] = set()
        self._rows = iter(Rows(lines, reading.delimiter, self._looks_like_row))
        self.columns = Columns({}, 0, ())
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
                    yield Row(row.number, [], Reason.RAGGED_ROW, self._sample(cells))
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
            return not isinstance(records.role_of(role), Reason)
        return bool(label) and label in self._labels

    @staticmethod
    def _sample(cells: list[str]) -> str:
        return " | ".join(cells[:8])[:400]


def _conversations(rows: _TableRows, reading: Reading, ends: Ends) -> Iterator[Item]:
    opened: dict[str, _Open] = {}
    columns, limits = rows.columns, reading.limits
    position = -1
    for row in rows:
        if row.flaw is not None:
            yield SetAside(row.number, row.flaw, row.sample)
            continue
        position += 1
        remarks = _quote_remarks(row)
        key = columns.cell(row.cells, "conversation") or ""
        identifier = records.identifier_of(key)
        if identifier is None:
            text = records.text_of(columns.cell(row.cells, "text"), limits.max_cell_chars)
            reason = text if isinstance(text, Reason) else Reason.MISSING_FIELD
            yield SetAside(row.number, reason, rows._sample(row.cells))
            continue
        current = opened.setdefault(key, _Open(identifier, row.number))
        yield from _add(current, row, columns, limits, remarks)
        if bool(ends[position]):
            yield from _close(opened.pop(key), limits)
        yield from remarks
    for left in opened.values():  # only where two conversations share a hash
        yield from _close(left, limits)


def _add(
    current: _Open, row: Row, columns: Columns, limits: ImportSettings, remarks: records.Remarks
) -> Iterator[SetAside]:
    """Add a row to its conversation, or set it aside. Of a conversation that is too long only a count is kept."""
    turn = _turn(row, columns, limits, remarks)
    if isinstance(turn, Reason):
        yield SetAside(row.number, turn, (columns.cell(row.cells, "text") or "")[:400])
        return
    current.rows += 1
    if current.rows > limits.max_turns:
        current.turns.clear()
        return
    current.turns.append(turn)
    for name in ("customer", "language", "rating"):
        value = columns.cell(row.cells, name)
        if value:
            current.facts[name] = (value, row.number)


def _turn(row: Row, columns: Columns, limits: ImportSettings, remarks: records.Remarks) -> Turn | Reason:
    cells = row.cells
    raw = {name: columns.cell(cells, name) for name in ("role", "text", "intent", "sentiment", "ts")}
    raw["rating"] = columns.cell(cells, "message_rating")
    if "role" not in columns.places:
        raw["role"] = "user"
    elif raw["text"] is not None and not raw["text"].strip():
        return Reason.EMPTY_MESSAGE
    return records.turn_of(raw, row.number, limits.max_cell_chars, remarks)


def _close(done: _Open, limits: ImportSettings) -> Iterator[Item]:
    if done.rows > limits.max_turns:
        yield SetAside(done.row, Reason.TOO_MANY_TURNS, rows=done.rows)
    elif done.turns:
        remarks: list[Remark] = []
        yield _conversation(done.id, done.row, tuple(done.turns), done.facts, remarks)
        yield from remarks


def _conversation(
    identifier: str, row: int, turns: tuple[Turn, ...], facts: Mapping[str, Any], remarks: records.Remarks
) -> Conversation:
    rating, rating_row = facts.get("rating", (None, row))
    return Conversation(
        identifier,
        turns,
        customer=records.identifier_of(facts.get("customer", (None,))[0]),
        language=records.language_of(facts.get("language", (None,))[0]),
        started_at=turns[0].ts,
        rating=records.number_among(rating, range(1, 6), rating_row, remarks),
        row=row,
    )


def _labelled(row: Row, columns: Columns, reading: Reading) -> Iterator[Item]:
    if row.flaw is not None:
        yield SetAside(row.number, row.flaw, row.sample)
        return
    remarks = _quote_remarks(row)
    turn = _turn(row, columns, reading.limits, remarks)
    if isinstance(turn, Reason):
        yield SetAside(row.number, turn, (columns.cell(row.cells, "text") or "")[:400])
    else:
        names = ("customer", "language", "rating")
        facts = {name: (columns.cell(row.cells, name), row.number) for name in names if name in columns.places}
        yield _conversation(f"line-{row.number}", row.number, (turn,), facts, remarks)
    yield from remarks


def _quote_remarks(row: Row) -> records.Remarks:
    return [Remark("long_quoted_cell", row.number)] if row.lines > 20 else []
