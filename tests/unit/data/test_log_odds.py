"""Log-odds with a prior against the published formula; what is told of words, and what is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.log_odds import FEWEST, PRIOR, characteristic, counted, z_scores

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 400), min_size=2)


@given(COUNTS, COUNTS)
def test_z_scores_are_the_formula(own: dict[str, int], others: dict[str, int]) -> None:
    n_own, n_others = sum(own.values()), sum(others.values())
    for word, score in z_scores(own, others).items():
        y_i, y_j = own[word], others.get(word, 0)
        a = PRIOR * (y_i + y_j) / (n_own + n_others)
        first = math.log((y_i + a) / (n_own + PRIOR - y_i - a))
        second = math.log((y_j + a) / (n_others + PRIOR - y_j - a))
        assert score == pytest.approx((first - second) / math.sqrt(1 / (y_i + a) + 1 / (y_j + a)), abs=1e-6)


@given(COUNTS)
def test_who_speaks_like_all_has_no_words_of_their_own(counts: dict[str, int]) -> None:
    assert all(abs(score) < 1e-9 for score in z_scores(counts, counts).values())
    assert characteristic(counts, counts, 10) == []


def test_own_words_are_told_the_surest_first_and_small_ones_are_not() -> None:
    own = {"the": 60, "otter": 30, "parcel": 12, "typo": FEWEST - 1, "brook": 5}
    others = {"the": 300, "parcel": 1, "bank": 40, "card": 100}
    words = [word for word, _ in characteristic(own, others, 10)]
    assert words[0] == "otter"
    assert "typo" not in words
    assert "bank" not in words
    assert [word for word, _ in characteristic({"the": 120, "a": 80}, {"the": 100, "a": 100}, 10)] == []
    assert characteristic(own, others, 1) == characteristic(own, others, 10)[:1]
    assert characteristic({}, others, 5) == characteristic(own, {}, 5) == []


def test_counting_leaves_out_placeholders_and_numbers() -> None:
    assert counted(["Order [order 1]: 2 Otters, 3rd otters!", "订单"]) == {"order": 1, "otters": 2, "订": 1, "单": 1}
