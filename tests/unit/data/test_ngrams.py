"""N-grams as numbers: the same for the same text, for any text, in any script, and nothing typed is a control token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.ngrams import BUCKETS, LONGEST, NgramRenderer, terms

RENDERER = NgramRenderer()


@given(st.text(max_size=200))
def test_any_text_becomes_numbers_within_bounds_and_the_same_ones_each_time(text: str) -> None:
    ids = RENDERER.utterance(text).ids
    assert ids == NgramRenderer().utterance(text).ids
    assert all(0 <= one < 2 * BUCKETS for one in ids)
    assert RENDERER.counts(text) == (len(ids), 0)


@given(st.text(max_size=60), st.text(alphabet=" \t\n", min_size=1, max_size=3))
def test_white_space_around_a_text_says_nothing(text: str, space: str) -> None:
    assert RENDERER.utterance(space + text + space).ids == RENDERER.utterance(text).ids


def test_a_word_gives_its_characters_and_itself() -> None:
    ids = RENDERER.utterance("ab").ids
    characters = [one for one in ids if one < BUCKETS]
    # Of " ab ": a, b, 3 pairs, 2 triples, 1 of four.
    assert len(characters) == 2 + 3 + 2 + 1
    assert len(ids) - len(characters) == 1
    assert LONGEST == 4


def test_words_are_told_from_characters_and_one_beside_another_from_both_apart() -> None:
    assert len({one for one in RENDERER.utterance("a").ids if one >= BUCKETS}) == 1
    together, apart = (set(RENDERER.utterance(text).ids) for text in ("wrong order", "order wrong"))
    assert len(together - apart) == len(apart - together) == 1  # the pair of words alone differs


def test_casing_makes_no_difference_and_script_no_trouble() -> None:
    assert RENDERER.utterance("Hvor ER min Pakke").ids == RENDERER.utterance("hvor er min pakke").ids
    assert terms("这家酒店 ok?") == ["这", "家", "酒", "店", "ok"]
    assert len(RENDERER.utterance("这家酒店").ids) > 10


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    short = NgramRenderer(8)
    assert short.utterance("abcd" + "x" * 5_000 + "wxyz").ids == short.utterance("abcd wxyz"[:4] + " wxyz").ids
    assert short.room == short.max_length == 8


def test_a_conversation_is_read_as_its_newest_turns() -> None:
    turns = [("user", "one"), ("agent", "two"), ("user", "three")]
    assert RENDERER.context(turns).ids == RENDERER.utterance("one\ntwo\nthree").ids  # type: ignore[arg-type]
    assert RENDERER.context([]).ids == ()


@pytest.mark.parametrize("text", ["", "   ", "[SEP]", "\ud800", "🤷"])
def test_odd_texts_are_texts(text: str) -> None:
    rendered = RENDERER.utterances([text, "a"])
    ids, mask = RENDERER.pad(rendered)
    assert ids.shape == mask.shape == (2, max(map(len, rendered)))
