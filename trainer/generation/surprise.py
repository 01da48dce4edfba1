"""How surprised a chat model is by what the brand said (bits per byte of replies), and how far it is from its base."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from data.chat_render import ChatRendered, ChatRenderer
from trainer.core.datamodule import Batches, Sizes, plan_batches
from trainer.generation.lines import Lesson, rendered, said
from trainer.judgement.likelihood import Likelihood
from trainer.tasks.generate import GenerateRows, GenerateTask

AT_ONCE = Sizes(rows=64, tokens=16_384)
"""What is read at once: its logits take half a gigabyte at most."""


def surprise(model: nn.Module, renderer: ChatRenderer, talks: Sequence[Lesson]) -> Likelihood:
    """Of what the brand says in `talks`, one row a conversation; the end of each turn counts as a token of it."""
    lines = [rendered([talk], renderer) for talk in talks]
    flat = [line for part in lines for line in part]
    nats = line_nats(model, GenerateRows(flat), renderer)
    sums: list[float] = []
    tokens: list[int] = []
    at = 0
    for part in lines:
        sums.append(sum(nats[at : at + len(part)]))
        tokens.append(sum(sum(line.said[1:]) for line in part))
        at += len(part)
    return Likelihood.of(sums, tokens, ["".join(said(talk)) for talk in talks])


def line_nats(model: nn.Module, rows: GenerateRows, renderer: ChatRenderer) -> list[float]:
    """The summed negative log-likelihood of what is to be learned in each line, in float32."""
    task = GenerateTask(model).eval()
    found = [0.0] * len(rows)
    plan = plan_batches(rows.lengths(), AT_ONCE, None)
    with torch.inference_mode():
        for at, batch in zip(plan, Batches(rows, renderer, AT_ONCE, None), strict=True):
            for row, value in zip(at, task.of_lines(batch).tolist(), strict=True):
                found[row] = value
    return found


def divergence(model: nn.Module, base: nn.Module, renderer: ChatRenderer, lines: Sequence[ChatRendered]) -> float:
    """How far `model` has moved from `base`: the mean Kullback-Leibler divergence of what it expects next from what its
    base expects, over the brand's tokens in `lines`, in nats."""
    rows = GenerateRows(lines)
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for batch in Batches(rows, renderer, Sizes(rows=16, tokens=4_096), None):
            tuned, plain = (GenerateTask(one).eval().scores(batch).log_softmax(-1) for one in (model, base))
            total += float((tuned.exp() * (tuned - plain)).double().sum())
            tokens += len(tuned)
    return total / tokens if tokens else 0.0
