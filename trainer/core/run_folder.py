"""A run's folder: what a killed training takes up again, trusted only by the digests recorded when it was written.

Two kinds of things are kept. *Stages* are finished parts (the scores of a fold, the arrays of a head): safetensors,
computed once. *Checkpoints* are Lightning files in the middle of a fit. Both are written aside, flushed, renamed, and
only then recorded in the ledger; a file the ledger does not know, or knows by another digest, does not exist.
A disk that refuses is a StorageFull or a StorageError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from data.files import disk, sync

Arrays = dict[str, npt.NDArray[Any]]


class Ledger(Protocol):
    """Where digests are recorded: the store for a job, memory for an experiment."""

    def record(self, name: str, digest: str) -> None: ...
    def known(self, name: str) -> str | None: ...


class MemoryLedger:
    """Digests for as long as the process lives: nothing is resumed after it."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def record(self, name: str, digest: str) -> None:
        self._digests[name] = digest

    def known(self, name: str) -> str | None:
        return self._digests.get(name)


def _silent(_event: Mapping[str, Any]) -> None:
    return None


def _unhurried() -> None:
    return None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`report` takes progress events; `check` raises when the work should stop (cancelled, lease lost)."""

    folder: Path
    ledger: Ledger
    report: Callable[[Mapping[str, Any]], None] = _silent
    check: Callable[[], None] = _unhurried
    threads: int = 0
    accelerator: str = "cpu"
    checkpoint_seconds: float = 60.0
    keep: bool = field(default=True)
    """Write checkpoints and stages at all; an experiment does not."""

    def stage(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """What `compute` returns, from the folder when this run has computed it before."""
        file = f"{name}.safetensors"
        kept = self.recall(file)
        if kept is not None:
            return dict(load(kept))
        self.check()
        arrays = {key: np.ascontiguousarray(value) for key, value in compute().items()}
        if self.keep:
            self.remember(file, save(arrays))
        return arrays

    def remember(self, name: str, content: bytes) -> None:
        """Write `content` durably under `name`, then record it."""
        self.settle(name, lambda part: part.write_bytes(content))

    def settle(self, name: str, write: Callable[[Path], object]) -> None:
        """Have `write` fill a file that lies aside, move it to `name` durably, then record its digest."""
        part = self.folder / f"{name}.part"
        with disk():
            try:
                write(part)
                sync(part)
                with part.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                part.replace(self.folder / name)
            finally:
                part.unlink(missing_ok=True)  # half a checkpoint would only fill the disk further
            sync(self.folder)
        self.ledger.record(name, digest)

    def recall(self, name: str) -> bytes | None:
        """The bytes recorded under `name`; None when there are none, or others than were recorded."""
        path = self.trusted(name)
        with disk():
            return None if path is None else path.read_bytes()

    def trusted(self, name: str) -> Path | None:
        """The file recorded under `name`, if its bytes are still those."""
        path, digest = self.folder / name, self.ledger.known(name)
        if digest is None or not path.is_file():
            return None
        with disk(), path.open("rb") as file:
            return path if hashlib.file_digest(file, "sha256").hexdigest() == digest else None

    def discard(self, name: str) -> None:
        with disk():
            (self.folder / name).unlink(missing_ok=True)
