"""N-grams with Kneser-Ney smoothing: probabilities that add up, and say what the formula says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.pretraining.kneser_ney import KneserNey

ROWS = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=12), min_size=1, max_size=12)


@settings(max_examples=60)
@given(ROWS, st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 5))
def test_what_may_follow_adds_up_to_one(rows: list[list[int]], before: list[int], order: int) -> None:
    model = KneserNey(rows, 6, order)
    chances = [np.exp(model.log_probabilities([[*before, token]])[-1]) for token in range(6)]
    assert sum(chances) == pytest.approx(1)
    assert min(chances) > 0


def test_a_unigram_counts_tokens_less_a_discount() -> None:
    """By hand: counts 4, 2, 1, 1 of 8; n1 = 2, n2 = 1, n3 = 0, n4 = 1, so D = 2 / 4 and 1 - 2 D / 2 = .5 of a single,
    2 of the pair (3 D n3 / n2 = 0, held to 1.95), D of the four, whose n3 is 0."""
    model = KneserNey([[0, 0, 0, 0, 1, 1, 2, 3]], 5, order=1)
    taken = [0.5, 1.95, 0.5, 0.5]
    rest = sum(taken) / 8
    expected = [(count - less) / 8 + rest / 5 for count, less in zip([4, 2, 1, 1], taken, strict=True)]
    found = [np.exp(model.log_probabilities([[0, token]])[0]) for token in range(4)]
    assert found == pytest.approx(expected)


def test_a_token_that_follows_many_is_likelier_after_a_new_one() -> None:
    """`9` stands more often, but only after `8`: below the longest it counts how many different ones stood before."""
    rows = [[8, 9]] * 20 + [[at, 7] for at in range(6)]
    model = KneserNey(rows, 10, order=2)
    after_unknown = {token: model.log_probabilities([[9, token]])[0] for token in (7, 9)}
    assert after_unknown[7] > after_unknown[9]


def test_longer_n_grams_know_more_of_what_repeats() -> None:
    rows = [[1, 2, 3, 4, 5, 1, 2, 3, 6]] * 4
    short, long = (KneserNey(rows, 8, order).log_probabilities(rows).mean() for order in (1, 5))
    assert long > short


def test_nothing_is_asked_of_the_first_token() -> None:
    model = KneserNey([[1, 2]], 4)
    assert len(model.log_probabilities([[1, 2, 3], [1]])) == 2
    assert len(model.log_probabilities([])) == 0
