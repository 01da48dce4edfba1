"""Batches of texts of like length, in an order that is a function of (seed, epoch) and can be resumed midway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import lightning as L
import numpy as np

from data.render import Padder, Rendered
from trainer.recipes import Recipe

BUCKET_BATCHES = 16
"""Batches shuffled together before sorting by length: large enough to save padding, small enough to mix."""


class Rows(Protocol):
    """Training rows of a task."""

    def __len__(self) -> int: ...
    def lengths(self) -> list[int]: ...
    def batch(self, rows: Sequence[int], renderer: Padder) -> Any: ...
    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        """All that the encoder reads of these rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RenderedRows:
    """Rows of one text each."""

    rendered: Sequence[Rendered]

    def __len__(self) -> int:
        return len(self.rendered)

    def lengths(self) -> list[int]:
        return [len(rendered) for rendered in self.rendered]

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return [self.rendered[row] for row in rows]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a batch holds: `rows` at most, and where `tokens` is not 0 no more than that, padding included, unless a
    single row does. `at_once`: rows of a validation batch; 0: two batches."""

    rows: int
    at_once: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, recipe: Recipe, tokens: int = 0) -> Sizes:
        return cls(recipe.batch_size, recipe.eval_batch_size, tokens)

    def of_validation(self) -> Sizes:
        return replace(self, rows=self.at_once or self.rows * 2)


class Batches:
    """An iterable of batches whose position survives a checkpoint (`state_dict`), as Lightning asks of a loader."""

    def __init__(self, rows: Rows, renderer: Padder, sizes: Sizes, order: tuple[int, int] | None) -> None:
        self._rows = rows
        self._renderer = renderer
        self._plan = plan_batches(rows.lengths(), sizes, order)
        self._done = 0

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Any]:
        start, self._done = self._done, 0
        for at in range(start, len(self._plan)):
            self._done = at + 1
            yield self._rows.batch(self._plan[at], self._renderer)
        self._done = 0

    def state_dict(self) -> dict[str, int]:
        return {"done": self._done % len(self._plan)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._done = int(state["done"])


def plan_batches(lengths: Sequence[int], sizes: Sizes, order: tuple[int, int] | None) -> list[list[int]]:
    """Row numbers in batches, rows of like length together; `order` is (seed, epoch), None keeps it plain.

    Every row stands in exactly one batch. Unless batches hold one row each, a last one of one row joins another: a
    contrastive loss needs two.
    """
    if order is None:
        return _cut(sorted(range(len(lengths)), key=lambda row: (lengths[row], row)), lengths, sizes)
    generator = np.random.default_rng(order)
    shuffled = generator.permutation(len(lengths)).tolist()
    chunk = sizes.rows * BUCKET_BATCHES
    batches: list[list[int]] = []
    for at in range(0, len(shuffled), chunk):
        batches += _cut(sorted(shuffled[at : at + chunk], key=lambda row: lengths[row]), lengths, sizes)
    if sizes.rows > 1 and not sizes.tokens and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [batches[-2] + batches[-1]]
    return [batches[at] for at in generator.permutation(len(batches))]


def padded_tokens(lengths: Sequence[int], batch: Sequence[int]) -> int:
    """What a batch holds, padding included."""
    return max(lengths[row] for row in batch) * len(batch)


def _cut(rows: Sequence[int], lengths: Sequence[int], sizes: Sizes) -> list[list[int]]:
    """`rows`, shortest first, in batches."""
    batches: list[list[int]] = []
    for row in rows:
        last = batches[-1] if batches else []
        full = len(last) == sizes.rows or (sizes.tokens and (len(last) + 1) * lengths[row] > sizes.tokens)
        if not last or full:
            batches.append([row])
        else:
            last.append(row)
    return batches


class TextData(L.LightningDataModule):
    """Training rows in a new order every epoch, validation rows in a fixed one."""

    def __init__(self, train: Rows, validation: Rows | None, renderer: Padder, sizes: Sizes, seed: int) -> None:
        super().__init__()
        self._train, self._validation, self.renderer = train, validation, renderer
        self._sizes, self._seed = sizes, seed

    def texts(self) -> list[Rendered]:
        """All that the encoder will read."""
        parts = [self._train] if self._validation is None else [self._train, self._validation]
        return [text for part in parts for text in part.texts(range(len(part)))]

    def steps(self, epochs: int) -> int:
        return epochs * len(plan_batches(self._train.lengths(), self._sizes, (self._seed, 0)))

    def train_dataloader(self) -> Batches:
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        return Batches(self._train, self.renderer, self._sizes, (self._seed, epoch))

    def validation_batches(self) -> list[Any]:
        if self._validation is None or len(self._validation) == 0:
            return []
        return list(Batches(self._validation, self.renderer, self._sizes.of_validation(), None))
