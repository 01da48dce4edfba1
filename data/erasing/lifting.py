"""Letting in again what an erasure keeps out: the people, and the files that held them. What is gone stays gone."""

from __future__ import annotations

from data.store import Tx, erasures, uploads


def lift(tx: Tx, bot_id: str, erasure_id: str) -> int:
    """Forget the marks of this erasure; how many those were. Raises NotFound.

    Files that were let go may come again, unless another erasure names them: what that one keeps out of them stays out.
    """
    count = erasures.lift(tx, bot_id, erasure_id)
    kept_out = erasures.suppressed(tx, bot_id)
    for upload in uploads.list_for(tx, bot_id):
        if upload.original_erased_at is not None and upload.digest not in kept_out:
            uploads.free(tx, upload.id)
    return count
