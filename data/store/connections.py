"""Engines: how a connection to the database is made and what is set on it before anyone uses it.

SQLite: the driver's own transaction handling is switched off (it defers BEGIN until the first write and loses updates
that way); `mark` chooses between BEGIN IMMEDIATE for writers and BEGIN for readers. An engine of an existing database
never creates the file: one that vanishes is an error, not a fresh start.
"""

from __future__ import annotations

import json
import math
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from data.errors import SettingsError

Mode = Literal["read", "write"]

WAL_SINCE = (3, 51, 3)
"""SQLite before this may corrupt a write-ahead log that several connections share (the WAL-reset race)."""

_MODE = "attune_mode"
_dumps = partial(json.dumps, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def parse_url(url: str) -> URL:
    """The database to open. Raises SettingsError, which never prints the URL: it may hold a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if parsed is not None and parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(
        "store.url names no database attune can use: sqlite:///FILE or postgresql://... was expected.",
        remedy="Mend store.url, or leave it out to keep a SQLite database in the home folder.",
    )


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite database; None for a server."""
    return Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None


def make_engine(url: URL, busy_seconds: float) -> Engine:
    """The engine for daily work. A SQLite file must exist already."""
    file = sqlite_file(url)
    if file is None:
        return _postgres(url, busy_seconds)
    engine = _sqlite(file, busy_seconds, create=False)
    event.listen(engine, "connect", _prepare)
    return engine


def make_migration_engine(url: URL, busy_seconds: float) -> Engine:
    """The engine that looks at the schema and moves it: may create the file, changes nothing by connecting, and leaves
    foreign keys off, since SQLite rebuilds a table by dropping it."""
    file = sqlite_file(url)
    return _postgres(url, busy_seconds) if file is None else _sqlite(file, busy_seconds, create=True)


def mark(connection: Connection, mode: Mode) -> None:
    """Say what the next transaction of `connection` is for."""
    if connection.dialect.name == "sqlite":
        connection.execution_options(**{_MODE: mode})
    elif mode == "read":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def keep_pages(connection: Connection) -> None:
    """Let this connection keep 64 MB of the database's pages in memory, not SQLite's 2.

    Whoever adds rows by the million comes by every page of their indexes again and again. PostgreSQL does so itself.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size=-65536")


def _sqlite(file: Path, busy_seconds: float, *, create: bool) -> Engine:
    uri = f"{file.as_uri()}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256
        )

    pool: dict[str, Any] = {"poolclass": NullPool}
    if not create:
        pool = {"poolclass": QueuePool, "pool_size": 5, "max_overflow": 20, "pool_timeout": busy_seconds}
    engine = create_engine("sqlite://", creator=connect, json_serializer=_dumps, **pool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_MODE, "write")
    connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in pragmas(sqlite3.sqlite_version_info):
        connection.execute(f"PRAGMA {pragma}").close()


def pragmas(version: tuple[int, ...]) -> tuple[str, ...]:
    """What every SQLite connection is set to, given the library's version."""
    durable = (
        ("journal_mode=WAL", "synchronous=FULL")
        if version >= WAL_SINCE
        else (
            "journal_mode=TRUNCATE",
            "synchronous=EXTRA",
        )
    )
    return (*durable, "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY", "mmap_size=0")


def _postgres(url: URL, busy_seconds: float) -> Engine:
    options = f"-c lock_timeout={math.ceil(busy_seconds * 1000)} -c synchronous_commit=on -c timezone=UTC"
    arguments = {"connect_timeout": max(2, math.ceil(busy_seconds)), "options": options}
    pool = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 20, "pool_timeout": busy_seconds}
    return create_engine(url, connect_args=arguments, json_serializer=_dumps, **pool)
