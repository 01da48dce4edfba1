"""Hard negatives: wrong replies that the encoder, as it stands, puts near a context, learned beside those of the batch.

From the second epoch on each pair is told from the replies of the training set that score highest for its context
(Xiong et al. 2021, "Approximate Nearest Neighbor Negative Contrastive Learning for Dense Text Retrieval"). What scores
high is often right as well. So these are never taken: the reply itself, near-duplicates of it, whatever else the brand
said in the same context, and any reply that scores above a share of what the right one does (positive-aware mining:
Moreira et al. 2024, "NV-Retriever", arXiv 2407.15831).

What was found for an epoch is a stage of the run: a training that is taken up again learns from the same negatives.
Contexts and replies meet in blocks, so that all scores are never held.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from data.dedupe import NearIndex
from data.render import Padder, Rendered, Renderer
from export.onnx import PooledEncoder
from trainer.core.datamodule import Batches, Sizes, TextData
from trainer.core.embedding import embed
from trainer.core.run_folder import Arrays, RunFolder
from trainer.replies.recipe import ReplyRecipe
from trainer.tasks.reply import ReplyRows

CONTEXTS = 512
REPLIES = 4096
"""Scored at a time: 8 MB."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mined:
    """What mining before an epoch found and took: negatives for each pair in the mean, and the replies passed over
    since they scored too much like the right one; 1 is the first epoch."""

    epoch: int
    seconds: float
    negatives: float
    passed_over: float

    def to_wire(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "seconds": round(self.seconds, 2),
            "negatives": round(self.negatives, 3),
            "passed_over": round(self.passed_over, 3),
        }


