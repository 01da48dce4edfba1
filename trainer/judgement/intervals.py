"""How sure a number is: percentile bootstrap over test rows, paired comparison of two models, McNemar's test, Wilson's
interval for shares of few rows, Holm's correction for many questions at once.

Source: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13; McNemar (1947), in its exact binomial
form; Wilson (1927); Holm (1979). Rows are resampled as units, so a pair of models always sees the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.chance import chance_of, wilson

Array = npt.NDArray[Any]
Metric = Callable[..., float]
DRAWS = 1000
LEVEL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval. NaN where it is undefined; null on the wire."""

    value: float
    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Interval:
        return cls(value, value, value)

    @classmethod
    def of_share(cls, right: int, rows: int) -> Interval:
        """Wilson's interval of a share: right for few rows, too, and never without width."""
        if not rows:
            return cls.exactly(float("nan"))
        return cls(right / rows, *wilson(right, rows))

    def to_wire(self) -> dict[str, float | None]:
        return {name: _finite(getattr(self, name)) for name in ("value", "low", "high")}


@dataclass(frozen=True, slots=True)
class Difference:
    """`second - first` of one metric on the same rows; `superiority` is the share of draws in which second wins."""

    value: float
    low: float
    high: float
    superiority: float

    @property
    def straddles(self) -> bool:
        """Whether no difference at all is among the plausible ones."""
        return self.low <= 0 <= self.high

    @property
    def points(self) -> str:
        """In words: `+4.1 points (95 % interval +1.2 to +7.0)`."""
        return f"{self.value * 100:+.1f} points (95 % interval {self.low * 100:+.1f} to {self.high * 100:+.1f})"

    def to_wire(self) -> dict[str, float | None]:
        return {name: _finite(getattr(self, name)) for name in ("value", "low", "high", "superiority")}


def bootstrap(metric: Metric, *arrays: Array, seed: int, draws: int = DRAWS) -> Interval:
    """`metric(*arrays)` with its 95 % percentile interval; every array has the same n rows.

    Draws in which the metric is undefined (NaN) are left out. With no rows everything is NaN.
    """
    rows = [np.asarray(array) for array in arrays]
    if not len(rows[0]):
        return Interval.exactly(float("nan"))
    value = float(metric(*rows))
    drawn = [metric(*(row[picked] for row in rows)) for picked in _resamples(len(rows[0]), seed, draws)]
    low, high = _percentiles(np.array(drawn, dtype=float))
    return Interval(value, low, high)


def paired_bootstrap(
    metric: Metric, truth: Array, pair: tuple[Array, Array], *, seed: int, draws: int = DRAWS
) -> Difference:
    """`metric(truth, second) - metric(truth, first)` for `pair = (first, second)`, resampling both alike."""
    first, second = np.asarray(pair[0]), np.asarray(pair[1])
    truth = np.asarray(truth)
    if not len(truth):
        return Difference(*([float("nan")] * 4))
    gaps = np.array(
        [
            metric(truth[picked], second[picked]) - metric(truth[picked], first[picked])
            for picked in _resamples(len(truth), seed, draws)
        ],
        dtype=float,
    )
    low, high = _percentiles(gaps)
    known = gaps[np.isfinite(gaps)]
    superiority = float(np.mean(known > 0) + np.mean(known == 0) / 2) if len(known) else float("nan")
    return Difference(float(metric(truth, second) - metric(truth, first)), low, high, superiority)


def exchanged(first_correct: Array, second_correct: Array) -> tuple[int, int]:
    """(rows that only the second gets right, rows that only the first does)."""
    first, second = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    return int((second & ~first).sum()), int((first & ~second).sum())


def mcnemar(first_correct: Array, second_correct: Array) -> float:
    """The two-sided exact p-value that two models err equally often, from the rows that just one of them gets right."""
    return chance_of(*exchanged(first_correct, second_correct))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, each raised so that all that stay below a level are, with that certainty, no chance finds.

    The least of n counts n times, the next n - 1 times, and none comes out below one that was less.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    raised, highest = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        raised[at] = highest
    return raised


def _resamples(rows: int, seed: int, draws: int) -> Iterator[Array]:
    generator = np.random.default_rng(seed)
    return (generator.integers(0, rows, size=rows) for _ in range(draws))


def _percentiles(drawn: Array) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, LEVEL)
    return float(low), float(high)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
