"""Letting in again what an erasure keeps out: the people, and the files that held them. What is gone stays gone."""

from __future__ import annotations

from data.store import Tx, erasures, uploads


def lift(tx: Tx, bot_id: str, erasure_id: str) -> int:
    """Forget the marks of this erasure; how many those were. Raises NotFound."""
    erasure = erasures.get(tx, bot_id, erasure_id)
    for name in (erasure.report or {}).get("uploads", ()):
        if uploads.get(tx, name).original_erased_at is not None:
            uploads.free(tx, name)
    return erasures.lift(tx, bot_id, erasure_id)
