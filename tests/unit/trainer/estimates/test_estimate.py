"""What is foretold of a training: counted as it is done, measured without a trace, and judged with the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from data.appraise import Lack
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import RunFolder
from trainer.estimates import dry_run
from trainer.estimates.dry_run import DryRun, Line, peak_memory, without_trace
from trainer.estimates.estimate import Estimate, for_intents, for_replies, for_search, sufficiency
from trainer.estimates.workload import of_intents
from trainer.intents import folds
from trainer.intents.intent_work import Work
from trainer.intents.train_intent import IntentData, Utterances, train_intent
from trainer.recipes import IntentRecipe, ReplyRecipe
from trainer.replies.train_reply import Pairs, train_reply
from trainer.search.budget import COMPARED, FOLDS, Budget
from trainer.search.rehearsal import Rehearsal

MakeRun = Callable[..., RunFolder]
TOP = IntentRecipe(name="t", method="top", folds=2, epochs=2, frozen_layers=1, batch_size=8, learning_rate=1e-3)
FULL = IntentRecipe(name="f", method="full", folds=0, epochs=2, batch_size=8, validation_share=0.2)
REFIT = FULL.model_copy(update={"epochs": 1, "refit": True})
FROZEN = IntentRecipe(name="z", method="frozen", folds=3)


def intents(said: Callable[..., object], rows: int = 12) -> IntentData:
    found = said(rows)
    return IntentData(Utterances(found.texts, found.labels))  # type: ignore[attr-defined]


def ticking() -> DryRun:
    """A clock that moves on by a second at every look."""
    seconds = count()
    return DryRun(RunFolder(Path("nowhere"), None, threads=1, keep=False), lambda: float(next(seconds)))  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", [TOP, FULL, REFIT], ids=["top", "full", "refit"])
def test_the_steps_that_are_foretold_are_those_that_are_taken(
    recipe: IntentRecipe, tiny: LocalBase, said: Callable[..., object], make_run: MakeRun
) -> None:
    taken: dict[str, int] = {}

    def report(event: object) -> None:
        if event["type"] == "progress":  # type: ignore[index]
            taken[event["stage"]] = event["step"]  # type: ignore[index]

    run, data = make_run(report=report), intents(said)
    told = for_intents(recipe, tiny, data, DryRun(run))
    trained = train_intent(recipe, tiny, data, run)
    kept = trained.augmentation.is_used  # then the final fit, or all folds but the first, learn variations as well
    assert sum(taken.values()) == pytest.approx(told.steps, rel=0.25 if kept else 0.08)
    assert told.rows == 36
    assert told.seconds > 0
    assert told.memory_bytes > 10e6


@pytest.mark.parametrize("recipe", [TOP, FROZEN], ids=["top", "frozen"])
def test_a_training_after_its_estimate_is_the_training_without_it(
    recipe: IntentRecipe, tiny: LocalBase, said: Callable[..., object], make_run: MakeRun
) -> None:
    data = intents(said, 8)
    torch.manual_seed(5)
    plain = train_intent(recipe, tiny, data, make_run("plain"))
    torch.manual_seed(5)
    run = make_run("foretold")
    for_intents(recipe, tiny, data, DryRun(run))
    assert torch.initial_seed() == 5
    foretold = train_intent(recipe, tiny, data, run)
    assert (plain.head.weight == foretold.head.weight).all()
    assert (plain.head.neighbours == foretold.head.neighbours).all()
    for one, other in zip(plain.encoder.parameters(), foretold.encoder.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("recipe", [TOP, FULL], ids=["top", "full"])
def test_a_search_takes_the_steps_of_its_trials_and_of_the_comparison_after_them(
    recipe: IntentRecipe, tiny: LocalBase, said: Callable[..., object], make_run: MakeRun
) -> None:
    taken, last = 0, 0

    def report(event: object) -> None:
        nonlocal last
        if event["type"] == "progress":  # type: ignore[index]
            last = event["step"]  # type: ignore[index]

    run, data = make_run(), intents(said)
    told = for_search(Budget(trials=2), recipe, tiny, data, DryRun(run))
    rehearsal = replace(Rehearsal.of(tiny, data, run), run=make_run(report=report))
    plan = folds.grouped(data.train.labels, range(len(data.train)), FOLDS, 0)
    for _ in range(2 + COMPARED):
        for fold in plan:
            rehearsal.hear(recipe, fold)
            taken += last
    assert taken == pytest.approx(told.steps, rel=0.1)
    assert told.rows == 36


def test_a_search_takes_no_longer_than_its_minutes_and_the_comparison(
    tiny: LocalBase, said: Callable[..., object]
) -> None:
    data = intents(said)
    free = for_search(Budget(trials=10), TOP, tiny, data, ticking())
    bound = for_search(Budget(trials=10, minutes=0.5), TOP, tiny, data, ticking())
    compared = free.seconds * COMPARED / (10 + COMPARED)
    assert bound.seconds == pytest.approx(30 + compared)
    assert bound.steps < free.steps
    one, other = (for_search(Budget(trials=trials), FROZEN, tiny, data, ticking()) for trials in (2, 40))
    assert other.seconds < 10 * one.seconds  # the texts are read once


def test_random_numbers_and_threads_are_as_if_nothing_had_been() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)

    def work() -> str:
        torch.rand(100)
        torch.set_num_threads(1)
        return "done"

    before = torch.get_num_threads()
    found, peak = without_trace(work)
    assert found == "done"
    assert peak > 0
    assert torch.get_num_threads() == before
    assert torch.equal(torch.rand(4), expected)


def test_replies_are_foretold_and_trained_as_without(tiny: LocalBase, make_run: MakeRun) -> None:
    contexts = [(("user", f"please refund money {at}"),) for at in range(24)]
    pairs = Pairs(contexts, [f"we return the charge {at}" for at in range(24)])  # type: ignore[arg-type]
    recipe = ReplyRecipe(name="r", method="full", epochs=1, batch_size=4, frozen_layers=1, learning_rate=1e-3)
    plain = train_reply(recipe, tiny, pairs, None, make_run("plain"))
    run = make_run("foretold")
    told = for_replies(recipe, tiny, (pairs, Pairs([], [])), DryRun(run))
    foretold = train_reply(recipe, tiny, pairs, None, run)
    assert (told.steps, told.rows) == (6, 24)
    assert (plain.replies(["refund"]) == foretold.replies(["refund"])).all()
    nothing = Pairs([], [])
    assert for_replies(recipe, tiny, (nothing, nothing), DryRun(run)).rows == 0
    frozen = for_replies(ReplyRecipe(name="r", method="frozen"), tiny, (pairs, pairs), DryRun(run))
    assert frozen.steps == 0


def test_a_recipe_that_freezes_all_layers_has_nothing_to_step(tiny: LocalBase, make_run: MakeRun) -> None:
    pairs = Pairs([(("user", "refund"),)] * 4, ["a", "b", "c", "d"])
    recipe = ReplyRecipe(name="r", method="full", epochs=1, batch_size=2, frozen_layers=2)
    assert for_replies(recipe, tiny, (pairs, pairs), DryRun(make_run())).seconds > 0


def test_more_data_and_more_epochs_take_longer_by_the_same_clock(tiny: LocalBase, said: Callable[..., object]) -> None:
    def told(recipe: IntentRecipe, rows: int) -> Estimate:
        return for_intents(recipe, tiny, intents(said, rows), ticking())

    assert told(TOP, 8).seconds < told(TOP.model_copy(update={"epochs": 6}), 8).seconds
    assert told(TOP, 8).seconds < told(TOP, 30).seconds
    without = told(TOP.model_copy(update={"augment": "off"}), 20)
    assert without.steps < told(TOP, 20).steps
    assert without.steps < told(TOP.model_copy(update={"augment": "on"}), 20).steps


def test_frozen_reads_each_text_once(tiny: LocalBase, said: Callable[..., object], make_run: MakeRun) -> None:
    data = intents(said, 10)
    recipe = FROZEN.model_copy(update={"augment": "off"})
    load = of_intents(Work(recipe, tiny, tiny.renderer(), data, make_run()))
    assert load.fits == []
    assert load.texts == 30 + 3 + 300 + 30  # rows, their labels' names, general utterances, perturbed rows
    assert load.linear == 3 * (2 * 30 + 30 + 4 * 3)  # each row in two of three folds, then in the final head


@pytest.mark.parametrize(
    ("line", "tokens", "seconds"),
    [
        (Line((100, 1.0), (200, 1.5)), 300, 2.0),
        (Line((100, 1.0), (200, 1.5)), 50, 0.75),
        (Line((100, 1.0), (100, 1.1)), 200, 2.0),
        (Line((100, 1.0), (200, 0.9)), 200, 2.0),
        (Line((100, 1.0), (110, 9.0)), 1, 0.1),
        (Line((100, 1.0), (110, 90.0)), 150, 2.0),
    ],
    ids=["beyond", "before", "one size", "noise", "never nothing", "held up"],
)
def test_seconds_follow_tokens(line: Line, tokens: float, seconds: float) -> None:
    assert line.seconds(tokens) == pytest.approx(seconds)


def test_memory_is_told_where_it_cannot_be_set_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ever = peak_memory(False)
    assert ever > 10e6
    monkeypatch.setattr(dry_run, "_REFS", tmp_path)  # a folder: refused
    monkeypatch.setattr(dry_run, "_STATUS", tmp_path / "absent")
    assert without_trace(lambda: None)[1] >= ever
    assert peak_memory(True) >= ever


def test_two_trainings_come_one_after_the_other() -> None:
    both = Estimate(2.0, 500, 10, 100).then(Estimate(3.04, 300, 0, 20))
    assert both.to_wire() == {"seconds": 5.0, "memory_bytes": 500, "steps": 10, "rows": 120}


def test_whether_the_data_suffices_is_said_for_the_tasks_that_are_asked() -> None:
    intent = Lack("intent", 30, 70, "20 labelled messages for each label")
    measuring = Lack("measuring", 10, 400, "50 labelled messages fall into test")
    assert sufficiency([], ["intent"])["suffices"] is True
    assert sufficiency([intent], ["reply"])["suffices"] is True
    told = sufficiency([intent, measuring], ["intent"])
    assert told == {
        "suffices": False,
        "why": "intent: 30 there, 70 more until 20 labelled messages for each label; measuring: 10 there, 400 more "
        "until 50 labelled messages fall into test.",
    }
