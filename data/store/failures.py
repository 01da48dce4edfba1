"""What the database drivers say when storage fails, told once in our own words.

Only failures of storage are translated (busy, full, corrupt, gone). A violated constraint or a wrong statement is a bug
of ours and stays what it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from data.errors import StorageError, StorageFull, StoreCorrupt, StoreUnavailable

_SQLITE: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_BUSY: StoreUnavailable,
    sqlite3.SQLITE_LOCKED: StoreUnavailable,
    sqlite3.SQLITE_PROTOCOL: StoreUnavailable,
    sqlite3.SQLITE_CANTOPEN: StoreUnavailable,
    sqlite3.SQLITE_READONLY: StoreUnavailable,
    sqlite3.SQLITE_PERM: StoreUnavailable,
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
    sqlite3.SQLITE_IOERR: StorageError,
}
_SQLITE_SHORT_READ = 522
"""SQLITE_IOERR_SHORT_READ: the file ends before a page it promises. Absent from the sqlite3 module of Python 3.11."""

_POSTGRES: dict[str, type[StorageError]] = {
    "53100": StorageFull,
    "53200": StoreUnavailable,
    "53300": StoreUnavailable,
    "55P03": StoreUnavailable,
    "40001": StoreUnavailable,
    "40P01": StoreUnavailable,
    "57P01": StoreUnavailable,
    "57P02": StoreUnavailable,
    "57P03": StoreUnavailable,
    "58030": StorageError,
    "XX001": StoreCorrupt,
    "XX002": StoreCorrupt,
}
"""SQLSTATE: disk full, out of memory, too many connections, lock not available, serialisation failure, deadlock, three
kinds of shutdown, I/O error, corrupt data, corrupt index. Class 08 is a broken connection."""

_SAYS: dict[type[StorageError], tuple[str, str]] = {
    StoreUnavailable: ("The database is busy or out of reach; nothing was written.", "Try again in a few seconds."),
    StorageFull: ("The disk that holds the database is full; nothing was written.", "Free space, then try again."),
    StoreCorrupt: (
        "The database is damaged; it was left as it is.",
        "Stop attune, keep a copy of the database for examination and restore the newest backup.",
    ),
    StorageError: (
        "The database could not read or write its storage; nothing was written.",
        "Check the disk, then run `attune doctor`.",
    ),
}


def storage_error(kind: type[StorageError]) -> StorageError:
    """The one message of this kind of failure."""
    message, remedy = _SAYS[kind]
    return kind(message, remedy=remedy)


def translate(error: DBAPIError | sqlite3.Error | PoolTimeout) -> StorageError | None:
    """The storage failure that `error` reports; None when it reports something else (a bug, a constraint)."""
    if isinstance(error, PoolTimeout):
        return storage_error(StoreUnavailable)
    cause = error.orig if isinstance(error, DBAPIError) else error
    kind = _sqlite_kind(cause) if isinstance(cause, sqlite3.Error) else _postgres_kind(error)
    return None if kind is None else storage_error(kind)


def _sqlite_kind(cause: sqlite3.Error) -> type[StorageError] | None:
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return None
    return StoreCorrupt if code == _SQLITE_SHORT_READ else _SQLITE.get(code & 0xFF)


def _postgres_kind(error: DBAPIError | sqlite3.Error) -> type[StorageError] | None:
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if state is None or state.startswith("08"):
        # libpq reports a server that is gone without any SQLSTATE.
        gone = error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
        return StoreUnavailable if gone else None
    return _POSTGRES.get(state)


@contextmanager
def translated() -> Iterator[None]:
    """Raise storage failures of the block as StorageError; let everything else through untouched."""
    try:
        yield
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        translation = translate(error)
        if translation is None:
            raise
        raise translation from error
