"""The frozen sentences, what counts as forgotten, and when nothing can be said."""

from __future__ import annotations

import hashlib
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from trainer.judgement.forgetting import KNOWS, MUCH, PAIRS, Forgetting, compared, everyday, measured

FROZEN = "cff307249b3be1e982b57705ecbec54c39882a0a8e80036b707c62830f4342db"
"""Of the sentences. Figures of before could not be compared with those of other sentences."""


def test_the_sentences_are_frozen_and_balanced() -> None:
    assert hashlib.sha256((files("trainer.judgement") / PAIRS).read_bytes()).hexdigest() == FROZEN
    assert Counter(same for same, _, _ in everyday()) == {True: 60, False: 60}
    said = [sentence for _, first, second in everyday() for sentence in (first, second)]
    assert len(set(said)) == len(said) == 240


def test_what_the_base_knew_and_the_tuned_one_does_not_is_forgotten() -> None:
    same = [True, True, False, False]
    found = compared(np.array([0.9, 0.8, 0.1, 0.85]), np.array([0.9, 0.3, 0.5, 0.1]), same)
    # Of the three comparisons that the base gets right, the tuned one gets .3 against .5 wrong.
    assert found == Forgetting(base=0.75, tuned=0.75, forgotten=pytest.approx(1 / 3))  # type: ignore[arg-type]


def test_nothing_is_forgotten_by_who_changed_nothing_and_nothing_known_by_who_knows_nothing() -> None:
    said = np.linspace(1, 0, 6)
    assert compared(said, said, [True] * 3 + [False] * 3) == Forgetting(1.0, 1.0, 0.0)
    nothing = compared(np.zeros(4), np.ones(4), [True, True, False, False])
    assert nothing == Forgetting(0.0, 0.0, 0.0)
    assert nothing.to_wire()["forgotten"] is None
    assert not nothing.is_known


@pytest.mark.parametrize(
    ("base", "forgotten", "much"), [(1.0, MUCH, False), (1.0, MUCH + 0.01, True), (KNOWS - 0.01, 0.5, False)]
)
def test_much_is_more_than_the_limit_of_what_was_known(base: float, forgotten: float, much: bool) -> None:
    assert Forgetting(base, 0.5, forgotten).is_much is much


def test_vectors_are_compared_pair_by_pair() -> None:
    place = {text: at for at, (_, *both) in enumerate(everyday()) for text in both}

    def knowing(texts: list[str]) -> np.ndarray:
        """Both sentences of a pair that says the same lie on one axis, others at right angles."""
        kinds = [same for same, _, _ in everyday()]
        firsts = {first for _, first, _ in everyday()}
        return np.array([[1.0, 0.0] if kinds[place[t]] or t in firsts else [0.0, 1.0] for t in texts])

    found = measured(knowing, lambda texts: np.ones((len(texts), 2)) / 2**0.5)  # type: ignore[arg-type]
    assert found == Forgetting(1.0, 0.0, 1.0)
