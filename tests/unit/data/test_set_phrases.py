"""Openings and closings that recur, whoever they name; words that merely come first or last are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.set_phrases import (
    FEWEST,
    MOST,
    SetPhrase,
    closing_forms,
    closings,
    has_any,
    opening_forms,
    openings,
    recurring,
)

NAMES = ["Dana", "Omar", "Wei", "Ines", "Jo", "Priya", "Sam", "Lena", "Ali", "Ruth"]
BODIES = [f"The parcel with {thing} is on its way" for thing in ("shoes", "two lamps", "a sofa", "books", "the rug")]


def test_a_greeting_is_found_though_each_names_somebody_else() -> None:
    texts = [f"Hi {name}, {body.lower()}." for name in NAMES for body in BODIES]
    assert recurring(map(openings, texts), len(texts))[0] == SetPhrase("Hi", 1.0)
    hidden = [f"Hi [person {number}], {BODIES[number % 5]}." for number in range(1, 21)]
    assert recurring(map(openings, hidden), len(hidden)) == (SetPhrase("Hi", 1.0),)


def test_a_sign_off_is_found_with_and_without_who_signs() -> None:
    one = [f"{body} on day {day}.\nKind regards,\nThe Acme Team" for day in range(4) for body in BODIES]
    assert [phrase.text for phrase in recurring(map(closings, one), len(one))] == ["Kind regards, The Acme Team"]
    many = [f"{body}. Kind regards, {name}" for name in NAMES for body in BODIES]
    assert recurring(map(closings, many), len(many))[0] == SetPhrase("Kind regards", 1.0)


def test_chinese_phrases_are_runs_of_characters() -> None:
    texts = [f"您好，您的{thing}已经寄出。祝您生活愉快！" for thing in ("鞋", "灯", "书", "包", "表")]
    assert recurring(map(openings, texts), 5) == (SetPhrase("您好", 1.0),)
    assert recurring(map(closings, texts), 5) == (SetPhrase("祝您生活愉快", 1.0),)


def test_words_that_merely_come_first_or_last_are_no_phrases() -> None:
    texts = [f"The {name.lower()} order left with our van today" for name in NAMES]
    assert recurring(map(openings, texts), len(texts)) == ()
    assert recurring(map(closings, texts), len(texts)) == ()


def test_a_reply_that_is_only_the_phrase_frames_nothing() -> None:
    assert list(openings("You're welcome!")) == []
    assert list(closings("Kind regards")) == []
    assert list(openings("")) == list(closings("")) == []


def test_few_uses_and_rare_ones_are_not_told_and_many_phrases_are_cut() -> None:
    texts = ["Hello, a b c"] * (FEWEST - 1)
    assert recurring(map(openings, texts), len(texts)) == ()
    texts = ["Hello, a b c"] * FEWEST + ["a b c"] * 97
    assert recurring(map(openings, texts), len(texts)) == ()  # 3 of 100
    texts = [
        f"{word}, it left" for word in ("Hi", "Hello", "Hey", "Dear", "Yes", "No", "Sure", "Sorry") for _ in range(9)
    ]
    assert len(recurring(map(openings, texts), len(texts))) == MOST


@pytest.mark.parametrize(
    ("text", "expected"),
    [("hi, all good", True), ("HI Dana all good", True), ("high, all", False), ("Hi all of you", False)],
)
def test_a_reply_is_held_against_phrases(text: str, expected: bool) -> None:
    assert has_any(openings(text), {("hi",)}) is expected


def test_a_part_of_a_phrase_is_one_where_it_stands_alone() -> None:
    assert opening_forms((SetPhrase("Hello, dear Guest", 0.5),)) == {
        ("hello",),
        ("hello", "dear"),
        ("hello", "dear", "guest"),
    }
    forms = closing_forms((SetPhrase("Kind regards, the team", 0.5),))
    assert forms == {("kind", "regards", "the", "team"), ("the", "team")}


@given(st.lists(st.text(alphabet="abA ,.!\n你[person 1]", max_size=30), max_size=12))
def test_shares_are_those_of_replies(texts: list[str]) -> None:
    for of in (openings, closings):
        for phrase in recurring(map(of, texts), len(texts)):
            framed = sum(has_any(of(text), {phrase.words}) for text in texts)
            assert phrase.share == round(framed / len(texts), 4)
            assert framed >= FEWEST
