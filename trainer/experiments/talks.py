"""The conversations of an experiment on replies that are written, and how those of TRAIN are parted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from data.errors import DatasetError
from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.settings import ImportSettings
from trainer.experiments.reading import read_dialogues
from trainer.generation.lines import Talk, asks_of
from trainer.generation.train_generator import talks_of

HELD = 300
"""Conversations of TRAIN, at most, that tell when to stop."""


def read_talks(path: Path, limits: ImportSettings) -> list[Talk]:
    """The conversations of `path` in which the brand answers. Raises ImportRefused, or DatasetError when it never
    does."""
    prepare = ConversationPreparer(Redactor(limits))
    found = talks_of(prepare(one).conversation for one in read_dialogues(path, limits))
    if not asks_of(found):
        raise DatasetError(
            f"{path.name} holds no reply of the brand to a user.",
            remedy="Give conversations in which a user's message is followed by one of the brand.",
        )
    return found


def parted(talks: Sequence[Talk], seed: int) -> tuple[list[Talk], list[Talk]]:
    """(to learn from, to tell when to stop): a tenth, where that leaves something to learn from."""
    order = list(range(len(talks)))
    random.Random(seed).shuffle(order)
    held = set(order[: min(len(talks) // 10, HELD)])
    return [t for at, t in enumerate(talks) if at not in held], [t for at, t in enumerate(talks) if at in held]
