"""Fixtures that stand for the world outside: a clock one turns by hand, and the databases a store may live in.

The PostgreSQL tests start a private server of their own when its programs are installed and skip, saying why, when not.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from data.store import Store, open_store

# A property is about what comes out. How long it took is told by the machine and by what else it does.
settings.register_profile("attune", deadline=None)
settings.load_profile("attune")

POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


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


@pytest.fixture(scope="session")
def make_postgres_url(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Makes a database and returns its URL: an empty one, or with `like` a copy of the database of that name."""
    import psycopg

    numbers = count(1)

    def make(name: str | None = None, like: str = "template1") -> str:
        made = name or f"t{next(numbers)}"
        with psycopg.connect(host=postgres_server, user="attune", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made}" TEMPLATE "{like}"')
        return f"postgresql://attune@/{made}?host={postgres_server}"

    open_store(make("migrated"), home=tmp_path_factory.mktemp("home")).close()
    return make


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind that holds no rows yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'attune.db'}"
    make: Callable[..., str] = request.getfixturevalue("make_postgres_url")
    return make(like="migrated")


@pytest.fixture
def store(store_url: str, tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An open, empty store on each kind of database, by the hand-turned clock."""
    with open_store(store_url, home=tmp_path / "home", clock=clock) as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An open, empty store in a SQLite file, with little patience."""
    home = tmp_path / "home"
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home, clock=clock, busy_seconds=0.2) as opened:
        yield opened
