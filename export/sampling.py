"""Which token comes next: from the scores of all tokens to one of them. Pure, seeded, the same on every machine.

The engine's own choice among the likeliest (its top-p without top-k) is not what it says; so it computes, and this
chooses, in the order of transformers: penalty for what was said before, temperature, top-k, top-p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import IntegrityError, UsageError

Scores = npt.NDArray[np.floating[Any]]

NUCLEUS = 1024
"""Looked at first for top-p: nearly always enough, and much less to sort than a large vocabulary."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn and how long it may get. `temperature` 0 takes the likeliest token each time (of equally
    likely ones that of the lowest id); then `seed`, `top_p` and `top_k` do nothing.

    `top_k` 0 and `top_p` 1 leave all tokens in; `repetition_penalty` 1 punishes nothing. `seconds` count from the
    first look at the context to the last token. Raises UsageError naming every value that is out of its range.
    """

    seed: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    max_tokens: int = 128
    seconds: float = 30.0

    def __post_init__(self) -> None:
        sound = {
            "seed (0 to 2^63 - 1)": _whole(self.seed) and 0 <= self.seed < 2**63,
            "temperature (0 to 5)": 0 <= self.temperature <= 5,
            "top_p (above 0, at most 1)": 0 < self.top_p <= 1,
            "top_k (0 or more)": _whole(self.top_k) and self.top_k >= 0,
            "repetition_penalty (above 0, at most 10)": 0 < self.repetition_penalty <= 10,
            "max_tokens (1 or more)": _whole(self.max_tokens) and self.max_tokens >= 1,
            "seconds (above 0)": self.seconds > 0,
        }
        if wrong := [name for name, holds in sound.items() if not holds]:
            raise UsageError(f"A reply cannot be drawn like that: out of range are {', '.join(wrong)}.")


class Chooser:
    """Draws the tokens of one reply. Not for several threads: each reply has its own."""

    def __init__(self, sampling: Sampling, context: Sequence[int]) -> None:
        """`context` is what the penalty for repetition counts as said before, with all that `said` adds."""
        self._sampling = sampling
        self._said = set(context) if sampling.repetition_penalty != 1 else set()
        self._bits = np.random.PCG64(sampling.seed)

    def __call__(self, scores: Scores) -> int:
        """The next token, from the scores (logits) [vocabulary]. Raises IntegrityError when they are no numbers."""
        if np.isnan(scores.max()):
            raise IntegrityError("The decoder gave scores that are no numbers.", remedy="Export it again.")
        token = self._draw(self._punished(scores))
        if self._sampling.repetition_penalty != 1:
            self._said.add(token)
        return token

    def _draw(self, scores: Scores) -> int:
        sampling = self._sampling
        if sampling.temperature == 0:
            return int(scores.argmax())
        scaled = scores.astype(np.float64) / sampling.temperature
        kept = _kept(scaled, sampling.top_k, sampling.top_p)
        weights = np.exp(scaled[kept] - scaled[kept].max())
        sums = np.cumsum(weights)
        return int(kept[min(int(np.searchsorted(sums, self._uniform() * sums[-1], side="right")), len(kept) - 1)])

    def _punished(self, scores: Scores) -> Scores:
        """What was said gets smaller: divided when positive, multiplied when not (Keskar et al. 2019)."""
        if not self._said:
            return scores
        penalty = self._sampling.repetition_penalty
        said = np.fromiter(self._said, dtype=np.int64)
        changed = scores.copy()
        changed[said] = np.where(scores[said] > 0, scores[said] / penalty, scores[said] * penalty)
        return changed

    def _uniform(self) -> float:
        """From 0, below 1. Raw bits: of them numpy promises that they stay the same from version to version."""
        return float(int(self._bits.random_raw()) >> 11) * 2.0**-53


def _kept(scores: Scores, top_k: int, top_p: float) -> npt.NDArray[np.int64]:
    """The tokens to draw from, the likeliest first where some are left out."""
    size = len(scores)
    if top_p >= 1 and not 0 < top_k < size:
        return np.arange(size)
    kept = _best(scores, top_k if 0 < top_k < size else min(size, NUCLEUS))
    if top_p >= 1:
        return kept
    weights = np.exp(scores - scores.max())
    whole = weights[kept].sum() if 0 < top_k < size else weights.sum()
    sums = np.cumsum(weights[kept]) / whole
    if sums[-1] < top_p and top_k == 0:  # a very flat choice: all must be sorted
        kept = _best(scores, size)
        sums = np.cumsum(weights[kept]) / whole
    # The smallest set that holds `top_p` of the chance; the one that gets there belongs to it.
    return kept[: int(np.searchsorted(sums, top_p - 1e-12, side="left")) + 1]


def _best(scores: Scores, count: int) -> npt.NDArray[np.int64]:
    """The `count` tokens of the highest scores, the highest first, of equal ones the lowest id."""
    found = np.argpartition(-scores, count - 1)[:count] if count < len(scores) else np.arange(len(scores))
    found.sort()
    return np.asarray(found[np.argsort(-scores[found], kind="stable")], dtype=np.int64)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
