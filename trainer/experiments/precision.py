"""Which precision an experiment measures as served: int8 where it says on texts of TRAIN what full precision says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from export.encoders import Precision
from export.parity import MAX_COST
from export.parts import Channel
from trainer.package import Packed

THREADS = 2
"""For bulk scoring; latency is measured with one."""
AGREEING = 1000
"""Texts of TRAIN on which int8 is compared with full precision before it may replace it."""

Answers = npt.NDArray[Any]
"""What is answered to each text, [n] or [n, labels]."""


def agreement(one: Answers, other: Answers) -> float:
    """The share of texts that both answer alike."""
    same = one == other
    return float(same.reshape(len(same), -1).all(axis=1).mean())


def kept_precision(packed: Packed, answers: Callable[[Channel], Answers]) -> Precision:
    """int8 where it agrees with full precision as closely as an exchange may cost."""
    if "int8" not in packed.folders:
        return "fp32"
    full, small = (answers(packed.channel(name, THREADS)) for name in ("fp32", "int8"))
    return "int8" if agreement(full, small) >= 1 - MAX_COST else "fp32"
