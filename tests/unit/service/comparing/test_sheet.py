"""The blind table: what it shows and hides, what a spreadsheet makes of it, and tables that are others."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import UsageError
from service.comparing.blind import Pin
from service.comparing.contest import Pair
from service.comparing.questions import Question
from service.comparing.sheet import COLUMNS, harmless, judged, read_sheet, told, write_sheet

Make = Callable[..., Pair]


@pytest.fixture
def sheet(tmp_path: Path, pin: Pin, questions: Sequence[Question], pair: Make) -> Path:
    """The last question got the same reply from both."""
    path = tmp_path / "sheet.csv"
    alike = pair(questions[-1], ("alike", "alike"))
    assert write_sheet(path, pin, [*map(pair, questions[:-1]), alike]) == len(questions) - 1
    return path


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def rewrite(path: Path, rows: Sequence[Sequence[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """As another program would save it."""
    written = StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_bytes(written.getvalue().encode(encoding))


def test_a_sheet_shows_both_replies_and_not_whose_they_are(sheet: Path, questions: Sequence[Question]) -> None:
    head, *rows = table(sheet)
    assert tuple(head) == COLUMNS
    assert [row[1] for row in rows] == [f"question {number}" for number in range(11)]
    assert {frozenset(row[2:4]) for row in rows} == {frozenset(("new words", "old words"))}
    assert len({row[2] for row in rows}) == 2, "each stands left now and then"
    assert all(row[4:] == ["", ""] for row in rows)
    everything = sheet.read_text(encoding="utf-8-sig")
    assert not any(word in everything for word in ("acme", "generated", "retrieved", "alike", questions[0].id))


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-16"), (";", "utf-8-sig")]
)
def test_what_a_reviewer_fills_in_is_read_back(
    sheet: Path, pin: Pin, questions: Sequence[Question], pair: Make, delimiter: str, encoding: str
) -> None:
    head, *rows = table(sheet)
    rows[0][4:] = ["left", "schöner"]
    rows[1][4:] = ["Both good", ""]
    rows[2][4:] = ["r", "=kürzer"]
    rows = [rows[2], ["", " ", "", "", "", ""], *rows[:2], rows[5]]  # sorted otherwise, some taken out
    rewrite(sheet, [[name.upper() for name in head], *rows], delimiter=delimiter, encoding=encoding)
    filled = read_sheet(sheet, pin, questions)
    assert filled == {
        questions[0].id: ("left", "schöner"),
        questions[1].id: ("both good", ""),
        questions[2].id: ("right", "=kürzer"),
    }
    alike = pair(questions[-1], ("alike", "alike"))
    found = [judged(one, filled) for one in [*map(pair, questions[:-1]), alike]]
    assert [one.choice for one in found if one] == ["left", "both good", "right", "same"]


def test_a_sheet_of_another_comparison_is_refused(sheet: Path, pin: Pin, questions: Sequence[Question]) -> None:
    for other in (replace(pin, seed=1), replace(pin, release=pin.other, other=pin.release)):
        with pytest.raises(UsageError, match="11 rows"):
            read_sheet(sheet, other, questions)
    with pytest.raises(UsageError, match="9 rows"):
        read_sheet(sheet, pin, questions[:2])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows[1].__setitem__(4, "upper"), "row 1"),
        (lambda rows: rows.append(rows[1]), "more than once"),
        (lambda rows: rows[0].__setitem__(0, "nr"), "lacks"),
        (lambda rows: rows[0].__setitem__(5, "choice"), "lacks"),
        (lambda rows: rows[1].__setitem__(0, ""), "1 rows"),
        (lambda rows: rows.clear(), "lacks"),
    ],
)
def test_a_spoilt_sheet_is_refused(
    sheet: Path, pin: Pin, questions: Sequence[Question], spoil: Callable[[list[list[str]]], None], said: str
) -> None:
    rows = table(sheet)
    spoil(rows)
    rewrite(sheet, rows)
    with pytest.raises(UsageError, match=said):
        read_sheet(sheet, pin, questions)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory, pin: Pin, questions: Sequence[Question]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    with pytest.raises(UsageError):
        read_sheet(path, pin, questions)


@given(cells=st.lists(st.text(max_size=8), max_size=6), choice=st.text(max_size=8))
def test_any_row_is_read_or_refused(
    cells: list[str], choice: str, tmp_path_factory: pytest.TempPathFactory, pin: Pin, questions: Sequence[Question]
) -> None:
    path = tmp_path_factory.getbasetemp() / "row.csv"
    row = [pin.mark(questions[0].id), choice, *cells]
    written = StringIO(newline="")
    csv.writer(written).writerows([["id", "choice", "note"], row])
    path.write_bytes(written.getvalue().encode("utf-8", "replace"))
    found, refused = dict[str, object](), ""
    try:
        found.update(read_sheet(path, pin, questions))
    except UsageError as error:
        refused = error.message
    assert found.keys() <= {questions[0].id}
    assert not refused or "row 1" in refused or "another comparison" in refused


def test_a_table_that_is_far_too_large_or_no_table_is_refused(
    tmp_path: Path, pin: Pin, questions: Sequence[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text('id,choice\n"' + "x" * 200_000)
    with pytest.raises(UsageError, match="no sheet"):
        read_sheet(path, pin, questions)
    monkeypatch.setattr("service.comparing.sheet.MOST_BYTES", 100)
    with pytest.raises(UsageError, match="far too large"):
        read_sheet(path, pin, questions)


def test_a_sheet_is_not_written_over_another(sheet: Path, pin: Pin, questions: Sequence[Question], pair: Make) -> None:
    before = sheet.read_bytes()
    with pytest.raises(UsageError, match="there already"):
        write_sheet(sheet, pin, map(pair, questions))
    assert sheet.read_bytes() == before
    with pytest.raises(UsageError, match="cannot be written"):
        write_sheet(sheet.parent / "nowhere" / "x.csv", pin, map(pair, questions))


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-2", "@SUM(A1)", " \n=cmd|' /C calc'!A0", "＝1", "－1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell).startswith("'")


@given(text=st.text(max_size=40))
def test_a_cell_commands_nothing(text: str) -> None:
    shown = harmless(text)
    assert shown.lstrip()[:1] not in ("=", "+", "-", "@")
    assert not any(ord(char) < 32 and char != "\n" for char in shown)
    assert len(shown) in (len(text), len(text) + 1)


def test_a_conversation_is_told_with_its_speakers() -> None:
    assert told([("user", "where is it")]) == "where is it"
    turns = [("system", "be nice"), ("user", "hi"), ("assistant", "Hello."), ("user", "a person"), ("agent", "Me.")]
    said = "customer: hi\nbrand: Hello.\ncustomer: a person\nbrand: Me."
    assert told(turns) == said  # type: ignore[arg-type]
