"""From scores to a token: in range, in the right order, as often as it should be, and always the same for one seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import IntegrityError, UsageError
from export.sampling import Chooser, Sampling

SCORES = np.array([2.0, 1.0, 0.5, 0.0, -1.0, -3.0], dtype=np.float32)
scores = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=50).map(lambda s: np.array(s, dtype=np.float32))
WARM = Sampling(temperature=1.0)


def shares(sampling: Sampling, given: np.ndarray = SCORES, draws: int = 6000) -> np.ndarray:
    choose = Chooser(sampling, ())
    return np.bincount([choose(given) for _ in range(draws)], minlength=len(given)) / draws


def softmax(values: np.ndarray) -> np.ndarray:
    weights = np.exp(values.astype(np.float64) - values.max())
    return weights / weights.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_they_are_likely(temperature: float):
    found = shares(Sampling(temperature=temperature))
    np.testing.assert_allclose(found, softmax(SCORES / temperature), atol=0.02)


def test_top_k_and_top_p_leave_out_what_they_say():
    likely = softmax(SCORES)
    assert likely[:2].sum() > 0.75 > likely[0]
    for sampling, kept in (
        (Sampling(temperature=1.0, top_k=3), 3),
        (Sampling(temperature=1.0, top_p=0.75), 2),
        (Sampling(temperature=1.0, top_k=3, top_p=0.95), 3),
        (Sampling(temperature=1.0, top_k=3, top_p=0.85), 2),  # of what top-k leaves
        (Sampling(temperature=1.0, top_p=1e-9), 1),
        (Sampling(temperature=1.0, top_k=1), 1),
        (Sampling(temperature=1.0, top_k=99), 6),
    ):
        expected = np.where(np.arange(6) < kept, likely, 0) / likely[:kept].sum()
        np.testing.assert_allclose(shares(sampling), expected, atol=0.02, err_msg=str(sampling))


def test_a_flat_choice_among_very_many_is_cut_where_it_should_be():
    """More tokens share the chance than are looked at first."""
    flat = np.zeros(5000, dtype=np.float32)
    choose = Chooser(Sampling(temperature=1.0, top_p=0.5), ())
    drawn = [choose(flat) for _ in range(3000)]
    assert max(drawn) == pytest.approx(2500, abs=25)
    assert max(drawn) < 2500


@given(scores)
def test_temperature_zero_takes_the_likeliest_of_equal_ones_the_first(given: np.ndarray):
    for sampling in (Sampling(), Sampling(seed=9, top_k=2, top_p=0.1)):
        assert Chooser(sampling, ())(given) == int(np.flatnonzero(given == given.max())[0])


@given(scores, st.integers(0, 60), st.floats(0.01, 1), st.floats(0.05, 5), st.integers(0, 2**63 - 1))
def test_what_is_drawn_is_one_of_the_kept(given: np.ndarray, top_k: int, top_p: float, temperature: float, seed: int):
    sampling = Sampling(seed=seed, temperature=temperature, top_k=top_k, top_p=top_p)
    token = Chooser(sampling, ())(given)
    better = int((given > given[token]).sum())
    assert 0 <= token < len(given)
    assert top_k == 0 or better < top_k
    mass = softmax(given.astype(np.float64) / temperature)
    assert mass[given > given[token]].sum() <= top_p + 1e-9
    assert Chooser(sampling, ())(given) == token


def test_the_numbers_of_a_seed_never_change():
    """A reply is told to be repeatable: by the same release, on another day and another machine."""
    choose = Chooser(Sampling(seed=42, temperature=1.0), ())
    assert [choose(SCORES) for _ in range(12)] == EXPECTED


EXPECTED = [2, 0, 2, 1, 0, 4, 1, 2, 0, 0, 0, 3]


def test_repetition_is_punished_in_the_context_and_in_the_reply():
    sampling = Sampling(repetition_penalty=4.0)
    assert Chooser(sampling, (0,))(SCORES) == 1  # 2 / 4 < 1
    choose = Chooser(sampling, ())
    assert [choose(SCORES) for _ in range(3)] == [0, 1, 0]  # .5, then .25 and .5: the first of equal ones
    negative = np.array([-1.0, -1.5], dtype=np.float32)
    assert Chooser(sampling, (0,))(negative) == 1  # -1 becomes -4
    assert negative.tolist() == [-1.0, -1.5]  # what the engine gave is left as it is


def test_scores_that_are_no_numbers_draw_nothing():
    with pytest.raises(IntegrityError, match="no numbers"):
        Chooser(WARM, ())(np.array([0.0, np.nan], dtype=np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1}, {"seed": 1.5}, {"temperature": -0.1}, {"temperature": float("nan")}, {"top_p": 0.0},
        {"top_p": 1.1}, {"top_k": -1}, {"top_k": True}, {"repetition_penalty": 0.0}, {"max_tokens": 0},
        {"seconds": 0.0},
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(wrong: dict[str, float]):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_it_is_a_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WARM.seed = 2  # type: ignore[misc]
