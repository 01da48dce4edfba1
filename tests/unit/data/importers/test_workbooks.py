"""Excel workbooks: what people see in the sheet that matters, and nothing that is made to do harm."""

from __future__ import annotations

import datetime
import gzip

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.datavalidation import DataValidation

from data.errors import ImportRefused
from data.importers import cells
from data.importers.tables import workbook_guard
from data.settings import ImportSettings
from tests.unit.data.importers import table_files as made
from tests.unit.data.importers.archives import zipped

MAP = {"conversation": "Ticket", "role": "Author", "text": "Body", "ts": "When"}


def refusal(look, content, **options):
    with pytest.raises(ImportRefused) as caught:
        look(content, **options)
    return caught.value


def said(looked):
    return [[(turn.role, turn.text) for turn in one.turns] for one in looked.conversations]


KETTLES = [
    [("user", "Is the blue kettle back?"), ("agent", "From Monday on.")], [("user", "Do kettles whistle?")],
]  # fmt: skip


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip", "two"])
def test_a_sheet_of_conversations(look, packing):
    content = made.workbook(made.CHAT)
    more = made.workbook([["text", "label"], ["Where is my lid?", "order"]])
    upload = {
        "plain": content, "gzip": gzip.compress(content), "zip": zipped({"a.xlsx": content, "b.png": b"\x89PNG\0"}),
        "two": zipped({"a.xlsx": content, "b.xlsx": more}),
    }[packing]  # fmt: skip
    looked = look(upload, fields={} if packing == "two" else {"ts": "When"})
    assert (looked.report.format, looked.report.format_confidence) == ("xlsx", 0.97)
    assert looked.report.encoding == "utf-8"
    assert said(looked)[:2] == KETTLES
    first = looked.conversations[0]
    started = None if packing == "two" else "2026-01-02T09:30:00+00:00"
    assert (first.id, first.rating, first.started_at) == ("7", 5, started)
    assert looked.report.labels == {"stock": 1, "features": 1, **({"order": 1} if packing == "two" else {})}
    assert "encoding_guessed" not in looked.codes
    assert [one.row for one in looked.conversations] == [2, 4, *([6] if packing == "two" else [])]


def test_of_several_workbooks_one_that_cannot_be_read_is_set_aside(look):
    files = {"a.xlsx": made.workbook(made.CHAT), "b.xlsx": made.workbook([["x", "y"], [1, 2]])}
    files["c.xlsx"] = b"PK\3\4xl/workbook.xml"
    looked = look(zipped(files))
    assert said(looked) == KETTLES
    assert looked.report.set_aside == {"unreadable_file": 2}


def test_the_field_map_names_columns_and_values(look):
    rows = [["Fall", "Wer", "Was", "Schlagwort"], ["a", "Kundin", "Guten Tag", "neu;eilig"], ["a", "Mara", "Hallo", ""],
            ["a", "Robi", "Ich helfe gern", ""], ["a", "niemand", "x", ""]]  # fmt: skip
    fields = {"conversation": "Fall", "role": "Wer", "text": "was", "tags": "Schlagwort", "role.kundin": "user",
              "role.Robi": "assistant"}  # fmt: skip
    looked = look(made.workbook(rows), fields=fields)
    assert looked.report.set_aside == {"unknown_role": 2}
    named = look(made.workbook(rows), fields=fields, brand=("mara",))
    assert said(named) == [[("user", "Guten Tag"), ("agent", "Hallo"), ("assistant", "Ich helfe gern"), ("user", "x")]]
    assert named.conversations[0].tags == ("neu", "eilig")
    speakers = named.report.extra["speakers"]
    assert (speakers["decided_by"], speakers["brand"], speakers["customers"]) == ("named", ["Mara"], 1)
    assert "brand_not_found" in look(made.workbook(rows), fields=fields, brand=("Lena",)).codes


