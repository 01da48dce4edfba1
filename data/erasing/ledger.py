"""What an erasure has done so far, counted in the transactions in which it is done: a killed one goes on counting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from data.jobs import JobContext
from data.store import Tx, erasures
from data.store.erasures import Erasure

COUNTS = (
    "conversations", "rows", "sessions", "turns", "feedback", "replies_told", "reports", "runs", "originals",
    "backups", "logs",
)  # fmt: skip


class Ledger:
    """The report of one erasure while it grows. What a transaction counted is forgotten when it fails."""

    def __init__(self, context: JobContext, erasure: Erasure) -> None:
        self._context = context
        self._erasure = erasure
        kept = erasure.report or {}
        lists: dict[str, Any] = {"uploads": [], "datasets": [], "releases": [], "trainings": []}
        self.report: dict[str, Any] = {**dict.fromkeys(COUNTS, 0), **lists, "left_in_tmp": 0, **kept}

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A transaction of the job whose counts commit with it."""
        with self._context.begin() as tx:
            yield tx
            erasures.note(tx, self._erasure.id, self.report)

    def add(self, name: str, count: int) -> None:
        self.report[name] += count

    def list(self, name: str, entry: Any, key: str | None = None) -> None:
        """Name something once; with `key`, what was said of it before is replaced."""
        known = self.report[name]
        if key is not None:
            known[:] = [one for one in known if one[key] != entry[key]]
        if entry not in known:
            known.append(entry)
