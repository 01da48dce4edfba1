"""Tables, whatever they are written in: a header, then one message, one labelled text or one exchange per row.

A table with columns for conversation, role and text holds conversations, whose rows may stand anywhere in it; a table
with neither conversation nor role holds labelled texts, with or without a reply. Which column holds what follows from
the owner's field map, else from the usual names (`columns`).

Conversations are yielded as they end, so that only the open ones are in memory: a first pass over the table has found
the last row of each (`first_pass`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise, repeat
from typing import Any, Protocol

from data.errors import ImportRefused
from data.importers import dialogs, records
from data.importers.ai_chats import shapes
from data.importers.columns import Columns, Reading
from data.importers.first_pass import FirstPass
from data.importers.nouns import Item, Reason, Remark
from data.importers.rows import Row
from data.schema import Conversation, SetAside, Turn

LONG_CELL = 20
"""Lines that a quoted cell may span without a word."""
_FACTS = ("customer", "language", "rating", "tags")
_TAGS = re.compile(r"[,;|]")


class Table(Protocol):
    """The rows of a table after its header, which stands in line `header_line`."""

    @property
    def columns(self) -> Columns: ...

    @property
    def header_line(self) -> int: ...

    def __iter__(self) -> Iterator[Row]: ...


@dataclass(slots=True)
class _Open:
    """A conversation whose last row has not been seen."""

    id: str
    row: int
    turns: list[Turn] = field(default_factory=list)
    rows: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def read(table: Table, reading: Reading, seen: FirstPass) -> Iterator[Item]:
    """Pass two: what the table holds."""
    if table.columns.ignored:
        yield Remark("columns_ignored", table.header_line, ", ".join(filter(None, table.columns.ignored))[:400])
    assembly = Assembly(table.columns, reading, seen)
    for row in table:
        yield from assembly.take(row)
    yield from assembly.rest()


def sample_of(cells: Sequence[str]) -> str:
    """A row as a report may show it."""
    return " | ".join(cells[:8])[:400]


def in_time(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns by their time, where all have one; of the same time as they stand, from the end where that is first."""
    times = [datetime.fromisoformat(turn.ts) for turn in turns if turn.ts is not None]
    if len(times) < len(turns) or all(one <= other for one, other in pairwise(times)):
        return tuple(turns)
    dated = list(zip(times, turns, strict=True))
    if all(one >= other for one, other in pairwise(times)):
        dated.reverse()
    return tuple(turn for _, turn in sorted(dated, key=lambda one: one[0]))


def _moved(item: Item, by: int) -> Item:
    """An item of a file before which other files of the upload hold `by` rows."""
    if isinstance(item, Conversation):
        own = f"line-{item.row}"
        return replace(item, row=item.row + by, id=f"line-{item.row + by}" if item.id == own else item.id)
    return replace(item, row=item.row + by) if isinstance(item, SetAside | Remark) else item


def one_after_another(files: Iterable[tuple[str, Iterator[Item]]], *, alone: bool) -> Iterator[Item]:
    """What (name, items) of several files hold, rows counted on from file to file.

    A file that is refused is set aside, unless it is `alone`.
    """
    before = 0
    for name, items in files:
        last = 0
        try:
            for item in items:
                last = max(last, getattr(item, "row", 0))
                yield _moved(item, before)
        except ImportRefused as refused:
            if alone:
                raise
            last += 1
            yield SetAside(before + last, Reason.UNREADABLE_FILE, f"{name}: {refused.ids.get('reason', '')}")
        before += last


