"""The recognisers on the sets of marked lines: none may be read worse than it was."""

from __future__ import annotations

import pytest

from data.personal.found import KINDS
from tests.personal import STRUCTURED, Score, hard_lines, score, the_set

BAR = 0.97
"""F1 of every structured kind on the sets of tests/data that the recognisers have been mended on."""


@pytest.fixture(scope="module")
def on_the_set() -> dict[str, Score]:
    return score(the_set(), KINDS)


@pytest.fixture(scope="module")
def on_the_blind_set() -> dict[str, Score]:
    return score(the_set("personal_blind"), KINDS)


@pytest.fixture(scope="module")
def on_hard_lines() -> dict[str, Score]:
    return score(hard_lines(), KINDS)


@pytest.mark.parametrize("kind", STRUCTURED)
def test_structured_kinds_are_found_in_the_set(on_the_set: dict[str, Score], kind: str) -> None:
    assert on_the_set[kind].f1 >= BAR


@pytest.mark.parametrize("kind", STRUCTURED)
def test_structured_kinds_are_found_in_the_blind_set(on_the_blind_set: dict[str, Score], kind: str) -> None:
    assert on_the_blind_set[kind].f1 >= BAR


@pytest.mark.parametrize("kind", ["address", "person"])
def test_what_words_announce_is_found_in_the_set(on_the_set: dict[str, Score], kind: str) -> None:
    assert on_the_set[kind].f1 >= 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_hard_lines_are_read(on_hard_lines: dict[str, Score], kind: str) -> None:
    wrong = [line.text for line, _ in on_hard_lines[kind].missed + on_hard_lines[kind].false]
    assert wrong == []
