"""What is foretold of learning to write: as many steps as are taken, and nothing where nothing will be learned."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.writing import for_writing
from trainer.generation.lines import Ask
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.train_generator import train_generator

MakeRun = Callable[..., RunFolder]
LESSONS = [Ask((("user", f"{asked} It is about {at}."),), said) for at in range(8) for asked, said in SAID]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_steps_that_are_foretold_are_those_that_are_taken(method: str, base: ChatBase, make_run: MakeRun) -> None:
    body = {"name": "t", "method": method, "max_length": 128, "epochs": 2, "batch_tokens": 512, "lora_rank": 2}
    recipe = GenerateRecipe.model_validate({**body, "precision": "32-true"})
    taken = [0]

    def report(event: object) -> None:
        if event["type"] == "progress":  # type: ignore[index]
            taken[0] = event["step"]  # type: ignore[index]

    run = make_run(report=report)
    told = for_writing(recipe, base, LESSONS, DryRun(run))
    train_generator(recipe, base, LESSONS, (), run)
    assert told.steps == pytest.approx(taken[0], rel=0.25)
    assert told.rows == len(LESSONS)
    assert told.seconds > 0
    assert told.memory_bytes > 10e6
