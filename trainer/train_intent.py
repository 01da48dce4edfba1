"""Training an intent model, read from top to bottom: examples, scores on unseen rows, calibration, the final fit.

Whatever the recipe, the same four steps: (1) the labels' own names and descriptions join the examples; (2) models that
did not see a row, or did not know its label, score it; (3) confidence and thresholds are fitted on those scores;
(4) the model that will answer is fitted. `full` turns (2) and (4) round: one model, scored on a validation split.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from data.errors import Collapsed
from data.render import Renderer
from data.schema import OUT_OF_SCOPE
from export.heads import IntentHead
from export.onnx import PooledEncoder
from trainer import folds
from trainer.bases import LocalBase
from trainer.calibrate import Calibration, HeldOut, background_utterances, calibrate
from trainer.callbacks import Row, packed, unpacked
from trainer.datamodule import TextData
from trainer.embedding import embed
from trainer.fit import fit
from trainer.intent_data import IntentData, Utterances, check_trainable, joined, readable
from trainer.linear import Labelled, head_of, linear_weights, log_loss, thin, without
from trainer.recipes import IntentRecipe
from trainer.run_folder import Arrays, RunFolder
from trainer.tasks.intent import IntentRows, IntentTask

__all__ = ["IntentData", "TrainedIntent", "Utterances", "check_trainable", "readable", "train_intent"]

MOST_BACKGROUND = 300
"""General utterances that calibration looks at: it takes a sample, and embedding them costs time in every fold."""
MASKED_PER_LABEL = 6
"""Validation rows of a label that are also scored as if the label did not exist."""
LOOK_AGAIN = "Check that the labels belong to the texts, then lower the learning rate of the recipe."


@dataclass(frozen=True, slots=True, eq=False)
class TrainedIntent:
    """An encoder and a calibrated head that belong together, and how they came about."""

    encoder: PooledEncoder
    renderer: Renderer
    head: IntentHead
    calibration: Calibration
    recipe: IntentRecipe
    history: tuple[Row, ...]
    seconds: float
    encoder_is_base: bool
    known_labels: frozenset[str]
    """The labels of the data; the head also knows `oos` when it learned general utterances as such."""


def train_intent(recipe: IntentRecipe, base: LocalBase, data: IntentData, run: RunFolder) -> TrainedIntent:
    """Train by `recipe`. Raises DatasetError when the data cannot feed it, Collapsed when one label answers all."""
    started = time.monotonic()
    work = _Work(recipe, base, base.renderer(recipe.max_length), data, run)
    check_trainable(data.train.labels if recipe.method == "full" else work.rows().labels)
    trained = _with_validation(work) if recipe.method == "full" else _with_folds(work)
    _refuse_noise(trained.calibration, data.train.labels)
    return replace(trained, seconds=time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Work:
    recipe: IntentRecipe
    base: LocalBase
    renderer: Renderer
    data: IntentData
    run: RunFolder

    def rows(self) -> Utterances:
        """All rows a fold recipe learns from."""
        if self.data.validation is None:
            return self.data.train
        return joined(self.data.train, self.data.validation)

    def names(self, labels: Sequence[str]) -> Utterances:
        """The labels' names and descriptions as examples of themselves."""
        if not self.recipe.describe_labels:
            return Utterances([], [])
        pairs = [(text, label) for label in labels for text in readable(label, self.data.descriptions)]
        return Utterances([text for text, _ in pairs], [label for _, label in pairs])

    def embed(self, encoder: PooledEncoder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return embed(encoder, self.renderer, self.renderer.utterances(texts), self.run.check)

    def labelled(self, encoder: PooledEncoder, rows: Utterances) -> Labelled:
        return Labelled(self.embed(encoder, rows.texts), rows.labels, rows.weight())

    def beside(self, labels: Sequence[str]) -> Utterances:
        """What is learned besides the data: what the labels mean, and what no bot is for."""
        return joined(self.names(labels), self.exposure())

    def exposure(self) -> Utterances:
        """General utterances to learn as out of scope (Hendrycks et al. 2019, "Deep Anomaly Detection with Outlier
        Exposure"); never one of those that calibration looks at."""
        texts = background_utterances()[: self.recipe.exposure]
        return Utterances(texts, [OUT_OF_SCOPE] * len(texts), [self.recipe.exposure_weight] * len(texts))

    def background(self, encoder: PooledEncoder) -> npt.NDArray[np.float32]:
        return self.embed(encoder, background_utterances()[self.recipe.exposure :][:MOST_BACKGROUND])

    def calibrated(self, held: Sequence[HeldOut]) -> Calibration:
        return calibrate(
            held,
            target_precision=self.data.target_precision,
            oos_share=self.recipe.oos_share,
            seed=self.recipe.seed,
        )


def _with_folds(work: _Work) -> TrainedIntent:
    """`frozen` and `top`: parts score each other, then one model learns from everything."""
    recipe, rows = work.recipe, work.rows()
    plan = folds.plan(rows.labels, recipe.folds, recipe.seed)
    encoder = work.base.encoder()
    if recipe.method == "frozen":
        everything = work.labelled(encoder, rows)
        far = work.background(encoder)
        beside = work.labelled(encoder, work.beside(sorted(set(rows.labels))))
        calibration = work.calibrated([_frozen_fold(work, fold, everything, beside, far) for fold in plan])
        learned = everything.join(beside)
        labels, weight, bias = linear_weights(learned, recipe.regularisation)
        history: tuple[Row, ...] = (
            Row(log_loss(learned, weight, bias, labels), 1, 1, None, {"accuracy": calibration.accuracy}),
        )
        head = head_of(labels, weight, bias, thin(learned, recipe.neighbours, recipe.seed))
    else:
        stages = [work.run.stage(f"fold-{at}", _tuned_fold(work, fold, at)) for at, fold in enumerate(plan)]
        exposed = set(work.exposure().labels)
        held = [_held_out(stage, fold, rows, exposed) for stage, fold in zip(stages, plan, strict=True)]
        calibration = work.calibrated(held)
        learned_rows = joined(rows, work.beside(sorted(set(rows.labels))))
        encoder, head, history = _tune(work, learned_rows, None, "final")
        history = unpacked(stages[0]["history"]) or history
    return TrainedIntent(
        encoder=encoder,
        renderer=work.renderer,
        head=calibration.apply(head),
        calibration=calibration,
        recipe=recipe,
        history=history,
        seconds=0.0,
        encoder_is_base=recipe.method == "frozen",
        known_labels=frozenset(rows.labels),
    )


def _with_validation(work: _Work) -> TrainedIntent:
    """`full`: one model, stopped by and scored on rows it has not learned from."""
    recipe = work.recipe
    train, validation = _apart(work.data, recipe)
    known = set(train.labels)
    rows = joined(train, work.beside(sorted(known)))
    encoder, head, history = _tune(work, rows, validation, "final")
    seen = work.embed(encoder, validation.texts)
    far = work.background(encoder)
    held = [HeldOut(head, seen, validation.labels, far), *_masked(head, seen, validation.labels, recipe.seed)]
    calibration = work.calibrated(held)
    return TrainedIntent(
        encoder=encoder,
        renderer=work.renderer,
        head=calibration.apply(head),
        calibration=calibration,
        recipe=recipe,
        history=history,
        seconds=0.0,
        encoder_is_base=False,
        known_labels=frozenset(known),
    )


def _apart(data: IntentData, recipe: IntentRecipe) -> tuple[Utterances, Utterances]:
    """(rows to learn from, rows of the same labels to be scored on): as the data has them, or drawn from its training
    rows; among the latter is always one in scope, since without it nothing would be known of the model."""
    train, given = data.train, data.validation
    known = set(train.labels)
    if given is not None:
        given = given.pick([row for row, label in enumerate(given.labels) if label in known])
        if set(given.labels) - {OUT_OF_SCOPE}:
            return train, given
    for least in (0, 1):
        kept, out = folds.hold_out(train.labels, recipe.validation_share, recipe.seed, least)
        if {train.labels[row] for row in out} - {OUT_OF_SCOPE}:
            break
    return train.pick(kept), train.pick(out)


def _frozen_fold(
    work: _Work, fold: folds.Fold, everything: Labelled, beside: Labelled, far: npt.NDArray[np.float32]
) -> HeldOut:
    learned = everything.pick(np.array(fold.learn, dtype=np.int64))
    known = set(learned.labels)
    usable = np.array([label in known or label == OUT_OF_SCOPE for label in beside.labels], dtype=bool)
    learned = learned.join(beside.pick(usable))
    labels, weight, bias = linear_weights(learned, work.recipe.regularisation)
    head = head_of(labels, weight, bias, thin(learned, work.recipe.neighbours, work.recipe.seed))
    scored = everything.pick(np.array(fold.score, dtype=np.int64))
    return HeldOut(head, scored.embeddings, scored.labels, far)


def _tuned_fold(work: _Work, fold: folds.Fold, at: int) -> Callable[[], Arrays]:
    def compute() -> Arrays:
        rows = work.rows()
        learned = rows.pick(fold.learn)
        learned = joined(learned, work.beside(sorted(set(learned.labels))))
        scored = rows.pick(fold.score)
        known = set(learned.labels)
        validation = scored.pick([row for row, label in enumerate(scored.labels) if label in known])
        # The first fold's validation is the card's history; the others are there for their scores alone.
        encoder, head, history = _tune(work, learned, validation if at == 0 else None, f"fold-{at}")
        return {
            "weight": head.weight,
            "bias": head.bias,
            "neighbours": head.neighbours,
            "neighbour_labels": head.neighbour_labels,
            "embeddings": work.embed(encoder, scored.texts),
            "background": work.background(encoder),
            "history": packed(history),
        }

    return compute


def _held_out(stage: Arrays, fold: folds.Fold, rows: Utterances, exposed: set[str]) -> HeldOut:
    labels = tuple(sorted({rows.labels[row] for row in fold.learn} | exposed))
    near = Labelled(stage["neighbours"], [labels[at] for at in stage["neighbour_labels"]], np.empty(0, np.float32))
    head = head_of(labels, stage["weight"], stage["bias"], near)
    return HeldOut(head, stage["embeddings"], [rows.labels[row] for row in fold.score], stage["background"])


def _tune(
    work: _Work, rows: Utterances, validation: Utterances | None, stage: str
) -> tuple[PooledEncoder, IntentHead, tuple[Row, ...]]:
    """Linear probing, then fine-tuning; the head that comes back is not calibrated yet."""
    recipe, renderer = work.recipe, work.renderer
    encoder = work.base.encoder()
    probed = work.labelled(encoder, rows)
    labels, weight, bias = linear_weights(probed, recipe.regularisation)
    told = probed.told_apart(weight, bias)
    column = {label: at for at, label in enumerate(labels)}

    def as_rows(part: Utterances) -> IntentRows:
        targets = np.array([column[label] for label in part.labels], dtype=np.int64)
        return IntentRows(renderer.utterances(part.texts), targets, part.weight())

    task = IntentTask(encoder, recipe, weight, bias)
    held = as_rows(validation) if validation is not None and len(validation) else None
    sizes = (recipe.batch_size, recipe.seed)
    start = {name: value.detach().clone() for name, value in task.state_dict().items()} if recipe.keep_base else {}
    fitted = fit(task, TextData(as_rows(rows), held, renderer, sizes), recipe, work.run, stage)
    _mix(task, start, recipe.keep_base)
    weight, bias = task.head.weight.detach().numpy(), task.head.bias.detach().numpy()
    learned = work.labelled(encoder, rows)
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


def _masked(
    head: IntentHead, embeddings: npt.NDArray[np.float32], labels: Sequence[str], seed: int
) -> Iterator[HeldOut]:
    """A few validation rows of every label, scored by a head that has never heard of the label."""
    nothing = np.empty((0, embeddings.shape[1]), dtype=np.float32)
    generator = np.random.default_rng(seed)
    for label in sorted(set(labels) - {OUT_OF_SCOPE}):
        rows = np.flatnonzero(np.array(labels) == label)
        drawn = np.sort(generator.permutation(rows)[:MASKED_PER_LABEL])
        yield HeldOut(without(head, label), embeddings[drawn], [label] * len(drawn), nothing)


def _refuse_noise(calibration: Calibration, labels: Sequence[str]) -> None:
    common = Counter(labels).most_common(1)[0][1] / len(labels)
    if calibration.accuracy < min(0.02, common):
        raise Collapsed("On messages it had not learned from, the model is hardly ever right.", remedy=LOOK_AGAIN)
