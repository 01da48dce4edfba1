"""Leaving no byte of what was deleted in the database's files.

SQLite overwrites what is deleted (`secure_delete`), yet pages that were moved or rebuilt before may hold old words in
their free parts, and a write-ahead log holds what was written to it: VACUUM writes the database anew from the rows
there are, and a checkpoint empties the log. On a PostgreSQL server VACUUM makes the space of deleted rows free to be
overwritten; docs/operations.md says what its owner does beyond that.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from data.errors import StoreUnavailable
from data.store.engine import Store
from data.store.failures import translated

TRIES = 20
PAUSE_SECONDS = 1.0
_TABLES = ("conversations", "turns", "feedback", "feedback_revisions", "sessions", "uploads", "jobs", "job_events",
           "idempotency_keys", "datasets", "releases", "erasures", "run_checkpoints")  # fmt: skip


def compact(store: Store, sleep: Callable[[float], None] = time.sleep) -> None:
    """Write the database anew without what was deleted. It waits for others to let it; they wait for it.

    Raises StoreUnavailable when nobody gives way.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with translated():
                _compacted(store)
            return
        except StoreUnavailable:
            if not tries_left:
                raise
            sleep(PAUSE_SECONDS)


def _compacted(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
            for table in _TABLES:
                server.exec_driver_sql(f"VACUUM {table}")
        return
    connection = store.engine.raw_connection()  # VACUUM stands outside of any transaction
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA temp_store=FILE")  # a copy of the whole database does not belong into memory
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (blocked, _, _) = cursor.fetchone() or (0, 0, 0)
        cursor.close()
    finally:
        connection.invalidate()  # its settings are its own
        connection.close()
    if blocked:
        raise StoreUnavailable("A reader holds up the emptying of the write-ahead log.", remedy="Try again.")
