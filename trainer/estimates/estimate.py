"""What a training will take, before it starts: time, memory, and whether the data suffices for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from data.appraise import Lack
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import BATCH
from trainer.estimates.dry_run import DryRun, Line, without_trace
from trainer.estimates.workload import Workload, of_intents, of_rehearsals, of_replies
from trainer.intents.intent_data import IntentData, is_trainable
from trainer.intents.intent_work import Work
from trainer.intents.linear import linear_weights, thin_rows
from trainer.material import Material, pairs
from trainer.order import Order
from trainer.recipes import IntentRecipe
from trainer.replies.hard_negatives import drawn
from trainer.replies.recipe import ReplyRecipe
from trainer.replies.train_reply import Pairs, learned, mean_length, rows_of
from trainer.search.budget import COMPARED, FOLDS, Budget
from trainer.tasks.intent import IntentTask
from trainer.tasks.linear_head import TargetRows
from trainer.tasks.reply import ReplyTask
from trainer.tasks.task import Task

SAMPLE = 256
"""Rows of which a linear head is fitted to see how long that takes."""
COLLECTED = 8
"""Fits after which what earlier ones held is surely collected."""
COPIES = 4
"""Embeddings of all rows that are held at once, about."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`seconds` of learning, from the first fit to the last threshold, not those of export and comparison after it;
    the most `memory_bytes` that the process will hold; optimiser `steps` and `rows`."""

    seconds: float
    memory_bytes: int
    steps: int
    rows: int

    def then(self, other: Estimate) -> Estimate:
        """One training after the other."""
        most = max(self.memory_bytes, other.memory_bytes)
        return Estimate(self.seconds + other.seconds, most, self.steps + other.steps, self.rows + other.rows)

    def to_wire(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 1),
            "memory_bytes": self.memory_bytes,
            "steps": self.steps,
            "rows": self.rows,
        }


def for_intents(recipe: IntentRecipe, base: LocalBase, data: IntentData, dry: DryRun) -> Estimate:
    """What `train_intent` will take with the same arguments."""
    return _of_intents(recipe, base, data, dry, of_intents)


def for_search(budget: Budget, recipe: IntentRecipe, base: LocalBase, data: IntentData, dry: DryRun) -> Estimate:
    """What a search that starts from `recipe` will take before the training, by one process: its trials, where none is
    cut short and each takes as long as the default, or its minutes if they are fewer; and the comparison at its end."""
    recipes = budget.trials + COMPARED
    found = _of_intents(recipe, base, data, dry, lambda work: of_rehearsals(work, recipes, FOLDS))
    each = found.seconds / recipes
    trials = each * budget.trials
    seconds = each * COMPARED + (trials if budget.minutes is None else min(trials, 60 * budget.minutes))
    share = seconds / found.seconds if found.seconds else 1.0
    return replace(found, seconds=seconds, steps=round(found.steps * share))


def _of_intents(
    recipe: IntentRecipe, base: LocalBase, data: IntentData, dry: DryRun, counted: Callable[[Work], Workload]
) -> Estimate:
    def tried() -> tuple[Workload, float, int]:
        started = dry.clock()
        work = Work.of(recipe, base, data, dry.run)
        encoder = work.untrained()
        loading = dry.clock() - started
        load, rows = counted(work), work.rows()
        sample = rows.pick(thin_rows(rows.labels, SAMPLE, recipe.seed).tolist())
        rendered = work.renderer.utterances(sample.texts)
        texts = dry.reading(encoder, work.renderer, rendered)
        labelled = work.labelled(encoder, sample)
        held = _embeddings(load, labelled.embeddings.shape[1])
        seconds = _reading(load, texts) + load.linear * dry.linear(labelled, work.head_weights)
        if load.fits:
            labels, weight, bias = linear_weights(labelled, recipe.regularisation)
            column = {label: at for at, label in enumerate(labels)}
            targets = np.array([column[label] for label in sample.labels], dtype=np.int64)
            known = TargetRows(rendered, targets, sample.weight())
            task = IntentTask(base.encoder(), recipe, weight, bias)
            seconds += load.batches * dry.steps(task, recipe, known, work.renderer).seconds(load.tokens)
            held += _left_behind(task, len(load.fits), (recipe.keep_base > 0) + (recipe.method == "full"))
        return load, seconds + loading * (1 + len(load.fits)), held

    return _estimate(*without_trace(tried))


def for_replies(recipe: ReplyRecipe, base: LocalBase, parts: tuple[Pairs, Pairs], dry: DryRun) -> Estimate:
    """What `train_reply` will take; `parts` are the pairs to learn from and those held out."""

    def tried() -> tuple[Workload, float, int]:
        train, held = parts
        encoder, renderer = base.encoder(), base.renderer(recipe.max_length)
        known = train.pick(learned(recipe, train))
        rows = rows_of(known, renderer, {})
        load = of_replies(recipe, rows.lengths(), (len(train), len(held)))
        texts = dry.reading(encoder, renderer, [*rows.contexts[:SAMPLE], *rows.replies[:SAMPLE]])
        seconds = _reading(load, texts)
        task = ReplyTask(encoder, recipe)
        learns = any(parameter.requires_grad for parameter in task.parameters())
        hidden = int(encoder.transformer.config.hidden_size)  # type: ignore[union-attr, arg-type]
        memory = _embeddings(load, hidden)
        if load.fits and learns:
            pace = dry.steps(task, recipe, rows, renderer).seconds(load.tokens)
            memory += _left_behind(task, len(load.fits), 1)
            if recipe.hard_negatives:  # the first epoch has none
                harder = drawn(rows, known.replies, recipe)
                slow = dry.steps(ReplyTask(base.encoder(), recipe), recipe, harder, renderer).seconds(load.tokens)
                pace += (slow - pace) * (recipe.epochs - 1) / recipe.epochs
            seconds += load.batches * pace
        return load, seconds, memory

    return _estimate(*without_trace(tried))


def foretold(order: Order, base: LocalBase, material: Material, dry: DryRun) -> Estimate | None:
    """What a retraining by `order` will take in all its tasks that can be foretold; None where it has none."""
    labels, train = material.labels(), pairs(material.train)
    found: list[Estimate] = []
    if "intent" in order.tasks and is_trainable(labels):
        picked, data = order.intent_recipe(labels, base.name), material.intent_data()
        if order.search is not None:
            searched = for_search(order.search, picked, base, data, dry)
            found.append(replace(searched, rows=0))  # the training after it learns from the same
        found.append(for_intents(picked, base, data, dry))
    if "reply" in order.tasks and len(set(train.replies)) >= 2:
        recipe = order.reply_recipe(len(train), base, mean_length(train, base))
        found.append(for_replies(recipe, base, (train, pairs(material.validation)), dry))
    return reduce(Estimate.then, found) if found else None


def sufficiency(lacks: Iterable[Lack], tasks: Sequence[str]) -> dict[str, Any]:
    """`suffices` and `why`: whether the data suffices for these tasks, and for measuring what comes of it."""
    wanting = [lack for lack in lacks if lack.task in (*tasks, "measuring")]
    if not wanting:
        return {"suffices": True, "why": "There is enough to learn from and to measure on."}
    said = "; ".join(f"{one.task}: {one.have} there, {one.missing} more until {one.why}" for one in wanting)
    return {"suffices": False, "why": f"{said}."}


def _reading(load: Workload, pace: Line) -> float:
    """Seconds to read all texts, in batches of texts of like length."""
    mean = sum(load.lengths) / max(load.rows, 1)
    return load.read / BATCH * pace.seconds(mean * BATCH)


def _estimate(found: tuple[Workload, float, int], peak: int) -> Estimate:
    load, seconds, held = found
    return Estimate(seconds, peak + held, load.steps, load.rows)


def _embeddings(load: Workload, hidden: int) -> int:
    return COPIES * load.rows * hidden * np.dtype(np.float32).itemsize


def _left_behind(task: Task, fits: int, clones: int) -> int:
    """Bytes that a dry run does not see: `clones` of the weights (to go back to, or the best so far), and what the fits
    before the last one held, since their parts name each other in circles that are collected late."""
    weights = sum(parameter.nbytes for parameter in task.parameters())
    moved = sum(parameter.nbytes for parameter in task.parameters() if parameter.requires_grad)
    gradients_and_moments = 3 * moved
    return (min(fits, COLLECTED) - 1) * (weights * (1 + clones) + gradients_and_moments) + weights * clones
