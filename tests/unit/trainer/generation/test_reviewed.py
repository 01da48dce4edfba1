"""What reviewers prefer is learned after the brand's words, and given up where it costs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation import reviewed as module
from trainer.generation.lines import Ask, Talk
from trainer.generation.pairs import Pair
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.reviewed import Reviews, reviewed
from trainer.generation.train_generator import TrainedGenerator, train_generator

TALKS: list[Talk] = [(("user", f"{asked} It is {at}."), ("agent", said)) for at, (asked, said) in enumerate(SAID * 4)]
HELD = [Ask((("user", asked),), said) for asked, said in SAID]
PAIRS = [
    Pair((("user", f"Question {at}, please."),), f"Answer {at}. Kind regards", f"Answer {at}.") for at in range(24)
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> TrainedGenerator:
    folder = tmp_path_factory.mktemp("chat")
    base = ChatBase(find_base(str(lay_chat(folder))))
    recipe = GenerateRecipe(
        name="test", method="full", epochs=3, batch_tokens=512, max_length=128, learning_rate=5e-3, precision="32-true"
    )
    return train_generator(recipe, base, TALKS, (), run_in(tmp_path_factory.mktemp("run")))


def run_in(folder: Path) -> RunFolder:
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


@pytest.mark.parametrize("pairs", [[], PAIRS[:5], PAIRS[:1] * 40])
def test_too_few_teach_nothing(start: TrainedGenerator, tmp_path: Path, pairs: list[Any]) -> None:
    tuned, told = reviewed(start, Reviews(pairs), HELD, run_in(tmp_path))
    assert tuned is start
    assert told["kept"] is False
    assert "fewer than" in told["why"]
