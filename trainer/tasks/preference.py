"""Preference between two replies to one conversation: the chosen one is to become the likelier, by one of two measures.

- `dpo` (Rafailov et al. 2023, "Direct Preference Optimization"): how much likelier the chosen reply became than it was
  to the model that the training starts from, less the same of the rejected one. What that model says of both is a
  number a reply, known before the first step, so that no second model is in memory.
- `orpo` (Hong et al. 2024, "ORPO: Monolithic Preference Optimization without Reference Model"): the logarithm of the
  odds of the chosen reply, less that of the rejected one, where the probability of a reply is the geometric mean of
  those of its tokens. No model is asked but the one that learns.

Weighed by `beta`, less `margin`, the difference goes through the logistic function: the loss is the negative logarithm
of the probability that whoever preferred one of the two would have preferred this one (Bradley & Terry 1952). With
`supervised`, the mean surprise of a token of the chosen reply is added, so many times: without it, rejected replies
that share words with chosen ones pull these down with them (figures in docs/recipes.md). ORPO's lambda is 1 over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from data.chat_render import ChatRendered
from data.render import Padder, Rendered
from trainer.generation.recipe import PreferenceRecipe
from trainer.judgement.intervals import Array
from trainer.tasks.generate import IGNORED, GenerateBatch, GenerateRows, GenerateTask
from trainer.tasks.task import Task

PreferenceBatch = tuple[torch.Tensor, ...]
"""A batch of `trainer.tasks.generate`, all chosen replies before all rejected ones, and what the model that the
training starts from makes of each, in nats, float64 [2b]."""
SURE = 1e-9
"""Nats a token, below which a reply is certain, and its odds endless."""


@dataclass(frozen=True, slots=True)
class Side:
    """Of the chosen or the rejected replies of some pairs: log-probabilities, the same to the model that the training
    starts from, and how many tokens they have. All [b]."""

    now: torch.Tensor
    before: torch.Tensor
    tokens: torch.Tensor

    @property
    def mean(self) -> torch.Tensor:
        """Of a token."""
        return self.now / self.tokens

    @property
    def log_odds(self) -> torch.Tensor:
        mean = self.mean.clamp(max=-SURE)
        return mean - torch.log(-torch.expm1(mean))


@dataclass(frozen=True, slots=True)
class Objective:
    recipe: PreferenceRecipe

    def losses(self, chosen: Side, rejected: Side) -> torch.Tensor:
        """One a pair."""
        recipe = self.recipe
        if recipe.method == "dpo":
            difference = (chosen.now - chosen.before) - (rejected.now - rejected.before)
        else:
            difference = chosen.log_odds - rejected.log_odds
        preferred = nn.functional.softplus(recipe.margin - recipe.beta * difference)
        return preferred - recipe.supervised * chosen.mean if recipe.supervised else preferred


@dataclass(frozen=True, eq=False)
class PreferenceRows:
    """Pairs of lines that differ in the reply alone. `before`: their log-probabilities to the model that the training
    starts from, float64 [n, 2]."""

    chosen: GenerateRows
    rejected: GenerateRows
    before: Array

    @classmethod
    def of(cls, sides: Sequence[tuple[ChatRendered, ChatRendered]], before: Array) -> Self:
        return cls(GenerateRows([chosen for chosen, _ in sides]), GenerateRows([other for _, other in sides]), before)

    def __len__(self) -> int:
        return len(self.chosen)

    def lengths(self) -> list[int]:
        """What a pair takes of a batch: two lines, as long as the longer one."""
        return [2 * max(both) for both in zip(self.chosen.lengths(), self.rejected.lengths(), strict=True)]

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return []  # no layer of a generator is frozen

    def batch(self, rows: Sequence[int], renderer: Padder) -> PreferenceBatch:
        both = GenerateRows([side.rendered[row] for side in (self.chosen, self.rejected) for row in rows])
        before = torch.from_numpy(np.ascontiguousarray(self.before[list(rows)].T.reshape(-1)))
        return (*both.batch(range(len(both)), renderer), before)

    def sides(self, now: Array) -> tuple[Side, Side]:
        """Both, where a model gives them the log-probabilities `now`, float64 [n, 2]."""
        tokens = [[sum(one.said[1:]) for one in side.rendered] for side in (self.chosen, self.rejected)]
        chosen, rejected = (
            Side(torch.from_numpy(now[:, at]), torch.from_numpy(self.before[:, at]), torch.tensor(tokens[at]))
            for at in (0, 1)
        )
        return chosen, rejected


class PreferenceTask(Task):
    primary = "objective"
    """The loss on held-out pairs, negated: a share of pairs that are right would stand still at 1 long before the model
    says what is preferred."""

    def __init__(self, model: nn.Module, recipe: PreferenceRecipe) -> None:
        super().__init__()
        self.writer = GenerateTask(model, recipe.dropout)
        self._objective = Objective(recipe)

    def loss(self, batch: PreferenceBatch) -> torch.Tensor:
        return self._objective.losses(*self.sides(batch)).mean()

    def validate(self, batches: Sequence[PreferenceBatch]) -> dict[str, float]:
        told = [self.sides(batch) for batch in batches]
        loss = float(torch.cat([self._objective.losses(*both) for both in told]).mean())
        ahead = torch.cat([chosen.now - rejected.now for chosen, rejected in told])
        return {"loss": loss, "objective": -loss, "accuracy": float((ahead > 0).double().mean())}

    def sides(self, batch: PreferenceBatch) -> tuple[Side, Side]:
        lines: GenerateBatch = batch[:3]
        now, tokens = -self.writer.of_lines(lines), (lines[1][:, 1:] != IGNORED).sum(dim=1)
        both = zip(now.chunk(2), batch[3].chunk(2), tokens.chunk(2), strict=True)
        chosen, rejected = (Side(*side) for side in both)
        return chosen, rejected
