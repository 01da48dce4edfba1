"""A linear-chain conditional random field (Lafferty et al. 2001): how likely a sequence of tags is, given what each
token says for each tag. `export.tagging` reads what is learned here."""

from __future__ import annotations

import torch
from torch import nn

from export.tagging import allowed

IGNORED = -1
"""The tag of a token that stands for no text."""


class Chain(nn.Module):
    """Scores for what follows what, and for what stands first; what BIO forbids stays forbidden."""

    fixed_steps: torch.Tensor
    fixed_begin: torch.Tensor

    def __init__(self, types: tuple[str, ...]) -> None:
        super().__init__()
        steps, begin = (torch.from_numpy(scores) for scores in allowed(types))
        self.register_buffer("fixed_steps", steps, persistent=False)
        self.register_buffer("fixed_begin", begin, persistent=False)
        self.steps = nn.Parameter(torch.zeros_like(steps))
        self.first = nn.Parameter(torch.zeros_like(begin))

    @property
    def transitions(self) -> torch.Tensor:
        return self.steps + self.fixed_steps

    @property
    def begin(self) -> torch.Tensor:
        return self.first + self.fixed_begin

    def loss(self, emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        """Mean negative log-likelihood of a token's tag, [batch, sequence, tags] and [batch, sequence]; tokens whose
        tag is IGNORED stand outside of the chain."""
        emissions, tags, mask = _together(emissions, tags)
        transitions, rows = self.transitions, torch.arange(len(tags), device=tags.device)
        forth = self.begin + emissions[:, 0]
        true = forth[rows, tags[:, 0]] * mask[:, 0]
        for at in range(1, tags.shape[1]):
            onward = torch.logsumexp(forth[:, :, None] + transitions[None], dim=1) + emissions[:, at]
            step = transitions[tags[:, at - 1], tags[:, at]] + emissions[rows, at, tags[:, at]]
            forth = torch.where(mask[:, at, None], onward, forth)
            true = true + step * mask[:, at]
        whole = torch.logsumexp(forth, dim=1) * mask[:, 0]
        return (whole - true).sum() / mask.sum().clamp(min=1)


def _together(emissions: torch.Tensor, tags: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Both without the ignored tokens, which part no neighbours; (emissions, tags, which of them are there)."""
    counted = tags != IGNORED
    longest = max(int(counted.sum(dim=1).max()), 1)
    order = torch.argsort((~counted).to(torch.int8), dim=1, stable=True)[:, :longest]
    gathered = torch.gather(emissions, 1, order[..., None].expand(-1, -1, emissions.shape[2]))
    mask = torch.gather(counted, 1, order)
    return gathered, torch.gather(tags, 1, order).clamp(min=0), mask