class Assembly:
    """Puts rows together to conversations, which it yields as they end; or takes each row by itself."""

    def __init__(self, columns: Columns, reading: Reading, seen: FirstPass) -> None:
        self._columns = columns
        self._reading = reading
        self._limits = reading.limits
        self._sides = reading.sides()
        self._seen = seen
        self._position = -1
        self._opened: dict[str, _Open] = {}

    def take(self, row: Row) -> Iterator[Item]:
        """What a row adds."""
        if row.flaw is not None:
            yield SetAside(row.number, row.flaw, row.sample)
        elif self._columns.shaped:
            yield from self._object(row)
        elif self._columns.holds_conversations:
            self._position += 1
            yield from self._message(row)
        else:
            yield from self._labelled(row)

    def rest(self) -> Iterator[Item]:
        """What is left at the end, who spoke for the brand, and dates that could not be told."""
        for left in self._opened.values():  # only where two conversations share a hash
            yield from self._close(left)
        yield from self._sides.summary()
        if self._seen.order.undecided:
            yield Remark("dates_undecided", 0, self._seen.order.undecided)

    def _message(self, row: Row) -> Iterator[Item]:
        remarks = _quote_remarks(row)
        key = self._columns.cell(row.cells, "conversation") or ""
        identifier = records.identifier_of(key)
        if identifier is None:
            text = records.text_of(self._columns.cell(row.cells, "text"), self._limits.max_cell_chars)
            reason = text if isinstance(text, Reason) else Reason.MISSING_FIELD
            yield SetAside(row.number, reason, sample_of(row.cells))
            return
        current = self._opened.setdefault(key, _Open(identifier, row.number))
        yield from self._add(current, row, remarks)
        if bool(self._seen.ends[self._position]):
            yield from self._close(self._opened.pop(key))
        yield from remarks

    def _add(self, current: _Open, row: Row, remarks: records.Remarks) -> Iterator[SetAside]:
        """Add a row to its conversation, or set it aside. Of one that is too long only a count is kept."""
        turn = self._turn(row, remarks)
        if isinstance(turn, Reason):
            yield SetAside(row.number, turn, self._why(row, turn))
            return
        current.rows += 1
        if current.rows > self._limits.max_turns:
            current.turns.clear()
            return
        current.turns.append(turn)
        for name in _FACTS:
            value = self._columns.cell(row.cells, name)
            if value:
                current.facts[name] = (value, row.number)

    def _turn(self, row: Row, remarks: records.Remarks) -> Turn | Reason:
        columns, cells = self._columns, row.cells
        raw: dict[str, Any] = {name: columns.cell(cells, name) for name in ("text", "intent", "sentiment")}
        raw["ts"] = self._seen.order.iso(columns.cell(cells, "ts"))
        raw |= {"role": "user", "rating": columns.cell(cells, "message_rating")}
        if "role" in columns.places:
            if raw["text"] is not None and not raw["text"].strip():
                return Reason.EMPTY_MESSAGE
            role = self._sides.role_of(columns.cell(cells, "role"))
            if isinstance(role, Reason):
                return role
            raw["role"] = role
        return records.turn_of(raw, row.number, self._limits.max_cell_chars, remarks)

    def _why(self, row: Row, reason: Reason) -> str:
        """What shows why a row is not used: an unknown role, else its text."""
        name = "role" if reason is Reason.UNKNOWN_ROLE else "text"
        return (self._columns.cell(row.cells, name) or "")[:400]

    def _close(self, done: _Open) -> Iterator[Item]:
        if done.rows > self._limits.max_turns:
            yield SetAside(done.row, Reason.TOO_MANY_TURNS, rows=done.rows)
        elif done.turns:
            remarks: list[Remark] = []
            yield _conversation(done.id, done.row, in_time(done.turns), done.facts, remarks)
            yield from remarks

    def _labelled(self, row: Row) -> Iterator[Item]:
        remarks = _quote_remarks(row)
        turn = self._turn(row, remarks)
        if isinstance(turn, Reason):
            yield SetAside(row.number, turn, self._why(row, turn))
            turns: tuple[Turn, ...] = ()
        else:
            turns = (turn,)
        reply = self._columns.cell(row.cells, "reply")
        if reply is not None and reply.strip():
            text = records.text_of(reply, self._limits.max_cell_chars)
            if isinstance(text, Reason):
                yield SetAside(row.number, text, reply[:400])
            else:
                turns = (*turns, Turn("assistant", text))
        if turns:
            cells = {name: self._columns.cell(row.cells, name) for name in _FACTS}
            facts = {name: (value, row.number) for name, value in cells.items() if value is not None}
            yield _conversation(f"line-{row.number}", row.number, turns, facts, remarks)
        yield from remarks

    def _object(self, row: Row) -> Iterator[Item]:
        body = {name: cell for name, cell in zip(self._columns.keys, row.cells, strict=True) if cell}
        dialog = shapes.read(body)
        if dialog is None:
            yield SetAside(row.number, Reason.MISSING_FIELD, sample_of(row.cells))
        else:
            yield from dialogs.items(dialog, body, repeat(row.number), self._limits)


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
        tags=records.tags_of(_TAGS.split(facts.get("tags", ("",))[0])),
        row=row,
    )


def _quote_remarks(row: Row) -> records.Remarks:
    return [Remark("long_quoted_cell", row.number)] if row.lines > LONG_CELL else []
