"""The schema: made, moved from every earlier one, refused from a later one."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from data.errors import SchemaTooNew, StoreCorrupt
from data.profile import BotProfile
from data.store import (
    Store,
    bots,
    conversations,
    erasure_tables,
    keys,
    migrate,
    open_store,
    release_tables,
    serving_tables,
    sessions,
    suggestion_tables,
    tables,
    turns,
    uploads,
)
from data.store.connections import make_migration_engine, parse_url
from data.store.keys import NewKey
from data.store.sessions import NewSession
from data.store.turns import NewTurn
from data.store.uploads import NewUpload

PROFILE = BotProfile(name="Acme")

AFTER = f"{int(migrate.HEAD) + 1:04}"
"""The revision that is not there yet."""
LATER = f"""
from alembic import op
from sqlalchemy import Column, Text

revision = "{AFTER}"
down_revision = "{migrate.HEAD}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bots", recreate="auto") as table:
        table.add_column(Column("motto", Text, server_default="none yet"))
        table.alter_column("name", nullable=True)
"""


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of an attune to come: ours and one more, which rebuilds a table that others refer to."""
    scripts = tmp_path / "scripts"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / f"v{AFTER}_later.py").write_text(LATER)
    return scripts


def upgrade(url: str, backups: Path, scripts: Path, head: str = AFTER) -> None:
    engine = make_migration_engine(parse_url(url), 1)
    try:
        migrate.bring_up_to_date(engine, backups, scripts=scripts, head=head)
    finally:
        engine.dispose()


def url_of(store: Store) -> str:
    return f"sqlite:///{store.home / 'attune.db'}"


def test_the_newest_revision_is_the_one_the_code_names() -> None:
    assert ScriptDirectory(str(migrate.SCRIPTS)).get_current_head() == migrate.HEAD


def test_the_migrated_schema_is_the_one_the_code_uses(store: Store) -> None:
    with store.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"version_table": migrate.VERSION_TABLE})
        for more in (
            erasure_tables.erasures,
            release_tables.releases,
            serving_tables.api_keys,
            suggestion_tables.suggestions,
        ):
            assert more.metadata is tables.metadata
        assert compare_metadata(context, tables.metadata) == []


def test_opening_again_changes_nothing(sqlite_store: Store) -> None:
    file = sqlite_store.home / "attune.db"
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    before = file.read_bytes()
    with open_store(url_of(sqlite_store), home=sqlite_store.home) as again, again.read() as tx:
        assert bots.get(tx, "acme").name == "acme"
    assert file.read_bytes() == before
    assert not (sqlite_store.home / "backups").exists()


