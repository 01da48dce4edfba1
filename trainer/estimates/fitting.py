"""What trainings take that are one fit, or a few alike: entities, labels, summaries and translations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.pair_files import Pair
from data.render import Padder, Rendered, Renderer
from export.onnx import TokenEncoder
from trainer.bases.catalogue import LocalBase
from trainer.bases.seq2seq_base import Seq2SeqBase
from trainer.core.datamodule import Rows, Sizes, padded_tokens, plan_batches
from trainer.core.embedding import BATCH
from trainer.entities import train_entities
from trainer.entities.entity_data import EntityData, Readable
from trainer.estimates.dry_run import DryRun, without_trace
from trainer.estimates.estimate import SAMPLE, Estimate
from trainer.intents import folds
from trainer.labels.label_rows import LabelRows
from trainer.material import Material
from trainer.order import Order
from trainer.recipes import EntityRecipe, LabelRecipe, Recipe, Seq2SeqRecipe
from trainer.seq2seq.train_seq2seq import apart, rendered
from trainer.tasks.entities import EntityTask
from trainer.tasks.labels import LabelTask
from trainer.tasks.linear_head import TargetRows
from trainer.tasks.seq2seq import Seq2SeqTask
from trainer.tasks.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """A task as it will be fitted to `rows`, validated on `held` after each epoch; so often, with fresh weights."""

    task: Task
    recipe: Recipe
    rows: Rows
    held: Rows
    renderer: Padder
    times: int = 1

    def batches(self) -> list[int]:
        """Tokens of each batch of an epoch, padding included."""
        return _tokens(self.rows, Sizes.of(self.recipe), (self.recipe.seed, 0))

    def held_batches(self) -> list[int]:
        """The same of what is held out."""
        return _tokens(self.held, Sizes.of(self.recipe).of_validation(), None)


def foretold_fits(make: Callable[[], Fitting], dry: DryRun) -> Estimate:
    """What fitting what `make` makes will take. It is made within, where its memory is counted."""

    def tried() -> tuple[float, int, int, int]:
        one = make()
        best = sum(parameter.nbytes for parameter in one.task.parameters())
        pace = dry.validating(one.task, one.recipe, one.held, one.renderer)
        epoch = sum(map(pace.seconds, one.held_batches()))
        pace = dry.steps(one.task, one.recipe, one.rows, one.renderer)
        batches, epochs = one.batches(), one.recipe.epochs * one.times
        epoch += sum(map(pace.seconds, batches))
        return epochs * epoch, best, epochs * -(-len(batches) // one.recipe.accumulate), len(one.rows)

    (seconds, best, steps, rows), peak = without_trace(tried)
    return Estimate(seconds, peak + best, steps, rows)


def for_entities(recipe: EntityRecipe, base: LocalBase, data: EntityData, dry: DryRun) -> Estimate:
    """What `train_entities` will take with the same arguments."""

    def made() -> Fitting:
        renderer = base.renderer(recipe.max_length)
        learned, held = train_entities.apart(data, recipe, renderer)
        types = train_entities.types_of(learned)
        if not types:  # the training will say so itself
            learned, held = Readable(), Readable()
        task = EntityTask(TokenEncoder(base.encoder().transformer), recipe, types)
        rows, unseen = (train_entities.rows_of(part, types) for part in (learned, held))
        return Fitting(task, recipe, rows, unseen, renderer)

    return foretold_fits(made, dry)


def for_labels(recipe: LabelRecipe, base: LocalBase, rows: LabelRows, dry: DryRun) -> Estimate:
    """What `train_labels` will take with the same arguments, linear heads aside, which take next to nothing."""
    renderer = base.renderer(recipe.max_length)
    if recipe.method == "frozen":
        return _read(base, renderer.utterances(rows.texts), renderer, dry)
    learn, out = list(range(len(rows))), list[int]()
    if not recipe.is_folded:
        learn, out = folds.hold_out(rows.rarest(), recipe.validation_share, recipe.seed, least=1)

    def targets(at: Sequence[int]) -> TargetRows:
        part = rows.pick(at)
        return TargetRows(renderer.utterances(part.texts), part.targets(rows.names), part.weight())

    def made() -> Fitting:
        encoder = base.encoder()
        hidden = int(encoder.transformer.config.hidden_size)  # type: ignore[union-attr, arg-type]
        count = len(rows.names)
        task = LabelTask(encoder, recipe, np.zeros((count, hidden), np.float32), np.zeros(count, np.float32))
        # All folds but one, as often as there are folds, and then all: as often all. No fold is validated.
        return Fitting(task, recipe, targets(learn), targets(out), renderer, max(recipe.folds, 1))

    return foretold_fits(made, dry)


def for_seq2seq(recipe: Seq2SeqRecipe, base: LocalBase, train: Sequence[Pair], dry: DryRun) -> Estimate:
    """What `train_seq2seq` will take with the same arguments and nothing to validate on. Raises BaseRefused."""

    def made() -> Fitting:
        opened = Seq2SeqBase.of(base)
        renderer = opened.renderer(recipe)
        rows, unseen = (rendered(part, renderer) for part in apart(train, None, recipe))
        return Fitting(Seq2SeqTask(opened.model(), recipe), recipe, rows, unseen, renderer)

    return foretold_fits(made, dry)


def foretold_entities(order: Order, base: LocalBase, material: Material, dry: DryRun) -> Estimate | None:
    """What a retraining by `order` will take to learn entities; None where it will not."""
    marked = material.marked
    if "entities" not in order.tasks or not marked.suffices:
        return None
    return for_entities(order.entity_recipe(len(marked.train), base), base, marked.data, dry)


def _read(base: LocalBase, texts: Sequence[Rendered], renderer: Renderer, dry: DryRun) -> Estimate:
    """What embedding them takes, once."""
    lengths = list(map(len, texts))
    pace, peak = without_trace(lambda: dry.reading(base.encoder(), renderer, texts[:SAMPLE]))
    plan = plan_batches(lengths, Sizes(BATCH), None)
    return Estimate(sum(pace.seconds(padded_tokens(lengths, batch)) for batch in plan), peak, 0, len(texts))


def _tokens(rows: Rows, sizes: Sizes, order: tuple[int, int] | None) -> list[int]:
    lengths = rows.lengths()
    return [padded_tokens(lengths, batch) for batch in plan_batches(lengths, sizes, order)]
