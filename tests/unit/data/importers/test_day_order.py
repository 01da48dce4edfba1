"""Dates written in numbers: the whole column tells whether the day or the month stands first."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from data.importers.day_order import DateColumn

HEADER = ["conversation", "role", "text", "time"]


def order_of(*texts):
    column = DateColumn()
    for text in texts:
        column.take(text)
    return column.order()


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        (["13/03/2024"], "04/05/2024", "2024-05-04T00:00:00"),
        (["03/13/2024"], "04/05/2024", "2024-04-05T00:00:00"),
        (["13.03.2024 10:00"], "4.5.2024 9:07", "2024-05-04T09:07:00"),
        (["3-13-2024"], "4-5-2024, 9:07:30 PM", "2024-04-05T21:07:30"),
        (["3/13/2024 12:00 a.m."], "3/13/2024 12:00 a.m.", "2024-03-13T00:00:00"),
        (["13/03/2024"], " 13/03/2024T10:00:00.25Z ", "2024-03-13T10:00:00.250000Z"),
        (["13/03/2024"], "13/03/2024 10:00 +01:00", "2024-03-13T10:00:00+01:00"),
        ([], "2024/3/13 10:00", "2024-03-13T10:00:00"),
        (["13/03/2024"], "13/14/2024", "13/14/2024"),
        (["13/03/2024"], "31/02/2024", "31/02/2024"),
        (["13/03/2024"], "13/03/2024 13:00 PM", "13/03/2024 13:00 PM"),
        (["13/03/2024"], "13/03/2024 0:00 pm", "13/03/2024 0:00 pm"),
        (["13/03/2024"], "04.05.2024", "04.05.2024"),
        (["13/03/24"], "13/03/24", "13/03/24"),
        ([], "2024-03-13T10:00:00.123456789Z", "2024-03-13T10:00:00.123456789Z"),
        ([], "1.2.3", "1.2.3"),
        ([], "", ""),
        ([], None, None),
        ([], "9" * 10_000, "9" * 10_000),
    ],
)
def test_a_date_is_read_in_the_order_of_its_column(column, text, told):
    assert order_of(*column).iso(text) == told


def test_where_nothing_tells_or_two_disagree_nothing_is_guessed():
    for column in (["03/04/2024", "05/06/2024"], ["13/03/2024", "03/13/2024"]):
        order = order_of(*column)
        assert (order.undecided, order.iso(column[0])) == (column[0], column[0])
    assert order_of("13/03/2024", "03.04.2024").undecided == "03.04.2024", "each way of writing is told by itself"
    assert not order_of("13/03/2024", "2024-01-01", "soon", "", None).undecided


@given(
    st.lists(st.datetimes().filter(lambda at: at.year >= 1000), min_size=1),
    st.booleans(),
    st.sampled_from("/.-"),
)
def test_every_date_comes_back_or_stays(moments, is_day_first, mark):
    def write(at):
        first, second = (at.day, at.month) if is_day_first else (at.month, at.day)
        return f"{first}{mark}{second}{mark}{at.year:04} {at:%H:%M:%S.%f}"

    order = order_of(*map(write, moments))
    is_told = any(at.day > 12 for at in moments)
    assert bool(order.undecided) != is_told
    for at in moments:
        assert order.iso(write(at)) == (at.isoformat(timespec="auto") if is_told else write(at))


@given(st.text(max_size=40))
def test_any_text_stays_what_it_is_or_becomes_a_time(text):
    told = order_of(text).iso(text)
    assert told == text or datetime.fromisoformat(told)


def written(form, rows):
    if form == "xlsx":
        book, file = Workbook(), io.BytesIO()
        for row in rows:
            book.active.append(row)
        book.save(file)
        return file.getvalue()
    text = io.StringIO()
    csv.writer(text, delimiter="\t" if form == "tsv" else ",").writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize("form", ["csv", "tsv", "xlsx"])
def test_tables_of_conversations_are_put_in_the_order_of_such_times(look, form):
    rows = [
        ["1", "agent", "hello to you", "04/03/2024 10:01"],
        ["1", "user", "hello", "04/03/2024 10:00"],
        ["2", "user", "what else is there", "13/03/2024"],
    ]
    looked = look(written(form, [HEADER, *rows]))
    assert looked.texts == ["hello", "hello to you", "what else is there"]
    assert [one.started_at for one in looked.conversations] == [
        "2024-03-04T10:00:00+00:00",
        "2024-03-13T00:00:00+00:00",
    ]
    assert {"timestamp_ignored", "dates_undecided"}.isdisjoint(looked.codes)
    assert "timestamp_without_zone" in looked.codes


def test_labelled_texts_have_such_times_too(look):
    looked = look("text,label,time\nhello,greeting,3/13/2024 8:00 PM\nbye,farewell,3/4/2024 8:00 PM\n")
    assert [one.turns[0].ts for one in looked.conversations] == [
        "2024-03-13T20:00:00+00:00",
        "2024-03-04T20:00:00+00:00",
    ]


def test_times_that_nothing_tells_of_are_left_out_and_told(look):
    looked = look(written("csv", [HEADER, ["1", "user", "hello", "03/04/2024"], ["1", "agent", "hi", "03/04/2024"]]))
    assert {"timestamp_ignored", "dates_undecided"} <= looked.codes
    (told,) = [one for one in looked.report.findings if one.code == "dates_undecided"]
    assert (told.severity, told.sample) == ("warning", "03/04/2024")
    assert looked.conversations[0].started_at is None
