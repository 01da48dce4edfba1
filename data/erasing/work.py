"""What all steps of an erasure share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data.erasing.ledger import Ledger
from data.erasing.targets import Target
from data.erasing.words import Words
from data.jobs import JobContext
from data.settings import Settings
from data.store import Store
from data.store.bots import Bot
from data.store.datasets import Dataset
from data.store.erasures import Erasure
from data.suppression import Marks

Unsay = Callable[[Path, Path, Words], str | None]
"""Writes the release in the first folder into the second without what it repeats of the words, sealed anew; returns
the digest of its manifest, None where there is nothing to take out."""


@dataclass(frozen=True, slots=True)
class Work:
    """One erasure while its job works on it."""

    context: JobContext
    settings: Settings
    bot: Bot
    erasure: Erasure
    marks: Marks
    target: Target
    ledger: Ledger
    unsay: Unsay

    @property
    def store(self) -> Store:
        return self.context.store

    def folder(self, dataset: Dataset) -> Path:
        return self.settings.home / "datasets" / dataset.fingerprint
