"""Variety, repetition and copies against definitions written out, for words of any script."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.wording import terms
from trainer.judgement.variety import Known, distinct, lengths, repetition

WORDS = st.lists(st.sampled_from(["a", "b", "c", "你"]), max_size=14)


@pytest.mark.parametrize(
    ("replies", "first", "second"),
    [
        ([["a", "b", "a", "b"]], 2 / 4, 2 / 3),
        ([["a", "b"], ["a", "b"]], 2 / 4, 1 / 2),
        ([terms("你好你好 👍")], 3 / 5, 3 / 4),
    ],
)
def test_distinct(replies: list[list[str]], first: float, second: float) -> None:
    assert distinct(replies, 1) == pytest.approx(first)
    assert distinct(replies, 2) == pytest.approx(second)


def test_nothing_is_neither_varied_nor_repetitive() -> None:
    assert math.isnan(distinct([], 1))
    assert math.isnan(distinct([["a"], []], 2))
    assert repetition([]) == 0
    assert lengths([]).shape == (0, 2)
    assert lengths(["ab 你好", ""]).tolist() == [[3, 5], [0, 0]]


@given(st.lists(WORDS, max_size=5), st.integers(1, 3))
def test_distinct_is_a_share(replies: list[list[str]], n: int) -> None:
    found = distinct(replies, n)
    assert math.isnan(found) or 0 < found <= 1
    once = distinct([["x", "y", "z"]], n)
    assert once == 1


@given(WORDS)
def test_repetition_is_its_definition(words: list[str]) -> None:
    covered = 0
    for place in range(len(words)):
        runs = [words[at : at + 4] for at in range(max(0, place - 3), place + 1) if at + 4 <= len(words)]
        every = [words[at : at + 4] for at in range(len(words) - 3)]
        covered += any(every.count(run) > 1 for run in runs)
    assert repetition(words) == pytest.approx(covered / len(words) if words else 0)


def test_repetition_of_a_loop_and_of_a_plain_sentence() -> None:
    assert repetition(terms("we are here to help " * 4)) == 1
    assert repetition(terms("we are here to help you with that order today")) == 0
    assert repetition(terms("谢谢您的来信" * 2)) == 1


def plain_span(reply: list[str], training: list[list[str]]) -> float:
    best = 0
    for start in range(len(reply)):
        for end in range(start + 1, len(reply) + 1):
            run = reply[start:end]
            inside = (known[at : at + len(run)] == run for known in training for at in range(len(known)))
            best = max(best, len(run) if any(inside) else 0)
    return best / len(reply) if reply else 0.0


@given(WORDS, st.lists(WORDS, max_size=4))
def test_copied_span_is_its_definition(reply: list[str], training: list[list[str]]) -> None:
    known = Known([" ".join(words) for words in training])
    assert known.copied_span(" ".join(reply)) == pytest.approx(plain_span(reply, training))


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_training_reply_is_a_copy_through_and_through(training: list[str]) -> None:
    known = Known(training)
    for text in training:
        assert known.copied_span(text) == (1 if terms(text) else 0)
        assert known.is_copy(f" {text} ") or not text.strip() or not any(map(str.isprintable, text))


def test_copies_are_told_however_they_are_written() -> None:
    known = Known(["Don’t worry, we’ll help!", "您好，很高兴为您服务。", ""])
    assert known.is_copy("DON'T  worry, we'll\nhelp!")
    assert known.is_copy("您好，很高兴为您服务。")
    assert not known.is_copy("Don't worry")
    assert not known.is_copy("")
    assert known.copied_span("so don't worry") == pytest.approx(2 / 3)
    assert known.copied_span("很高兴认识您") == pytest.approx(3 / 6)
    assert Known([]).copied_span("anything") == 0
