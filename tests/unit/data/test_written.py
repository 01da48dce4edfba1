"""Values known by how they are written, in five languages; what only looks like one is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.settings import ImportSettings
from data.written import Written

WRITTEN = Written(ImportSettings())


def found(text: str) -> list[tuple[str, str]]:
    return [(value.type, text[value.start : value.end]) for value in WRITTEN.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call +44 20 7946 0958 or mail jo@example.com", [("phone", "+44 20 7946 0958"), ("email", "jo@example.com")]),
        ("order #A123456 cost $1,299.00", [("order", "#A123456"), ("amount", "$1,299.00")]),
        ("it ends on 2026-11-21, or 5/6/2026.", [("date", "2026-11-21"), ("date", "5/6/2026")]),
        ("March 3rd, 2026 at 5 pm, not noon", [("date", "March 3rd, 2026"), ("time", "5 pm"), ("time", "noon")]),
        ("next Friday at 15:30", [("date", "next Friday"), ("time", "15:30")]),
        ("see https://shop.example.com/a?b=1.", [("url", "https://shop.example.com/a?b=1")]),
        ("am 3. Mai um 15 Uhr, 29,99 €", [("date", "3. Mai"), ("time", "15 Uhr"), ("amount", "29,99 €")]),
        ("am 24.12. oder am 24.12.2026", [("date", "24.12."), ("date", "24.12.2026")]),
        ("guten Morgen, geht es morgen?", [("date", "morgen")]),
        ("le 14 juillet à 18h30, 1 200 euros", [("date", "14 juillet"), ("time", "18h30"), ("amount", "1 200 euros")]),
        ("el 5 de marzo de 2026, 20 dólares", [("date", "5 de marzo de 2026"), ("amount", "20 dólares")]),
        ("mañana por la mañana", [("date", "mañana")]),
        ("明天下午三点半，一共299元", [("date", "明天"), ("time", "下午三点半"), ("amount", "299元")]),
        ("EUR 29.90 or usd 5, 价格是￥299", [("amount", "EUR 29.90"), ("amount", "usd 5"), ("amount", "￥299")]),
        ("x€5, 1.299,00€ and neuro 5", [("amount", "1.299,00€")]),
        ("晚上8点15分, 十二点, 您有1225点", [("time", "晚上8点15分"), ("time", "十二点")]),
        ("version 3.10.2 may work, march on", []),
        ("", []),
    ],
)
def test_values_as_they_are_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_cards_are_no_values() -> None:
    assert found("my card is 4111 1111 1111 1111, until 12/27/2027") == [("date", "12/27/2027")]


def test_what_a_brand_keeps_in_its_logs_is_a_value_all_the_same() -> None:
    written = Written(ImportSettings(keep_kinds=("email",)))
    assert [value.type for value in written.find("mail jo@example.com")] == ["email"]


@given(st.text(max_size=120) | st.text(alphabet="0123456789 .,:/-$€年月日点@w#hpm", max_size=60))
def test_any_text_gives_stretches_in_order_without_overlaps(text: str) -> None:
    end = 0
    for value in WRITTEN.find(text):
        assert end <= value.start < value.end <= len(text)
        end = value.end
