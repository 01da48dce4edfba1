"""Intervals: what they hold, that they are seeded, that pairs share rows; McNemar's test by the binomial formula."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.judgement.intervals import (
    Difference,
    Interval,
    bootstrap,
    exchanged,
    holm,
    mcnemar,
    paired_bootstrap,
)
from trainer.judgement.metrics import accuracy, auroc, macro_f1, share


def test_the_interval_of_a_share_is_near_the_binomial_one() -> None:
    rows = np.arange(400) < 320
    interval = bootstrap(share, rows, seed=1)
    half = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert interval.value == 0.8
    assert interval.low == pytest.approx(0.8 - half, abs=0.008)
    assert interval.high == pytest.approx(0.8 + half, abs=0.008)


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = np.random.default_rng(0).random(50)
    assert bootstrap(share, rows, seed=3) == bootstrap(share, rows, seed=3)
    assert bootstrap(share, rows, seed=3) != bootstrap(share, rows, seed=4)


def test_arrays_are_resampled_together() -> None:
    truth = np.arange(40) % 4
    assert bootstrap(accuracy, truth, truth, seed=0, draws=50) == Interval(1.0, 1.0, 1.0)


def test_draws_without_a_value_are_left_out() -> None:
    interval = bootstrap(auroc, np.array([1.0, 2.0]), np.array([False, True]), seed=0, draws=50)
    assert interval == Interval(1.0, 1.0, 1.0)
    never = bootstrap(auroc, np.array([1.0, 2.0]), np.array([True, True]), seed=0, draws=50)
    assert never.to_wire() == {"value": None, "low": None, "high": None}


def test_no_rows_no_interval() -> None:
    assert bootstrap(share, np.array([]), seed=0).to_wire() == {"value": None, "low": None, "high": None}
    assert math.isnan(paired_bootstrap(accuracy, np.array([]), (np.array([]), np.array([])), seed=0).value)


def test_a_pair_is_compared_on_the_same_rows() -> None:
    truth = np.arange(100) % 2
    first, second = truth.copy(), truth.copy()
    first[:20] = 1 - first[:20]
    gap = paired_bootstrap(accuracy, truth, (first, second), seed=0)
    assert gap.value == pytest.approx(0.2)
    assert 0.1 < gap.low < 0.2 < gap.high < 0.3
    assert gap.superiority == 1.0
    assert not gap.straddles
    assert gap.to_wire()["superiority"] == 1.0


def test_equal_models_are_neither_better_nor_worse() -> None:
    truth = np.arange(30) % 3
    assert paired_bootstrap(macro_f1, truth, (truth, truth), seed=0, draws=20) == Difference(0.0, 0.0, 0.0, 0.5)
    assert Difference(0.0, 0.0, 0.0, 0.5).straddles


def test_a_pair_without_any_defined_draw() -> None:
    gap = paired_bootstrap(auroc, np.array([1.0]), (np.array([True]), np.array([True])), seed=0, draws=5)
    assert math.isnan(gap.superiority)
    assert gap.to_wire()["value"] is None


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (3, 3), (1, 9), (12, 2), (0, 6)])
def test_mcnemar_is_the_exact_binomial_test(only_first: int, only_second: int) -> None:
    first = np.array([True] * only_first + [False] * only_second + [True] * 5)
    second = np.array([False] * only_first + [True] * only_second + [True] * 5)
    trials = only_first + only_second
    tail = sum(math.comb(trials, few) for few in range(min(only_first, only_second) + 1)) / 2**trials
    assert mcnemar(first, second) == pytest.approx(min(1.0, 2 * tail) if trials else 1.0)


def test_mcnemar_bears_many_rows() -> None:
    first, second = np.arange(20_000) < 10_000, np.arange(20_000) >= 10_000
    assert mcnemar(first, second) == pytest.approx(1.0)


def test_rows_are_won_and_lost_by_place() -> None:
    first, second = np.array([1, 1, 0, 0, 0], dtype=bool), np.array([1, 0, 1, 1, 0], dtype=bool)
    assert exchanged(first, second) == (2, 1)


P_VALUES = st.lists(st.floats(0, 1), max_size=30)


@given(P_VALUES)
def test_holm_raises_keeps_the_order_and_lies_below_bonferroni(p_values: list[float]) -> None:
    raised = holm(p_values)
    assert len(raised) == len(p_values)
    for before, after in zip(p_values, raised, strict=True):
        assert before <= after <= min(1.0, len(p_values) * before) or before == after == 0
    for at, one in enumerate(p_values):
        for other in range(len(p_values)):
            if one < p_values[other]:
                assert raised[at] <= raised[other]
    if p_values:
        assert min(raised) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


@given(P_VALUES, st.floats(0.001, 0.2))
def test_holm_rejects_what_its_step_down_rule_does(p_values: list[float], level: float) -> None:
    by_rule = 0
    for rank, chance in enumerate(sorted(p_values)):
        if chance * (len(p_values) - rank) >= level:
            break
        by_rule += 1
    assert sum(raised < level for raised in holm(p_values)) == by_rule


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@given(rows=st.integers(1, 500), share=st.floats(0, 1))
def test_a_share_lies_in_its_interval_which_is_never_without_width(rows: int, share: float) -> None:
    interval = Interval.of_share(round(share * rows), rows)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.high - interval.low > 0


def test_wilson_by_hand() -> None:
    assert Interval.of_share(8, 10) == Interval(0.8, pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))  # type: ignore[arg-type]
    assert Interval.of_share(0, 0).to_wire() == {"value": None, "low": None, "high": None}
