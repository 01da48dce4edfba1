"""Numbers that states give to people: found with a right check digit, left alone with a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.personal.found import Text
from data.personal.identities import identities, is_bsn, is_nhs, is_steuer_id
from data.redact import Memory, Redactor
from data.settings import ImportSettings

REDACTOR = Redactor(ImportSettings())


def found(text: str) -> list[str]:
    return [text[one.start : one.end] for one in identities(Text.of(text))]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("my social is 212-09-7694, thanks", "212-09-7694"),
        ("SSN 212097694", "212097694"),
        ("NI number AB 12 34 56 C please", "AB 12 34 56 C"),
        ("my NHS number is 943 476 5919.", "943 476 5919"),
        ("Meine Steuer-ID lautet 86 095 742 719", "86 095 742 719"),
        ("Personalausweis Nr. L01X00T471", "L01X00T471"),
        ("mon NIR : 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
        ("DNI 12345678Z", "12345678Z"),
        ("mi NIE es X-1234567-L", "X-1234567-L"),
        ("codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("mijn BSN is 111222333", "111222333"),
        ("我的身份证号11010519491231002X谢谢", "11010519491231002X"),
    ],
)
def test_each_kind_is_found_and_hidden(text: str, number: str) -> None:
    assert number in found(text)
    redacted = REDACTOR.redact(text, Memory())
    assert redacted.text == text.replace(number, "[id 1]")
    assert redacted.counts == {"id": 1}
    assert REDACTOR.redact(redacted.text, Memory()).text == redacted.text


@pytest.mark.parametrize(
    "text",
    [
        "part 000-12-3456",
        "SSN 666-12-3456",
        "my NHS number is 943 476 5918",
        "Steuer-ID 86 095 742 718",
        "DNI 12345678A",
        "RSSMRA85T10A562T",
        "BSN 111222334",
        "the box of 111222333 screws",
        "943 476 5919 pieces",
        "编号110105194912310021",
        "born 19491331, id 11010519491331002X",
        "GB 12 34 56 C",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("check", "number"), [(is_nhs, "9434765919"), (is_steuer_id, "86095742719"), (is_bsn, "111222333")]
)
def test_one_wrong_digit_fails_the_check(check, number: str) -> None:  # type: ignore[no-untyped-def]
    assert check(number)
    for place, digit in enumerate(number):
        wrong = number[:place] + str((int(digit) + 1) % 10) + number[place + 1 :]
        assert not check(wrong)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("see https://ann:pa55word@shop.example/x", "see https://[secret 1]@shop.example/x"),
        ("https://shop.example/reset?token=abcDEF123&lang=en", "https://shop.example/reset?token=[secret 1]&lang=en"),
        ("https://shop.example/?page=2&sort=price", "https://shop.example/?page=2&sort=price"),
        ("https://shop.example/a:b", "https://shop.example/a:b"),
    ],
)
def test_what_opens_a_door_in_an_address(text: str, hidden: str) -> None:
    assert REDACTOR.redact(text, Memory()).text == hidden


@given(st.text(max_size=200))
def test_any_text_is_looked_through_and_left_alone_the_second_time(text: str) -> None:
    list(identities(Text.of(text)))
    once = REDACTOR.redact(text, Memory()).text
    assert REDACTOR.redact(once, Memory()).text == once
