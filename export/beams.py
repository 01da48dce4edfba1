"""Beam search: follow the few likeliest beginnings at once; take the text whose tokens are likeliest on average. Pure.

The rules are those of transformers (length penalty 1, no early stopping): at each step the candidates are the 2 x width
likeliest continuations; one that ends counts as finished if it is among the first `width` of them; the search is over
when no beginning can still beat the worst of `width` finished ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
Why = TypeVar("Why")
Step = Callable[[Ids, Ids], Logits]
"""(a token for each row, the row of the last step that it goes on from) to the scores of what comes next [rows, v]."""


@dataclass(frozen=True, slots=True)
class _Beam:
    """A beginning, or a whole text, the row it goes on from, and the logarithm of its probability."""

    ids: tuple[int, ...]
    chance: float
    row: int = 0

    @property
    def worth(self) -> float:
        return self.chance / max(len(self.ids), 1)


@dataclass(frozen=True, slots=True)
class Found(Generic[Why]):
    """The ids of the best text, its end included where it came to one; and why the search was not finished, if so."""

    ids: tuple[int, ...]
    interrupted: Why | None


def beam_search(
    first: Logits, step: Step, end_id: int, limits: tuple[int, int], watch: Callable[[], Why | None]
) -> Found[Why]:
    """The likeliest text. `first`: scores [1, vocabulary] of its first token; `limits`: (width, most tokens). As soon
    as `watch` gives a reason to stop, the best that was found until then."""
    width, most = limits
    running, finished, logits = [_Beam((), 0.0)], list[_Beam](), first
    why: Why | None = None
    for length in range(1, most + 1):
        candidates = _candidates(running, logits, 2 * width)
        over = length == most
        ended = [one for one in candidates[:width] if over or one.ids[-1] == end_id]
        finished = sorted([*finished, *ended], key=lambda one: -one.worth)[:width]
        going = [one for one in candidates if one.ids[-1] != end_id][:width]
        decided = len(finished) == width and (not going or going[0].worth <= finished[-1].worth)
        if over or not going or decided:
            break
        running = going
        why = watch()
        if why is not None:
            break
        tokens, rows = [one.ids[-1] for one in going], [one.row for one in going]
        logits = step(np.array(tokens, dtype=np.int64), np.array(rows, dtype=np.int64))
    if why is not None:  # a whole text that was found by then may be worth less than one that was not yet whole
        finished = sorted([*finished, *running], key=lambda one: -one.worth)
    return Found(finished[0].ids, why)


def _candidates(running: list[_Beam], logits: Logits, most: int) -> list[_Beam]:
    """The likeliest continuations, the likeliest first, of equally likely ones the first."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1, keepdims=True)
    chances = wide - top - np.log(np.exp(wide - top).sum(axis=1, keepdims=True))
    chances += np.array([one.chance for one in running])[:, None]
    flat, size = chances.ravel(), chances.shape[1]
    best = np.argpartition(-flat, min(most, len(flat)) - 1)[:most]
    ordered = best[np.lexsort((best, -flat[best]))]
    found = ((divmod(int(at), size), float(flat[at])) for at in ordered)
    return [_Beam((*running[row].ids, token), chance, row) for (row, token), chance in found]