def test_an_older_schema_is_moved_with_its_rows_after_a_copy_was_made(sqlite_store: Store, later: Path) -> None:
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    sqlite_store.close()
    backups = sqlite_store.home / "backups"
    upgrade(url_of(sqlite_store), backups, later)
    with sqlite_store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT name, motto FROM bots").all() == [("acme", "none yet")]
        assert bots.profile(tx, bots.get(tx, "acme").id) == (1, PROFILE)
    assert sqlite_store.integrity() == []
    with open_store(f"sqlite:///{backups / f'before-{AFTER}.db'}", home=sqlite_store.home) as copy, copy.read() as tx:
        assert bots.get(tx, "acme").name == "acme"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def first_home(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the first schema, on each kind of database, with a bot and an upload in it."""
    url = f"sqlite:///{tmp_path / 'attune.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("empty_postgres")
    scripts = tmp_path / "first"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", "v000[2-9]_*"))
    upgrade(url, tmp_path / "backups", scripts, head="0001")
    engine = make_migration_engine(parse_url(url), 1)
    with engine.begin() as old:
        old.exec_driver_sql("INSERT INTO bots VALUES ('default', 'bot_1', 'acme', 1, '2026-01-01 00:00:00')")
        old.exec_driver_sql(
            "INSERT INTO uploads VALUES ('default', 'upload_1', 'bot_1', 1, 'logs.csv', 'ab', 7, '{}', 'cd',"
            " 'imported', 3, NULL, NULL, '2026-01-01 00:00:00', NULL)"
        )
        old.exec_driver_sql(
            "INSERT INTO conversations VALUES ('default', 'c1', 'bot_1', 'upload_1', 0, 'f', NULL, NULL,"
            " '{}', '[]', '[]')"
        )
    engine.dispose()
    return url


def test_a_home_of_the_first_schema_keeps_its_rows(first_home: str, tmp_path: Path) -> None:
    """What was imported before uploads could be examined only was imported in full."""
    with open_store(first_home, home=tmp_path) as store:
        with store.read() as tx:
            assert bots.get(tx, "acme").id == "bot_1"
            (upload,) = uploads.list_for(tx, "bot_1")
            assert (upload.conversations, upload.dry_run, upload.attested_by) == (3, False, None)
            assert conversations.existing(tx, "bot_1", ["f"]) == {"f"}
            assert keys.list_all(tx) == []
            context = MigrationContext.configure(tx.connection, opts={"version_table": migrate.VERSION_TABLE})
            assert compare_metadata(context, tables.metadata) == []
        with store.begin() as tx:
            made, _ = keys.create(tx, NewKey("page", (), "public", "bot_1", ("https://shop.example",)))
            session = sessions.create(tx, NewSession("bot_1", made.id, None, "net", tx.now))
            assert turns.add(tx, session, NewTurn("user", "hello")).sequence == 1
            assert uploads.create(tx, "bot_1", NewUpload("a", "ab", 7, dry_run=True))[1]
        assert store.integrity() == []
    copies = [path.name for path in (tmp_path / "backups").glob("*")]
    assert copies == ([f"before-{migrate.HEAD}.db"] if first_home.startswith("sqlite") else [])


@pytest.mark.postgres
def test_an_older_schema_is_moved_on_a_server(empty_postgres: str, tmp_path: Path, later: Path) -> None:
    open_store(empty_postgres, home=tmp_path).close()
    upgrade(empty_postgres, tmp_path, later)
    upgrade(empty_postgres, tmp_path, later)
    with pytest.raises(SchemaTooNew):
        open_store(empty_postgres, home=tmp_path)


def test_a_migration_that_fails_leaves_the_old_schema_and_every_row(sqlite_store: Store, later: Path) -> None:
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    sqlite_store.close()
    script = later / "versions" / f"v{AFTER}_later.py"
    script.write_text(LATER + '    raise RuntimeError("power cut")\n')
    before = (sqlite_store.home / "attune.db").read_bytes()
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade(url_of(sqlite_store), sqlite_store.home / "backups", later)
    assert (sqlite_store.home / "attune.db").read_bytes() == before
    with open_store(url_of(sqlite_store), home=sqlite_store.home) as store, store.read() as tx:
        assert bots.get(tx, "acme").name == "acme"


def test_a_migration_that_breaks_references_is_not_kept(sqlite_store: Store, later: Path) -> None:
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    sqlite_store.close()
    (later / "versions" / f"v{AFTER}_later.py").write_text(LATER + '    op.execute("DELETE FROM bots")\n')
    with pytest.raises(StoreCorrupt):
        upgrade(url_of(sqlite_store), sqlite_store.home / "backups", later)
    with sqlite_store.read() as tx:
        assert bots.get(tx, "acme").name == "acme"


def test_a_newer_schema_is_refused_and_not_touched(sqlite_store: Store, later: Path) -> None:
    sqlite_store.close()
    upgrade(url_of(sqlite_store), sqlite_store.home / "backups", later)
    before = {path: path.read_bytes() for path in sqlite_store.home.rglob("*") if path.is_file()}
    with pytest.raises(SchemaTooNew, match="newer attune") as refused:
        open_store(url_of(sqlite_store), home=sqlite_store.home)
    assert AFTER in str(refused.value)
    assert {path: path.read_bytes() for path in sqlite_store.home.rglob("*") if path.is_file()} == before


def test_our_tables_without_a_schema_number_are_not_overwritten(sqlite_store: Store) -> None:
    sqlite_store.close()
    spoiler = sqlite3.connect(sqlite_store.home / "attune.db")
    spoiler.execute(f"DELETE FROM {migrate.VERSION_TABLE}")
    spoiler.commit()
    spoiler.close()
    with pytest.raises(StoreCorrupt):
        open_store(url_of(sqlite_store), home=sqlite_store.home)


def test_tables_of_others_do_not_disturb(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "attune.db")
    other.execute("CREATE TABLE diary (entry TEXT)")
    other.close()
    with open_store(f"sqlite:///{tmp_path / 'attune.db'}", home=tmp_path) as store, store.read() as tx:
        assert bots.list_all(tx) == []
