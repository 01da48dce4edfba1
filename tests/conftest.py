"""Fixtures that stand for the world outside: a clock one turns by hand, and the databases a store may live in.

The PostgreSQL tests start a private server of their own when its programs are installed and skip, saying why, when not.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from data.store import Store, connections, open_store
from data.store.connections import pragmas
from data.store.migrate import VERSION_TABLE
from tests.homes import lay_home

# A property is about what comes out. How long it took is told by the machine and by what else it does.
settings.register_profile("attune", deadline=None)
settings.load_profile("attune")

POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests of one name: of those, pytest-xdist runs one, and says nothing of the others."""
    alike = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if alike:
        raise pytest.UsageError(f"Several tests have one name: {', '.join(alike)}.")


@dataclass
class HandClock:
    """A clock that stands still until it is turned."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """What is written in these processes need not outlive a power cut; that a process is killed loses none of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        patch.setattr(connections, "pragmas", lambda version: (*pragmas(version), "synchronous=OFF"))
        yield


def _program(name: str) -> str | None:
    folders = os.pathsep.join([*map(str, POSTGRES_FOLDERS), os.environ.get("PATH", "")])
    return shutil.which(name, path=folders)


def _server_user() -> str | None:
    """Whom to run the server as: it refuses to run as root. None: as ourselves."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The folder of the socket of a private PostgreSQL server."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    user = _server_user()
    folder = tempfile.mkdtemp(prefix="attune-pg-")  # not under pytest's folder, which the server's user cannot enter
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, cwd=folder, user=user, stdout=subprocess.DEVNULL, timeout=60)

    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=100"
    cluster = f"{folder}/cluster"
    try:
        run(initdb, "-D", cluster, "-U", "attune", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        run(pg_ctl, "-D", cluster, "-l", f"{folder}/log", "-w", "-o", settings, "start")
        yield folder
    finally:
        if Path(cluster, "postmaster.pid").exists():
            run(pg_ctl, "-D", cluster, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class PostgresServer:
    """The databases of a running server, by the folder of its socket."""

    folder: str

    def url(self, name: str) -> str:
        return f"postgresql://attune@/{name}?host={self.folder}"

    def order(self, name: str, *statements: str) -> None:
        """Each of these in the database `name`, in a transaction of its own."""
        import psycopg

        with psycopg.connect(host=self.folder, user="attune", dbname=name, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def empty(self, name: str) -> None:
        """Turn out who is still connected, and leave what a migration leaves."""
        self.order(name, TURN_OUT, "SET session_replication_role = replica", LEAVE_NOTHING)


TURN_OUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
LEAVE_NOTHING = f"""
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '{VERSION_TABLE}' LOOP
    EXECUTE format('DELETE FROM %I', name) || CASE name WHEN 'workspaces' THEN ' WHERE id <> ''default''' ELSE '' END;
  END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    """The server, with a database `migrated` that has all tables."""
    server = PostgresServer(postgres_server)
    server.order("postgres", "CREATE DATABASE migrated")
    open_store(server.url("migrated"), home=tmp_path_factory.mktemp("home")).close()
    return server


@pytest.fixture
def empty_postgres(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database that has no tables yet. It goes with the test."""
    postgres.order("postgres", "CREATE DATABASE empty")
    yield postgres.url("empty")
    postgres.order("postgres", "DROP DATABASE empty WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind that holds no rows yet.

    On PostgreSQL it is always the same one, emptied: to make one for each test takes longer than most tests, and two
    hundred of them are gigabytes to be removed in the end.
    """
    if request.param == "sqlite":
        return f"sqlite:///{lay_home(tmp_path / 'home') / 'attune.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.empty("migrated")
    return server.url("migrated")


@pytest.fixture
def store(store_url: str, tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An open, empty store on each kind of database, by the hand-turned clock."""
    with open_store(store_url, home=tmp_path / "home", clock=clock) as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An open, empty store in a SQLite file, with little patience."""
    home = lay_home(tmp_path / "home")
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home, clock=clock, busy_seconds=0.2) as opened:
        yield opened
