"""Two ways to write a value that mean the same share a reading; two values share none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import readings

ANY = st.text(max_size=20) | st.text(alphabet="0123456789 .,:'/-€$¥hpm月日点半十三年uhr", max_size=14)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number", "1,000", "1000"),
        ("number", "1.000", "1000"),
        ("number", "1'000", "1,000.00"),
        ("number", "1\u202f234\u202f567,89", "1234567.89"),
        ("number", "29,90", "29.9"),
        ("number", "007", "7"),
        ("number", "１２", "12"),
        ("amount", "$1,299.00", "1299 dollars"),
        ("amount", "US$ 5", "5 USD"),
        ("amount", "29,99 €", "€29.99"),
        ("amount", "1 200 euros", "1.200 EUR"),
        ("amount", "299元", "￥299"),
        ("amount", "5 Pounds", "£5"),
        ("percent", "10 %", "10.0 percent"),
        ("date", "March 3rd, 2026", "3 Mar 2026"),
        ("date", "2026-03-03", "3. März 2026"),
        ("date", "5/6/2026", "6 May 2026"),
        ("date", "5.6.26", "5 juin 2026"),
        ("date", "24.12.", "24 décembre"),
        ("date", "2026年3月5日", "5 de marzo de 2026"),
        ("date", "next Friday", "friday"),
        ("date", "lundi prochain", "lundi"),
        ("time", "5 pm", "17:00"),
        ("time", "5:30 p.m.", "17:30:00"),
        ("time", "15 Uhr 30", "3:30 pm"),
        ("time", "18h30", "18:30"),
        ("time", "18 heures", "6 pm"),
        ("time", "noon", "12:00"),
        ("time", "12 am", "24:00"),
        ("time", "下午三点半", "15:30"),
        ("time", "十二点十五分", "12:15"),
        ("time", "晚上8点", "20 Uhr"),
        ("time", "5 o’clock", "5 pm"),
        ("time", "5 o'clock", "05:00"),
        ("link", "https://www.Acme.com/", "acme.com"),
        ("email", "Jo@Acme.com", "jo@acme.com"),
        ("phone", "+44 20 7946-0958", "442079460958"),
        ("code", "#AB-12 3", "ab123"),
    ],
)
def test_the_same_value(kind: str, one: str, other: str) -> None:
    read = getattr(readings, kind)
    assert read(one) & read(other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number", "1,0000", "10000"),
        ("number", "10", "100"),
        ("number", "1,299.00", "1299.01"),
        ("amount", "€10", "$10"),
        ("amount", "$10", "$10.50"),
        ("percent", "10%", "1.0%"),
        ("date", "2026-03-03", "2025-03-03"),
        ("date", "3 March", "4 March"),
        ("date", "tomorrow", "today"),
        ("time", "5 am", "17:00"),
        ("time", "05:00", "17:00"),
        ("time", "上午三点", "15:00"),
        ("link", "acme.com/a", "acme.com/b"),
        ("code", "v3.10.2", "v31.02"),
        ("email", "jo@acme.com", "joacme.com"),
    ],
)
def test_different_values(kind: str, one: str, other: str) -> None:
    read = getattr(readings, kind)
    assert not read(one) & read(other)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("number", "3.10.2"), ("number", ""), ("amount", "euros"), ("percent", "%"), ("date", "99/99/2026"), ("date", ""),
     ("time", "25:00"), ("time", "soon"), ("time", "十十点")],
)  # fmt: skip
def test_what_is_no_such_value_has_no_reading(kind: str, text: str) -> None:
    assert getattr(readings, kind)(text) == readings.NOTHING


@given(st.sampled_from(["number", "amount", "percent", "date", "time", "link", "email", "phone", "code"]), ANY)
def test_any_text_can_be_read(kind: str, text: str) -> None:
    assert all(isinstance(reading, tuple) for reading in getattr(readings, kind)(text))


@given(st.integers(0, 10**9), st.sampled_from([",", ".", "'", "\u202f"]))
def test_grouping_changes_no_number(value: int, sign: str) -> None:
    assert ("number", str(value)) in readings.number(f"{value:,}".replace(",", sign))


@given(st.integers(0, 23), st.integers(0, 59))
def test_both_clocks_tell_one_time(hour: int, minute: int) -> None:
    twelve = f"{(hour - 1) % 12 + 1}:{minute:02} {'pm' if hour >= 12 else 'am'}"
    assert readings.time(twelve) == {("time", hour * 60 + minute)}
    assert readings.time(twelve) <= readings.time(f"{hour}:{minute:02}")
