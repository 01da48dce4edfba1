"""One fit: killed anywhere it ends in the same weights; it diverges loudly; frozen layers stay as they were."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import Diverged, JobCancelled, StorageFull
from trainer.bases.catalogue import LocalBase
from trainer.core import callbacks
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import Fitted, fit, resolve_precision, set_threads
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.recipes import IntentRecipe
from trainer.tasks.intent import IntentTask
from trainer.tasks.linear_head import TargetRows

MakeRun = Callable[..., RunFolder]


class Power(Exception):
    """The cable, pulled."""


def recipe_of(**given: Any) -> IntentRecipe:
    body = {"name": "t", "method": "full", "folds": 0, "epochs": 3, "batch_size": 4, "precision": "32-true", **given}
    return IntentRecipe(**body)


class Bench:
    """A small fit that can be repeated: 10 rows make 3 batches, 3 epochs make 9 steps."""

    steps = 9

    def __init__(self, tiny: LocalBase, said: Callable[..., Any]) -> None:
        self.base = tiny
        self.renderer = tiny.renderer(16)
        self.rows = self._rows(said(5, ("refund", "delivery")))
        self.held = self._rows(said(2, ("refund", "delivery"), start=20))

    def _rows(self, some: Any) -> TargetRows:
        targets = np.array([int(label == "refund") for label in some.labels], dtype=np.int64)
        return TargetRows(self.renderer.utterances(some.texts), targets, np.ones(len(targets), dtype=np.float32))

    def task(self, recipe: IntentRecipe, kind: type[IntentTask] = IntentTask) -> IntentTask:
        torch.manual_seed(1)
        weight = torch.randn(2, 32).numpy()
        return kind(self.base.encoder(), recipe, weight, np.zeros(2))

    def fit(self, task: IntentTask, recipe: IntentRecipe, run: RunFolder, held: bool = True) -> Fitted:
        data = TextData(self.rows, self.held if held else None, self.renderer, Sizes.of(recipe), recipe.seed)
        return fit(task, data, recipe, run, "fit")


@pytest.fixture(scope="module")
def bench(tiny: LocalBase, said: Callable[..., Any]) -> Bench:
    return Bench(tiny, said)


def same(first: IntentTask, second: IntentTask) -> bool:
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def undisturbed(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> tuple[IntentTask, Fitted]:
    recipe = recipe_of()
    task = bench.task(recipe)
    run = RunFolder(tmp_path_factory.mktemp("undisturbed"), MemoryLedger(), threads=1, keep=False)
    return task, bench.fit(task, recipe, run)


def failing(step: int) -> type[IntentTask]:
    """A task that dies while it computes the loss of `step` (from 1)."""

    class Failing(IntentTask):
        done = 0

        def loss(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
            Failing.done += 1
            if Failing.done == step:
                raise Power
            return super().loss(batch)

    return Failing


@pytest.mark.parametrize("step", range(1, Bench.steps + 1))
def test_a_fit_that_died_in_any_step_ends_as_if_it_had_not(
    bench: Bench, undisturbed: tuple[IntentTask, Fitted], make_run: MakeRun, step: int
) -> None:
    recipe, run = recipe_of(), make_run(checkpoint_seconds=0.0)
    with pytest.raises(Power):
        bench.fit(bench.task(recipe, failing(step)), recipe, run)
    assert (run.folder / "fit.ckpt").exists() == (step > 1)
    task = bench.task(recipe)
    fitted = bench.fit(task, recipe, run)
    assert same(task, undisturbed[0])
    assert fitted.history == undisturbed[1].history
    assert fitted.best_score == undisturbed[1].best_score
    assert not list(run.folder.glob("*.ckpt"))


@pytest.mark.parametrize("step", range(1, Bench.steps + 1))
def test_a_fit_that_died_right_after_a_checkpoint_ends_as_if_it_had_not(
    bench: Bench, undisturbed: tuple[IntentTask, Fitted], make_run: MakeRun, step: int
) -> None:
    def report(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] == step:
            raise Power

    recipe, ledger = recipe_of(), MemoryLedger()
    with pytest.raises(Power):
        bench.fit(bench.task(recipe), recipe, make_run(checkpoint_seconds=0.0, ledger=ledger, report=report))
    task = bench.task(recipe)
    fitted = bench.fit(task, recipe, make_run(checkpoint_seconds=0.0, ledger=ledger))
    assert same(task, undisturbed[0])
    assert fitted.history == undisturbed[1].history


def test_a_resumed_fit_repeats_no_step(bench: Bench, make_run: MakeRun) -> None:
    recipe, run = recipe_of(), make_run(checkpoint_seconds=0.0)
    with pytest.raises(Power):
        bench.fit(bench.task(recipe, failing(6)), recipe, run)
    counting = failing(-1)
    bench.fit(bench.task(recipe, counting), recipe, run)
    assert counting.done == Bench.steps - 5  # type: ignore[attr-defined]


def test_a_fit_stopped_early_stops_at_the_same_place_when_resumed(bench: Bench, make_run: MakeRun) -> None:
    """Nothing is ever gained at a rate this small: the first epoch is the best, `patience` more and it is over."""
    recipe = recipe_of(epochs=8, patience=2, learning_rate=1e-12, head_learning_rate=1e-12)
    whole = bench.task(recipe)
    expected = bench.fit(whole, recipe, make_run("whole", keep=False))
    assert len(expected.history) == 3
    for step in (4, 6, 7, 8):
        run = make_run(f"run-{step}", checkpoint_seconds=0.0)
        with pytest.raises(Power):
            bench.fit(bench.task(recipe, failing(step)), recipe, run)
        task = bench.task(recipe)
        assert bench.fit(task, recipe, run).history == expected.history
        assert same(task, whole)


def test_a_fit_that_died_after_it_had_decided_to_stop_does_not_go_on(bench: Bench, make_run: MakeRun) -> None:
    def report(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] == 9:
            raise Power

    recipe, ledger = recipe_of(epochs=8, patience=2, learning_rate=1e-12, head_learning_rate=1e-12), MemoryLedger()
    expected = bench.fit(bench.task(recipe), recipe, make_run("whole", keep=False))
    with pytest.raises(Power):
        bench.fit(bench.task(recipe), recipe, make_run(checkpoint_seconds=0.0, ledger=ledger, report=report))
    assert bench.fit(bench.task(recipe), recipe, make_run(ledger=ledger)).history == expected.history


def test_a_checkpoint_whose_bytes_were_changed_is_not_used(
    bench: Bench, undisturbed: tuple[IntentTask, Fitted], make_run: MakeRun
) -> None:
    recipe, run = recipe_of(), make_run(checkpoint_seconds=0.0)
    with pytest.raises(Power):
        bench.fit(bench.task(recipe, failing(5)), recipe, run)
    path = run.folder / "fit.ckpt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    counting = failing(-1)
    task = bench.task(recipe, counting)
    bench.fit(task, recipe, run)
    assert counting.done == Bench.steps  # type: ignore[attr-defined]
    assert same(task, undisturbed[0])


def test_a_checkpoint_that_no_ledger_knows_is_not_used(bench: Bench, make_run: MakeRun) -> None:
    recipe = recipe_of()
    with pytest.raises(Power):
        bench.fit(bench.task(recipe, failing(5)), recipe, make_run(checkpoint_seconds=0.0))
    counting = failing(-1)
    bench.fit(bench.task(recipe, counting), recipe, make_run())  # the same folder, another ledger
    assert counting.done == Bench.steps  # type: ignore[attr-defined]


def test_a_full_disk_ends_a_fit_in_our_words_and_leaves_the_last_checkpoint(
    bench: Bench, undisturbed: tuple[IntentTask, Fitted], make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run, fsync, flushed = recipe_of(), make_run(checkpoint_seconds=0.0), os.fsync, 0

    def full(handle: int) -> None:
        nonlocal flushed
        flushed += 1
        if flushed > 4:  # two checkpoints, each with its folder
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StorageFull):
            bench.fit(bench.task(recipe), recipe, run)
    assert [path.name for path in run.folder.iterdir()] == ["fit.ckpt"]
    counting = failing(-1)
    task = bench.task(recipe, counting)
    bench.fit(task, recipe, run)
    assert counting.done == Bench.steps - 2  # type: ignore[attr-defined]
    assert same(task, undisturbed[0])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    bench: Bench, undisturbed: tuple[IntentTask, Fitted], make_run: MakeRun
) -> None:
    tasks = []
    for seed in (0, 1):
        recipe = recipe_of(seed=seed)
        tasks.append(bench.task(recipe))
        torch.manual_seed(seed + 99)  # what happened before a fit does not matter
        bench.fit(tasks[-1], recipe, make_run(f"seed-{seed}", keep=False))
    assert same(tasks[0], undisturbed[0])
    assert not same(tasks[1], undisturbed[0])


def test_a_fit_learns_and_keeps_a_history(bench: Bench, undisturbed: tuple[IntentTask, Fitted]) -> None:
    task, fitted = undisturbed
    assert [(row.epoch, row.step) for row in fitted.history] == [(1, 3), (2, 6), (3, 9)]
    assert fitted.history[-1].training_loss < fitted.history[0].training_loss
    assert all(row.validation_loss is not None and set(row.metrics) == {"f1", "accuracy"} for row in fitted.history)
    assert fitted.best_score == max(row.metrics["f1"] for row in fitted.history)
    assert not task.training


def test_without_validation_there_is_no_best_score(bench: Bench, make_run: MakeRun) -> None:
    recipe = recipe_of(epochs=1)
    fitted = bench.fit(bench.task(recipe), recipe, make_run(keep=False), held=False)
    assert fitted.best_score is None
    assert [row.validation_loss for row in fitted.history] == [None]


def test_a_fold_is_scored_and_runs_to_its_end(bench: Bench, make_run: MakeRun) -> None:
    recipe = recipe_of(method="top", folds=2, epochs=4, patience=1, learning_rate=1e-12, head_learning_rate=1e-12)
    fitted = bench.fit(bench.task(recipe), recipe, make_run(keep=False))
    assert len(fitted.history) == 4
    assert fitted.best_score is None


class NotANumber(IntentTask):
    def loss(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return super().loss(batch) * float("nan")


def test_a_loss_that_is_not_a_number_diverged(bench: Bench, make_run: MakeRun) -> None:
    recipe = recipe_of()
    with pytest.raises(Diverged, match="step 0") as caught:
        bench.fit(bench.task(recipe, NotANumber), recipe, make_run(keep=False))
    assert "learning rate" in caught.value.remedy


def test_a_rate_of_a_thousand_diverges(bench: Bench, make_run: MakeRun) -> None:
    """No recipe allows it, so it is forced in."""
    recipe = recipe_of(epochs=20, clip_norm=1e30).model_copy(
        update={"learning_rate": 1e30, "head_learning_rate": 1e30, "warmup_share": 0.0}
    )
    with pytest.raises(Diverged):
        bench.fit(bench.task(recipe), recipe, make_run(keep=False), held=False)


def test_weights_that_the_last_step_spoils_are_not_returned(bench: Bench, make_run: MakeRun) -> None:
    class LastGradient(IntentTask):
        """Its loss is a number, its gradient is not: as when half precision overflows."""

        def loss(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
            loss = super().loss(batch)
            return loss + torch.sqrt((self.head.bias * 0).sum())

    recipe = recipe_of(epochs=1, batch_size=16)
    for held in (False, True):
        with pytest.raises(Diverged) as caught:
            bench.fit(bench.task(recipe, LastGradient), recipe, make_run(keep=False), held=held)
        assert "learning rate" in caught.value.remedy


@pytest.mark.parametrize("frozen", [0, 1, 2, 9])
def test_frozen_layers_do_not_change(bench: Bench, make_run: MakeRun, frozen: int) -> None:
    recipe = recipe_of(epochs=1, frozen_layers=frozen, weight_decay=0.5)
    task = bench.task(recipe)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    bench.fit(task, recipe, make_run(keep=False), held=False)
    for name, value in task.state_dict().items():
        layer = name.split("layer.")[1].split(".")[0] if "layer." in name else ""
        fixed = frozen > 0 and (".embeddings." in name or (layer != "" and int(layer) < frozen))
        buffer = "position_ids" in name or "token_type_ids" in name
        assert torch.equal(value, before[name]) == (fixed or buffer), name


def test_frozen_layers_drop_nothing_out(bench: Bench) -> None:
    task = bench.task(recipe_of(frozen_layers=1, dropout=0.5)).train()
    layers = task.encoder.transformer.encoder.layer  # type: ignore[union-attr]
    assert not layers[0].training  # type: ignore[index]
    assert layers[1].training  # type: ignore[index]
    assert {m.p for m in task.modules() if isinstance(m, torch.nn.Dropout)} == {0.5}


def test_progress_is_reported_and_a_wish_to_stop_is_heard(
    bench: Bench, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "REPORT_SECONDS", 0.0)
    events: list[Mapping[str, Any]] = []

    def check() -> None:
        if len(events) >= 2:
            raise JobCancelled("Stop.")

    recipe = recipe_of()
    with pytest.raises(JobCancelled):
        bench.fit(bench.task(recipe), recipe, make_run(keep=False, report=events.append, check=check))
    assert [event["step"] for event in events] == [1, 2]
    assert {"type", "stage", "step", "steps", "epoch", "loss", "eta_seconds"} == set(events[0])
    assert events[0]["steps"] == Bench.steps
    assert all(event["eta_seconds"] >= 0 for event in events)


def test_threads_are_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    set_threads(3)
    set_threads(0)
    assert asked[0] == 3
    assert asked[1] >= 1


def test_threads_are_what_was_asked_for_also_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    set_threads(3)
    assert asked == [3]


def test_precision_is_what_was_asked_for() -> None:
    assert resolve_precision("32-true", "cpu") == "32-true"
    assert resolve_precision("bf16-mixed", "cpu") == "bf16-mixed"
    assert resolve_precision("auto", "cpu") in ("32-true", "bf16-mixed")


@pytest.mark.parametrize("frozen", [0, 1], ids=["every layer", "one frozen"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_fit_in_any_precision_is_resumed_to_the_bit(
    bench: Bench, make_run: MakeRun, precision: str, frozen: int
) -> None:
    recipe = recipe_of(precision=precision, frozen_layers=frozen, epochs=2)
    run = make_run(checkpoint_seconds=0.0)
    whole, resumed = bench.task(recipe), bench.task(recipe)
    bench.fit(whole, recipe, make_run("whole", keep=False))
    with pytest.raises(Power):
        bench.fit(bench.task(recipe, failing(3)), recipe, run)
    bench.fit(resumed, recipe, run)
    assert same(whole, resumed)
