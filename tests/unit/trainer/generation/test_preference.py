"""A generator learns what reviewers rather have it say, keeps the rest, and is taken up where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import Collapsed, DatasetError
from data.schema import Example
from tests.preferring import LINE, exchanges, greedy, lay_base, signed, signing, talks, untuned
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation.adapters import with_adapters
from trainer.generation.pairs import Pair, preferences_of, sides
from trainer.generation.preference import FEWEST, prefer
from trainer.generation.preferred import CHOSEN_SANK, PREFERENCE_UNLEARNED, Standing, compared, judged
from trainer.generation.recipe import GenerateRecipe, PreferenceRecipe
from trainer.generation.train_generator import TrainedGenerator, train_generator

SAID = exchanges()
LEARNED, PREFERRED, HELD, ASKED = SAID[:240], SAID[240:440], SAID[440:480], SAID[480:520]
FEW = signed(SAID[:24])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return lay_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def start(base: ChatBase, tmp_path_factory: pytest.TempPathFactory) -> TrainedGenerator:
    """The base, tuned a little on what the brand says."""
    recipe = GenerateRecipe(
        name="brand", method="full", epochs=11, patience=11, batch_tokens=768, learning_rate=1e-2, max_length=96,
        dropout=0, precision="32-true",
    )  # fmt: skip
    run = run_in(tmp_path_factory.mktemp("start"), keep=False)
    return train_generator(recipe, base, talks(LEARNED), talks(HELD, seed=2), run)


def recipe(**more: Any) -> PreferenceRecipe:
    plain = {"name": "test", "method": "dpo", "epochs": 2, "batch_tokens": 1024, "learning_rate": 2e-3}
    return PreferenceRecipe(**{**plain, "max_length": 96, "precision": "32-true", **more})


def run_in(folder: Path, **more: Any) -> RunFolder:
    folder.mkdir(exist_ok=True)
    return RunFolder(folder, more.pop("ledger", MemoryLedger()), threads=1, **more)


def weights(tuned: TrainedGenerator) -> list[torch.Tensor]:
    return list(tuned.model.parameters())


def same(one: TrainedGenerator, other: TrainedGenerator) -> bool:
    return all(map(torch.equal, weights(one), weights(other)))


@pytest.mark.parametrize("more", [{"method": "dpo"}, {"method": "orpo", "beta": 1.0}])
def test_what_reviewers_always_ask_for_is_said_and_the_rest_is_kept(
    start: TrainedGenerator, tmp_path: Path, more: dict[str, Any]
) -> None:
    before = [value.clone() for value in weights(start)]
    asked_for = recipe(supervised=2.0, learning_rate=5e-4, **more)
    tuned = prefer(asked_for, start, signed(PREFERRED), signed(HELD), run_in(tmp_path))
    assert all(map(torch.equal, before, weights(start))), "what serves today is not touched"
    asked = [pair.context for pair in signed(ASKED)]
    said = [signing(greedy(one.model, start.renderer, asked)) for one in (start, tuned)]
    assert said[0] <= 0.1
    assert said[1] >= 0.8
    held = [told for pair in signed(ASKED) if (told := sides(pair, start.renderer)) is not None]
    found = compared(start.model, tuned.model, start.renderer, held, talks(ASKED, seed=3))
    bits = [one.bits_per_byte().value for one in (found.replies_before, found.replies_after)]
    assert bits[1] <= 1.05 * bits[0]
    assert found.after.accuracy().value >= 0.8 > found.before.accuracy().value
    assert found.after.margins.mean() > 0 > found.before.margins.mean()
    assert 0 < found.drift < 0.3
    assert tuned.findings == ()
    wire = found.to_wire()
    assert (wire["pairs"], wire["after"]["accuracy"]["value"]) == (40, found.after.accuracy().value)
    assert wire["bits_per_byte"]["value"] == pytest.approx(bits[1] - bits[0])


def test_adapters_learn_it_and_go_on_learning(base: ChatBase, tmp_path: Path) -> None:
    asked = recipe(tunes="lora", learning_rate=1e-2)
    plain = untuned(base)
    first = prefer(asked, replace(plain, adapted=with_adapters(base.model(), asked)), FEW, (), run_in(tmp_path / "a"))
    assert first.adapted is not None
    further = prefer(asked, first, FEW, (), run_in(tmp_path / "b"))
    assert further.adapted is not None
    laid = {name: value for name, value in further.adapted.state_dict().items() if "lora_" not in name}
    assert all(torch.equal(value, laid[name]) for name, value in first.adapted.state_dict().items() if name in laid)
    over = prefer(recipe(), first, FEW, (), run_in(tmp_path / "c"))
    assert over.adapted is None
    told = [one for pair in FEW if (one := sides(pair, first.renderer)) is not None]
    whole = prefer(asked, plain, FEW, (), run_in(tmp_path / "d"))
    assert whole.adapted is None, "over what all layers learned: there is no base as it came to lay them over"
    margins = [
        compared(base.model(), one.model, one.renderer, told, talks(SAID[:4])).after.margins.mean()
        for one in (untuned(base), first, further)
    ]
    assert margins[0] < margins[1] < margins[2]


@pytest.mark.parametrize("more", [{}, {"tunes": "lora", "method": "orpo"}, {"gradient_checkpointing": True}])
def test_the_same_seed_gives_the_same_model(base: ChatBase, tmp_path: Path, more: dict[str, Any]) -> None:
    one, two = (prefer(recipe(**more), untuned(base), FEW, FEW[:5], run_in(tmp_path / name)) for name in "ab")
    assert same(one, two)
    assert one.history == two.history


@pytest.mark.parametrize("more", [{}, {"tunes": "lora", "accumulate": 2}], ids=["full", "lora"])
def test_a_run_that_was_stopped_ends_as_the_undisturbed_one(
    base: ChatBase, tmp_path: Path, more: dict[str, Any]
) -> None:
    class Stopped(Exception):
        pass

    def stopping(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] >= 2:
            raise Stopped

    asked, start = recipe(batch_tokens=512, **more), untuned(base)
    whole = prefer(asked, start, FEW, FEW[:5], run_in(tmp_path / "whole"))
    ledger = MemoryLedger()
    broken = run_in(tmp_path / "other", ledger=ledger, checkpoint_seconds=0.0, report=stopping)
    with pytest.raises(Stopped):
        prefer(asked, start, FEW, FEW[:5], broken)
    assert ledger.known("prefer-before.safetensors"), "what the starting model makes of the pairs is kept"
    again = prefer(asked, start, FEW, FEW[:5], run_in(tmp_path / "other", ledger=ledger, checkpoint_seconds=0.0))
    assert again.history == whole.history
    assert same(again, whole)


def test_the_example_shows_what_is_preferred_to_what(base: ChatBase, tmp_path: Path) -> None:
    events: list[Mapping[str, Any]] = []
    told = prefer(recipe(epochs=1), untuned(base), FEW, (), run_in(tmp_path, report=events.append))
    asked, reply = SAID[0]
    assert told.example == f"{asked} [[{reply} {LINE}]] instead of {reply}"
    assert next(event for event in events if event["type"] in ("example", "progress"))["text"] == told.example


@pytest.mark.parametrize(
    "pairs", [[], FEW[: FEWEST - 1], FEW[:1] * 50, [Pair(one.context, "Yes.", "Yes.") for one in FEW]]
)
def test_too_few_pairs_are_refused(base: ChatBase, tmp_path: Path, pairs: Sequence[Pair]) -> None:
    with pytest.raises(DatasetError, match=f"at least {FEWEST} different pairs.*chance"):
        prefer(recipe(), untuned(base), pairs, (), run_in(tmp_path))


def standing(chosen: Sequence[float], rejected: Sequence[float]) -> Standing:
    return Standing(np.stack([np.array(chosen), np.array(rejected)], axis=1), np.full((len(chosen), 2), 10))


def test_what_a_tuning_spoils_is_said() -> None:
    before = standing([-10.0] * 30, [-9.0] * 30)
    better = standing([-9.0] * 30, [-12.0] * 30)
    sunk = standing([-14.0] * 30, [-30.0] * 30)
    assert judged(before, better, 6.0, 0) == ()
    (found,) = judged(before, sunk, 6.0, 0)
    assert (found.code, found.severity, found.count) == (CHOSEN_SANK, "warning", 30)
    assert "1.400 nats, 1.000 before" in found.sample
    (idle,) = judged(before, before, 6.0, 0)
    assert idle.code == PREFERENCE_UNLEARNED
    with pytest.raises(Collapsed, match=r"as unlikely as any others: 6\.10 nats"):
        judged(before, standing([-61.0] * 30, [-90.0] * 30), 6.0, 0)


def test_a_tuning_that_unlearns_everything_is_refused(base: ChatBase, start: TrainedGenerator, tmp_path: Path) -> None:
    much = recipe(supervised=0.0, learning_rate=0.05, epochs=8, warmup_share=0.0, schedule="constant")
    with pytest.raises(Collapsed, match="reviewers chose"):
        prefer(much, start, FEW, (), run_in(tmp_path))


def test_pairs_are_corrections_beside_what_they_correct() -> None:
    def row(name: str, **more: Any) -> Example:
        context = (("user", "Hi"), ("assistant", "Hello!"))
        return Example(name, name, f"feedback_{name}", "train", "How much?", context=context, **more)  # type: ignore[arg-type]

    rows = [
        row("a", reply="Ten.", corrected=True, rejected="Twenty."),
        row("b", reply="Ten.", corrected=True),
        row("c", reply="Ten."),
        row("d", rating=-1),
        row("e"),
    ]
    found = preferences_of(rows)
    assert found.pairs == [Pair((("user", "Hi"), ("assistant", "Hello!"), ("user", "How much?")), "Ten.", "Twenty.")]
    assert found.alone == 1
