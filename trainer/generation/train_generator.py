"""Training a generator: a chat model learns from the brand's dialogues to say what the brand says."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
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
SHOWN_CHARS = 600
"""Of a conversation that is shown, at most."""


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
        if not _stands_on(one, meant, renderer):
            raise DatasetError(
                "The tokens marked to be learned are not the brand's words: the base's template or tokenizer does not "
                "keep them apart.",
                remedy="Take another base; `attune bases` lists them.",
            )
    shown = next((one for one, meant in some if meant), some[0][0])
    return told_apart(shown, renderer)


def _stands_on(one: ChatRendered, meant: Sequence[str], renderer: ChatRenderer) -> bool:
    """Whether what is marked are the replies `meant`, or the newest of them; of a reply that fills the line its
    beginning and its end."""
    runs = [ids for mine, ids in _runs(one) if mine]
    said = [ids[:-1] if ids[-1] in renderer.stops else ids for ids in runs]
    whole = [renderer.reply(text)[:-1] for text in meant]
    ends = all(ids[-1] in renderer.stops for ids in runs)
    if ends and said == whole[max(len(whole) - len(said), 0) :] and (said or not whole):
        return True
    if len(one) < renderer.context:
        return False
    return not said or (len(said) == 1 and bool(whole) and _is_cut_from(said[0], whole[-1]))


def _is_cut_from(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Whether `part` is a beginning of `whole`, and an end of it or none."""
    begins = _alike(part, whole)
    return begins > 0 and begins + _alike(part[::-1], whole[::-1]) >= len(part)


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens they have in common from the first on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def told_apart(one: ChatRendered, renderer: ChatRenderer) -> str:
    """What a line says, all that is to be learned between marks; of what is long, beginning and end."""
    parts = ((mine, _short(renderer.text(ids))) for mine, ids in _runs(one))
    return "".join(f"[[{text}]]" if mine else f" {text} " for mine, text in parts).strip()[:SHOWN_CHARS]


def _short(text: str) -> str:
    half = SHOWN_CHARS // 2 // 2 - len(" ... ")
    return text if len(text) <= 2 * half else f"{text[:half]} ... {text[-half:]}"


def _runs(one: ChatRendered) -> list[tuple[bool, tuple[int, ...]]]:
    """Tokens side by side that are all marked, or all not."""
    runs: list[tuple[bool, list[int]]] = []
    for i, mine in zip(one.ids, one.said, strict=True):
        if not runs or runs[-1][0] != mine:
            runs.append((mine, []))
        runs[-1][1].append(i)
    return [(mine, tuple(ids)) for mine, ids in runs]
