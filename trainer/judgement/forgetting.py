"""How much of the language that a base knew its tuning forgot: everyday sentences, the same for every brand.

`everyday.tsv`, written for this project and frozen, holds 60 pairs of sentences that say the same in other words, and
60 that share words and say different things. A base that knows the language finds each of the former nearer than each
of the latter: 3,600 comparisons. What counts is those that the untouched base gets right and the tuned encoder, as it
is served, gets wrong. The sentences are English; of a base that does not tell them apart itself nothing is known. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

PAIRS = "everyday.tsv"
KNOWS = 0.8
"""Share of the comparisons that a base must get right to know the language; without knowing it, it gets half."""
MUCH = 0.05
"""Share of what the base knew from which its loss is worth a word."""

Vectors = Callable[[Sequence[str]], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Shares of all comparisons that base and tuned encoder get right, and `forgotten`: of those that the base gets
    right, the share that the tuned encoder gets wrong."""

    base: float
    tuned: float
    forgotten: float

    @property
    def is_much(self) -> bool:
        return self.is_known and self.forgotten > MUCH

    @property
    def is_known(self) -> bool:
        """Whether the base knows the language of the sentences, so that it could be forgotten at all."""
        return self.base >= KNOWS

    def to_wire(self) -> dict[str, Any]:
        shares = {"base": round(self.base, 4), "tuned": round(self.tuned, 4)}
        return {**shares, "forgotten": round(self.forgotten, 4) if self.is_known else None}


@lru_cache(maxsize=1)
def everyday() -> tuple[tuple[bool, str, str], ...]:
    """(whether they say the same, one sentence, the other)."""
    text = (files("trainer.judgement") / PAIRS).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    return tuple((kind == "same", first, second) for kind, first, second in rows)


def compared(base: npt.NDArray[Any], tuned: npt.NDArray[Any], same: Sequence[bool]) -> Forgetting:
    """From the similarity [pairs] of each pair by either; a tie is no knowledge."""
    alike = np.asarray(same, dtype=bool)
    knew, knows = (said[alike][:, None] > said[~alike][None, :] for said in (np.asarray(base), np.asarray(tuned)))
    lost = float((knew & ~knows).sum() / max(int(knew.sum()), 1))
    return Forgetting(float(knew.mean()), float(knows.mean()), lost)


def similarities(vectors: Vectors) -> npt.NDArray[Any]:
    """How alike an encoder finds the two sentences of each pair; `vectors` makes unit vectors [n, hidden] of texts."""
    first, second = [one for _, one, _ in everyday()], [other for _, _, other in everyday()]
    found = vectors([*first, *second])
    return np.asarray((found[: len(first)] * found[len(first) :]).sum(axis=1))


def measured(base: Vectors, tuned: Vectors) -> Forgetting:
    """What `tuned` forgot of `base`."""
    return compared(similarities(base), similarities(tuned), [same for same, _, _ in everyday()])
