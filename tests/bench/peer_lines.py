"""What a comparison of ours with a peer has to say, over the seeds of one run."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.side import Side, Taken
from trainer.judgement import metrics
from trainer.judgement.intervals import Difference, paired_bootstrap


@dataclass(frozen=True, slots=True)
class Against:
    """Sides of the same seeds, in the same order, on the same rows."""

    peer: str
    truth: Sequence[str]
    ours: Sequence[Side]
    theirs: Sequence[Side]

    def lines(self) -> Iterator[str]:
        mine, other = self._accuracies(self.ours), self._accuracies(self.theirs)
        yield f"{self.peer}: {spread(other)} %, attune {spread(mine)} %: {self.difference().points}"
        yield f"  {took(self.theirs)}; attune {took(self.ours)}; {self._until()}"

    def difference(self) -> Difference:
        """Ours less theirs: of every row the share of seeds that get it right, rows drawn again."""
        return paired_bootstrap(
            lambda _, right: metrics.share(right),
            np.array(self.truth),
            (self._right(self.theirs), self._right(self.ours)),
            seed=0,
        )

    def _right(self, sides: Sequence[Side]) -> np.ndarray:
        return np.mean([np.array(side.said) == np.array(self.truth) for side in sides], axis=0)

    def _accuracies(self, sides: Sequence[Side]) -> list[float]:
        return [metrics.share(np.array(side.said) == np.array(self.truth)) for side in sides]

    def _until(self) -> str:
        """How long the peer takes to be as accurate as ours, by how long ours takes."""
        there = [
            _reached(side, at_end, goal)
            for side, at_end, goal in zip(
                self.theirs, self._accuracies(self.theirs), self._accuracies(self.ours), strict=True
            )
        ]
        spent = [side.training if at is None else at for side, at in zip(self.theirs, there, strict=True)]
        clock, processor = (
            sum(getattr(one, name) for one in spent) / sum(getattr(side.training, name) for side in self.ours)
            for name in ("clock", "processor")
        )
        times = f"{clock:.2f} times attune's time, {processor:.2f} times its processor time"
        reached = sum(at is not None for at in there)
        if not reached:
            return f"never as accurate as attune, all of its training is {times}"
        if reached == len(there):
            return f"as accurate as attune after {times}"
        return f"as accurate as attune with {reached} of {len(there)} seeds; to there, or to the end, {times}"


def _reached(side: Side, at_end: float, goal: float) -> Taken | None:
    """After how long the side is as accurate as that; None where it never is."""
    on_the_way = (look.after for look in side.looks if look.right >= goal)
    return next(on_the_way, side.training if at_end >= goal else None)


def spread(shares: Sequence[float]) -> str:
    mean = f"{100 * statistics.mean(shares):.2f}"
    return f"{mean} (spread {100 * statistics.stdev(shares):.2f})" if len(shares) > 1 else mean


def took(sides: Sequence[Side]) -> str:
    seconds, processor, ms, memory = (
        statistics.mean(values)
        for values in zip(
            *((s.training.clock, s.training.processor, s.latency_ms, s.peak_mb) for s in sides), strict=True
        )
    )
    return f"{seconds:.1f} s ({processor:.1f} of the processor), {ms:.2f} ms a text, {memory:,.0f} MB"
