"""Any number of labels a text: a logistic model each, binary cross-entropy; `targets` float32 [n, labels] are ones and
zeros."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from trainer.labels.several import best_f1
from trainer.tasks.linear_head import HeadBatch, LinearHeadTask


class LabelTask(LinearHeadTask):
    """Validated by the macro-F1 that the best threshold of each label would give, since thresholds are chosen after the
    fit."""

    primary = "f1"

    def losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)

    def validate(self, batches: Sequence[HeadBatch]) -> dict[str, float]:
        logits, targets = self.gathered(batches)
        loss = float(nn.functional.binary_cross_entropy_with_logits(logits, targets))
        return {"loss": loss, "f1": best_f1(logits.cpu().numpy(), targets.cpu().numpy())}
