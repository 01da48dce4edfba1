"""Preference tuning: a generator that speaks learns from pairs of replies which one to rather give."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from data.chat_render import ChatRenderer
from data.errors import DatasetError
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import fit, set_threads
from trainer.core.health import Signs, diagnose, refuse
from trainer.core.run_folder import RunFolder
from trainer.generation.adapters import merged, recomputing, with_adapters
from trainer.generation.pairs import Pair, Sides, sides
from trainer.generation.preferred import Standing, judged, logs_of
from trainer.generation.recipe import PreferenceRecipe
from trainer.generation.train_generator import SHOWN_CHARS, TrainedGenerator, told_apart
from trainer.tasks.preference import PreferenceRows, PreferenceTask

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

STAGE = "prefer"
BEFORE = "prefer-before"
"""The stage that keeps what the starting model makes of every pair."""
FEWEST = 20
"""Different pairs that there must be: what fewer have in common may be anything."""


def prefer(
    recipe: PreferenceRecipe, start: TrainedGenerator, pairs: Sequence[Pair], held: Sequence[Pair], run: RunFolder
) -> TrainedGenerator:
    """Tune a copy of `start` by `recipe` on `pairs`; `held` stop it early and say whether it learned.

    Adapters that `start` was tuned by go on learning; else new ones are laid over all that it has learned. Raises
    DatasetError where there are too few pairs; Diverged; Collapsed where the chosen replies, too, were unlearned.
    """
    started = time.monotonic()
    renderer = start.base.renderer(recipe.max_length)
    learned, unseen = _lines(pairs, renderer), _lines(held, renderer)
    _suffices(learned)
    example = _shown(learned[0], renderer)
    run.report({"type": "example", "stage": STAGE, "text": example})
    set_threads(run.threads)
    model, adapted = _copied(recipe, start)
    before = run.stage(
        BEFORE,
        lambda: {"learned": logs_of(model, learned, renderer), "held": logs_of(model, unseen, renderer)},
    )
    rows = PreferenceRows.of(learned, before["learned"])
    stopping = PreferenceRows.of(unseen, before["held"]) if unseen else None
    data = TextData(rows, stopping, renderer, Sizes.of(recipe, recipe.batch_tokens), recipe.seed)
    task = PreferenceTask(model, recipe)
    with recomputing(model, recipe.gradient_checkpointing):
        history = fit(task, data, recipe, run, STAGE).history
    asked, name = (unseen, "held") if unseen else (learned, "learned")
    then, now = (Standing.of(asked, logs) for logs in (before[name], logs_of(model, asked, renderer)))
    findings = diagnose(Signs(history, (), None, PreferenceTask.primary))
    refuse(findings)
    findings += judged(then, now, math.log(renderer.vocabulary), recipe.seed)
    whole = model if adapted is None else merged(adapted)
    apart = adapted if start.adapted is not None else None  # others lie over what `start` is, not over its base
    seconds = time.monotonic() - started
    return TrainedGenerator(start.base, whole, apart, renderer, recipe, history, seconds, example, findings)


def _lines(pairs: Sequence[Pair], renderer: ChatRenderer) -> list[Sides]:
    """Each pair once, those left out whose replies the context cuts to the same."""
    return [told for pair in dict.fromkeys(pairs) if (told := sides(pair, renderer)) is not None]


def _suffices(learned: Sequence[Sides]) -> None:
    if len(learned) < FEWEST:
        raise DatasetError(
            f"Preference tuning needs at least {FEWEST} different pairs of a reply and its correction, to tell what "
            f"they have in common from chance; the data has {len(learned)}.",
            remedy="Accept more corrections, or train without preferences: a correction is learned as a reply anyway.",
        )


def _shown(both: Sides, renderer: ChatRenderer) -> str:
    chosen, rejected = both
    told = renderer.text([i for i, said in zip(rejected.ids, rejected.said, strict=True) if said])
    return f"{told_apart(chosen, renderer)} instead of {told[: SHOWN_CHARS // 2]}"


def _copied(recipe: PreferenceRecipe, start: TrainedGenerator) -> tuple[PreTrainedModel, PeftModel | None]:
    """The model that learns, and its adapters where it is they that do."""
    if recipe.tunes == "full":
        model = copy.deepcopy(start.model)
        model.requires_grad_(True)
        return model, None
    if start.adapted is not None:
        adapted = copy.deepcopy(start.adapted)
    else:
        adapted = with_adapters(copy.deepcopy(start.model), recipe)
    return cast("PreTrainedModel", adapted.get_base_model()), adapted
