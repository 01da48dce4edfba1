"""When variations are tried, and when they are kept: every outcome of the rule, and the budget."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.augment.said import Said
from data.augment.vary import Variation
from trainer.intents.augmentation import (
    ADDED,
    BUDGET,
    CHANCE,
    FREE,
    MOST_ADDED,
    Augmentation,
    Cost,
    Gain,
    cost_of,
    decide,
    untried,
    wanted,
    weigh,
)
from trainer.intents.robustness import Answers
from trainer.recipes import IntentRecipe

MADE = [Variation(0, Said("x"), ("casing", "synonyms")), Variation(1, Said("y"), ("casing",))]


def recipe(method: str = "frozen", **given: Any) -> IntentRecipe:
    return IntentRecipe(name="t", method=method, folds=0 if method == "full" else 2, **given)  # type: ignore[arg-type]


def answered(right: int, of: int = 400) -> Any:
    return np.arange(of) < right


def answers(clean: int, perturbed: int, of: int = 400) -> Answers:
    nothing = np.zeros(of, dtype=bool)
    return Answers(answered(clean, of), answered(clean, of), answered(perturbed, of), nothing, nothing)


@pytest.mark.parametrize(
    ("without", "having", "kept", "why"),
    [
        ((300, 250), (330, 250), True, "more often"),
        ((300, 250), (330, 249), False, "could not be chance"),
        ((300, 250), (300, 300), True, "at no loss"),
        ((300, 250), (299, 300), False, "lose"),
        ((300, 250), (303, 253), False, "could not be chance"),
        ((300, 250), (300, 250), False, "could not be chance"),
        ((300, 250), (250, 200), False, "could not be chance"),
        ((0, 0), (400, 400), True, "more often"),
    ],
)
def test_the_rule(without: tuple[int, int], having: tuple[int, int], kept: bool, why: str) -> None:
    found = decide(answers(*without), answers(*having), MADE, 0)
    assert (found.decision, found.is_used) == (("kept", True) if kept else ("left_out", False))
    assert why in found.why
    assert (found.rows, found.made_by) == (2, {"casing": 2, "synonyms": 1})
    assert found.clean is not None
    assert found.clean.rows == 400
    assert json.loads(json.dumps(found.to_wire(), allow_nan=False))["clean"]["with"] == having[0] / 400


def test_a_loss_that_cannot_be_ruled_out_counts_as_one() -> None:
    """As many right as before, but other ones: the difference may well be a loss of more than a point."""
    before, after = answered(200), answered(200)[::-1]
    clean = Gain.of(before, after, 0)
    assert clean.value == 0
    assert clean.low < -0.01
    kept, why = weigh(clean, Gain.of(answered(250), answered(300), 0))
    assert not kept
    assert "ruled out" in why


def test_few_rows_prove_nothing() -> None:
    assert not decide(answers(2, 2, of=8), answers(7, 7, of=8), MADE, 0).is_used


def test_no_rows_at_all_decide_against() -> None:
    found = decide(answers(0, 0, of=0), answers(0, 0, of=0), MADE, 0)
    assert found.decision == "left_out"
    assert found.to_wire()["clean"]["gain"] is None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_what_is_kept_gained_more_than_chance(pairs: list[tuple[bool, bool]]) -> None:
    before, after = (np.array([pair[at] for pair in pairs], dtype=bool) for at in (0, 1))
    clean = Gain.of(before, after, 0)
    kept, _ = weigh(clean, Gain.of(before, before, 0))
    assert kept == (after.sum() > before.sum() and clean.p_value < CHANCE)


@pytest.mark.parametrize("method", ["frozen", "top", "full"])
@given(rows=st.integers(2, 40_000), epochs=st.integers(1, 8))
def test_a_trial_stays_within_its_budget(method: str, rows: int, epochs: int) -> None:
    cost = cost_of(recipe(method, epochs=epochs), rows, [rows // 2, rows // 2])
    most = wanted(recipe(method, epochs=epochs), rows, cost).most
    assert most <= min(rows * ADDED[method], MOST_ADDED)
    assert most == 0 or cost.fixed + cost.each * most <= max(BUDGET * cost.own, FREE)


def test_a_trial_that_costs_too_much_is_not_made_and_that_is_said() -> None:
    full = recipe("full")
    wish = wanted(full, 9_000, cost_of(full, 9_000, ()))
    assert wish.most == 0
    told = untried(full, wish.why)
    assert told.decision == "not_tried"
    assert "50%" in told.why


def test_a_brand_of_usual_size_has_its_trial() -> None:
    top = recipe("top", epochs=5)
    assert wanted(top, 870, cost_of(top, 870, [350, 350])).most == 217
    assert wanted(recipe(), 330, cost_of(recipe(), 330, [140, 140])).most == 330


def test_the_recipe_has_the_last_word() -> None:
    dear = Cost(100, 10**9, 1)
    assert wanted(recipe(augment="on"), 100, dear).most == 100
    assert wanted(recipe(augment="off"), 100, Cost(100, 0, 1)).most == 0
    assert untried(recipe(augment="on"), "", MADE) == Augmentation(
        "on", "The recipe says on.", 2, {"casing": 2, "synonyms": 1}
    )
    assert untried(recipe(augment="on"), "No row could be varied.").decision == "not_tried"
    assert untried(recipe(augment="off"), "The recipe says off.").decision == "off"
