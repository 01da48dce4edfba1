"""Loaded models shared by digest: loaded by the first who asks, dropped when the last gives them back.

Loading one does not keep others waiting, and two who ask for the same one at once load it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Loaded(Protocol):
    """Something in memory; `size_bytes` as it lies on the disk."""

    size_bytes: int


T = TypeVar("T", bound=Loaded)


@dataclass(frozen=True, slots=True)
class Use:
    """One line of the books: bytes on disk of what is loaded, and how many hold it."""

    digest: str
    size_bytes: int
    references: int


@dataclass(slots=True)
class _Place(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    model: T | None = None
    references: int = 0


class SharedModels(Generic[T]):
    """The loaded models of one kind. Thread-safe."""

    def __init__(self, load: Callable[[str], T]) -> None:
        """`load` brings the model of a digest into memory."""
        self._load = load
        self._lock = threading.Lock()
        self._places: dict[str, _Place[T]] = {}

    def acquire(self, digest: str) -> T:
        """The model `digest`, counted until `release`. What `load` raises is raised, then nothing is counted."""
        with self._lock:
            place = self._places.setdefault(digest, _Place())
            place.references += 1
        try:
            with place.lock:
                if place.model is None:
                    place.model = self._load(digest)
                return place.model
        except BaseException:
            self.release(digest)
            raise

    def release(self, digest: str) -> None:
        """Give one reference back; the last one frees the memory. Giving back more than was taken is a bug."""
        with self._lock:
            place = self._places.get(digest)
            if place is None:
                raise ValueError(f"the model {digest[:12]} was given back more often than it was taken")
            place.references -= 1
            if place.references == 0:
                del self._places[digest]

    @contextmanager
    def holding(self, digest: str) -> Iterator[T]:
        """`acquire` and `release` around a block."""
        model = self.acquire(digest)
        try:
            yield model
        finally:
            self.release(digest)

    def usage(self) -> tuple[Use, ...]:
        """What is loaded, ordered by digest."""
        with self._lock:
            places = sorted(self._places.items())
            return tuple(
                Use(digest, place.model.size_bytes, place.references)
                for digest, place in places
                if place.model is not None
            )

    def loaded(self) -> tuple[T, ...]:
        """What is in memory, ordered by digest."""
        with self._lock:
            return tuple(place.model for _, place in sorted(self._places.items()) if place.model is not None)

    @property
    def size_bytes(self) -> int:
        return sum(use.size_bytes for use in self.usage())