def test_a_refused_sheet_says_which_columns_it_has(look):
    content = made.workbook([["Export of May"], ["Fall", "Wer", "Was"], ["a", "Kundin", "Hallo"]])
    problem = refusal(look, content)
    assert problem.ids["reason"] == "no_text_column"
    assert "Fall, Wer, Was" in problem.message
    assert "--map text=Wer" in problem.remedy
    problem = refusal(look, content, fields={"text": "Who"})
    assert (problem.ids["reason"], "Fall, Wer, Was" in problem.message) == ("column_missing", True)


def test_the_first_sheet_with_a_header_or_the_named_one(look):
    def more(book):
        book.create_sheet("Notes", 0).append(["Remember the kettles"])
        hidden = book.create_sheet("Old", 1)
        hidden.append(["text"])
        hidden.append(["From long ago"])
        hidden.sheet_state = "hidden"
        other = book.create_sheet("More")
        other.append(["text", "label"])
        other.append(["Lids?", "stock"])

    content = made.workbook(made.CHAT, edit=more)
    looked = look(content)
    assert said(looked) == KETTLES
    (finding,) = [one for one in looked.report.findings if one.code == "sheets_skipped"]
    assert finding.sample == "Notes, Old, More"
    assert look(content, sheet="more").texts == ["Lids?"]
    assert look(content, sheet="Old").texts == ["From long ago"]
    problem = refusal(look, content, sheet="Gone")
    assert (problem.ids["reason"], "Notes, Old, Chats, More" in problem.message) == ("sheet_missing", True)


def test_hidden_sheets_alone_are_not_read(look):
    def hide(book):
        book.create_sheet("Empty")
        book["Chats"].sheet_state = "veryHidden"

    assert refusal(look, made.workbook(made.CHAT, edit=hide)).ids["reason"] == "no_header"


def test_titles_above_the_header(look):
    looked = look(made.workbook([["Chats of May"], [], [None, None], *made.CHAT]))
    assert said(looked) == KETTLES
    (finding,) = [one for one in looked.report.findings if one.code == "rows_above_header"]
    assert finding.sample == "Chats of May"
    assert looked.conversations[0].row == 5


def test_merged_cells_say_the_same_in_all_their_rows(look):
    rows = [["ticket", "author", "text"], [1, "customer", "Hello"], [None, "agent", "Good day"], [None, None, "Bye"],
            [2, "customer", "One question"], [None, "customer", None]]  # fmt: skip

    def merge(book):
        for place in ("A2:A4", "B3:B4", "A5:A6", "C5:C6", "A1:A1"):
            book["Chats"].merge_cells(place)

    looked = look(made.workbook(rows, edit=merge))
    assert said(looked) == [
        [("user", "Hello"), ("agent", "Good day\nBye")], [("user", "One question")],
    ]  # fmt: skip
    assert looked.report.set_aside == {"empty_message": 1}


def test_cells_are_read_as_people_see_them(look):
    def formats(book):
        sheet = book["Chats"]
        for column, shown in enumerate(["00000", "0.00", "0%", "#,##0", "yyyy-mm-dd", "General", "General"], start=2):
            sheet.cell(2, column).number_format = shown
        sheet.add_data_validation(DataValidation(type="list", formula1='"a,b"'))

    row = ["Hi", 42, 3.14159, 0.5, 1234567, datetime.datetime.fromisoformat("2026-05-06"), 1e15, True]
    columns = ["text", "label", "sentiment", "customer", "language", "ts", "a", "b"]
    looked = look(made.workbook([columns, row], edit=formats))
    (one,) = looked.conversations
    assert (one.turns[0].intent, one.turns[0].sentiment, one.customer) == ("00042", "3.14", "50%")
    assert one.turns[0].ts == "2026-05-06T00:00:00+00:00"


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (None, "General", ""), (0.1 + 0.2, "General", "0.3"), (7.0, "General", "7"), (1e20, "General", "1" + "0" * 20),
        (1234.5, "#,##0.00", "1,234.50"), (-3, "000", "-03"), (2.5, "000", "2.5"), (False, "0", "FALSE"),
        (float("nan"), "0", ""), (datetime.date(2026, 1, 2), "x", "2026-01-02"), (datetime.time(1, 2), "h", "01:02:00"),
        (datetime.timedelta(hours=30), "h", "1 day, 6:00:00"), (["a", 2], "", "a, 2"), ([["a"]], "", None),
        ({}, "", None),
        (datetime.datetime.fromisoformat("2026-01-02"), "dd.mm.yyyy hh:mm", "2026-01-02T00:00:00"),
        (10**30, "General", "1" + "0" * 30),
    ],
)  # fmt: skip
def test_values(value, shape, text):
    assert cells.shown(value, shape) == text


