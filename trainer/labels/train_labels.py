"""Training a model for any number of labels a text, read from top to bottom: scores on unseen rows, their scale, the
final fit.

`frozen` and `top`: parts of the rows score each other, then one model learns from all. `full`: one model, scored on
rows held out. Either way probabilities and thresholds are fitted on rows that the scoring model had not learned from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import DatasetError
from data.render import Renderer
from data.schema import Finding
from export.label_head import LabelHead
from export.onnx import PooledEncoder
from trainer.bases.catalogue import LocalBase
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData
from trainer.core.embedding import embed_texts
from trainer.core.fit import fit
from trainer.core.health import Scoring, Signs, diagnose, refuse
from trainer.core.run_folder import RunFolder
from trainer.intents import folds
from trainer.intents.linear import label_weights
from trainer.labels.label_rows import LabelRows, together
from trainer.labels.several import Scale, f1_figures, guessing_loss, scale_of
from trainer.recipes import LabelRecipe
from trainer.tasks.labels import LabelTask
from trainer.tasks.linear_head import TargetRows

PROBED = 4_000
"""Rows that a head is started from where the encoder moves anyway: more would cost more than they tell."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedLabels:
    """An encoder and a head that belong together; `held_out` is the macro-F1 on rows not learned from."""

    encoder: PooledEncoder
    renderer: Renderer
    head: LabelHead
    recipe: LabelRecipe
    history: tuple[Row, ...]
    seconds: float
    encoder_is_base: bool
    held_out: float
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    encoder: PooledEncoder
    weight: Floats
    bias: Floats
    history: tuple[Row, ...] = ()

    def logits(self, embeddings: Floats) -> Floats:
        return np.asarray(embeddings @ self.weight.T + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    recipe: LabelRecipe
    base: LocalBase
    renderer: Renderer
    names: tuple[str, ...]
    run: RunFolder

    def embed(self, encoder: PooledEncoder, rows: LabelRows) -> Floats:
        return embed_texts(encoder, self.renderer, rows.texts, self.run.check)

    def probed(self, encoder: PooledEncoder, rows: LabelRows) -> tuple[Floats, Floats]:
        """Weight and bias of logistic models over the embeddings as they are."""
        return label_weights(
            self.embed(encoder, rows), rows.targets(self.names), rows.weight(), self.recipe.regularisation
        )


def check_labels(rows: LabelRows) -> None:
    """Raise DatasetError when nothing can be learned from these rows, saying how much more is needed."""
    counts = rows.targets(rows.names).sum(axis=0)
    if not ((counts >= 2) & (counts <= len(rows) - 2)).any():
        raise DatasetError(
            "A model of labels needs one that at least two messages have and at least two have not.",
            remedy="Label more messages; those without any of the labels belong in as well, with an empty list.",
        )


def train_labels(recipe: LabelRecipe, base: LocalBase, rows: LabelRows, run: RunFolder) -> TrainedLabels:
    """Train by `recipe`. Raises DatasetError when the rows cannot feed it, Collapsed or Diverged when it is no use."""
    check_labels(rows)
    started = time.monotonic()
    work = _Work(recipe, base, base.renderer(recipe.max_length), rows.names, run)
    model, logits, truth = (_with_folds if recipe.is_folded else _with_validation)(work, rows)
    scale = scale_of(logits, truth)
    predicted = scale.probabilities(logits) >= scale.thresholds
    scoring = Scoring(together(truth > 0, work.names), together(predicted, work.names))
    findings = diagnose(Signs(model.history, (scoring,), guessing_loss(rows.targets(work.names))))
    refuse(findings)
    return TrainedLabels(
        encoder=model.encoder,
        renderer=work.renderer,
        head=_head(work.names, model, scale),
        recipe=recipe,
        history=model.history,
        seconds=time.monotonic() - started,
        encoder_is_base=recipe.method == "frozen",
        held_out=f1_figures(truth, predicted, work.names)["macro_f1"],
        findings=findings,
    )


def _with_validation(work: _Work, rows: LabelRows) -> tuple[_Model, Floats, Floats]:
    """One model, stopped by and scored on rows it has not learned from: (model, their logits, their labels)."""
    learn, out = folds.hold_out(rows.rarest(), work.recipe.validation_share, work.recipe.seed, least=1)
    held = rows.pick(out)
    model = _tuned(work, rows.pick(learn), held, "final")
    return model, model.logits(work.embed(model.encoder, held)), held.targets(work.names)


def _with_folds(work: _Work, rows: LabelRows) -> tuple[_Model, Floats, Floats]:
    """Parts of the rows score each other, then one model learns from all."""
    recipe = work.recipe
    part = folds.spread(rows.rarest(), recipe.folds, np.random.default_rng(recipe.seed))
    scored = np.flatnonzero(part >= 0)
    logits = np.zeros((len(rows), len(work.names)), dtype=np.float32)
    if recipe.method == "frozen":
        encoder = work.base.encoder()
        vectors, targets, weights = work.embed(encoder, rows), rows.targets(work.names), rows.weight()

        def fitted(kept: npt.NDArray[np.bool_]) -> _Model:
            own = label_weights(vectors[kept], targets[kept], weights[kept], recipe.regularisation)
            return _Model(encoder, *own)

        for fold in range(recipe.folds):
            logits[part == fold] = fitted(part != fold).logits(vectors[part == fold])
        return fitted(np.ones(len(rows), dtype=bool)), logits[scored], targets[scored]
    for fold in range(recipe.folds):
        model = _tuned(work, rows.pick(np.flatnonzero(part != fold).tolist()), None, f"fold-{fold}")
        at = np.flatnonzero(part == fold)
        logits[at] = model.logits(work.embed(model.encoder, rows.pick(at.tolist())))
    return _tuned(work, rows, None, "final"), logits[scored], rows.targets(work.names)[scored]


def _tuned(work: _Work, rows: LabelRows, validation: LabelRows | None, stage: str) -> _Model:
    """Linear probing, then fine-tuning."""
    recipe, encoder = work.recipe, work.base.encoder()
    drawn = np.sort(np.random.default_rng(recipe.seed).permutation(len(rows))[:PROBED])
    weight, bias = work.probed(encoder, rows.pick(drawn.tolist()))

    def rendered(part: LabelRows) -> TargetRows:
        return TargetRows(work.renderer.utterances(part.texts), part.targets(work.names), part.weight())

    task = LabelTask(encoder, recipe, weight, bias)
    held = rendered(validation) if validation is not None and len(validation) else None
    data = TextData(rendered(rows), held, work.renderer, Sizes.of(recipe), recipe.seed)
    fitted = fit(task, data, recipe, work.run, stage)
    return _Model(encoder, *task.weights(), fitted.history)


def _head(names: tuple[str, ...], model: _Model, scale: Scale) -> LabelHead:
    """The head with its scale folded in."""
    return LabelHead(
        labels=names,
        weight=(model.weight * scale.slope[:, None]).astype(np.float32),
        bias=(model.bias * scale.slope + scale.shift).astype(np.float32),
        thresholds=scale.thresholds.astype(np.float32),
        exclusive=False,
    )
