"""Which predictors are in memory, who holds them, and who leaves when there is no room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from export.predict import Predictor
from export.runtime import EncoderPool

Key = tuple[str, str]
"""Workspace and id of a bot."""


@dataclass(eq=False)
class Resident:
    """A predictor in memory. `version` is that of the live pointer it was loaded for; `own_bytes` without encoders.

    `alarm`: `number` is not what the pointer says, which did not load; `since`: when that was last tried.
    """

    key: Key
    bot: str
    predictor: Predictor
    number: int
    version: int
    alarm: bool = False
    since: float = 0.0
    in_use: int = 0
    leaving: bool = False
    used_at: float = 0.0
    own_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        parts = self.predictor.parts
        head = parts.intent.head.size_bytes if parts.intent is not None else 0
        self.own_bytes = head + (parts.reply.index.size_bytes if parts.reply is not None else 0)


class Residents:
    """The predictors of all bots. What is taken out while somebody holds it is closed by the last who gives it back."""

    def __init__(self, budget: int, pool: EncoderPool, clock: Callable[[], float]) -> None:
        self._budget = budget
        self._pool = pool
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Key, Resident] = {}

    @property
    def is_full(self) -> bool:
        """Whether the budget is used up."""
        with self._lock:
            return self._size() >= self._budget

    def holds(self, key: Key) -> bool:
        with self._lock:
            return key in self._held

    def all(self) -> tuple[Resident, ...]:
        with self._lock:
            return tuple(self._held.values())

    def take(self, key: Key) -> Resident | None:
        """The predictor of `key`, counted until `give_back`; None when it is not in memory."""
        with self._lock:
            resident = self._held.get(key)
            if resident is not None:
                resident.in_use += 1
                resident.used_at = self._clock()
            return resident

    def give_back(self, resident: Resident) -> None:
        with self._lock:
            resident.in_use -= 1
            over = resident.leaving and resident.in_use == 0
        if over:
            resident.predictor.close()

    def put(self, resident: Resident) -> None:
        """Answer with `resident` from now on; one of an older pointer than the one in memory is closed instead."""
        with self._lock:
            resident.used_at = self._clock()
            before = self._held.get(resident.key)
            late = before is not None and before.version > resident.version
            gone = resident if late else before
            if not late:
                self._held[resident.key] = resident
        self._let_go(gone)
        self._make_room(resident.key)

    def clear(self) -> None:
        """Take everything out."""
        with self._lock:
            gone = list(self._held.values())
            self._held.clear()
        for one in gone:
            self._let_go(one)

    def _make_room(self, keep: Key) -> None:
        """Take out what nobody uses, the least recently used first, while there is too much. One at a time: encoders
        are shared, so that what leaving one frees is known only afterwards."""
        while True:
            with self._lock:
                idle = [one for one in self._held.values() if one.key != keep and one.in_use == 0]
                if self._size() <= self._budget or not idle:
                    return
                oldest = min(idle, key=lambda one: one.used_at)
                del self._held[oldest.key]
            self._let_go(oldest)

    def _size(self) -> int:
        """Bytes of what is held: its own, and each encoder once."""
        return self._pool.size_bytes + sum(one.own_bytes for one in self._held.values())

    def _let_go(self, resident: Resident | None) -> None:
        """Close what was taken out, now or when its last holder gives it back."""
        if resident is None:
            return
        with self._lock:
            resident.leaving = True
            is_free = resident.in_use == 0
        if is_free:
            resident.predictor.close()