def test_formulas_give_their_last_value(look):
    rows = made.inline({"A1": "text", "B1": "label"}) + '</row><row r="2"><c r="A2" t="str"><f>A1</f><v>Hello</v></c>'
    empty = '<row r="3"><c r="A3" t="e"><v>#N/A</v></c><c r="B3" t="b"><v>1</v></c></row>'
    looked = look(
        made.sheet_of(f'<sheetData><row r="1">{rows}<c r="B2"><f>1+1</f></c></row>{empty}</sheetData>')
    )  # fmt: skip
    assert looked.texts == ["Hello"]
    assert looked.report.set_aside == {"empty_message": 1}


def test_a_workbook_of_pairs(look):
    looked = look(made.workbook([["prompt", "chosen", "rejected"], ["Is ivy toxic?", "Its berries are.", "Eat some."]]))
    assert said(looked) == [[("user", "Is ivy toxic?"), ("assistant", "Its berries are.")]]
    assert looked.report.set_aside == {"rejected_reply": 1}


HEAD = f'<row r="1">{made.inline({"A1": "text", "B1": "label"})}</row>'
HELLO = f'<row r="2">{made.inline({"A2": "Hello", "B2": "x"})}</row>'
HOSTILE = {
    "a far row": f'<sheetData>{HEAD}<row r="999999999"><c r="A999999999"/></row></sheetData>',
    "a far column": f'<sheetData>{HEAD}<row r="2"><c r="ZZZ2"><v>1</v></c></row></sheetData>',
    "rows backwards": f"<sheetData>{HELLO}{HEAD}</sheetData>",
    "no number": f'<sheetData>{HEAD}<row r="two"/></sheetData>',
    "long number": f'<sheetData>{HEAD}<row r="{"9" * 5000}"/></sheetData>',
    "deep": "<sheetData>" + "<row>" * 99 + "</row>" * 99 + "</sheetData>",
    "torn": f"<sheetData>{HEAD}",
    "many cells": f'<sheetData>{HEAD}<row r="2">{"<c/>" * 20_000}</row></sheetData>',
    "many pieces": f'<sheetData>{HEAD}<row r="2"><c r="A2">{"<r/>" * 140_000}</c></row></sheetData>',
    "a string that is not there": f'<sheetData>{HEAD}<row r="2"><c r="A2" t="s"><v>99</v></c></row></sheetData>',
    "a style that is not a number": f'<sheetData>{HEAD}<row r="2"><c r="A2" s="x"><v>9</v></c></row></sheetData>',
    "merged beyond": f'<sheetData>{HEAD}</sheetData><mergeCells><mergeCell ref="A1:ZZZZ9"/></mergeCells>',
    "merged with nothing": f'<sheetData>{HEAD}</sheetData><mergeCells><mergeCell ref="x"/></mergeCells>',
    "entities": '<!DOCTYPE worksheet [<!ENTITY a "b">]><worksheet/>',
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_sheets_that_no_spreadsheet_writes_are_refused(look, name):
    problem = refusal(look, made.sheet_of(HOSTILE[name]), settings=ImportSettings(max_ratio=100_000))
    assert problem.ids["reason"] in ("workbook_damaged", "too_large")
    assert problem.remedy


def test_what_a_sheet_says_of_its_size_is_not_believed(look):
    lie = '<dimension ref="A1:XFD1048576"/>'
    far = f'<row r="900000">{made.inline({"A900000": "Bye", "B900000": "y"})}</row>'
    assert look(made.sheet_of(f"{lie}<sheetData>{HEAD}{HELLO}{far}</sheetData>")).texts == ["Hello", "Bye"]


PARTS = made.parts_of(made.workbook(made.CHAT))


@pytest.mark.parametrize("part", sorted(PARTS))
@pytest.mark.parametrize("content", [b"", b"<x/>", b"\0\1", b"<", "<é/>".encode("utf-16"), None])
def test_workbooks_with_a_broken_part(look, part, content):
    parts = {name: one for name, one in PARTS.items() if name != part}
    upload = made.packed(parts if content is None else parts | {part: content})
    try:
        looked = look(upload)
    except ImportRefused as refused:
        problem = refused
    else:
        problem = None
        assert said(looked) == KETTLES or looked.report.rows_used <= 3
    assert problem is None or problem.ids["reason"]


def test_large_parts_are_not_read_into_memory(look):
    strings = b"<sst>" + b"<si/>" * 50_000 + b"</sst>"
    upload = made.packed(PARTS | {"xl/sharedStrings.xml": strings})
    assert refusal(look, upload, settings=ImportSettings(max_document_bytes=100_000)).ids["reason"] == "too_large"
    text = b"<sst><si><t>" + b"x" * 5_000_000 + b"</t></si></sst>"
    upload = made.packed(PARTS | {"xl/sharedStrings.xml": text})
    assert refusal(look, upload, settings=ImportSettings(max_ratio=100_000)).ids["reason"] == "too_large"
    junk = made.packed(PARTS | {"__MACOSX/._x": b"<x/>"})
    assert refusal(look, junk).ids["reason"] == "workbook_damaged"


def test_too_many_columns(look):
    upload = made.workbook([[f"c{n}" for n in range(30)]])
    assert refusal(look, upload, settings=ImportSettings(max_columns=20)).ids["reason"] == "too_many_columns"


def test_places_of_cells():
    assert workbook_guard.cell_at("B12") == (12, 2)
    assert workbook_guard.cell_at("$XFD$1048576") == (1_048_576, 16_384)
    assert [workbook_guard.cell_at(name) for name in ("XFE1", "A1048577", "A0", "12", "", "a1")] == [None] * 6


def test_old_and_locked_workbooks_are_told_what_to_do(look):
    problem = refusal(look, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    assert (problem.ids["reason"], "password" in problem.message) == ("not_text", True)
    problem = refusal(look, zipped({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}))
    assert problem.ids["reason"] == "not_text"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_ends_in_rows_or_a_refusal(looker, tmp_path_factory, data):
    part = data.draw(st.sampled_from(sorted(name for name in PARTS if "theme" not in name)))
    pieces = PARTS[part].split(b"<")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        pieces[at] = data.draw(
            st.sampled_from([b"", pieces[at] * 2, pieces[at][:-2], pieces[at].replace(b"1", b"-7"), b"c r='B2'/>",
                             pieces[at].replace(b'"', b'"x', 1)])
        )  # fmt: skip
    path = tmp_path_factory.mktemp("any") / "upload"
    try:
        report = looker(path, made.packed(PARTS | {part: b"<".join(pieces)})).report
    except ImportRefused as refused:
        reason = refused.ids["reason"]
    else:
        reason = "none"
        assert report.rows_in == report.rows_used + sum(report.set_aside.values())
    assert reason


def test_openpyxl_is_read_without_its_warnings(look, recwarn):
    content = made.workbook([["text", "ts"], ["Hello", 1e12]], edit=lambda book: setattr(
        book["Chats"].cell(2, 2), "number_format", "yyyy-mm-dd"))  # fmt: skip
    assert look(content).texts == ["Hello"]
    assert not recwarn.list
    assert openpyxl.__version__
