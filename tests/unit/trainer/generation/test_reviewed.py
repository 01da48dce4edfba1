"""What reviewers prefer is learned after the brand's words, and given up where it costs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from data.errors import Collapsed, Diverged, JobCancelled, LeaseLost, TrainingError
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation import reviewed as module
from trainer.generation.adapters import shape_of
from trainer.generation.lines import Ask, Talk
from trainer.generation.pairs import Pair
from trainer.generation.recipe import GenerateRecipe, going_on, pick_preference
from trainer.generation.reviewed import Reviews, reviewed
from trainer.generation.train_generator import TrainedGenerator, train_generator

TALKS: list[Talk] = [(("user", f"{asked} It is {at}."), ("agent", said)) for at, (asked, said) in enumerate(SAID * 4)]
HELD = [Ask((("user", asked),), said) for asked, said in SAID]
PAIRS = [
    Pair((("user", f"Question {at}, please."),), f"Answer {at}. Kind regards", f"Answer {at}.") for at in range(24)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


@pytest.fixture(scope="module")
def start(base: ChatBase, tmp_path_factory: pytest.TempPathFactory) -> TrainedGenerator:
    return tuned_by(base, tmp_path_factory.mktemp("run"), method="full", learning_rate=5e-3)


def tuned_by(base: ChatBase, folder: Path, **more: Any) -> TrainedGenerator:
    body = {"name": "test", "epochs": 3, "batch_tokens": 512, "max_length": 128, "precision": "32-true", **more}
    return train_generator(GenerateRecipe(**body), base, TALKS, (), run_in(folder))


def run_in(folder: Path) -> RunFolder:
    folder.mkdir(exist_ok=True)
    return RunFolder(folder, MemoryLedger(), threads=1)


def test_enough_pairs_are_learned_and_told_of(start: TrainedGenerator, tmp_path: Path) -> None:
    tuned, told = reviewed(start, Reviews(PAIRS, PAIRS[:6], alone=2), HELD, run_in(tmp_path))
    assert (told["pairs"], told["held_pairs"], told["disliked_alone"]) == (24, 6, 2)
    assert told["after"]["margin"] > told["before"]["margin"]
    assert told["kept"] == (tuned is not start)
    assert told["drift"] > 0


def test_what_costs_the_brands_words_is_given_up(
    start: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COSTS_AT_MOST", -1.0)
    tuned, told = reviewed(start, Reviews(PAIRS, PAIRS[:6]), HELD, run_in(tmp_path))
    assert tuned is start
    assert told["kept"] is False
    assert "more bits per byte" in told["why"]


def test_adapters_go_on_learning_and_stay_adapters(
    base: ChatBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged, the brand would need a decoder of its own."""
    monkeypatch.setattr(module, "COSTS_AT_MOST", 1e9)
    start = tuned_by(base, tmp_path / "start", method="lora", lora_rank=4, lora_alpha=8.0, learning_rate=1e-2)
    tuned, told = reviewed(start, Reviews(PAIRS, PAIRS[:6]), HELD, run_in(tmp_path / "further"))
    assert told["kept"] is True
    assert (told["recipe"]["tunes"], told["recipe"]["lora_rank"], told["recipe"]["lora_alpha"]) == ("lora", 4, 8.0)
    assert told["after"]["margin"] > told["before"]["margin"]
    assert start.adapted is not None
    assert tuned.adapted is not None
    laid = dict(tuned.adapted.state_dict())
    assert shape_of(tuned.adapted) == shape_of(start.adapted)
    for name, value in start.adapted.state_dict().items():
        assert torch.equal(value, laid[name]) == ("lora_" not in name), name


@pytest.mark.parametrize("method", ["orpo", "dpo"])
def test_the_recipe_says_by_which_method(start: TrainedGenerator, tmp_path: Path, method: str) -> None:
    asked = replace(start, recipe=start.recipe.model_copy(update={"preference": method}))
    _, told = reviewed(asked, Reviews(PAIRS, PAIRS[:6]), HELD, run_in(tmp_path))
    assert (told["recipe"]["method"], told["recipe"]["name"]) == (method, f"prefer-{method}")
    assert told["after"]["margin"] > told["before"]["margin"]


