"""Training the selector: a dual encoder that finds, among the brand's own replies, the one for a conversation."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import DatasetError
from data.render import CONTEXT_TURNS, Renderer
from data.schema import Conversation, Finding, Role
from export.onnx import PooledEncoder
from export.replies import key_of
from trainer.bases.catalogue import LocalBase
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData
from trainer.core.embedding import Check, embed, embed_texts
from trainer.core.fit import fit
from trainer.core.health import Signs, diagnose, refuse
from trainer.core.run_folder import RunFolder
from trainer.replies.hard_negatives import HardData, HardRows, Mined, Miner
from trainer.replies.recipe import LONGEST, ReplyRecipe
from trainer.tasks.reply import ReplyRows, ReplyTask

Context = tuple[tuple[Role, str], ...]
MOST_VALIDATION = 500
"""Validation pairs looked at after each epoch: enough to tell epochs apart, few enough to cost seconds."""
MEASURED = 500
"""Pairs whose length stands for that of all."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was said so far (oldest turn first, the customer's last) and what the brand replied; texts are prepared.
    `intents`, of the customer's last turns, are one a pair or none at all."""

    contexts: Sequence[Context]
    replies: Sequence[str]
    intents: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.replies)

    def pick(self, rows: Sequence[int]) -> Pairs:
        intents = [self.intents[row] for row in rows] if self.intents else ()
        return Pairs([self.contexts[row] for row in rows], [self.replies[row] for row in rows], intents)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedReply:
    encoder: PooledEncoder
    renderer: Renderer
    recipe: ReplyRecipe
    history: tuple[Row, ...]
    seconds: float
    encoder_is_base: bool
    findings: tuple[Finding, ...] = ()
    """What there is to say about the training; no error is among them."""
    mined: tuple[Mined, ...] = ()
    """What the hard negatives were and cost, epoch by epoch."""

    @property
    def frequency(self) -> float:
        """What the logarithm of a reply's count weighs beside a cosine."""
        return self.recipe.frequency / self.recipe.scale

    def contexts(self, contexts: Sequence[Context], check: Check | None = None) -> npt.NDArray[np.float32]:
        """Unit vectors [n, hidden]; `check` is called between batches and may raise."""
        return embed_contexts(self.encoder, self.renderer, contexts, check)

    def replies(self, replies: Sequence[str], check: Check | None = None) -> npt.NDArray[np.float32]:
        """Unit vectors [n, hidden]; `check` is called between batches and may raise."""
        return embed_texts(self.encoder, self.renderer, replies, check)


def pairs_of(conversations: Iterable[Conversation]) -> Pairs:
    """Every brand turn that follows a user turn, with the turns before it that a model reads."""
    contexts: list[Context] = []
    replies: list[str] = []
    for conversation in conversations:
        turns = conversation.turns
        for at in range(1, len(turns)):
            if turns[at].is_brand and turns[at - 1].role == "user":
                before = turns[max(at - CONTEXT_TURNS, 0) : at]
                contexts.append(tuple((turn.role, turn.text) for turn in before))
                replies.append(turns[at].text)
    return Pairs(contexts, replies)


def mean_length(pairs: Pairs, base: LocalBase) -> float:
    """Tokens of a pair in the mean, as the model reads them."""
    renderer = base.renderer(LONGEST)
    some = pairs.pick(np.linspace(0, len(pairs) - 1, min(len(pairs), MEASURED), dtype=np.int64).tolist())
    contexts, replies = map(renderer.context, some.contexts), renderer.utterances(some.replies)
    return sum(map(len, (*contexts, *replies))) / max(len(some), 1)


def learned(recipe: ReplyRecipe, pairs: Pairs) -> list[int]:
    """The rows of `pairs` that a training by `recipe` learns from, in their order: all, or a draw by its seed."""
    if not recipe.most_pairs or len(pairs) <= recipe.most_pairs:
        return list(range(len(pairs)))
    drawn = np.random.default_rng(recipe.seed).permutation(len(pairs))[: recipe.most_pairs]
    return sorted(drawn.tolist())


def train_reply(
    recipe: ReplyRecipe, base: LocalBase, train: Pairs, validation: Pairs | None, run: RunFolder
) -> TrainedReply:
    """Train by `recipe`. Raises DatasetError below two distinct replies: there is nothing to choose between.

    Raises Diverged too.
    """
    started = time.monotonic()
    if len(set(train.replies)) < 2:
        raise DatasetError(
            f"A selector needs at least two different replies of the brand; the data has {len(set(train.replies))}.",
            remedy="Import conversations in which the brand answers.",
        )
    renderer, encoder = base.renderer(recipe.max_length), base.encoder()
    history: tuple[Row, ...] = ()
    mined: tuple[Mined, ...] = ()
    task = ReplyTask(encoder, recipe) if recipe.method == "full" else None
    # A recipe may freeze as many layers as a small base has: then there is nothing to fit.
    tuned = task is not None and any(parameter.requires_grad for parameter in task.parameters())
    if task is not None and tuned:
        data = _data(train.pick(learned(recipe, train)), validation, Miner(encoder, renderer, recipe, run))
        history = fit(task, data, recipe, run, "reply").history
        mined = tuple(data.mined.values()) if isinstance(data, HardData) else ()
    # Who knows nothing takes any reply of the batch.
    findings = diagnose(Signs(history, (), math.log(min(recipe.batch_size, len(train))), ReplyTask.primary))
    refuse(findings)
    return TrainedReply(encoder, renderer, recipe, history, time.monotonic() - started, not tuned, findings, mined)


def _data(train: Pairs, validation: Pairs | None, miner: Miner) -> TextData:
    """What is learned and what is held out, with hard negatives where the recipe wants them."""
    keys: dict[str, int] = {}
    recipe, renderer = miner.recipe, miner.renderer
    held = rows_of(_some(validation, recipe.seed), renderer, keys) if validation else None
    rows = rows_of(train, renderer, keys)
    if recipe.hard_negatives:
        return HardData(HardRows(rows, train.replies), held, renderer, miner)
    return TextData(rows, held, renderer, Sizes.of(recipe), recipe.seed)


def embed_contexts(
    encoder: PooledEncoder, renderer: Renderer, contexts: Sequence[Context], check: Check | None = None
) -> npt.NDArray[np.float32]:
    return embed(encoder, renderer, [renderer.context(context) for context in contexts], check)


def rows_of(pairs: Pairs, renderer: Renderer, keys: dict[str, int]) -> ReplyRows:
    """Render `pairs`; replies of one key share a number, and those that `keys` lacks get the next ones."""
    return ReplyRows(
        contexts=[renderer.context(context) for context in pairs.contexts],
        replies=renderer.utterances(pairs.replies),
        keys=np.array([keys.setdefault(key_of(reply), len(keys)) for reply in pairs.replies], dtype=np.int64),
    )


def _some(pairs: Pairs, seed: int) -> Pairs:
    if len(pairs) <= MOST_VALIDATION:
        return pairs
    drawn = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:MOST_VALIDATION])
    return pairs.pick(drawn.tolist())
