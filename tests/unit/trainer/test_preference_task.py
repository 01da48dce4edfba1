"""The loss of a preference is its formula, batches hold pairs within their bounds, and equal replies teach nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import RecipeError
from tests.preferring import exchanges, lay_base, signed
from trainer.bases.chat_base import ChatBase
from trainer.core.datamodule import Batches, Sizes
from trainer.generation.pairs import Pair, Sides, sides
from trainer.generation.preferred import logs_of
from trainer.generation.recipe import PreferenceRecipe, pick_preference
from trainer.recipes import parse_recipe
from trainer.tasks.preference import Objective, PreferenceRows, PreferenceTask, Side

NATS = st.floats(-200, -0.01)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return lay_base(tmp_path_factory.mktemp("base"))


def recipe(**more: Any) -> PreferenceRecipe:
    return PreferenceRecipe(**{"name": "test", "method": "dpo", "max_length": 96, "supervised": 0.0, **more})


def side(now: float, before: float, tokens: int) -> Side:
    return Side(*(torch.tensor([nats], dtype=torch.float64) for nats in (now, before)), torch.tensor([tokens]))


@given(NATS, NATS, NATS, NATS, st.integers(1, 50), st.floats(0.01, 2), st.floats(0, 3), st.floats(0, 3))
def test_dpo_is_its_formula(
    chosen: float, rejected: float, before: float, other: float, tokens: int, beta: float, margin: float, extra: float
) -> None:
    """Rafailov et al. 2023, equation 7; with a margin, and the chosen reply learned beside it."""
    reward, against = beta * (chosen - before), beta * (rejected - other)
    gap = reward - against - margin
    plain = math.log1p(math.exp(-gap)) if gap > -700 else -gap
    asked = Objective(recipe(beta=beta, margin=margin, supervised=extra))
    found = asked.losses(side(chosen, before, tokens), side(rejected, other, 7))
    assert float(found) == pytest.approx(plain - extra * chosen / tokens, rel=1e-9, abs=1e-12)


@given(NATS, NATS, st.integers(1, 50), st.integers(1, 50), st.floats(0.1, 10))
def test_orpo_is_its_formula(chosen: float, rejected: float, tokens: int, others: int, weight: float) -> None:
    """Hong et al. 2024, equations 4 to 7, over lambda; the starting model has no say."""
    odds = [math.exp(nats / n) / -math.expm1(nats / n) for nats, n in ((chosen, tokens), (rejected, others))]
    plain = -math.log(1 / (1 + odds[1] / odds[0])) - weight * chosen / tokens
    asked = Objective(recipe(method="orpo", beta=1.0, supervised=weight))
    found = asked.losses(side(chosen, -1.0, tokens), side(rejected, -99.0, others))
    assert float(found) == pytest.approx(plain, rel=1e-6)


def test_a_reply_that_is_certain_has_odds_that_are_a_number() -> None:
    sure = Side(torch.zeros(1, dtype=torch.float64, requires_grad=True), torch.zeros(1), torch.ones(1))
    loss = Objective(recipe(method="orpo", supervised=1.0)).losses(sure, side(-3.0, 0.0, 2)).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(sure.now.grad).all()  # type: ignore[union-attr]


def lines(base: ChatBase, count: int) -> list[Sides]:
    renderer = base.renderer()
    return [told for pair in signed(exchanges()[:count]) if (told := sides(pair, renderer)) is not None]


@pytest.mark.parametrize("method", ["dpo", "orpo"])
def test_between_equal_replies_nothing_is_learned(base: ChatBase, method: str) -> None:
    chosen = [one for one, _ in lines(base, 6)]
    rows = PreferenceRows.of([(one, one) for one in chosen], np.full((6, 2), -3.0))
    # The supervised term would learn the reply itself.
    asked = PreferenceRecipe.model_construct(**{**recipe().model_dump(), "method": method, "supervised": 0.0})
    task = PreferenceTask(base.model(), asked)
    loss = task.loss(rows.batch(range(6), base.renderer()))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    for parameter in task.parameters():
        assert parameter.grad is None or float(parameter.grad.abs().max()) < 1e-6


def test_the_starting_model_is_indifferent_and_its_gradient_is_not(base: ChatBase) -> None:
    both, renderer, model = lines(base, 8), base.renderer(), base.model()
    rows = PreferenceRows.of(both, logs_of(model, both, renderer))
    task = PreferenceTask(model, recipe())
    batch = rows.batch(range(8), renderer)
    loss = task.loss(batch)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2), abs=1e-5)
    assert max(float(p.grad.abs().max()) for p in task.parameters() if p.grad is not None) > 1e-4
    with torch.inference_mode():
        told = task.eval().validate([batch, rows.batch(range(4), renderer)])
    assert told["objective"] == -told["loss"] == pytest.approx(-math.log(2), abs=1e-5)
    assert 0 <= told["accuracy"] <= 1


def test_both_sides_of_a_pair_are_in_one_batch_within_its_tokens(base: ChatBase) -> None:
    both, renderer = lines(base, 60), base.renderer()
    before = np.arange(2 * len(both), dtype=np.float64).reshape(-1, 2)
    rows, seen = PreferenceRows.of(both, before), []
    for ids, labels, _, told in Batches(rows, renderer, Sizes(8, tokens=512), (0, 0)):
        assert ids.numel() <= 512
        pairs = len(ids) // 2
        assert pairs <= 8
        for at in range(pairs):
            place = int(told[at]) // 2
            assert told[at + pairs] == told[at] + 1
            for line, side_of in ((at, both[place][0]), (at + pairs, both[place][1])):
                assert ids[line, : len(side_of)].tolist() == list(side_of.ids)
                learned = labels[line][labels[line] >= 0].tolist()
                assert learned == [i for i, said in zip(side_of.ids, side_of.said, strict=True) if said]
                assert (labels[line, len(side_of) :] == -100).all()  # padded at the right
            seen.append(place)
    assert sorted(seen) == list(range(len(both)))


def test_both_replies_follow_the_same_words_however_long_they_are(base: ChatBase) -> None:
    renderer = base.renderer()
    before = tuple((("user", "agent")[at % 2], f"This is turn {at} of the tent.") for at in range(21))
    told = sides(Pair(before, "No.", f"{'Let me see. ' * 12}No."), renderer)  # type: ignore[arg-type]
    assert told is not None
    asked = [tuple(i for i, said in zip(one.ids, one.said, strict=True) if not said) for one in told]
    assert asked[0] == asked[1]
    assert max(map(len, told)) <= renderer.context
    assert renderer.text([i for i, said in zip(told[0].ids, told[0].said, strict=True) if said]) == "No."
    same = "Let me see. " * 60
    assert sides(Pair(before, f"{same}Yes.", f"{same}No."), renderer) is None, "the context holds no difference"  # type: ignore[arg-type]


def test_the_recipe_that_is_picked_follows_pairs_and_base() -> None:
    small = pick_preference(200, 10_000_000, base="b")
    assert (small.name, small.method, small.tunes, small.epochs) == ("prefer-dpo", "dpo", "full", 3)
    assert [pick_preference(pairs, 10, base="b").epochs for pairs in (0, 20, 5_000)] == [5, 5, 1]
    large = pick_preference(200, 10**9, base="b", method="orpo", seed=3)
    assert (large.tunes, large.gradient_checkpointing, large.beta, large.supervised, large.seed) == (
        "lora", True, 1.0, 2.0, 3,
    )  # fmt: skip
    assert parse_recipe(large.model_dump()) == large
    with pytest.raises(RecipeError, match="seed"):
        pick_preference(200, 10, base="b", seed=-1)


def test_a_recipe_that_does_not_hold_is_refused() -> None:
    for more in ({"method": "orpo"}, {"batch_tokens": 150}, {"frozen_layers": 1}, {"method": "ppo"}):
        with pytest.raises(ValidationError):
            recipe(**more)
