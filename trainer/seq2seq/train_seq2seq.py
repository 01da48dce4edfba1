"""Training a sequence-to-sequence model: pairs of texts in, a model that writes the second when it reads the first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from transformers import PreTrainedModel

from data.catalogue import Kind, finding_of
from data.errors import DatasetError
from data.pair_files import Pair
from data.pair_render import Seq2SeqRenderer
from data.schema import Finding
from trainer.bases.catalogue import LocalBase
from trainer.bases.seq2seq_base import Seq2SeqBase
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData, plan_batches
from trainer.core.fit import fit
from trainer.core.health import Signs, diagnose, guess_loss, refuse
from trainer.core.run_folder import RunFolder
from trainer.intents import folds
from trainer.judgement.likelihood import Likelihood
from trainer.recipes import Seq2SeqRecipe
from trainer.tasks.seq2seq import Seq2SeqRows, Seq2SeqTask, told

FEWEST = 2
"""Pairs, below which nothing is left to learn from once one is held out."""
MOST_VALIDATION = 500
"""Sources held out at most: enough to tell epochs apart."""
SCORED_AT_ONCE = 32
TARGETS_TOO_LONG, SOURCES_CUT, UNKNOWN_CHARACTERS = "targets_too_long", "sources_cut", "unknown_characters"
KINDS: Mapping[str, Kind] = {
    TARGETS_TOO_LONG: Kind("warning", "Raise target_length in the recipe, or shorten these targets."),
    SOURCES_CUT: Kind("info", "Raise max_length in the recipe, as far as the base reads."),
    UNKNOWN_CHARACTERS: Kind("warning", "Take a base whose tokenizer knows the script: one of bytes, or multilingual."),
}
"""The findings on pairs of texts, explained with examples in docs/recipes.md."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedSeq2Seq:
    """A model with its renderer. `held_out`: the share of held-out targets that it writes word for word."""

    model: PreTrainedModel
    renderer: Seq2SeqRenderer
    recipe: Seq2SeqRecipe
    history: tuple[Row, ...]
    seconds: float
    held_out: float
    guess_loss: float
    findings: tuple[Finding, ...] = ()
    """What there is to say about the training; no error is among them."""


def train_seq2seq(
    recipe: Seq2SeqRecipe, base: LocalBase, train: Sequence[Pair], validation: Sequence[Pair] | None, run: RunFolder
) -> TrainedSeq2Seq:
    """Train by `recipe`; where there is no validation, a share of `train` is held out.

    Raises BaseRefused for a base of another kind, DatasetError when the pairs cannot feed it, Diverged when it is no
    use.
    """
    started = time.monotonic()
    opened = Seq2SeqBase.of(base)
    renderer = opened.renderer(recipe)
    learned, held = apart(train, validation, recipe)
    rows, out = rendered(learned, renderer), rendered(held, renderer)
    if len(rows) < FEWEST or not len(out):
        raise DatasetError(
            f"Of {len(train)} pairs {len(rows)} are left to learn from and {len(out)} to be scored on.",
            remedy="Give more pairs, and a target_length that their targets fit in.",
        )
    task = Seq2SeqTask(opened.model(), recipe)
    data = TextData(rows, out, renderer, Sizes.of(recipe), recipe.seed)
    fitted = fit(task, data, recipe, run, recipe.task)
    guessing = guess_loss([str(token) for token in chain.from_iterable(rows.targets)])
    findings = diagnose(Signs(fitted.history, (), guessing, Seq2SeqTask.primary))
    refuse(findings)
    matched = [row.metrics["exact_match"] for row in fitted.history if row.metrics[task.primary] == fitted.best_score]
    return TrainedSeq2Seq(
        model=task.model,
        renderer=renderer,
        recipe=recipe,
        history=fitted.history,
        seconds=time.monotonic() - started,
        held_out=matched[0] if matched else 0.0,
        guess_loss=guessing,
        findings=(*findings, *said_of([*learned, *held], renderer)),
    )


def apart(
    train: Sequence[Pair], validation: Sequence[Pair] | None, recipe: Seq2SeqRecipe
) -> tuple[list[Pair], list[Pair]]:
    """(pairs to learn from, pairs to be stopped by): as they are given, or drawn. Pairs of one source stay together:
    who has learned one of its targets has seen it."""
    if validation:
        return list(train), list(validation)
    number = {source: at for at, source in enumerate(dict.fromkeys(pair.source for pair in train))}
    share = max(min(recipe.validation_share, MOST_VALIDATION / max(len(number), 1)), 1 / max(len(number), 1))
    _, out = folds.hold_out(["source"] * len(number), share, recipe.seed)
    held = set(out)
    parts: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in train:
        parts[number[pair.source] in held].append(pair)
    return parts


def rendered(pairs: Sequence[Pair], renderer: Seq2SeqRenderer) -> Seq2SeqRows:
    """The pairs whose targets are short enough, as the task reads them."""
    targets = [renderer.target(pair.target) for pair in pairs]
    kept = [(renderer.source(pair.source), ids) for pair, ids in zip(pairs, targets, strict=True) if ids is not None]
    return Seq2SeqRows([source for source, _ in kept], [ids for _, ids in kept], renderer.opening)


def said_of(pairs: Sequence[Pair], renderer: Seq2SeqRenderer) -> Iterator[Finding]:
    """What of these pairs a model cannot read or write."""
    long = sum(renderer.target(pair.target) is None for pair in pairs)
    if long:
        said = (
            f"{long} of {len(pairs)} targets have more than {renderer.shape.target_length} tokens: they are left out."
        )
        yield finding_of(KINDS, TARGETS_TOO_LONG, long, said)
    cut = sum(not renderer.is_whole(pair.source) for pair in pairs)
    if cut:
        said = f"{cut} of {len(pairs)} sources have more than {renderer.max_length} tokens: what is oldest is not read."
        yield finding_of(KINDS, SOURCES_CUT, cut, said)
    strange = sum(renderer.unknown_share(pair.target) > 0 for pair in pairs)
    if strange:
        said = f"{strange} of {len(pairs)} targets hold characters that the base's tokenizer does not know."
        yield finding_of(KINDS, UNKNOWN_CHARACTERS, strange, said)


def likelihood(
    model: PreTrainedModel, renderer: Seq2SeqRenderer, pairs: Sequence[Pair], check: Callable[[], None] | None = None
) -> Likelihood:
    """How well a model foretells the targets that it could write, given their sources; `check` may raise."""
    known = [pair for pair in pairs if renderer.target(pair.target) is not None]
    rows = rendered(known, renderer)
    nats, tokens = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    model.train(False)
    with torch.inference_mode():
        for at in plan_batches(rows.lengths(), Sizes(SCORED_AT_ONCE), None):
            if check is not None:
                check()
            surprise, _, counts = told(model, rows.batch(at, renderer))
            nats[at], tokens[at] = surprise.numpy(), counts.numpy()
    return Likelihood.of(nats.tolist(), tokens.tolist(), [pair.target for pair in known])
