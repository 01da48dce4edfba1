"""The schema: found, judged, moved forward. All of it happens in one transaction, so that a kill leaves the old schema.

Alembic is imported only when there is something to move: opening a current database costs one SELECT.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from data.errors import SchemaTooNew, StoreCorrupt
from data.store.connections import mark
from data.store.failures import storage_error

HEAD = "0004"
"""The newest revision in `migrations/versions`."""

SCRIPTS = Path(__file__).parent / "migrations"
VERSION_TABLE = "attune_schema"
_LOCK = 0x61747475
"""PostgreSQL advisory lock that lets one process migrate at a time."""


def bring_up_to_date(engine: Engine, backups: Path, *, scripts: Path = SCRIPTS, head: str = HEAD) -> None:
    """Create the schema or move it to `head`; an existing SQLite database is copied into `backups` first.

    Raises SchemaTooNew (nothing is written) and StoreCorrupt (nothing is written, nothing re-created).
    """
    with engine.connect() as connection:
        mark(connection, "read")
        with connection.begin():
            found = revision(connection)
            _refuse_newer(found, scripts, head)
            _refuse_damaged(connection, found)
    if found == head:
        return
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        found = revision(connection)  # another process may have been here before the lock was ours
        if found is not None and found != head:
            _back_up(connection, backups / f"before-{head}.db")
        if found != head:
            _upgrade(connection, scripts)


def revision(connection: Connection) -> str | None:
    """The revision of the schema; None for an empty database. Raises StoreCorrupt for tables without a revision."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        row = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").first()  # noqa: S608
        if row is not None:
            return str(row[0])
    if tables & {"workspaces", "bots", "jobs"}:
        raise storage_error(StoreCorrupt)
    return None


def _refuse_newer(found: str | None, scripts: Path, head: str) -> None:
    if found is None or found == head or found in _known(scripts):
        return
    raise SchemaTooNew(
        f"This home folder was written by a newer attune (schema {found}); this one knows schemas up to {head}.",
        remedy="Use the newer version again, or restore a backup made before the upgrade. Nothing was changed.",
    )


def _refuse_damaged(connection: Connection, found: str | None) -> None:
    if found is None or connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
        raise storage_error(StoreCorrupt)


def _back_up(connection: Connection, copy: Path) -> None:
    if connection.dialect.name != "sqlite":
        return
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = copy.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    # Through a reader of its own: a connection that holds the write lock cannot be copied from.
    file = Path(connection.exec_driver_sql("PRAGMA database_list").one()[2])
    reader = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)
    with closing(reader) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    with unfinished.open("rb+") as handle:
        os.fsync(handle.fileno())
    unfinished.replace(copy)


def _known(scripts: Path) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(scripts)).walk_revisions()}


def _upgrade(connection: Connection, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, "head")
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise storage_error(StoreCorrupt)
