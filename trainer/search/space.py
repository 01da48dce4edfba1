"""Which recipes a search may try: the fields of an intent recipe that matter, within ranges that have been seen to
train, and only methods that the amount of data allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trainer.recipes import FULL_ROWS, TOP_ROWS, TOP_ROWS_PER_CLASS, IntentRecipe, intent_by

Params = Mapping[str, Any]
MOVING = ("top", "full")


class Draw(Protocol):
    """As a trial of Optuna gives values."""

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> Any: ...
    def suggest_int(self, name: str, low: int, high: int) -> int: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...


@dataclass(frozen=True, slots=True)
class Space:
    """Recipes around `start`: of these `methods`, over a base of so many `layers`."""

    start: IntentRecipe
    methods: tuple[str, ...]
    layers: int
    rows: int

    def recipe(self, draw: Draw) -> IntentRecipe:
        """One recipe of the space."""
        method = self.start.method
        if len(self.methods) > 1:
            method = draw.suggest_categorical("method", self.methods)
        body = {"regularisation": draw.suggest_float("regularisation", 0.3, 300.0, log=True)}
        if method in MOVING:
            body |= self._moving(draw)
        return IntentRecipe.model_validate({**self._standing(method), **body})

    def params(self, recipe: IntentRecipe) -> dict[str, Any]:
        """What was drawn for `recipe`, by name."""
        names = ["regularisation", *(MOVED if recipe.method in MOVING else ())]
        chosen = {"method": recipe.method} if len(self.methods) > 1 else {}
        return {**chosen, **{name: getattr(recipe, name) for name in names}}

    def _moving(self, draw: Draw) -> dict[str, Any]:
        return {
            "learning_rate": draw.suggest_float("learning_rate", min(2e-5, self.start.learning_rate), 1e-3, log=True),
            "head_learning_rate": draw.suggest_float("head_learning_rate", 1e-3, 5e-2, log=True),
            "epochs": draw.suggest_int("epochs", 2, 10),
            "frozen_layers": draw.suggest_int("frozen_layers", 0, max(self.layers - 1, 0)),
            "weight_decay": draw.suggest_float("weight_decay", 1e-4, 0.3, log=True),
            "dropout": draw.suggest_float("dropout", 0.0, 0.3),
            "label_smoothing": draw.suggest_float("label_smoothing", 0.0, 0.2),
            "keep_base": draw.suggest_float("keep_base", 0.0, 0.6),
        }

    def _standing(self, method: str) -> dict[str, Any]:
        """What is not drawn: as it starts, or as the method is picked where it is another one."""
        if method == self.start.method:
            return self.start.model_dump()
        same = ("base", "seed", "max_length", "precision", "describe_labels", "augment", "oos_share", "exposure")
        return {**intent_by(method, self.rows).model_dump(), **{name: getattr(self.start, name) for name in same}}


MOVED = (
    "learning_rate", "head_learning_rate", "epochs", "frozen_layers", "weight_decay", "dropout", "label_smoothing",
    "keep_base",
)  # fmt: skip


def space_of(start: IntentRecipe, labels: Sequence[str], layers: int, asked: bool) -> Space:
    """`asked`: somebody chose the recipe, and so the method, which is then not searched.

    With little data a moved encoder may be righter and yet worse at what is out of scope: none is tried there.
    """
    counts = sorted(Counter(labels).values())
    methods: list[str] = [start.method]
    if not asked and start.method != "ngrams":
        enough = len(labels) >= TOP_ROWS and counts[len(counts) // 2] >= TOP_ROWS_PER_CLASS
        methods = ["frozen", *(["top"] if enough else []), *(["full"] if len(labels) >= FULL_ROWS else [])]
        methods = methods if start.method in methods else [start.method, *methods]
    return Space(start, tuple(methods), layers, len(labels))
