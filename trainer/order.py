"""What a train job asks for, read from its payload. Whatever is wrong with it is said in words, before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from data.errors import RecipeError, UsageError
from data.schema import TASKS
from trainer.bases.catalogue import LocalBase
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT, DEFAULT
from trainer.generation.recipe import GenerateRecipe, pick_generate
from trainer.hyperparameters import sized
from trainer.recipes import (
    EntityRecipe,
    IntentRecipe,
    LabelRecipe,
    Recipe,
    Seq2SeqRecipe,
    parse_recipe,
    pick_entities,
    pick_intent,
    pick_reply,
)
from trainer.replies.recipe import LENGTH, ReplyRecipe
from trainer.search.budget import Budget

SEEDS = 2**31
_R = TypeVar("_R", IntentRecipe, ReplyRecipe, EntityRecipe, GenerateRecipe)


@dataclass(frozen=True, slots=True)
class Order:
    """Tasks, a recipe (for its own task; None lets the data choose), a seed, a base for all tasks that read, one for
    replies that are written, and how long a recipe for the intents is searched for."""

    tasks: tuple[str, ...] = TASKS
    recipe: Recipe | None = None
    seed: int = 0
    base: str = DEFAULT
    chat_base: str = CHAT
    search: Budget | None = None

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Order:
        """Raises UsageError or RecipeError. A base or a seed that the payload does not name is the recipe's; one that
        it names goes before."""
        tasks = _tasks(payload.get("tasks"))
        recipe = _recipe(payload.get("recipe"))
        if recipe is not None and recipe.task not in tasks:
            remedy = "Set preference = 'dpo' or 'orpo' in a recipe for 'generate'." if recipe.task == "prefer" else ""
            message = f"The recipe is for {recipe.task!r}, which is not among the tasks asked for."
            raise RecipeError(message, remedy=remedy)
        seed = _seed(payload.get("seed"), recipe)
        recipe = recipe and recipe.model_copy(update={"seed": seed})
        reads = recipe is not None and not isinstance(recipe, GenerateRecipe)
        base = payload.get("base") or (recipe.base if recipe is not None and reads else DEFAULT)
        if not isinstance(base, str):
            raise UsageError("A base is named by a text: one of the catalogue, or a folder.")
        search = Budget.from_wire(payload.get("search"))
        if search is not None and "intent" not in tasks:
            raise UsageError("A search is for the recipe of the intents, which are not among the tasks asked for.")
        # A recipe that names no base names the default one, which only reads.
        writes = isinstance(recipe, GenerateRecipe) and recipe.base != DEFAULT
        chat = payload.get("chat_base") or (recipe.base if recipe is not None and writes else CHAT)
        if not isinstance(chat, str):
            raise UsageError("A chat base is named by a text: one of the catalogue, or a folder.")
        return cls(tasks, recipe, seed, base, chat, search)

    @property
    def names_a_writer(self) -> bool:
        """Whether somebody wants replies to be written, rather than all that the data gives."""
        named = isinstance(self.recipe, GenerateRecipe) or self.chat_base != CHAT
        return named or ("generate" in self.tasks and self.tasks != TASKS)

    def intent_recipe(self, labels: Sequence[str], base: str) -> IntentRecipe:
        """The recipe to train intents by, over `base`: the one asked for, else by the data."""
        return self._asked(IntentRecipe, base) or pick_intent(labels, base=base, seed=self.seed)

    def reply_recipe(self, pairs: int, base: LocalBase, length: float = LENGTH) -> ReplyRecipe:
        """For so many pairs of `length` tokens in the mean; the rate of one that is picked is for a base of this
        size."""
        asked = self._asked(ReplyRecipe, base.name)
        return asked or sized(pick_reply(pairs, length, base=base.name, seed=self.seed), base.configuration())

    def entity_recipe(self, rows: int, base: LocalBase) -> EntityRecipe:
        """For so many texts with marked spans, likewise."""
        asked = self._asked(EntityRecipe, base.name)
        return asked or sized(pick_entities(rows, base=base.name, seed=self.seed), base.configuration())

    def generate_recipe(self, tokens: int, base: ChatBase) -> GenerateRecipe:
        """For so many tokens to learn from."""
        asked = self._asked(GenerateRecipe, base.name)
        return asked or pick_generate(tokens, base.parameters, base=base.name, seed=self.seed)

    def _asked(self, kind: type[_R], base: str) -> _R | None:
        return self.recipe.model_copy(update={"base": base}) if isinstance(self.recipe, kind) else None


def _tasks(asked: object) -> tuple[str, ...]:
    if not asked:
        return TASKS
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        raise UsageError(f"Tasks are a list of {', '.join(TASKS)}.")
    unknown = sorted({str(task) for task in asked} - set(TASKS))
    if unknown:
        raise UsageError(f"Tasks are {', '.join(TASKS)}; asked for were also {', '.join(unknown)}.")
    return tuple(task for task in TASKS if task in asked)


def _seed(asked: object, recipe: Recipe | None) -> int:
    if asked is None:
        return 0 if recipe is None else recipe.seed
    if not isinstance(asked, int) or isinstance(asked, bool) or not 0 <= asked < SEEDS:
        raise UsageError(f"A seed is a whole number from 0 to {SEEDS - 1}.")
    return asked


def _recipe(body: object) -> Recipe | None:
    if not body:
        return None
    if not isinstance(body, dict):
        raise RecipeError("A recipe is a table of fields.", remedy="docs/recipes.md lists every field and range.")
    found = parse_recipe(body)
    if isinstance(found, LabelRecipe):
        raise RecipeError(
            f"A retraining has no use for a recipe for {found.task!r}: it learns sentiments by a linear head over the "
            "encoder of the intents or replies.",
            remedy="Train by it with `attune experiment --task labels` or `--task sentiment`, or leave the recipe out.",
        )
    if isinstance(found, Seq2SeqRecipe) and found.task == "generate":
        raise RecipeError(
            "A retraining writes replies with a chat model, whose recipe says how it learns; this one does not.",
            remedy="Add method = 'full' or 'lora'. Bases that rewrite are for `attune experiment`.",
        )
    return found
