"""What watches a fit: progress and history, validation with early stopping, checkpoints, the wish to stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import lightning as L
import numpy as np
import numpy.typing as npt
import torch

from trainer.core.datamodule import TextData
from trainer.core.module import Tuner
from trainer.core.run_folder import RunFolder

REPORT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card's training table; `metrics` are the task's, None where nothing was held out."""

    training_loss: float
    epoch: float
    step: int
    validation_loss: float | None
    metrics: dict[str, float]


def packed(history: Sequence[Row]) -> npt.NDArray[np.float64]:
    """A history as an array [rows, 5]: loss, epoch, step, validation loss, F1; NaN where there is none."""
    nan = float("nan")
    held = [nan if r.validation_loss is None else r.validation_loss for r in history]
    rows = [
        [r.training_loss, r.epoch, r.step, loss, r.metrics.get("f1", nan)]
        for r, loss in zip(history, held, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 5)


def unpacked(table: npt.NDArray[np.float64]) -> tuple[Row, ...]:
    """The history that `packed` made `table` of."""
    return tuple(
        Row(loss, epoch, int(step), None if np.isnan(held) else held, {} if np.isnan(f1) else {"f1": f1})
        for loss, epoch, step, held, f1 in table.tolist()
    )


def best_epoch(history: Sequence[Row], metric: str) -> int:
    """After how many epochs `metric` was highest on what was held out, the fewest of equals; where nothing was, all."""
    held = [row for row in history if metric in row.metrics]
    best = max(held, key=lambda row: row.metrics[metric]) if held else history[-1]
    return round(best.epoch)


class Progress(L.Callback):
    """Reports step, loss and the seconds left; stops the fit when the run's `check` says so."""

    def __init__(self, run: RunFolder, stage: str, steps: int) -> None:
        self._run, self._stage, self._steps = run, stage, max(steps, 1)
        self._started = self._last = time.monotonic()
        self._first = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._started = time.monotonic()
        self._first = trainer.global_step

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *args: Any) -> None:
        now = time.monotonic()
        done = trainer.global_step
        if now - self._last < REPORT_SECONDS and done < self._steps:
            return
        self._last = now
        self._run.check()
        pace = (now - self._started) / max(done - self._first, 1)
        self._run.report(
            {
                "type": "progress",
                "stage": self._stage,
                "step": done,
                "steps": self._steps,
                "epoch": trainer.current_epoch + 1,
                "loss": round(float(outputs["loss"]), 4),
                "eta_seconds": round(pace * max(self._steps - done, 0), 1),
            }
        )


class Validation(L.Callback):
    """Validates after every epoch and keeps the history; with `patience`, also the best weights, and stops the fit
    after that many validations without gain.

    The best weights, and how long they have been waited for, travel inside the checkpoint, so that a resumed run stops
    where the undisturbed run would have.
    """

    def __init__(self, data: TextData, run: RunFolder, stage: str, patience: int | None) -> None:
        self._batches = data.validation_batches()
        self._run, self._stage, self._patience = run, stage, patience
        self._losses: list[float] = []
        self.rows: list[Row] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.best_score = float("-inf")
        self._waited = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._stop_when_waited(trainer)  # the run that is resumed may have decided to, and died

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *args: Any) -> None:
        self._losses.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        tuner = cast(Tuner, pl_module)
        measured: dict[str, float] = {}
        if self._batches:
            measured = self._validate(trainer, tuner)
            self._run.report(
                {"type": "validated", "stage": self._stage, "epoch": trainer.current_epoch + 1, **measured}
            )
        loss = measured.pop("loss", None)
        mean = sum(self._losses) / max(len(self._losses), 1)
        self.rows.append(Row(mean, trainer.current_epoch + 1, trainer.global_step, loss, measured))
        self._losses = []
        if loss is not None and self._patience is not None:
            self._judge(tuner, measured[tuner.task.primary])
            self._stop_when_waited(trainer)

    def _validate(self, trainer: L.Trainer, tuner: Tuner) -> dict[str, float]:
        tuner.task.eval()
        with torch.inference_mode(), trainer.precision_plugin.forward_context():
            measured = tuner.task.validate([tuner.transfer_batch_to_device(b, tuner.device, 0) for b in self._batches])
        tuner.task.train()
        return measured

    def _judge(self, tuner: Tuner, score: float) -> None:
        if score > self.best_score:
            self.best_score, self._waited = score, 0
            self.best = {name: value.detach().clone() for name, value in tuner.task.state_dict().items()}
        else:
            self._waited += 1

    def _stop_when_waited(self, trainer: L.Trainer) -> None:
        if self._patience is not None and self._waited >= self._patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {
            "rows": [asdict(row) for row in self.rows],
            "losses": list(self._losses),
            "best": self.best,
            "best_score": self.best_score,
            "waited": self._waited,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = [Row(**row) for row in state_dict["rows"]]
        self._losses = list(state_dict["losses"])
        self.best, self.best_score = state_dict["best"], state_dict["best_score"]
        self._waited = state_dict["waited"]


class Checkpoints(L.Callback):
    """Writes `<stage>.ckpt` at least every `checkpoint_seconds`, whole and recorded before the last one is replaced."""

    def __init__(self, run: RunFolder, stage: str) -> None:
        self._run, self._name = run, f"{stage}.ckpt"
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any) -> None:
        # Between an epoch's last batch and its end the epoch is neither running nor over: wait for its end. Nor is a
        # step over before all of its batches are: gradients are not kept.
        progress = trainer.fit_loop.epoch_loop.batch_progress
        whole = progress.current.completed % trainer.accumulate_grad_batches == 0
        if whole and not progress.is_last_batch:
            self._save_when_due(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._save_when_due(trainer)

    def _save_when_due(self, trainer: L.Trainer) -> None:
        if time.monotonic() - self._last < self._run.checkpoint_seconds:
            return
        self._run.settle(self._name, trainer.save_checkpoint)
        self._last = time.monotonic()
        self._run.report({"type": "checkpoint", "step": trainer.global_step})
