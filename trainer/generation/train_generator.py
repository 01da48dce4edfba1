"""Training a generator: a chat model learns from the brand's dialogues to say what the brand says."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.chat_render import ChatRendered, ChatRenderer
from data.errors import DatasetError
from data.schema import Conversation, Finding
from trainer.bases.chat_base import ChatBase
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import fit
from trainer.core.health import Signs, diagnose, refuse
from trainer.core.run_folder import RunFolder
from trainer.generation.adapters import merged, recomputing, with_adapters
from trainer.generation.lines import Lesson, Talk, marked, rendered, said
from trainer.generation.recipe import GenerateRecipe, PreferenceRecipe
from trainer.tasks.generate import GenerateRows, GenerateTask

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

STAGE = "generate"
FEWEST = 2
"""Different replies of the brand that there must be, to learn anything from."""
CHECKED = 100
"""Conversations whose marks are held against what the brand said, before the first step."""
SHOWN_CHARS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class TrainedGenerator:
    """`model` is whole, adapters merged into it; `adapted` is where they stand by themselves, over the base as it came:
    None where anything else was learned."""

    base: ChatBase
    model: PreTrainedModel
    adapted: PeftModel | None
    renderer: ChatRenderer
    recipe: GenerateRecipe | PreferenceRecipe
    history: tuple[Row, ...]
    seconds: float
    example: str
    """A conversation as it was learned: what the brand says stands between marks."""
    findings: tuple[Finding, ...] = ()


def talks_of(conversations: Iterable[Conversation]) -> list[Talk]:
    """Conversations in which the brand answers, as who said what."""
    found: list[Talk] = []
    for conversation in conversations:
        talk: Talk = tuple((turn.role, turn.text) for turn in conversation.turns if turn.role != "system")
        if said(talk):
            found.append(talk)
    return found


def train_generator(
    recipe: GenerateRecipe, base: ChatBase, train: Sequence[Lesson], validation: Sequence[Lesson], run: RunFolder
) -> TrainedGenerator:
    """Train by `recipe`. Raises DatasetError where the brand says too little to learn from; BaseRefused, Diverged."""
    started = time.monotonic()
    _suffices(train)
    renderer = base.renderer(recipe.max_length)
    everyone = recipe.learns == "all"
    lines = rendered(train, renderer)
    example = checked(train, renderer)
    run.report({"type": "example", "stage": STAGE, "text": example})
    packed = renderer.context if recipe.packing else 0
    rows = GenerateRows(lines, everyone, packed)
    held = GenerateRows(rendered(validation, renderer), everyone) if validation else None
    model, adapted = base.model(), None
    if recipe.method == "lora":
        adapted = with_adapters(model, recipe)
        model = adapted.get_base_model()  # type: ignore[assignment]  # the same model, adapters in its layers
    task = GenerateTask(model, recipe.dropout)
    sizes = Sizes.of(recipe, recipe.batch_tokens)
    with recomputing(model, recipe.gradient_checkpointing):
        history = fit(task, TextData(rows, held, renderer, sizes, recipe.seed), recipe, run, STAGE).history
    # Who knows nothing takes any token for as likely as any other.
    findings = diagnose(Signs(history, (), math.log(renderer.vocabulary), GenerateTask.primary))
    refuse(findings)
    whole = model if adapted is None else merged(adapted)
    seconds = time.monotonic() - started
    return TrainedGenerator(base, whole, adapted, renderer, recipe, history, seconds, example, findings)


def _suffices(train: Sequence[Lesson]) -> None:
    replies = {text for talk in train for text in said(talk)}
    if len(replies) < FEWEST:
        raise DatasetError(
            f"A generator needs at least {FEWEST} different replies of the brand; the data has {len(replies)}.",
            remedy="Import conversations in which the brand answers.",
        )


def checked(lessons: Sequence[Lesson], renderer: ChatRenderer) -> str:
    """Hold what is marked to be learned against what the brand said; returns one conversation as it is learned.

    Raises DatasetError where a mark stands on anything else: a model would learn to speak for the customer.
    """
    some = [pair for lesson in lessons[:CHECKED] for pair in marked(lesson, renderer)]
    for one, meant in some:
        if not _same(_learned(one, renderer), meant):
            raise DatasetError(
                "The tokens marked to be learned are not the brand's words: the base's template or tokenizer does not "
                "keep them apart.",
                remedy="Take another base; `attune bases` lists them.",
            )
    shown = next((one for one, meant in some if meant), some[0][0])
    return told_apart(shown, renderer)[:SHOWN_CHARS]


def _learned(one: ChatRendered, renderer: ChatRenderer) -> list[str]:
    """What each run of marked tokens says."""
    return [renderer.text(ids) for mine, ids in _runs(one) if mine]


def _same(told: Sequence[str], meant: Sequence[str]) -> bool:
    """Turns of one side that follow each other are told as one; one that is cut keeps its beginning and its end."""
    return "\n".join(told) == "\n".join(meant) or (len(told) == 1 and len(told[0]) < len("\n".join(meant)))


def told_apart(one: ChatRendered, renderer: ChatRenderer) -> str:
    """What a line says, all that is to be learned between marks."""
    return "".join(
        f"[[{renderer.text(ids)}]]" if mine else f" {renderer.text(ids)} " for mine, ids in _runs(one)
    ).strip()


def _runs(one: ChatRendered) -> list[tuple[bool, tuple[int, ...]]]:
    """Tokens side by side that are all marked, or all not."""
    runs: list[tuple[bool, list[int]]] = []
    for i, mine in zip(one.ids, one.said, strict=True):
        if not runs or runs[-1][0] != mine:
            runs.append((mine, []))
        runs[-1][1].append(i)
    return [(mine, tuple(ids)) for mine, ids in runs]
