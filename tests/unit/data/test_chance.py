"""What few cases can tell, against the definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.chance import NORMAL, chance_of, wilson


@given(won=st.integers(0, 400), lost=st.integers(0, 400))
def test_chance_is_the_same_for_either_side_and_falls_as_they_part(won: int, lost: int) -> None:
    chance = chance_of(won, lost)
    assert 0 < chance <= 1
    assert chance == chance_of(lost, won)
    assert chance_of(max(won, lost) + 1, min(won, lost)) <= chance + 1e-9
    tail = sum(math.comb(won + lost, few) for few in range(min(won, lost) + 1))
    assert chance == pytest.approx(min(1.0, 2 * tail / 2 ** (won + lost)), rel=1e-6)


def test_nothing_to_count_is_no_evidence() -> None:
    assert chance_of(0, 0) == 1


@given(rows=st.integers(1, 500), right=st.integers(0, 500))
def test_the_ends_of_the_interval_are_where_the_share_is_just_so_unlikely(rows: int, right: int) -> None:
    """Wilson's ends are the shares from which what was seen is NORMAL standard errors away."""
    right = min(right, rows)
    for end in wilson(right, rows):
        if 0 < end < 1:
            away = abs(right / rows - end) / math.sqrt(end * (1 - end) / rows)
            assert away == pytest.approx(NORMAL, rel=1e-6)
