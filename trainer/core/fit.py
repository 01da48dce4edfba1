"""fit: a task, its rows and a recipe in; the trained task and its history out. No database, no network.

The same rows, recipe, seed and threads give the same weights, also when the fit was killed and taken up again.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import lightning as L
import torch

from trainer.core.callbacks import Checkpoints, Progress, Row, Validation
from trainer.core.datamodule import TextData
from trainer.core.fixed_layers import kept_below
from trainer.core.module import Tuner
from trainer.core.run_folder import RunFolder
from trainer.recipes import Recipe
from trainer.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit leaves: one history row per epoch, the best validation score (None without validation), seconds."""

    history: tuple[Row, ...]
    best_score: float | None
    seconds: float


def fit(task: Task, data: TextData, recipe: Recipe, run: RunFolder, stage: str) -> Fitted:
    """Fine-tune `task` in place, ending in evaluation mode.

    Where the recipe holds validation rows out (no folds), it stops early and ends with its best weights; a fold runs to
    its end as the final fit will, since it is there to be scored.

    Raises Diverged when the loss or the weights stop being numbers, and whatever `run.check` raises.
    """
    started = time.monotonic()
    steps = recipe.epochs * -(-data.steps(1) // recipe.accumulate)
    tuner = Tuner(task, recipe, steps)
    validation = Validation(data, run, stage, None if recipe.is_folded else recipe.patience)
    callbacks: list[L.Callback] = [Progress(run, stage, steps), validation]
    if run.keep:
        callbacks.append(Checkpoints(run, stage))
    resume = run.trusted(f"{stage}.ckpt") if run.keep else None
    set_threads(run.threads)
    with _quiet():
        trainer = L.Trainer(
            accelerator=run.accelerator,
            devices=1,
            max_epochs=recipe.epochs,
            precision=resolve_precision(recipe.precision, run.accelerator),  # type: ignore[arg-type]
            gradient_clip_val=recipe.clip_norm,
            accumulate_grad_batches=recipe.accumulate,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=callbacks,
            default_root_dir=run.folder,
        )
        task.train()
        # On an accelerator, where the task is moved to only now, computing below costs less than carrying it there.
        below = data.texts() if trainer.strategy.root_device.type == "cpu" else []
        with kept_below(task, below, data.renderer, trainer.precision_plugin.forward_context):
            trainer.fit(tuner, datamodule=data, ckpt_path=resume, weights_only=True)
    if validation.best is not None:
        task.load_state_dict(validation.best)
    task.to("cpu").eval()
    run.discard(f"{stage}.ckpt")
    score = validation.best_score if validation.best is not None else None
    return Fitted(tuple(validation.rows), score, time.monotonic() - started)


def set_threads(threads: int) -> None:
    """Use `threads` CPU threads; 0 takes every core this process may run on."""
    if not threads:  # not every system can say which cores are ours
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(max(threads, 1))


def resolve_precision(precision: str, accelerator: str) -> str:
    """`auto` becomes bf16 mixed precision where the device computes in it, else float32."""
    if precision != "auto":
        return precision
    if accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capable = torch.cpu.get_capabilities()
    return "bf16-mixed" if any(capable.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else "32-true"


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice is for people at a prompt; our events say what happens."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
