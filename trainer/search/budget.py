"""How long a recipe may be searched for: so many trials, so many minutes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import UsageError
from data.schema import LEAST_TRIALS, MOST_SEARCH_MINUTES, MOST_TRIALS

TRIALS = 20
FOLDS = 3
"""Parts of the rows, each of which every trial is scored on."""
COMPARED = 2
"""Recipes that are compared on fresh folds at the end: the default and the best."""


@dataclass(frozen=True, slots=True)
class Budget:
    """`trials` in all, the default recipe's among them; `minutes` of trials, those of all processes together. What is
    not limited by one is limited by the other."""

    trials: int = TRIALS
    minutes: float | None = None

    @classmethod
    def of(cls, trials: object = None, minutes: object = None) -> Budget:
        """Raises UsageError. Where only minutes are given, they decide."""
        if trials is not None and (not isinstance(trials, int) or isinstance(trials, bool)):
            raise UsageError("The trials of a search are a whole number.")
        if minutes is not None and (not isinstance(minutes, (int, float)) or isinstance(minutes, bool)):
            raise UsageError("The minutes of a search are a number.")
        found = TRIALS if minutes is None else MOST_TRIALS
        budget = cls(found if trials is None else trials, None if minutes is None else float(minutes))
        if not LEAST_TRIALS <= budget.trials <= MOST_TRIALS:
            raise UsageError(
                f"A search takes {LEAST_TRIALS} to {MOST_TRIALS} trials; the first is the default recipe.",
                remedy="Ask for more of them, or leave the number out.",
            )
        if budget.minutes is not None and not (
            math.isfinite(budget.minutes) and 0 < budget.minutes <= MOST_SEARCH_MINUTES
        ):
            raise UsageError(f"A search takes more than 0 minutes and at most {MOST_SEARCH_MINUTES}.")
        return budget

    @classmethod
    def from_wire(cls, body: object) -> Budget | None:
        """None where nothing is asked for. Raises UsageError."""
        if body is None:
            return None
        if not isinstance(body, Mapping) or set(body) - {"trials", "minutes"}:
            raise UsageError("A search is asked for by `trials` and `minutes`, each of which may be left out.")
        return cls.of(body.get("trials"), body.get("minutes"))

    def leaves(self, spent: float) -> bool:
        """Whether there is time after so many seconds."""
        return self.minutes is None or spent < 60 * self.minutes

    def to_wire(self) -> dict[str, Any]:
        return {"trials": self.trials, "minutes": self.minutes}
