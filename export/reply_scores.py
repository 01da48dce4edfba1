"""What a found reply is worth: how often it was given, and how likely it is right.

A cosine says how much more a conversation asks for a reply than others do (trainer/tasks/reply.py). How likely it is
the reply to give depends on how often it is given at all, too: what is said every day needs less of a sign than what
was said once. So to each cosine the logarithm of the reply's count is added, weighed with `frequency`; a few times more
or less say little, for a reply in other words is said in their stead.

Whether a reply with such a score is right is another question, which a logistic model answers, fitted on conversations
that nothing had learned from (trainer/replies/calibrate.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.confidence import logistic

FEW = 8.0
"""Counts below say little."""
SIGNS = ("score", "ahead", "familiarity")
"""Columns of `signs`; `Scoring.right` holds one coefficient for each and a bias."""
Array = npt.NDArray[Any]


def familiarity(counts: Sequence[int]) -> npt.NDArray[np.float32]:
    """The logarithm of how often each reply was given, from 0 for never."""
    return np.asarray(np.log1p(np.asarray(counts, dtype=np.float32) / np.float32(FEW)))


def signs(scores: Array, counts: Sequence[int]) -> npt.NDArray[np.float64]:
    """SIGNS [k, 3] of the replies found for one conversation, best first. `ahead` is how far the best is before the
    second, and how far each other is behind the best."""
    if not len(scores):
        return np.zeros((0, len(SIGNS)))
    ahead = scores - scores[0]
    ahead[0] = scores[0] - scores[1] if len(scores) > 1 else 0.0
    return np.stack([scores, ahead, familiarity(counts)], axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Scoring:
    """`frequency` is what familiarity weighs beside a cosine; `right` the coefficients of how likely a reply is right,
    none where nobody knows: then its score stands for it."""

    frequency: float = 0.0
    right: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite([self.frequency, *self.right]).all() or len(self.right) not in (0, len(SIGNS) + 1):
            raise ValueError("the numbers that replies are scored by are not what they should be")

    def confidence(self, scores: Array, counts: Sequence[int]) -> npt.NDArray[np.float64]:
        """How likely each of the replies found for one conversation is right, best first."""
        if not self.right:
            return np.asarray(scores, dtype=np.float64)
        return logistic(signs(scores, counts), np.array(self.right))

    def to_tensors(self) -> dict[str, Array]:
        return {"frequency": np.array([self.frequency]), "right": np.array(self.right, dtype=np.float64)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Scoring:
        """Releases made before there was any have none of it. Raises ValueError."""
        (frequency,) = tensors.get("frequency", np.zeros(1)).tolist()
        return cls(float(frequency), tuple(tensors.get("right", np.zeros(0)).tolist()))


PLAIN = Scoring()
