"""How much better a model becomes with more to learn from: a power law through a few measured points. Pure.

Errors fall as `floor + scale * rows ** -rate` (Hestness et al. 2017, "Deep Learning Scaling is Predictable,
Empirically"). Three or four points bear an extrapolation to twice or a few times the data, no more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FLOORS = 60
"""Values of the error that no amount of data removes, among which the best fit is taken."""
STEEPEST = 300.0
"""The logarithm of what a curve may stand at where it begins: points that rise within a few rows show no law."""
FARTHEST = 20
"""Times the data there are, beyond which nothing is foretold."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model that learned from `rows` messages understood this share of those it had not seen."""

    rows: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Error = floor + scale * rows ** -rate, fitted to `points`, fewest rows first."""

    points: tuple[Point, ...]
    floor: float
    scale: float
    rate: float

    @property
    def last(self) -> Point:
        return self.points[-1]

    def accuracy(self, rows: float) -> float:
        """What is to be expected of a model that learned from `rows` messages."""
        return 1.0 - self.floor - self.scale * math.pow(rows, -self.rate)

    def rows_for(self, accuracy: float) -> int | None:
        """How many messages to learn from it takes to be this good; None when that is too far off to say."""
        left = 1.0 - self.floor - accuracy
        if left <= 0 or self.scale <= 0 or self.rate <= 0:
            return None
        power = math.log(self.scale / left) / self.rate
        farthest = math.log(FARTHEST * self.last.rows)
        return math.ceil(math.exp(power)) if power <= farthest else None


def fitted(points: Sequence[Point]) -> LearningCurve | None:
    """The curve through the points; None where they are too few, or do not rise."""
    ordered = sorted(points, key=lambda point: point.rows)
    if len(ordered) < 3 or ordered[0].rows == ordered[-1].rows or ordered[-1].accuracy <= ordered[0].accuracy:
        return None
    rows = np.array([point.rows for point in ordered], dtype=np.float64)
    errors = np.array([1.0 - point.accuracy for point in ordered])
    lowest = float(errors.min())
    if lowest <= 0:
        return None
    best: tuple[float, float, float, float] | None = None
    for floor in np.linspace(0.0, lowest, FLOORS, endpoint=False):
        slope, intercept = np.polyfit(np.log(rows), np.log(errors - floor), 1)
        if slope >= 0 or intercept > STEEPEST:
            continue
        loss = float(((floor + np.exp(intercept) * rows**slope - errors) ** 2).sum())
        if best is None or loss < best[0]:
            best = (loss, float(floor), float(np.exp(intercept)), float(-slope))
    return None if best is None else LearningCurve(tuple(ordered), *best[1:])
