"""The optimiser and its schedule: what a recipe says of them is what is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trainer.bases.catalogue import LocalBase
from trainer.core.module import Tuner
from trainer.recipes import IntentRecipe
from trainer.tasks.intent import IntentTask


def optimiser(tiny: LocalBase, steps: int, **given: Any) -> tuple[torch.optim.AdamW, Any]:
    recipe = IntentRecipe(**{"name": "t", "method": "full", "folds": 0, **given})
    task = IntentTask(tiny.encoder(), recipe, np.zeros((2, 32)), np.zeros(2))
    configured = Tuner(task, recipe, steps).configure_optimizers()
    return configured["optimizer"], configured["lr_scheduler"]["scheduler"]


def rates(tiny: LocalBase, steps: int, **given: Any) -> list[float]:
    """The rate of the encoder in every step."""
    adam, schedule = optimiser(tiny, steps, learning_rate=0.1, **given)
    found = []
    for _ in range(steps):
        found.append(adam.param_groups[0]["lr"])
        adam.step()
        schedule.step()
    return found


def test_adam_is_that_of_the_recipe(tiny: LocalBase) -> None:
    groups = optimiser(tiny, 9)[0].param_groups
    assert {(group["betas"], group["eps"]) for group in groups} == {((0.9, 0.999), 1e-8)}
    groups = optimiser(tiny, 9, adam_beta1=0.8, adam_beta2=0.98, adam_epsilon=1e-6)[0].param_groups
    assert {(group["betas"], group["eps"]) for group in groups} == {((0.8, 0.98), 1e-6)}


def test_without_warm_up_the_rate_starts_at_its_peak_and_falls_evenly(tiny: LocalBase) -> None:
    assert rates(tiny, 5, warmup_share=0.0) == pytest.approx([0.1, 0.08, 0.06, 0.04, 0.02])


def test_with_warm_up_the_rate_rises_first(tiny: LocalBase) -> None:
    assert rates(tiny, 6, warmup_share=0.34) == pytest.approx([0.05, 0.1, 0.1, 0.075, 0.05, 0.025])


def test_a_constant_rate_stays_after_its_rise(tiny: LocalBase) -> None:
    assert rates(tiny, 4, warmup_share=0.0, schedule="constant") == [0.1] * 4
    assert rates(tiny, 4, warmup_share=0.5, schedule="constant") == pytest.approx([0.05, 0.1, 0.1, 0.1])
