"""Moving an encoder: linear probing, then fine-tuning, then some of the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from data.errors import Collapsed
from export.heads import IntentHead
from export.onnx import PooledEncoder
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import fit
from trainer.intents.intent_data import Utterances, joined
from trainer.intents.intent_work import Work
from trainer.intents.linear import Floats, Labelled, head_of, linear_weights, thin
from trainer.tasks.intent import IntentTask
from trainer.tasks.linear_head import TargetRows

LOOK_AGAIN = "Check that the labels belong to the texts, then lower the learning rate of the recipe."


@dataclass(frozen=True, slots=True)
class Taught:
    """What a fit learns from: rows, and variations `more` of them, which are no neighbours to know a message by."""

    rows: Utterances
    more: Utterances

    def all(self) -> Utterances:
        return joined(self.rows, self.more) if len(self.more) else self.rows


def tune(
    work: Work,
    taught: Taught,
    validation: Utterances | None,
    stage: str,
    untouched: Mapping[str, Floats] | None = None,
) -> tuple[PooledEncoder, IntentHead, tuple[Row, ...]]:
    """Linear probing, then fine-tuning; the head that comes back is not calibrated yet. `untouched`: what the base
    makes of each text that is taught, where it was asked before."""
    recipe, renderer, rows = work.recipe, work.renderer, taught.all()
    encoder = work.base.encoder()
    if untouched is None:
        probed = work.labelled(encoder, rows)
    else:
        probed = Labelled(np.stack([untouched[text] for text in rows.texts]), rows.labels, rows.weight())
    labels, weight, bias = linear_weights(probed, recipe.regularisation)
    told = probed.told_apart(weight, bias)
    column = {label: at for at, label in enumerate(labels)}

    def as_rows(part: Utterances) -> TargetRows:
        targets = np.array([column[label] for label in part.labels], dtype=np.int64)
        return TargetRows(renderer.utterances(part.texts), targets, part.weight())

    task = IntentTask(encoder, recipe, weight, bias)
    held = as_rows(validation) if validation is not None and len(validation) else None
    start = {name: value.detach().clone() for name, value in task.state_dict().items()} if recipe.keep_base else {}
    data = TextData(as_rows(rows), held, renderer, Sizes.of(recipe), recipe.seed)
    fitted = fit(task, data, recipe, work.run, stage)
    _mix(task, start, recipe.keep_base)
    weight, bias = task.weights()
    learned = work.labelled(encoder, taught.rows)
    if told and not learned.told_apart(weight, bias):
        raise Collapsed("To all it has learned from, the model gives the same answer.", remedy=LOOK_AGAIN)
    return encoder, head_of(labels, weight, bias, thin(learned, recipe.neighbours, recipe.seed)), fitted.history


def _mix(task: IntentTask, start: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the weights back to `start` by `share` (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    On real traffic it costs nothing in accuracy and keeps distances to what was never seen what they were in the base.
    """
    tuned = task.state_dict()
    mixed = {name: torch.lerp(tuned[name], value, share) for name, value in start.items() if value.is_floating_point()}
    task.load_state_dict({**tuned, **mixed})
