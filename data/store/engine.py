"""The database: opened, kept durable, handed out in transactions.

On SQLite every write transaction begins with BEGIN IMMEDIATE: it owns the write lock before it reads, so that nothing
read can change before it is written. On PostgreSQL the functions that read in order to write lock the row they start
from. Readers see one consistent state on both.

Durability: a commit that returned survives kill -9 and power loss (`connections.pragmas` says how).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from data.errors import StoreCorrupt
from data.store import migrate
from data.store.connections import Mode, make_engine, make_migration_engine, mark, parse_url, sqlite_file
from data.store.failures import storage_error, translated

WORKSPACE = "default"
"""The one workspace of a fresh install."""

Clock = Callable[[], datetime]

_HEADER_BYTES = 512
"""The smallest page of SQLite: no database is shorter."""


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction of one workspace. `now` is one instant for all that it writes."""

    connection: Connection
    workspace: str
    now: datetime
    max_attempts: int

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The condition every statement carries: the row is this workspace's."""
        return table.c.workspace_id == self.workspace

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `job_0197...`: sorts by the time of its making, and cannot be guessed (64 random bits)."""
        return f"{prefix}_{int(self.now.timestamp() * 1000):012x}{secrets.token_hex(8)}"

    def insert(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert one row of this workspace; False, and nothing done, when a row with one of its keys is there."""
        return self.insert_whole(table, {"workspace_id": self.workspace, **values})

    def insert_whole(self, table: Table, row: Mapping[str, Any]) -> bool:
        """The same for a row that is no workspace's: every column is named."""
        make = postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert
        statement = make(table).values(**row).on_conflict_do_nothing()
        return self.connection.execute(statement.returning(*table.primary_key.columns)).first() is not None


@dataclass(frozen=True)
class Store:
    """An open database, seen from one workspace. Shared freely between threads; a forked child opens its own."""

    engine: Engine
    home: Path
    clock: Clock
    max_attempts: int
    workspace: str = WORKSPACE

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A write transaction: committed when the block ends, rolled back when it raises. Do not nest two in a thread.

        Raises StoreUnavailable when another writer does not give way in time, StorageFull, StoreCorrupt.
        """
        with self._transaction("write") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A read transaction: one consistent state. Keep it short: on a rollback journal it holds up every writer."""
        with self._transaction("read") as tx:
            yield tx

    @contextmanager
    def _transaction(self, mode: Mode) -> Iterator[Tx]:
        with translated(), self.engine.connect() as connection:
            mark(connection, mode)
            with connection.begin():
                yield Tx(connection, self.workspace, self.clock().astimezone(UTC), self.max_attempts)

    def for_workspace(self, workspace: str) -> Store:
        """The same database seen from another workspace."""
        return replace(self, workspace=workspace)

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with its pages and references; empty when all is well.

        Always empty on PostgreSQL, which checks pages and references as it goes.
        """
        if self.engine.dialect.name != "sqlite":
            return []
        with self.read() as tx:
            pages = [str(row[0]) for row in tx.connection.exec_driver_sql("PRAGMA integrity_check(20)")]
            strays = tx.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        missing = sorted({f"a row of {stray[0]} refers to a row of {stray[2]} that is not there" for stray in strays})
        return [page for page in pages if page != "ok"] + missing

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_store(
    url: str, *, home: Path, busy_seconds: float = 5.0, clock: Clock = utcnow, max_attempts: int = 3
) -> Store:
    """Open the database at `url`, creating or migrating its schema. `max_attempts` is what a new job gets.

    Raises SettingsError, SchemaTooNew, StoreCorrupt, StoreUnavailable, StorageFull.
    """
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_truncated(file, home)
    migrating = make_migration_engine(parsed, busy_seconds)
    try:
        with translated():
            migrate.bring_up_to_date(migrating, home / "backups")
    finally:
        migrating.dispose()
    return Store(make_engine(parsed, busy_seconds), home, clock, max_attempts)


def _refuse_truncated(file: Path, home: Path) -> None:
    """SQLite takes a file shorter than its header for a new database. It is one only when it has no byte at all, and
    nothing beside it was kept that needs the rows of an older one."""
    if not file.exists() or file.stat().st_size >= _HEADER_BYTES:
        return
    if file.stat().st_size > 0 or any((home / room).exists() for room in ("blobs", "releases")):
        raise storage_error(StoreCorrupt)
