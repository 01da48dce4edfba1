"""What one source may teach: never more than its share, the oldest first, and nothing where it is a flood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.caps import HOUR, allowance, is_flood, over_cap
from data.settings import FeedbackSettings

START = datetime(2026, 3, 1, tzinfo=UTC)
PIECES = st.lists(st.sampled_from("abc"), max_size=60).map(lambda drawn: [(str(n), s) for n, s in enumerate(drawn)])


@pytest.mark.parametrize(("rows", "most"), [(0, 20), (2_000, 20), (2_100, 21), (50_000, 500)])
def test_a_source_may_give_twenty_rows_or_a_hundredth(rows: int, most: int) -> None:
    assert allowance(FeedbackSettings(), rows) == most


def test_what_is_allowed_can_be_set() -> None:
    settings = FeedbackSettings(source_rows=0, source_share=0.5)
    assert (allowance(settings, 0), allowance(settings, 9)) == (0, 4)


@given(PIECES, st.integers(0, 30))
def test_no_source_gives_more_than_the_most_and_keeps_its_oldest(pieces: list[tuple[str, str]], most: int) -> None:
    over = over_cap(pieces, most)
    for source in {source for _, source in pieces}:
        own = [key for key, of in pieces if of == source]
        assert [key for key in own if key not in over] == own[:most]


@given(PIECES, PIECES, st.integers(0, 30))
def test_no_source_costs_another_anything(one: list[tuple[str, str]], other: list[tuple[str, str]], most: int) -> None:
    strangers = [(f"x{key}", f"x{source}") for key, source in other]
    assert {key for key in over_cap([*strangers, *one], most) if not key.startswith("x")} == over_cap(one, most)


@pytest.mark.parametrize(
    ("count", "apart", "flood"), [(60, 0.0, False), (61, 0.0, True), (61, 60.0, True), (61, 60.1, False), (0, 1, False)]
)
def test_more_than_sixty_within_any_hour_is_a_flood(count: int, apart: float, flood: bool) -> None:
    times = [START + timedelta(seconds=apart * n) for n in range(count)]
    assert is_flood(times, 60) is flood
    assert is_flood(reversed(times), 60) is flood


@given(st.lists(st.integers(0, 20_000), max_size=40), st.integers(1, 10))
def test_a_flood_is_an_hour_that_holds_too_many(seconds: list[int], per_hour: int) -> None:
    times = [START + timedelta(seconds=second) for second in seconds]
    fullest = max((sum(first <= time <= first + HOUR for time in times) for first in times), default=0)
    assert is_flood(times, per_hour) is (fullest > per_hour)
