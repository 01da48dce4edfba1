"""Sides that nothing but the seed and the question moves, choices as people type them, pins that are whole."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.comparing.blind import ASKED, Judged, Pin, Side, heard, sided, stands_left
from service.comparing.contest import Pair
from service.comparing.questions import Question

words = st.text(min_size=1, max_size=30)
pairs = st.tuples(words, words)


@given(seed=st.integers(0, 2**31 - 1), said=words, replies=pairs, others=pairs)
def test_what_releases_say_moves_neither_to_a_side(
    seed: int, said: str, replies: tuple[str, str], others: tuple[str, str]
) -> None:
    question = Question.of([("user", said)])
    left = stands_left(seed, question.id)
    first, second = (Pair(question, one, ("approved", "approved"), left) for one in (replies, others))
    assert first.shown == ((replies[0], replies[1]) if left else (replies[1], replies[0]))
    assert (
        first.shown.index(replies[0]) == second.shown.index(others[0])
        or replies[0] == replies[1]
        or (others[0] == others[1])
    )
    assert stands_left(seed, question.id) is left
    assert sided(first.shown, left=left) == replies


def test_each_stands_left_about_as_often_whatever_the_seed_and_the_question() -> None:
    for seed in range(5):
        lefts = [stands_left(seed, Question.of([("user", f"text {number}")]).id) for number in range(2_000)]
        assert 880 < sum(lefts) < 1_120  # more than five standard deviations off would be no draw
    one = Question.of([("user", "where is it")]).id
    assert 880 < sum(stands_left(seed, one) for seed in range(2_000)) < 1_120


def test_two_seeds_draw_apart() -> None:
    ids = [Question.of([("user", f"text {number}")]).id for number in range(1_000)]
    agree = sum(stands_left(1, one) == stands_left(2, one) for one in ids)
    assert 400 < agree < 600


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("l", ("left", "")),
        (" LEFT ", ("left", "")),
        ("r: shorter, and it names the day", ("right", "shorter, and it names the day")),
        ("g", ("both good", "")),
        ("both good", ("both good", "")),
        ("Both_Bad - neither answers", ("both bad", "neither answers")),
        ("bad", ("both bad", "")),
        ("s", ("skip", "")),
        ("left\nsecond line", ("left", "second line")),
    ],
)
def test_choices_as_people_type_them(said: str, meant: tuple[str, str]) -> None:
    assert heard(said) == meant


@pytest.mark.parametrize("said", ["", " ", "x", "lr", "late", "both", "same", "u", "q", "leftish", "1"])
def test_what_is_no_choice(said: str) -> None:
    assert heard(said) is None


@given(choice=st.sampled_from(ASKED), note=st.text(max_size=40))
def test_every_choice_is_heard_with_its_note(choice: str, note: str) -> None:
    found = heard(f"{choice} {note}")
    assert found is not None
    assert found[0] == choice
    assert found[1] in note


@given(text=st.text(max_size=60))
def test_whatever_is_typed_is_a_choice_or_none(text: str) -> None:
    found = heard(text)
    assert found is None or found[0] in ASKED


def test_a_pin_comes_back_from_its_line(pin: Pin) -> None:
    for one in (pin, replace(pin, dataset=None, count=None)):
        assert Pin.from_wire(json.loads(json.dumps(one.to_wire()))) == one
        assert list(one.differences(one)) == []


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(
    name=st.sampled_from(["kind", "version", "bot", "release", "other", "seed", "questions", "digest"]), value=scalars
)
def test_a_pin_with_a_strange_value_is_none_or_sound(name: str, value: object) -> None:
    pin = Pin("acme", Side(2, "b"), Side(1, "a"), 0, None, None, 1, "d")
    found = Pin.from_wire({**pin.to_wire(), name: value})
    assert found is None or Pin.from_wire(found.to_wire()) == found


@given(wire=scalars | st.dictionaries(st.text(max_size=8), scalars, max_size=5))
def test_anything_else_is_no_pin_and_no_choice(wire: object) -> None:
    assert Pin.from_wire(wire) is None
    assert Judged.from_wire(wire) is None


def test_what_differs_is_told(pin: Pin) -> None:
    other = Side(1, "a" * 64)
    assert list(pin.differences(replace(pin, bot="beta"))) == ["another bot"]
    assert list(pin.differences(replace(pin, other=other))) == ["releases 3 and 1"]
    changed = replace(pin, release=replace(pin.release, digest="x"))
    assert list(pin.differences(changed)) == ["a release that was changed since"]
    assert list(pin.differences(replace(pin, seed=5, digest="x"))) == ["seed 5", "other questions"]


def test_a_mark_is_of_one_comparison_and_no_number(pin: Pin) -> None:
    swapped = replace(pin, release=pin.other, other=pin.release)
    marks = {one.mark("ab") for one in (pin, swapped, replace(pin, seed=1), replace(pin, bot="beta"))}
    assert len(marks) == 4
    assert all(mark.startswith("q") and mark.isalnum() for mark in marks)
