"""What few cases can tell: between which shares the true one lies, and how often chance alone parts two sides so. Pure.

Source: Wilson (1927); the exact sign test, which is McNemar's (1947) of two models on the same rows.
"""

from __future__ import annotations

import math

import numpy as np

NORMAL = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of the share `right / rows`, for rows > 0: right for few rows, too, and never without width."""
    value, square = right / rows, NORMAL**2
    middle = (value + square / (2 * rows)) / (1 + square / rows)
    spread = math.sqrt(value * (1 - value) / rows + square / (4 * rows**2))
    half = NORMAL * spread / (1 + square / rows)
    return min(max(middle - half, 0.0), value), max(min(middle + half, 1.0), value)


def chance_of(won: int, lost: int) -> float:
    """How often coins that fall so many times would fall as unevenly as this, or more so, to either side."""
    trials = won + lost
    if not trials:
        return 1.0
    fewer = np.arange(min(won, lost) + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    log_chance = log_factorial[trials] - log_factorial[fewer] - log_factorial[trials - fewer] - trials * math.log(2)
    return min(1.0, 2 * float(np.exp(log_chance).sum()))
