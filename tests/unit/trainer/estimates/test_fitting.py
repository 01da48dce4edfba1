"""What is foretold of entities, labels, summaries and translations: as many steps as are taken, without a trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from data.pair_files import Pair
from data.schema import Entity
from tests.tiny_seq2seq import lay, toy_pairs
from trainer.bases.catalogue import LocalBase, find_base
from trainer.core.run_folder import RunFolder
from trainer.entities.entity_data import EntityData, Marked
from trainer.entities.train_entities import train_entities
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import Estimate
from trainer.estimates.fitting import for_entities, for_labels, for_seq2seq
from trainer.labels.label_rows import LabelRows
from trainer.labels.train_labels import train_labels
from trainer.recipes import EntityRecipe, LabelRecipe, Seq2SeqRecipe
from trainer.seq2seq.train_seq2seq import train_seq2seq

MakeRun = Callable[..., RunFolder]
THINGS = ("parcel", "courier", "screen", "part")


class Steps:
    """Those that a run reports, all stages together."""

    def __init__(self) -> None:
        self.by_stage: dict[str, int] = {}

    def __call__(self, event: Any) -> None:
        if event["type"] == "progress":
            self.by_stage[event["stage"]] = event["step"]

    @property
    def taken(self) -> int:
        return sum(self.by_stage.values())


def holds(told: Estimate, taken: int) -> None:
    assert told.steps == pytest.approx(taken, rel=0.1)
    assert told.seconds > 0
    assert told.memory_bytes > 10e6


def marked(rows: int) -> EntityData:
    texts = [(thing, f"can you fix the {thing} number {at}") for at in range(rows) for thing in THINGS]
    return EntityData(
        [Marked(text, (Entity(text.index(thing), text.index(thing) + len(thing), "thing"),)) for thing, text in texts]
    )


def entity_recipe(base: LocalBase) -> EntityRecipe:
    body = {"name": "t", "base": base.name, "epochs": 3, "batch_size": 8, "inner": 16, "max_length": 32}
    return EntityRecipe.model_validate({**body, "learning_rate": 1e-3, "precision": "32-true", "validation_share": 0.2})


def test_entities(tiny: LocalBase, make_run: MakeRun) -> None:
    steps, data, recipe = Steps(), marked(20), entity_recipe(tiny)
    run = make_run(report=steps)
    told = for_entities(recipe, tiny, data, DryRun(run))
    train_entities(recipe, tiny, data, run)
    holds(told, steps.taken)
    assert told.rows == 64


def test_entities_of_which_no_type_has_enough_spans_foretell_next_to_nothing(
    tiny: LocalBase, make_run: MakeRun
) -> None:
    told = for_entities(entity_recipe(tiny), tiny, marked(1), DryRun(make_run()))
    assert (told.rows, told.steps, told.seconds) == (0, 0, 0)


def test_steps_are_those_of_the_optimiser(tiny: LocalBase, make_run: MakeRun) -> None:
    steps, data = Steps(), marked(20)
    recipe = entity_recipe(tiny).model_copy(update={"accumulate": 2, "epochs": 8, "patience": 8})
    run = make_run(report=steps)
    told = for_entities(recipe, tiny, data, DryRun(run))
    train_entities(recipe, tiny, data, run)
    assert told.steps == 32
    holds(told, steps.taken)


@pytest.mark.parametrize(("method", "fits"), [("frozen", 0), ("top", 3), ("full", 1)])
def test_labels(method: str, fits: int, tiny: LocalBase, said: Callable[..., Any], make_run: MakeRun) -> None:
    texts = said(24)
    rows = LabelRows(texts.texts, [(label,) for label in texts.labels])
    body = {"name": "t", "method": method, "epochs": 2, "batch_size": 8, "precision": "32-true"}
    body |= {"folds": {"frozen": 3, "top": 2, "full": 0}[method], "validation_share": 0.2, "max_length": 24}
    recipe, steps = LabelRecipe.model_validate({**body, "learning_rate": 3e-3}), Steps()
    run = make_run(report=steps)
    told = for_labels(recipe, tiny, rows, DryRun(run))
    train_labels(recipe, tiny, rows, run)
    assert len(steps.by_stage) == fits
    if fits:
        holds(told, steps.taken)
    else:
        assert told.steps == 0
        assert told.seconds > 0


def test_translations(tmp_path_factory: pytest.TempPathFactory, make_run: MakeRun) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = find_base(str(lay(tmp_path_factory.mktemp("bases") / "t5", "t5")))
    body = {"name": "t", "task": "translate", "base": str(base.folder), "max_length": 32, "target_length": 12}
    recipe = Seq2SeqRecipe.model_validate({**body, "batch_size": 16, "precision": "32-true", "epochs": 2})
    pairs = [Pair(((None, source),), target) for source, target in toy_pairs(80, 0, 5)]
    steps = Steps()
    run = make_run(report=steps)
    torch.manual_seed(5)
    told = for_seq2seq(recipe, base, pairs, DryRun(run))
    assert torch.initial_seed() == 5
    train_seq2seq(recipe, base, pairs, None, run)
    holds(told, steps.taken)
