"""What only the whole of a table tells: where each conversation has its last row, and what its dates mean.

A table is read twice where that matters; the first time leaves 8 bytes per row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.importers.columns import Columns
from data.importers.day_order import DateColumn, DayOrder
from data.importers.rows import Row

Ends = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FirstPass:
    """For every row with cells, whether it is its conversation's last (empty for labelled texts); the dates' order."""

    ends: Ends
    order: DayOrder


def first_pass(rows: Iterable[Row], columns: Columns) -> FirstPass:
    """Look through the rows, where there is anything to find out."""
    keys, dates = array("q"), DateColumn()
    has_keys, has_dates = columns.holds_conversations, "ts" in columns.places
    if has_keys or has_dates:
        for row in rows:
            if row.flaw is not None:
                continue
            if has_keys:
                keys.append(hash(columns.cell(row.cells, "conversation")))
            if has_dates:
                dates.take(columns.cell(row.cells, "ts"))
    return FirstPass(last_of_each(np.frombuffer(keys, dtype=np.int64)), dates.order())


def last_of_each(keys: npt.NDArray[np.int64]) -> Ends:
    """For every place whether no later place holds the same key."""
    ends = np.zeros(len(keys), dtype=np.bool_)
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    ends[len(keys) - 1 - from_the_end] = True
    return ends
