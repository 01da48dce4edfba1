"""Parts of a test set: who wins on each, what counts as worse when many were looked at, what is too small to say."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.judgement.comparison import TestSet
from trainer.judgement.slices import slices_of


def rows(count: int, languages: list[str | None]) -> TestSet:
    texts = ["x" * (1 + at % 90) for at in range(count)]
    return TestSet(texts, ["a"] * count, languages, {"a": 50})


def right(count: int, *wrong: int) -> np.ndarray:
    found = np.ones(count, dtype=bool)
    found[list(wrong)] = False
    return found


def test_a_language_that_got_worse_is_found_though_the_whole_got_better() -> None:
    count = 400
    test = rows(count, ["de" if at < 60 else "en" for at in range(count)])
    models = {"live": right(count, *range(100, 200)), "candidate": right(count, *range(20))}
    found = {(part.name, part.value): part for part in slices_of(test, models, "live")}
    german, english = found["language", "de"], found["language", "en"]
    assert german.exchange is not None
    assert english.exchange is not None
    assert (german.exchange.won, german.exchange.lost) == (0, 20)
    assert german.exchange.is_worse
    assert not english.exchange.is_worse
    assert german.accuracy["candidate"].value == pytest.approx(40 / 60)


def test_what_chance_gives_when_looking_often_is_no_regression() -> None:
    """Six lost and none won: p = .03 by itself, more when it is one of many parts."""
    count = 300
    test = rows(count, [f"l{at % 10}" for at in range(count)])
    models = {"live": right(count), "candidate": right(count, *range(0, 60, 10))}
    lost = next(part.exchange for part in slices_of(test, models, "live") if part.value == "l0")
    assert lost is not None
    assert (lost.won, lost.lost) == (0, 6)
    assert lost.p_value < 0.05 < lost.corrected
    assert not lost.is_worse


def test_a_part_that_is_the_whole_and_a_lone_candidate_are_not_compared() -> None:
    models = {"live": right(30), "candidate": right(30, *range(10))}
    parts = slices_of(rows(30, ["en"] * 30), models, "live")
    whole = next(part for part in parts if part.name == "language")
    assert whole.exchange is None
    assert whole.to_wire()["exchange"] is None
    assert all(part.exchange is None for part in slices_of(rows(30, ["en"] * 30), models, None))


def test_no_rows_no_parts() -> None:
    assert slices_of(TestSet([], [], [], {}), {"candidate": right(0)}, None) == []
