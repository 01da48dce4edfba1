"""The one Lightning module: any task, one optimiser, one schedule."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch

from data.errors import Diverged
from trainer.recipes import Recipe
from trainer.tasks.task import Batch, Task

SLOWER = "Lower the learning rate of the recipe."


class Tuner(L.LightningModule):
    """Fine-tunes a task with AdamW (Loshchilov & Hutter 2019) and a learning rate that rises linearly, then falls so or
    stays. Without a share of steps to rise in, it starts at its peak."""

    def __init__(self, task: Task, recipe: Recipe, steps: int) -> None:
        super().__init__()
        self.task = task
        self._recipe = recipe
        self._steps = max(steps, 1)

        # Weights that do not learn are the base's: they are not written into checkpoints, nor read from them.
        named = self.named_parameters(remove_duplicate=False)
        self._fixed = {name for name, parameter in named if not parameter.requires_grad}
        self.strict_loading = not self._fixed

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in self._fixed:
            checkpoint["state_dict"].pop(name, None)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Dropout becomes a function of seed and step (and of the batch within it), so that a resumed run is the
        # undisturbed run.
        within = batch_idx % self._recipe.accumulate
        torch.manual_seed((self._recipe.seed << 24) + self.global_step + (within << 56))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        loss = self.task.loss(batch)
        if not torch.isfinite(loss):
            raise Diverged(f"The loss is not a number at step {self.global_step}.", remedy=SLOWER)
        return loss

    def on_train_end(self) -> None:
        # What the last step spoilt no later loss would tell.
        if not all(torch.isfinite(parameter).all() for parameter in self.task.parameters()):
            raise Diverged(f"The weights are not numbers after step {self.global_step}.", remedy=SLOWER)

    def configure_optimizers(self) -> Any:
        recipe = self._recipe
        betas = (recipe.adam_beta1, recipe.adam_beta2)
        optimiser = torch.optim.AdamW(self.task.parameter_groups(recipe), betas=betas, eps=recipe.adam_epsilon)
        warmup = max(round(recipe.warmup_share * self._steps), 1) if recipe.warmup_share else 0

        def rate(step: int) -> float:
            rise = (step + 1) / warmup if warmup else 1.0
            fall = max(self._steps - step, 0) / max(self._steps - warmup, 1) if recipe.schedule == "linear" else 1.0
            return min(rise, fall, 1.0)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
