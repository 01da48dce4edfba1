"""Rate limits: token buckets in the memory of this process. Several processes would each grant the full rate.

A bucket holds `burst` tokens and refills at `rate` tokens a second; a request takes one of every bucket that concerns
it. Buckets that are full again are forgotten, so that memory follows the callers of the last minutes.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

MOST_BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`rate` requests a second in the long run, at most `burst` at once. A rate of 0 does not limit."""

    name: str
    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What became of a request: `wait` is 0 when it may go on, else seconds until it may.

    `remaining` and `reset` (seconds until full) speak of the bucket `rate` that is nearest to empty.
    """

    rate: Rate
    remaining: int
    reset: float
    wait: float = 0.0


class Limiter:
    """All buckets. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[str, Hashable], tuple[float, float]] = OrderedDict()

    def take(self, wanted: Sequence[tuple[Rate, Hashable]]) -> Grant | None:
        """Take a token from each of these buckets, or from none of them; None where nothing limits."""
        asked = [(rate, (rate.name, whom)) for rate, whom in wanted if rate.rate > 0]
        if not asked:
            return None
        with self._lock:
            now = self._clock()
            levels = [self._level(rate, key, now) for rate, key in asked]
            short = [(rate, level) for (rate, _), level in zip(asked, levels, strict=True) if level < 1]
            if short:
                return max((_grant(rate, level, (1 - level) / rate.rate) for rate, level in short), key=_waits)
            for (_, key), level in zip(asked, levels, strict=True):
                self._buckets[key] = (level - 1, now)
                self._buckets.move_to_end(key)
            self._forget(asked, now)
        return min((_grant(rate, level - 1) for (rate, _), level in zip(asked, levels, strict=True)), key=_left)

    def _level(self, rate: Rate, key: tuple[str, Hashable], now: float) -> float:
        level, at = self._buckets.get(key, (float(rate.burst), now))
        return min(float(rate.burst), level + (now - at) * rate.rate)

    def _forget(self, asked: Sequence[tuple[Rate, tuple[str, Hashable]]], now: float) -> None:
        """Drop the longest unused, a few at a time, once they have surely filled up or are too many."""
        fill = max(rate.burst / rate.rate for rate, _ in asked)
        for _ in range(4):
            if not self._buckets:
                return
            key, (_, at) = next(iter(self._buckets.items()))
            if now - at < max(fill, 60.0) and len(self._buckets) <= MOST_BUCKETS:
                return
            del self._buckets[key]


def _grant(rate: Rate, level: float, wait: float = 0.0) -> Grant:
    return Grant(rate, max(0, math.floor(level)), max(0.0, (rate.burst - level) / rate.rate), wait)


def _waits(grant: Grant) -> float:
    return grant.wait


def _left(grant: Grant) -> float:
    return grant.remaining / grant.rate.burst
