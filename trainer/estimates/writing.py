"""What tuning a chat model on the brand's replies will take, told before the selector exists that finds its hints."""

from __future__ import annotations

from collections.abc import Sequence

from data.errors import BaseRefused
from data.settings import Settings
from trainer.bases.chat_base import ChatBase
from trainer.core.datamodule import Sizes, padded_tokens, plan_batches
from trainer.estimates.dry_run import DryRun, without_trace
from trainer.estimates.estimate import Estimate
from trainer.generation.adapters import recomputing, with_adapters
from trainer.generation.lines import Lesson, rendered
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.writing import Lessons, chat_base, supposed
from trainer.material import Material
from trainer.order import Order
from trainer.tasks.generate import GenerateRows, GenerateTask


def for_writing(recipe: GenerateRecipe, base: ChatBase, lessons: Sequence[Lesson], dry: DryRun) -> Estimate:
    """What `train_generator` will take with the same arguments and nothing held out."""

    def tried() -> tuple[float, int, int]:
        renderer = base.renderer(recipe.max_length)
        rows = GenerateRows(rendered(lessons, renderer), recipe.learns == "all", renderer.context * recipe.packing)
        model = base.model()
        if recipe.method == "lora":
            model = with_adapters(model, recipe).get_base_model()  # type: ignore[assignment]
        task = GenerateTask(model, recipe.dropout)
        with recomputing(model, recipe.gradient_checkpointing):
            pace = dry.budgeted(task, recipe, rows, renderer)
        lengths = rows.lengths()
        plan = plan_batches(lengths, Sizes.of(recipe, recipe.batch_tokens), None)
        seconds = recipe.epochs * sum(pace.seconds(padded_tokens(lengths, batch)) for batch in plan)
        best = sum(parameter.nbytes for parameter in task.parameters() if parameter.requires_grad)
        return seconds, best, recipe.epochs * len(plan)

    (seconds, held, steps), peak = without_trace(tried)
    return Estimate(seconds, peak + held, steps, len(lessons))


def foretold_writing(order: Order, settings: Settings, material: Material, dry: DryRun) -> Estimate | None:
    """What a retraining by `order` will take to learn to write; None where it will not. Raises BaseRefused where the
    order names what is to write."""
    if "generate" not in order.tasks or "reply" not in order.tasks:
        return None
    try:
        return _foretold(order, settings, material, dry)
    except BaseRefused:
        if order.names_a_writer:
            raise
        return None  # the training leaves it out, and says why


def _foretold(order: Order, settings: Settings, material: Material, dry: DryRun) -> Estimate | None:
    lessons = Lessons(supposed(material.train), ())
    base, _ = chat_base(settings, order, len(lessons.train))
    if base is None:
        return None
    return for_writing(order.generate_recipe(lessons.tokens(base), base), base, lessons.train, dry)
