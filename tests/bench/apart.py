"""Work in a process of its own, so that neither memory nor threads are those of what ran before."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")


def alone(work: Callable[..., Found], *given: Any) -> Found:
    """`work(*given)`, there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *given).result()
