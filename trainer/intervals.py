"""How sure a number is: percentile bootstrap over test rows, paired comparison of two models, McNemar's test.

Source: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13; McNemar (1947), in its exact binomial
form. Rows are resampled as units, so a pair of models always sees the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


def mcnemar(first_correct: Array, second_correct: Array) -> float:
    """The two-sided exact p-value that two models err equally often, from the rows that just one of them gets right."""
    first, second = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    trials = only_first + only_second
    if not trials:
        return 1.0
    fewer = np.arange(min(only_first, only_second) + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    log_chance = log_factorial[trials] - log_factorial[fewer] - log_factorial[trials - fewer] - trials * math.log(2)
    return min(1.0, 2 * float(np.exp(log_chance).sum()))


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
