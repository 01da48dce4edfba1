"""What there is to say about the data that a training would learn from now: measured here, judged in `data.appraise`.

It is part of every training, and a job of its own for those who want to know before they train.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from data.appraise import Appraisal, appraise, examples
from data.build import freeze
from data.errors import UsageError
from data.frozen import FrozenDataset
from data.jobs import JobContext
from data.settings import Settings
from trainer.bases.catalogue import LocalBase, base_for
from trainer.bases.known import DEFAULT
from trainer.insight.evidence import Look, gather


def judged(dataset: FrozenDataset, base: LocalBase, check: Callable[[], None]) -> Appraisal:
    """All there is to say about a frozen dataset, with `base` looking at it. `check` may raise."""
    return appraise(dataset, gather(Look(base, check), examples(dataset)))


def look(context: JobContext, settings: Settings, emit: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """The handler of `findings` jobs: freezes what a training would learn from, and returns what is to be said of it.

    Raises DatasetError when there is nothing to learn from, BaseRefused.
    """
    if context.job.bot_id is None:
        raise UsageError("A findings job belongs to a bot.")
    started = time.monotonic()
    emit({"type": "phase", "phase": "dataset"})
    dataset = freeze(context.store, settings, context.job.bot_id, work=context)
    emit({"type": "phase", "phase": "findings"})
    base = base_for(settings, str(context.job.payload.get("base") or DEFAULT))
    found = judged(dataset, base, context.check).to_wire()
    return {**found, "seconds": round(time.monotonic() - started, 3)}
