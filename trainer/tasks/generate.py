"""Causal language modelling over conversations: what the brand says next, token by token.

Lines are padded at the right: a causal model never looks there, so that no mask is needed. Where lines are packed with
several conversations, a block for each keeps them from seeing one another, and places count from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from data.chat_render import ChatRendered
from data.render import Padder, Rendered
from trainer.tasks.task import Task

IGNORED = -100
"""The label of a token that is read, not learned."""
GenerateBatch = tuple[torch.Tensor, ...]
"""(ids [b, t], labels [b, t], which conversation of its line each token belongs to [b, t]); all int64. Labels are of
the token itself, not of the next one."""


@dataclass(frozen=True, eq=False)
class GenerateRows:
    """Lines of one conversation, or with `packed` tokens a line, of as many as fit. `everyone`: learn all tokens, not
    only the brand's."""

    rendered: Sequence[ChatRendered]
    everyone: bool = False
    packed: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    @cached_property
    def lines(self) -> list[list[int]]:
        if not self.packed:
            return [[row] for row in range(len(self.rendered))]
        return filled([len(rendered) for rendered in self.rendered], self.packed)

    def lengths(self) -> list[int]:
        return [sum(len(self.rendered[row]) for row in line) for line in self.lines]

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return []  # no layer of a generator is frozen

    def batch(self, rows: Sequence[int], renderer: Padder) -> GenerateBatch:
        lines = [[self.rendered[row] for row in self.lines[line]] for line in rows]
        joined = [Rendered(tuple(i for one in line for i in one.ids)) for line in lines]
        ids, mask = renderer.pad(joined)
        labels, block = np.full_like(ids, IGNORED), np.full_like(ids, -1)
        for at, line in enumerate(lines):
            told = np.array([i if self.everyone or said else IGNORED for i, said in _tokens(line)])
            labels[at, : len(told)] = told
            block[at, : len(told)] = np.repeat(np.arange(len(line)), [len(one) for one in line])
            starts = np.cumsum([0, *(len(one) for one in line[:-1])])
            labels[at, starts] = IGNORED  # nothing stands before it that it could be told from
        labels[mask == 0] = IGNORED
        return tuple(map(torch.from_numpy, (ids, labels, block)))

    @property
    def learned(self) -> int:
        """How many tokens are learned."""
        if self.everyone:
            return sum(len(one) - 1 for one in self.rendered)
        return sum(sum(one.said[1:]) for one in self.rendered)


def _tokens(line: Sequence[ChatRendered]) -> list[tuple[int, bool]]:
    return [pair for one in line for pair in zip(one.ids, one.said, strict=True)]


def filled(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Rows in lines of at most `room` tokens, the longest first, each into the first line that still takes it."""
    lines: list[list[int]] = []
    left: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        at = next((at for at, space in enumerate(left) if space >= lengths[row]), None)
        if at is None:
            lines.append([row])
            left.append(room - lengths[row])
        else:
            lines[at].append(row)
            left[at] -= lengths[row]
    return lines


class GenerateTask(Task):
    primary = "log_likelihood"

    def __init__(self, model: nn.Module, dropout: float = 0.0) -> None:
        """`dropout`: the share of what its words stand for that a step forgets."""
        super().__init__()
        self.model = model
        self._dropout = nn.Dropout(dropout)

    def loss(self, batch: GenerateBatch) -> torch.Tensor:
        losses = self.losses(batch)
        return losses.mean() if len(losses) else losses.sum()

    def losses(self, batch: GenerateBatch) -> torch.Tensor:
        """The negative log-likelihood of every token that is to be learned, in nats, float32 [n]."""
        wanted = batch[1][:, 1:]
        scores = self.scores(batch)
        with torch.autocast(scores.device.type, enabled=False):
            return nn.functional.cross_entropy(scores, wanted[wanted != IGNORED], reduction="none")

    def of_lines(self, batch: GenerateBatch) -> torch.Tensor:
        """The same summed up for each line, float64 [b]."""
        losses, wanted = self.losses(batch).double(), batch[1][:, 1:] != IGNORED
        line = torch.arange(len(wanted), device=losses.device)[:, None].expand_as(wanted)[wanted]
        return losses.new_zeros(len(wanted)).index_add(0, line, losses)

    def scores(self, batch: GenerateBatch) -> torch.Tensor:
        """Logits of what comes where a token is to be learned, float32 [n, vocabulary]."""
        ids, labels, block = batch
        hidden = self._read(ids, block)
        # Only there is it worth to ask which of the whole vocabulary comes next.
        wanted = labels[:, 1:] != IGNORED
        logits: torch.Tensor = self.model.get_output_embeddings()(hidden[:, :-1][wanted])  # type: ignore[operator]
        return logits.float()

    def validate(self, batches: Sequence[GenerateBatch]) -> dict[str, float]:
        losses = torch.cat([self.losses(batch) for batch in batches])
        mean = float(losses.mean()) if len(losses) else 0.0
        return {"loss": mean, "log_likelihood": -mean}

    def _read(self, ids: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
        """The states of the last layer, [b, t, hidden]."""
        body: Any = self.model.get_decoder()  # type: ignore[operator]
        said: dict[str, Any] = {"inputs_embeds": self._dropout(body.get_input_embeddings()(ids)), "use_cache": False}
        if int(block.max()) > 0:
            said |= {"attention_mask": seen(block)[:, None], "position_ids": places(block)}
        return torch.as_tensor(body(**said).last_hidden_state)


def seen(block: torch.Tensor) -> torch.Tensor:
    """Which tokens each token looks at, bool [b, t, t]: those of its own conversation up to itself."""
    length = block.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=block.device).tril()
    return before & (block[:, :, None] == block[:, None, :])


def places(block: torch.Tensor) -> torch.Tensor:
    """The place of each token in its own conversation, int64 [b, t]."""
    ahead = block[:, :, None] == block[:, None, :]
    return ahead.long().tril(-1).sum(dim=2)