class HardRows:
    """Pairs, and for each the replies that it is told from besides those of its batch: none before they were mined."""

    def __init__(self, rows: ReplyRows, replies: Sequence[str]) -> None:
        """`replies` are the texts of `rows`."""
        _, first, self.reply_of = np.unique(rows.keys, return_index=True, return_inverse=True)
        self.rows, self._first = rows, first
        keys = NearIndex().assign([replies[row] for row in first])
        self._group = np.unique(keys, return_inverse=True)[1]
        self._right = _right_groups(rows.contexts, self._group[self.reply_of])
        self._several = np.array([len(right) > 1 for right in self._right], dtype=bool)
        self.hard: npt.NDArray[np.int32] = np.zeros((len(rows), 0), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.rows)

    def lengths(self) -> list[int]:
        return self.rows.lengths()

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return self.rows.texts(rows)

    def batch(self, rows: Sequence[int], renderer: Padder) -> tuple[torch.Tensor, ...]:
        """That of the pairs, and where negatives were mined also (reply ids, mask [c, u]; is it wrong for [b, c])."""
        plain, at = self.rows.batch(rows, renderer), np.asarray(rows)
        beside = np.setdiff1d(self.hard[at], self.reply_of[at])
        beside = beside[beside >= 0]
        if not len(beside):
            return plain
        ids, mask = renderer.pad(self.distinct(beside))
        return (*plain, *map(torch.from_numpy, (ids, mask, self.is_wrong(at, beside))))

    @property
    def replies(self) -> int:
        """How many different replies there are."""
        return len(self._first)

    def distinct(self, replies: npt.NDArray[Any]) -> list[Rendered]:
        """Different replies by their number, as the encoder reads them."""
        return [self.rows.replies[row] for row in self._first[replies].tolist()]

    def is_wrong(self, rows: Ints, replies: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """[rows, replies]: neither like the right reply nor like what was said elsewhere in the same context."""
        group = self._group[replies]
        wrong: npt.NDArray[np.bool_] = group[None, :] != self._group[self.reply_of[rows]][:, None]
        for place in np.flatnonzero(self._several[rows]):
            wrong[place] = ~np.isin(group, self._right[rows[place]])
        return wrong


class HardData(TextData):
    """Training rows whose negatives are mined before each epoch but the first, by the encoder that learns."""

    def __init__(self, rows: HardRows, held: ReplyRows | None, renderer: Renderer, miner: Miner) -> None:
        super().__init__(rows, held, renderer, Sizes.of(miner.recipe), miner.recipe.seed)
        self._rows, self._miner = rows, miner
        self.mined: dict[int, Mined] = {}

    def train_dataloader(self) -> Batches:
        trainer = self.trainer
        if trainer is not None:
            # One that is taken up again finds those of the epochs before as it finds its own: in the run's folder.
            for epoch in range(1, trainer.current_epoch + 1):
                if epoch not in self.mined:
                    with trainer.precision_plugin.forward_context():
                        self.mined[epoch] = self._miner.mine(self._rows, epoch)
                    trainer.lightning_module.train()  # reading has left the encoder without its dropout
        return super().train_dataloader()


@dataclass(frozen=True, slots=True, eq=False)
class Miner:
    """Finds the hardest replies for each pair by `encoder`, and keeps them in `run`."""

    encoder: PooledEncoder
    renderer: Renderer
    recipe: ReplyRecipe
    run: RunFolder

    def mine(self, rows: HardRows, epoch: int) -> Mined:
        """Give `rows` the negatives of `epoch`, counted from 0."""
        found = self.run.stage(f"reply-hard-{epoch}", lambda: self._found(rows))
        rows.hard = found["hard"]
        seconds, over = found["told"].tolist()
        return Mined(epoch + 1, seconds, float((rows.hard >= 0).sum() / len(rows)), over / len(rows))

    def _found(self, rows: HardRows) -> Arrays:
        started, over = time.monotonic(), 0
        replies = self._embed(rows.distinct(np.arange(rows.replies)))
        hard = np.full((len(rows), self.recipe.hard_negatives), -1, dtype=np.int32)
        for start in range(0, len(rows), CONTEXTS):
            at = np.arange(start, min(start + CONTEXTS, len(rows)))
            contexts = self._embed([rows.rows.contexts[row] for row in at.tolist()])
            hard[at], passed = self._hardest(rows, at, contexts, replies)
            over += passed
        return {"hard": hard, "told": np.array([time.monotonic() - started, over], dtype=np.float64)}

    def _hardest(
        self, rows: HardRows, at: Ints, contexts: npt.NDArray[np.float32], replies: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int64], int]:
        """For the rows `at` the numbers [rows, hard_negatives] of wrong replies with the highest scores, -1 where there
        are no more; and how many were passed over."""
        count, over = self.recipe.hard_negatives, 0
        true = (contexts * replies[rows.reply_of[at]]).sum(axis=1)
        bar = true - (1 - self.recipe.hard_share) * np.abs(true)
        best = np.full((len(at), count), -np.inf, dtype=np.float32)
        names = np.full((len(at), count), -1, dtype=np.int64)
        for start in range(0, rows.replies, REPLIES):
            block = np.arange(start, min(start + REPLIES, rows.replies))
            scores = contexts @ replies[block].T
            wrong, near = rows.is_wrong(at, block), scores > bar[:, None]
            over += int((wrong & near).sum())
            scores[near | ~wrong] = -np.inf
            top = np.argpartition(-scores, min(count, len(block)) - 1, axis=1)[:, :count]
            scores = np.concatenate([best, np.take_along_axis(scores, top, axis=1)], axis=1)
            top = np.concatenate([names, block[top]], axis=1)
            order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
            best, names = np.take_along_axis(scores, order, axis=1), np.take_along_axis(top, order, axis=1)
        return np.where(np.isfinite(best), names, -1), over

    def _embed(self, texts: Sequence[Rendered]) -> npt.NDArray[np.float32]:
        return embed(self.encoder, self.renderer, texts, self.run.check)


def _right_groups(contexts: Sequence[Rendered], groups: Ints) -> list[Ints]:
    """For each row the groups of replies that its context got, in this row or another."""
    given: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for context, group in zip(contexts, groups.tolist(), strict=True):
        given[context.ids].add(group)
    right = {ids: np.array(sorted(found), dtype=np.int64) for ids, found in given.items()}
    return [right[context.ids] for context in contexts]


def drawn(rows: ReplyRows, replies: Sequence[str], recipe: ReplyRecipe) -> HardRows:
    """As many negatives as may be mined, drawn at random: a step takes as long with the ones as with the others."""
    harder = HardRows(rows, replies)
    shape = (len(rows), recipe.hard_negatives)
    if len(rows):
        harder.hard = np.random.default_rng(recipe.seed).integers(harder.replies, size=shape, dtype=np.int32)
    return harder
