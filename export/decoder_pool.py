"""Decoders of many releases in one process: shared by digest, and only so many replies written at once.

A reply takes the processor for a second, not a millisecond. More of them at once than there are cores make all of them
late; so each takes a turn, few wait for one, and whoever comes then is told to come again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.errors import Overloaded
from export.adapters import adapter_path
from export.decoders import decoder_path, open_decoder
from export.decoding import Decoder
from export.sharing import SharedModels, Use


@dataclass(frozen=True, slots=True)
class Turns:
    """How many replies are written at once, how many may wait for that, and for how many seconds."""

    at_once: int = 2
    waiting: int = 8
    seconds: float = 5.0


class DecoderPool(SharedModels[Decoder]):
    """Loaded decoders shared by digest, and turns at writing with them. Thread-safe."""

    def __init__(self, home: Path, threads: int = 1, turns: Turns = Turns()) -> None:
        """`home` holds the folders `decoders` and `adapters`; each decoder computes with `threads` threads."""
        shelf = home / "decoders"
        # What holds an adapter is a loaded bot: one that nobody holds is not kept.
        super().__init__(lambda digest: Decoder(open_decoder(decoder_path(shelf, digest)), threads, spare=0))
        self._adapters = home / "adapters"
        self._turns = turns
        self._free = threading.BoundedSemaphore(turns.at_once)
        self._counting = threading.Lock()
        self._waiting = 0

    def adapter(self, digest: str) -> Path:
        """Where the adapter `digest` stands, as `Wish` takes it. Raises IntegrityError for what is no digest."""
        return adapter_path(self._adapters, digest)

    def usage(self) -> tuple[Use, ...]:
        """Decoders, and the adapters over them."""
        return (*super().usage(), *(use for decoder in self.loaded() for use in decoder.adapters.usage()))

    @contextmanager
    def turn(self, seconds: float | None = None) -> Iterator[None]:
        """The right to write one reply, within the block. Raises Overloaded when it does not come within `seconds`
        (as the pool was told when None), and at once when too many wait already."""
        if not self._free.acquire(blocking=False):
            self._wait(self._turns.seconds if seconds is None else seconds)
        try:
            yield
        finally:
            self._free.release()

    @property
    def waiting(self) -> int:
        """How many wait for a turn now."""
        return self._waiting

    def _wait(self, seconds: float) -> None:
        with self._counting:
            if self._waiting >= self._turns.waiting:
                raise _overloaded()
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=max(seconds, 0.0)):
                raise _overloaded()
        finally:
            with self._counting:
                self._waiting -= 1


def _overloaded() -> Overloaded:
    return Overloaded("Too many replies are being written at once.", remedy="Try again in a moment.")
