"""Training an intent model, read from top to bottom: examples, scores on unseen rows, calibration, the final fit.

Whatever the recipe, the same four steps: (1) the labels' own names and descriptions join the examples; (2) models that
did not see a row, or did not know its label, score it; (3) confidence and thresholds are fitted on those scores;
(4) the model that will answer is fitted. `full` turns (2) and (4) round: one model, scored on a validation split, and
fitted again on all rows where the recipe asks for a `refit`.
Variations of the rows are tried between (2) and (3), on the same unseen rows (`augmentation`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.errors import Collapsed
from data.render import Renderer
from data.schema import OUT_OF_SCOPE, Finding
from export.heads import IntentHead
from export.onnx import PooledEncoder
from trainer.bases.catalogue import LocalBase
from trainer.core.callbacks import Row, best_epoch
from trainer.core.embedding import Embedder
from trainer.core.health import Signs, diagnose, guess_loss, refuse
from trainer.core.run_folder import RunFolder
from trainer.intents import folds
from trainer.intents.augmentation import Augmentation, cost_of, decide, untried, wanted
from trainer.intents.calibrate import Calibration, HeldOut
from trainer.intents.fold_training import Learned, with_folds
from trainer.intents.intent_data import IntentData, Utterances, check_trainable, joined, readable
from trainer.intents.intent_work import Varied, Vectors, Work, answers
from trainer.intents.linear import Labelled, thin_rows, without
from trainer.intents.robustness import Answers, Robustness
from trainer.intents.tuning import LOOK_AGAIN, Taught, tune
from trainer.recipes import IntentRecipe
from trainer.tasks.intent import IntentTask

__all__ = ["IntentData", "TrainedIntent", "Utterances", "check_trainable", "readable", "train_intent"]

MASKED_PER_LABEL = 6
"""Validation rows of a label that are also scored as if the label did not exist."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedIntent:
    """An encoder and a calibrated head that belong together, and how they came about."""

    encoder: Embedder
    renderer: Renderer
    head: IntentHead
    calibration: Calibration
    recipe: IntentRecipe
    history: tuple[Row, ...]
    seconds: float
    encoder_is_base: bool
    known_labels: frozenset[str]
    """The labels of the data; the head also knows `oos` when it learned general utterances as such."""
    augmentation: Augmentation
    robustness: Robustness
    findings: tuple[Finding, ...] = ()
    """What there is to say about the training; no error is among them."""


def train_intent(recipe: IntentRecipe, base: LocalBase, data: IntentData, run: RunFolder) -> TrainedIntent:
    """Train by `recipe`. Raises DatasetError when the data cannot feed it, Collapsed or Diverged when it is no use."""
    started = time.monotonic()
    work = Work.of(recipe, base, data, run)
    known = data.train.labels if recipe.method == "full" else work.rows().labels
    check_trainable(known)
    learned = _with_validation(work) if recipe.method == "full" else with_folds(work)
    findings = diagnose(Signs(learned.history, learned.scorings, guess_loss(data.train.labels)))
    refuse(findings)
    _refuse_noise(learned.calibration, data.train.labels)
    return TrainedIntent(
        encoder=learned.encoder,
        renderer=work.renderer,
        head=learned.calibration.apply(learned.head),
        calibration=learned.calibration,
        recipe=recipe,
        history=learned.history,
        seconds=time.monotonic() - started,
        encoder_is_base=recipe.method == "frozen",
        known_labels=frozenset(known),
        augmentation=learned.augmentation,
        robustness=learned.robustness,
        findings=findings,
    )


def _with_validation(work: Work) -> Learned:
    """`full`: one model, stopped by and scored on rows it has not learned from; a second one, where there is time to
    try variations."""
    recipe = work.recipe
    train, validation = _apart(work.data, recipe)
    wish = wanted(recipe, len(train), cost_of(recipe, len(train), ()))
    varied = Varied.of(work, train, validation, wish.most)
    base = _untuned(work, varied)
    more = varied.learned()
    verdict = untried(recipe, wish.why or "No row could be varied.", varied.more)
    found = _fitted(work, varied, base, more if verdict.is_used else None)
    if len(more) and recipe.augment == "auto":
        other = _fitted(work, varied, base, more)
        verdict = decide(found.answers, other.answers, varied.more, recipe.seed)
        found = other if verdict.is_used else found
    held = [found.held, *_masked(found.held.head, found.held.embeddings, validation.labels, recipe.seed)]
    calibration = work.calibrated(held)
    told, scorings = Robustness.of(found.answers), (found.held.scoring(),)
    encoder, head = found.encoder, found.held.head
    if recipe.refit:
        taught = Taught(joined(train, validation), more if verdict.is_used else Utterances([], []))
        encoder, head = _refitted(work, taught, best_epoch(found.history, IntentTask.primary))
    return Learned(encoder, head, calibration, found.history, verdict, told, scorings)


def _refitted(work: Work, taught: Taught, epochs: int) -> tuple[PooledEncoder, IntentHead]:
    """A model of all rows, for the epochs that the held-out ones have chosen. Its calibration is that of the model that
    had not seen them, as a fold's is for the model of all folds. Raises Collapsed, Diverged where it is no use."""
    again = replace(work, recipe=work.recipe.model_copy(update={"epochs": epochs}))
    rows = joined(taught.rows, work.beside(sorted(set(taught.rows.labels))))
    encoder, head, history = tune(again, replace(taught, rows=rows), None, "refit")
    refuse(diagnose(Signs(history, (), guess_loss(taught.rows.labels))))
    return encoder, head


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """One model, and what it says of the validation rows."""

    encoder: PooledEncoder
    history: tuple[Row, ...]
    held: HeldOut
    answers: Answers


def _fitted(work: Work, varied: Varied, base: tuple[Vectors, Labelled], more: Utterances | None) -> _Fitted:
    scored = varied.scored
    rows = joined(varied.rows, work.beside(sorted(set(varied.rows.labels))))
    stage = "final" if more is None else "final-varied"
    encoder, head, history = tune(work, Taught(rows, more or Utterances([], [])), scored, stage)
    vectors = Vectors(work.embed(encoder, scored.texts), work.embed(encoder, varied.shaken()))
    held = HeldOut(head, vectors.rows, scored.labels, work.background(encoder), scored.languages)
    return _Fitted(encoder, history, held, answers(varied, range(len(scored)), head, vectors, base))


def _untuned(work: Work, varied: Varied) -> tuple[Vectors, Labelled]:
    """What the base makes of the validation rows, and of as many training rows as a head keeps neighbours."""
    encoder = work.base.encoder()
    rows = varied.rows.pick(thin_rows(varied.rows.labels, work.recipe.neighbours, work.recipe.seed).tolist())
    vectors = Vectors(work.embed(encoder, varied.scored.texts), work.embed(encoder, varied.shaken()))
    return vectors, work.labelled(encoder, rows)


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
