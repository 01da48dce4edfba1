"""What long work needs of the job it is part of: transactions that commit only while the job is ours, and a place to
stop."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from data.store import Store, Tx


class Work(Protocol):
    """`data.jobs.JobContext` is one. `check` raises where the work may not go on."""

    def begin(self) -> AbstractContextManager[Tx]: ...
    def check(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Alone:
    """Work outside of any job: nothing to fence, nothing to cancel it."""

    store: Store

    def begin(self) -> AbstractContextManager[Tx]:
        return self.store.begin()

    def check(self) -> None:
        """Nobody asks it to stop."""
