"""A comparison as a table for reviewers: both replies side by side, a column for the choice, one for a note. The same
table, filled in, is read back.

Rows are known by their mark, not by their words, so that a spreadsheet may change line breaks and quotes. A cell that
a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from data.errors import UsageError
from data.importers.encoding import sniff
from export.hear import Spoken
from service.comparing.blind import ASKED, MOST_NOTE, Choice, Judged, Pin, heard
from service.comparing.contest import Pair
from service.comparing.questions import Question
from service.terminal import visible

COLUMNS = ("id", "question", "left", "right", "choice", "note")
NEEDED = ("id", "choice")
DELIMITERS = ",;\t"
MOST_BYTES = 64_000_000
SPEAKERS = {"user": "customer", "assistant": "brand", "agent": "brand"}
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_REMEDY = "Hand in the table that --sheet wrote, as CSV, with the releases, the seed and the questions it was made of."


def told(turns: Sequence[Spoken]) -> str:
    """A conversation as people read it; a single message as it is."""
    said = [(SPEAKERS[role], text) for role, text in turns if role in SPEAKERS]
    return said[0][1] if len(said) == 1 else "\n".join(f"{who}: {text}" for who, text in said)


def harmless(cell: str) -> str:
    """The text of a cell that neither commands a terminal nor counts anything in a spreadsheet."""
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def write_sheet(path: Path, pin: Pin, pairs: Iterable[Pair]) -> int:
    """Write those pairs that differ to a new file; how many. Raises UsageError where that cannot be."""
    written = StringIO(newline="")
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)
    rows = 0
    for pair in pairs:
        if not pair.same:
            said = map(harmless, (told(pair.question.turns), *pair.shown))
            table.writerow((pin.mark(pair.question.id), *said, "", ""))
            rows += 1
    try:
        with path.open("x", encoding="utf-8-sig", errors="replace", newline="") as file:
            file.write(written.getvalue())
    except FileExistsError:
        raise UsageError(
            "The file for the sheet is there already; somebody may have filled it in.", remedy="Name a new file."
        ) from None
    except OSError as error:
        raise UsageError(
            f"The sheet cannot be written: {error.strerror or type(error).__name__}.", remedy="Name another file."
        ) from None
    return rows


def read_sheet(path: Path, pin: Pin, questions: Iterable[Question]) -> dict[str, tuple[Choice, str]]:
    """Choice and note by question, where the cell was filled in.

    Raises UsageError for a table of something else, and where a choice is none.
    """
    rows = _rows(path)
    marks = {pin.mark(one.id): one.id for one in questions}
    strange = sum(row["id"] not in marks for row in rows)
    if strange:
        raise UsageError(f"{strange} rows of this sheet are of another comparison.", remedy=_REMEDY)
    if len({row["id"] for row in rows}) < len(rows):
        raise UsageError("A question stands in this sheet more than once.", remedy="Leave one row of each.")
    return {marks[row["id"]]: _chosen(row, place) for place, row in enumerate(rows, 1) if row["choice"]}


def judged(pair: Pair, filled: Mapping[str, tuple[Choice, str]]) -> Judged | None:
    """What a sheet says of a pair; None where that is open."""
    if pair.same:
        return pair.judged("same")
    found = filled.get(pair.question.id)
    return None if found is None else pair.judged(*found)


def _chosen(row: Mapping[str, str], place: int) -> tuple[Choice, str]:
    found = heard(row["choice"])
    if found is None:
        raise UsageError(
            f"The choice in row {place} of the sheet is none of {', '.join(ASKED)}.", remedy="Mend or empty the cell."
        )
    return found[0], " ".join(filter(None, (found[1], row.get("note", ""))))[:MOST_NOTE]


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows that hold anything, by column."""
    if path.stat().st_size > MOST_BYTES:
        raise UsageError("This is no sheet of a comparison: it is far too large.", remedy=_REMEDY)
    raw = path.read_bytes()
    found = sniff([raw], raw)
    text = raw[found.bom :].decode(found.name, "replace")
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    try:
        lines = list(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        lines = []
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    if any(columns.count(name) != 1 for name in NEEDED):
        raise UsageError(f"This is no sheet of a comparison: it lacks {' or '.join(NEEDED)}.", remedy=_REMEDY)
    rows = [dict(zip(columns, map(str.strip, line), strict=False)) for line in lines[1:] if any(map(str.strip, line))]
    return [{"id": "", "choice": "", **row} for row in rows]
