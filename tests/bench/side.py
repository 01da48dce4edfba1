"""One side of a comparison of intent models: the rows it gets, what it answers to others, and what that took."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.settings import Settings
from trainer.experiments.reading import LabelledFile, read_labelled


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of the clock and of the processor; the latter hardly mind what else a machine does."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Taken:
        return cls(time.monotonic(), time.process_time())

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.clock - other.clock, self.processor - other.processor)

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.clock + other.clock, self.processor + other.processor)


@dataclass(frozen=True, slots=True)
class Work:
    """A file to learn from, or so many rows of each of its labels as `seed` draws, and a file to be asked."""

    train: Path
    test: Path
    seed: int = 0
    per_class: int | None = None
    threads: int = 0
    """Of the processor; 0 takes every core."""

    def rows(self) -> tuple[LabelledFile, LabelledFile]:
        """(rows to learn from, rows to be asked), as they stand in the files."""
        learned, asked = (read_labelled(path, Settings().imports) for path in (self.train, self.test))
        return (learned if self.per_class is None else learned.per_class(self.per_class, self.seed)), asked


@dataclass(frozen=True, slots=True)
class Look:
    """How many of the asked rows a model got right at some point of its training."""

    after: Taken
    right: float


@dataclass(frozen=True, slots=True)
class Side:
    said: Sequence[str]
    """A label for every asked row."""
    training: Taken
    latency_ms: float
    """The median of one text."""
    peak_mb: float
    """The most that its process ever held."""
    looks: Sequence[Look] = ()
    """On the way, in order; none where there is no model before the end."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """What an experiment of ours says besides."""


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
