"""A curve through measured points foretells what follows the law, and says nothing where nothing follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.curve import FARTHEST, Point, fitted


def law(floor, scale, rate, sizes=(100, 200, 400, 800)):
    return [Point(size, 1 - floor - scale * size**-rate) for size in sizes]


def test_it_finds_the_law_that_made_the_points():
    curve = fitted(law(0.05, 3.0, 0.5))
    assert curve.accuracy(3200) == pytest.approx(1 - 0.05 - 3.0 * 3200**-0.5, abs=0.01)
    assert curve.rows_for(curve.accuracy(1600)) == pytest.approx(1600, abs=2)


def test_what_is_too_far_off_is_not_foretold():
    curve = fitted(law(0.05, 3.0, 0.5))
    assert curve.rows_for(0.999) is None
    assert curve.rows_for(curve.accuracy(2 * FARTHEST * 800)) is None


@pytest.mark.parametrize(
    "points",
    [
        [],
        [Point(10, 0.5), Point(20, 0.6)],
        [Point(10, 0.6), Point(20, 0.6), Point(40, 0.6)],
        [Point(10, 0.7), Point(20, 0.6), Point(40, 0.5)],
        [Point(10, 0.7), Point(20, 0.9), Point(40, 1.0)],
        [Point(10, 0.7), Point(10, 0.8), Point(10, 0.9)],
        [Point(5000, 0.1), Point(5001, 0.5), Point(5002, 0.9)],
    ],
)
def test_points_that_show_no_law_have_no_curve(points):
    assert fitted(points) is None


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1)), max_size=6))
def test_any_points_give_a_share_or_nothing(points):
    curve = fitted([Point(*one) for one in points])
    if curve is not None:
        assert curve.accuracy(2 * curve.last.rows) <= 1.0
        needed = curve.rows_for(0.9)
        assert needed is None or needed <= FARTHEST * curve.last.rows + 1
