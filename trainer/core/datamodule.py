"""Batches of texts of like length, in an order that is a function of (seed, epoch) and can be resumed midway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import lightning as L
import numpy as np

from data.render import Padder, Rendered

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


class Batches:
    """An iterable of batches whose position survives a checkpoint (`state_dict`), as Lightning asks of a loader."""

    def __init__(self, rows: Rows, renderer: Padder, batch_size: int, order: tuple[int, int] | None) -> None:
        self._rows = rows
        self._renderer = renderer
        self._plan = plan_batches(rows.lengths(), batch_size, order)
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


def plan_batches(lengths: Sequence[int], size: int, order: tuple[int, int] | None) -> list[list[int]]:
    """Row numbers in batches of `size`, rows of like length together; `order` is (seed, epoch), None keeps it plain.

    Every row stands in exactly one batch. Unless batches hold one row each, a last one of one row joins another: a
    contrastive loss needs two.
    """
    if order is None:
        rows = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
        return [rows[at : at + size] for at in range(0, len(rows), size)]
    generator = np.random.default_rng(order)
    shuffled = generator.permutation(len(lengths)).tolist()
    chunk = size * BUCKET_BATCHES
    batches: list[list[int]] = []
    for at in range(0, len(shuffled), chunk):
        bucket = sorted(shuffled[at : at + chunk], key=lambda row: lengths[row])
        batches += [bucket[start : start + size] for start in range(0, len(bucket), size)]
    if size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [batches[-2] + batches[-1]]
    return [batches[at] for at in generator.permutation(len(batches))]


class TextData(L.LightningDataModule):
    """Training rows in a new order every epoch, validation rows in a fixed one."""

    def __init__(
        self, train: Rows, validation: Rows | None, renderer: Padder, sizes: tuple[int, int], at_once: int = 0
    ) -> None:
        """`sizes` is (batch size, seed); `at_once`: rows of a validation batch, by default two batches."""
        super().__init__()
        self._train, self._validation, self.renderer = train, validation, renderer
        self._batch_size, self._seed = sizes
        self._at_once = at_once or self._batch_size * 2

    def texts(self) -> list[Rendered]:
        """All that the encoder will read."""
        parts = [self._train] if self._validation is None else [self._train, self._validation]
        return [text for part in parts for text in part.texts(range(len(part)))]

    def steps(self, epochs: int) -> int:
        return epochs * len(plan_batches(self._train.lengths(), self._batch_size, (self._seed, 0)))

    def train_dataloader(self) -> Batches:
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        return Batches(self._train, self.renderer, self._batch_size, (self._seed, epoch))

    def validation_batches(self) -> list[Any]:
        if self._validation is None or len(self._validation) == 0:
            return []
        return list(Batches(self._validation, self.renderer, self._at_once, None))
