"""What preference tuning did: which of two replies a model would rather give, before and after, and what that cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import nn

from data.catalogue import Kind, finding_of
from data.chat_render import ChatRenderer
from data.errors import Collapsed
from data.schema import Finding
from trainer.generation.lines import Lesson, rendered
from trainer.generation.pairs import Sides
from trainer.generation.surprise import divergence, line_nats, surprise
from trainer.judgement.intervals import Array, Interval, bootstrap
from trainer.judgement.likelihood import Likelihood
from trainer.tasks.generate import GenerateRows

CHOSEN_SANK, PREFERENCE_UNLEARNED = "chosen_sank", "preference_unlearned"
KINDS: Mapping[str, Kind] = {
    CHOSEN_SANK: Kind("warning", "Set supervised in the recipe (1 is a start), or lower its learning_rate or epochs."),
    PREFERENCE_UNLEARNED: Kind("warning", "Collect more corrections that ask for the same; take more epochs."),
}
"""The findings on preference tuning, explained with examples in docs/recipes.md."""
SANK = 1.05
"""How many times their surprise chosen replies may surprise afterwards: unlearning rejected replies moves near ones."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a model makes of pairs: log-probabilities of both sides in nats, float64 [n, 2], and their tokens [n, 2]."""

    logs: Array
    tokens: Array

    @classmethod
    def of(cls, sides: Sequence[Sides], logs: Array) -> Self:
        tokens = np.array([[sum(one.said) for one in both] for both in sides], dtype=np.int64).reshape(-1, 2)
        return cls(logs, tokens)

    @property
    def margins(self) -> Array:
        """How much likelier each chosen reply is than the rejected one, in nats."""
        return np.asarray(self.logs[:, 0] - self.logs[:, 1])

    def accuracy(self) -> Interval:
        """The share of pairs of which it would rather give the chosen reply than the rejected one."""
        return Interval.of_share(int(np.sum(self.margins > 0)), len(self.logs))

    @property
    def surprise(self) -> float:
        """Nats for each token of a chosen reply."""
        return float(-self.logs[:, 0].sum() / self.tokens[:, 0].sum()) if len(self.logs) else math.nan

    def to_wire(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy().to_wire(),
            "margin": float(self.margins.mean()) if len(self.logs) else None,
            "nats_per_token": self.surprise if len(self.logs) else None,
        }


def logs_of(model: nn.Module, sides: Sequence[Sides], renderer: ChatRenderer) -> Array:
    """The log-probability of each reply, float64 [n, 2]."""
    nats = line_nats(model, GenerateRows([one for both in sides for one in both]), renderer)
    return -np.array(nats, dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Preferred:
    """`before` and `after` of pairs that nobody learned from; `replies_before` and `replies_after` of the brand's own
    replies in other conversations. `drift`: the mean divergence, in nats, of what the model expects next in them from
    what the model it started from does."""

    before: Standing
    after: Standing
    replies_before: Likelihood
    replies_after: Likelihood
    drift: float

    def to_wire(self) -> dict[str, Any]:
        return {
            "pairs": len(self.before.logs),
            "before": self.before.to_wire(),
            "after": self.after.to_wire(),
            "replies_before": self.replies_before.to_wire(),
            "replies_after": self.replies_after.to_wire(),
            "bits_per_byte": self.replies_after.less(self.replies_before).to_wire(),
            "drift": self.drift,
        }


def compared(
    start: nn.Module, tuned: nn.Module, renderer: ChatRenderer, held: Sequence[Sides], talks: Sequence[Lesson]
) -> Preferred:
    """`tuned` beside the model that it started from, on pairs and conversations that neither learned from."""
    before, after = (Standing.of(held, logs_of(model, held, renderer)) for model in (start, tuned))
    told = [surprise(model, renderer, talks) for model in (start, tuned)]
    return Preferred(before, after, told[0], told[1], divergence(tuned, start, renderer, rendered(talks, renderer)))


def judged(before: Standing, after: Standing, guess: float, seed: int) -> tuple[Finding, ...]:
    """What there is to say of a tuning. Raises Collapsed where chosen replies surprise more than `guess`, which is what
    any reply would surprise one who knows nothing."""
    if after.surprise >= guess:
        raise Collapsed(
            f"The replies that reviewers chose became as unlikely as any others: {after.surprise:.2f} nats a token, "
            f"{before.surprise:.2f} before.",
            remedy="Lower the learning rate or the epochs of the recipe, or set supervised to 1 or more.",
        )
    return tuple(_findings(before, after, seed))


def _findings(before: Standing, after: Standing, seed: int) -> Iterator[Finding]:
    if after.surprise > SANK * before.surprise:
        said = f"A token of the chosen replies surprises by {after.surprise:.3f} nats, {before.surprise:.3f} before."
        yield finding_of(KINDS, CHOSEN_SANK, len(after.logs), said)
    gained = bootstrap(_mean, after.margins - before.margins, seed=seed)
    if not gained.low > 0:
        said = f"Of {len(after.logs)} pairs the chosen reply is likelier by {after.margins.mean():.2f} nats than the "
        said += f"rejected one, by {before.margins.mean():.2f} before: no more than chance explains."
        yield finding_of(KINDS, PREFERENCE_UNLEARNED, len(after.logs), said)


def _mean(values: Array) -> float:
    return float(values.mean())