def test_both_methods_are_different_trainings(start: TrainedGenerator, tmp_path: Path) -> None:
    drifts = []
    for method in ("dpo", "orpo"):
        asked = replace(start, recipe=start.recipe.model_copy(update={"preference": method}))
        drifts.append(reviewed(asked, Reviews(PAIRS, PAIRS[:6]), HELD, run_in(tmp_path / method))[1]["drift"])
    assert drifts[0] != drifts[1]


def test_a_recipe_that_wants_none_learns_none(start: TrainedGenerator, tmp_path: Path) -> None:
    asked = replace(start, recipe=start.recipe.model_copy(update={"preference": "none"}))
    tuned, told = reviewed(asked, Reviews(PAIRS), HELD, run_in(tmp_path))
    assert tuned is asked
    assert (told["kept"], told["why"]) == (False, "the recipe asks for none")
    assert not list(tmp_path.iterdir())


def test_what_was_learned_further_is_told_by_the_recipe_that_can_be_ordered_again(
    start: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COSTS_AT_MOST", 1e9)
    tuned, _ = reviewed(start, Reviews(PAIRS, PAIRS[:6]), HELD, run_in(tmp_path))
    assert tuned is not start
    assert (tuned.recipe, tuned.history, tuned.example) == (start.recipe, start.history, start.example)
    assert tuned.seconds > start.seconds


@pytest.mark.parametrize("error", [Diverged("The loss is no number."), Collapsed("All replies are unlikely now.")])
def test_a_training_that_fails_leaves_the_generator_as_it_was(
    start: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: TrainingError
) -> None:
    failing_with(error, monkeypatch)
    tuned, told = reviewed(start, Reviews(PAIRS), HELD, run_in(tmp_path))
    assert tuned is start
    assert (told["kept"], told["failed"], told["why"]) == (False, error.code, error.message)


@pytest.mark.parametrize("error", [JobCancelled("Enough."), LeaseLost("Another."), MemoryError(), RuntimeError("bug")])
def test_what_ends_the_job_is_no_failure_of_a_training(
    start: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing_with(error, monkeypatch)
    with pytest.raises(type(error)):
        reviewed(start, Reviews(PAIRS), HELD, run_in(tmp_path))


def test_a_tuning_that_really_diverges_is_given_up(
    start: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = {"learning_rate": 0.9, "supervised": 0.0, "clip_norm": 1e6, "warmup_share": 0.0, "schedule": "constant"}
    pick = module.pick_preference
    monkeypatch.setattr(module, "pick_preference", lambda *a, **k: pick(*a, **k).model_copy(update=wild))
    tuned, told = reviewed(start, Reviews(PAIRS), HELD, run_in(tmp_path))
    assert tuned is start
    assert told["failed"] == "diverged"
    assert "training loss" in told["why"]


def failing_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> TrainedGenerator:
        raise error

    monkeypatch.setattr(module, "prefer", failing)


@pytest.mark.parametrize("pairs", [[], PAIRS[:5], PAIRS[:1] * 40])
def test_too_few_teach_nothing(start: TrainedGenerator, tmp_path: Path, pairs: list[Any]) -> None:
    tuned, told = reviewed(start, Reviews(pairs), HELD, run_in(tmp_path))
    assert tuned is start
    assert told["kept"] is False
    assert "fewer than" in told["why"]


@pytest.mark.parametrize(("parameters", "rate"), [(10_000_000, 3.2e-3), (100_000_000, 4e-5), (10**9, 1e-4)])
def test_adapters_of_a_model_of_any_size_learn_at_a_rate_of_theirs(parameters: int, rate: float) -> None:
    learned = GenerateRecipe(name="t", method="lora", lora_rank=8, max_length=4096, batch_tokens=4096)
    picked = pick_preference(100, parameters, base="b")
    further = going_on(picked, learned, parameters, adapted=True)
    assert (further.tunes, further.lora_rank, further.max_length, further.batch_tokens) == ("lora", 8, 4096, 8192)
    assert further.learning_rate == pytest.approx(rate)
    assert going_on(picked, learned, parameters, adapted=False).learning_rate == picked.learning_rate
