"""The thresholds keep what they promise, say so when they cannot, and are not fooled by a handful of lucky rows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.intents.thresholds import (
    ANSWERS_NOTHING,
    breaks_promise,
    choose_answer_threshold,
    choose_oos_threshold,
    wilson_lower,
)

ROWS = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.booleans()), min_size=1, max_size=80)


def columns(rows: list[tuple[int, bool, bool]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score, correct, outside = (np.array(column) for column in zip(*rows, strict=True))
    return score / 10, correct & ~outside, outside


def weighted_precision(threshold: float, confidence: np.ndarray, correct: np.ndarray, outside: np.ndarray) -> float:
    weight = np.ones(len(confidence))
    if outside.any() and not outside.all():
        weight = np.where(outside, 0.3 / outside.sum(), 0.7 / (~outside).sum())
    answered = confidence >= threshold
    return float((weight * correct)[answered].sum() / weight[answered].sum())


@given(ROWS, st.sampled_from([0.5, 0.8, 0.9]))
def test_the_weighted_precision_is_never_below_the_target(rows: list[tuple[int, bool, bool]], target: float) -> None:
    confidence, correct, outside = columns(rows)
    threshold = choose_answer_threshold(confidence, correct, outside, target)
    if threshold != ANSWERS_NOTHING:
        assert threshold in confidence
        assert weighted_precision(threshold, confidence, correct, outside) >= target - 1e-12


@given(ROWS)
def test_a_higher_target_never_answers_more(rows: list[tuple[int, bool, bool]]) -> None:
    confidence, correct, outside = columns(rows)
    low, high = (choose_answer_threshold(confidence, correct, outside, target) for target in (0.6, 0.9))
    assert low <= high


def test_with_plenty_of_rows_it_is_the_smallest_threshold_that_will_do() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.random(50_000)
    correct = generator.random(50_000) < confidence  # perfectly calibrated: precision above t is (1 + t) / 2
    threshold = choose_answer_threshold(confidence, correct, np.zeros(50_000, dtype=bool), 0.9)
    assert threshold == pytest.approx(0.8, abs=0.02)


def test_out_of_scope_rows_weigh_their_share_of_the_traffic() -> None:
    """Ten out-of-scope rows among a thousand weigh as much as if every third message were one."""
    generator = np.random.default_rng(0)
    inside, outside = generator.uniform(0.4, 1, 1000), generator.uniform(0.0, 0.6, 10)
    confidence = np.concatenate([inside, outside])
    is_oos = np.arange(1010) >= 1000
    few = choose_answer_threshold(confidence, ~is_oos, is_oos, 0.95, oos_share=0.01)
    many = choose_answer_threshold(confidence, ~is_oos, is_oos, 0.95, oos_share=0.5)
    assert few < many


def test_on_new_traffic_the_promise_is_kept_four_times_in_five() -> None:
    generator = np.random.default_rng(7)

    def draw(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        outside = generator.random(rows) < 0.3
        logit = np.where(outside, generator.normal(-0.8, 1.3, rows), generator.normal(1.8, 1.6, rows))
        confidence = 1 / (1 + np.exp(-logit))
        return confidence, ~outside & (generator.random(rows) < 0.05 + confidence), outside

    later = draw(50_000)
    thresholds = [choose_answer_threshold(*draw(300), 0.9) for _ in range(100)]
    kept = [later[1][later[0] >= threshold].mean() for threshold in thresholds]
    assert np.mean(np.array(kept) >= 0.9) >= 0.75
    assert np.mean(np.array(kept) >= 0.85) >= 0.99


@pytest.mark.parametrize("rows", [0, 3])
def test_it_answers_nothing_when_the_target_cannot_be_shown(rows: int) -> None:
    confidence = np.linspace(0.5, 0.9, rows)
    threshold = choose_answer_threshold(confidence, np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool), 0.9)
    assert threshold == ANSWERS_NOTHING
    assert ANSWERS_NOTHING > 1


def test_only_wrong_answers_are_not_given() -> None:
    wrong = np.zeros(50, dtype=bool)
    assert choose_answer_threshold(np.ones(50), wrong, wrong, 0.5) == ANSWERS_NOTHING


def test_only_out_of_scope_rows_leave_nothing_to_answer() -> None:
    outside = np.ones(50, dtype=bool)
    assert choose_answer_threshold(np.ones(50), ~outside, outside, 0.5) == ANSWERS_NOTHING


@given(ROWS)
def test_the_oos_threshold_is_the_lowest_that_is_as_good_as_the_best(rows: list[tuple[int, bool, bool]]) -> None:
    score, correct, outside = columns(rows)

    def shares(threshold: float) -> tuple[float, float]:
        kept = score >= threshold
        inside_right = (correct & kept)[~outside].mean() if (~outside).any() else 0.0
        return float(inside_right), float((~kept)[outside].mean())

    threshold = choose_oos_threshold(score, correct, outside)
    if not outside.any():
        assert (score >= threshold).all()
        return
    cuts = [*sorted(set(score)), 1.1]
    accuracy, recall = max((shares(cut) for cut in cuts), key=sum)
    chance = accuracy * (1 - accuracy) / max((~outside).sum(), 1) + recall * (1 - recall) / outside.sum()
    enough = accuracy + recall - math.sqrt(chance) - 1e-9
    assert sum(shares(threshold)) >= enough - 1e-9
    lower = [cut for cut in cuts if cut < threshold and sum(shares(cut)) >= enough + 1e-8]
    assert not [cut for cut in lower if shares(cut) != shares(threshold)]


def test_of_cuts_that_chance_alone_tells_apart_the_one_that_turns_fewest_away_is_taken() -> None:
    """One row in forty is too little to turn five customers in a hundred away for."""
    inside, outside = np.linspace(0.3, 1.0, 100), np.array([*np.linspace(0.0, 0.2, 39), 0.34])
    score, is_oos = np.concatenate([inside, outside]), np.arange(140) >= 100
    threshold = choose_oos_threshold(score, ~is_oos, is_oos)
    assert 0.2 < threshold < 0.3


def test_the_oos_threshold_stands_in_the_middle_of_the_gap() -> None:
    score = np.array([0.1, 0.2, 0.6, 0.8])
    outside = np.array([True, True, False, False])
    assert choose_oos_threshold(score, ~outside, outside) == pytest.approx(0.4)


def test_a_gap_too_small_for_a_middle_still_parts_the_rows() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    assert choose_oos_threshold(np.array([low, high]), np.array([False, True]), np.array([True, False])) == high


def test_without_out_of_scope_rows_nothing_is_called_out_of_scope() -> None:
    inside = np.zeros(2, dtype=bool)
    assert choose_oos_threshold(np.array([0.3, 0.6]), ~inside, inside) == 0.0
    assert choose_oos_threshold(np.array([-0.3, 0.6]), ~inside, inside) == -0.3
    assert choose_oos_threshold(np.array([]), np.array([]), np.array([])) == 0.0


def test_wilson_by_the_textbook() -> None:
    assert wilson_lower(np.array(0.9), np.array(100.0), z=1.96) == pytest.approx(0.8256, abs=1e-3)


def rows_right(right: int, wrong: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    correct = np.array([True] * right + [False] * wrong)
    return np.full(right + wrong, 0.8), correct, np.zeros(right + wrong, dtype=bool)


def test_a_promise_is_broken_only_beyond_chance() -> None:
    assert breaks_promise(rows_right(70, 30), 0.8, 0.9, 0.3)
    assert not breaks_promise(rows_right(88, 12), 0.8, 0.9, 0.3)
    assert not breaks_promise(rows_right(95, 5), 0.8, 0.9, 0.3)
    assert not breaks_promise(rows_right(5, 1), 0.8, 0.9, 0.3)


def test_what_is_not_answered_breaks_no_promise() -> None:
    assert not breaks_promise(rows_right(10, 90), 0.9, 0.9, 0.3)
    assert not breaks_promise(rows_right(0, 0), 0.0, 0.9, 0.3)


def test_out_of_scope_rows_count_by_their_share_of_the_traffic() -> None:
    confidence, correct = np.full(200, 0.8), np.arange(200) < 100
    outside = ~correct
    assert breaks_promise((confidence, correct, outside), 0.5, 0.9, 0.5)
    assert not breaks_promise((confidence, correct, outside), 0.5, 0.9, 0.02)
