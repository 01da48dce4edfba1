"""Spans survive edits."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import spans
from data.schema import Entity
from data.spans import Edit, Edited, Exact, Rewritten, apart, rewrite, substitute

DIGITS = re.compile(r"\d+")


@pytest.mark.parametrize(
    ("edits", "before", "after"),
    [
        ((), (2, 4), (2, 4)),
        ((Edit(0, 2, 5),), (2, 4), (5, 7)),
        ((Edit(4, 6, 9),), (2, 4), (2, 4)),
        ((Edit(2, 4, 9),), (2, 4), (2, 11)),  # replaced as a whole
        ((Edit(3, 6, 1),), (2, 4), (2, 4)),  # overlaps its end: the end moves to the end of what stands there now
        ((Edit(1, 3, 1),), (2, 4), (1, 3)),  # overlaps its beginning
        ((Edit(2, 4, 0),), (2, 4), None),  # nothing is left
        ((Edit(2, 2, 3),), (2, 4), (5, 7)),  # inserted before it
        ((Edit(4, 4, 3),), (2, 4), (2, 4)),  # inserted after it
        ((Edit(3, 3, 3),), (2, 4), (2, 7)),  # inserted inside
    ],
)
def test_a_span_keeps_what_it_touched(edits, before, after):
    assert Edited("", (Exact(edits),)).span(*before) == after


def test_entities_of_which_nothing_is_left_are_missing():
    edited = Edited("b", (Exact((Edit(0, 1, 0),)),))
    assert edited.move([Entity(0, 1, "x"), Entity(1, 2, "y")]) == (Entity(0, 1, "y"),)


def test_without_stages_entities_stay():
    assert Edited("ab").move([Entity(0, 1, "x")]) == (Entity(0, 1, "x"),)


@given(st.text(alphabet="ab 12", max_size=20))
def test_substituted_words_are_found_again(text):
    after, stages = substitute(DIGITS, "<number>", text)
    edited = Edited(after, stages)
    for match in re.finditer(r"[ab]+", text):
        start, end = edited.span(*match.span())
        assert after[start:end] == match[0]
    for match in DIGITS.finditer(text):
        start, end = edited.span(*match.span())
        assert after[start:end] == "<number>"


def test_a_rewriting_is_aligned():
    edited = Edited("caf\u00e9 Berlin", rewrite(lambda text: "caf\u00e9 Berlin", "cafe\u0301 Berlin")[1])
    assert edited.span(6, 12) == (5, 11)
    assert edited.span(0, 5) == (0, 4)


def test_a_rewriting_too_long_to_align_loses_its_spans(monkeypatch):
    monkeypatch.setattr(spans, "MAX_ALIGNED", 3)
    assert Rewritten("xaaaay", "xbbbby").edits() is None
    assert Edited("xbbbby", (Rewritten("xaaaay", "xbbbby"),)).span(0, 1) is None


def test_nothing_changed_is_no_stage():
    assert rewrite(str, "a") == ("a", ())
    assert substitute(DIGITS, "", "a") == ("a", ())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=8))
def test_stretches_that_share_text_give_way_to_those_named_first(pairs):
    named = [Edit(start, start + length, 0) for start, length in pairs]
    kept = apart(named)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    assert set(named[:1]) <= set(kept)
    for left_out in set(named) - set(kept):
        assert any(one.start < left_out.end and left_out.start < one.end for one in kept)
