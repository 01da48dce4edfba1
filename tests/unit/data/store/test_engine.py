import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from data.errors import SettingsError, StorageError, StorageFull, StoreCorrupt, StoreUnavailable
from data.profile import BotProfile
from data.store import Store, bots, connections, jobs, open_store, tables
from data.store.connections import parse_url, pragmas
from data.store.failures import translate


def test_sqlite_keeps_a_rollback_journal_until_its_log_is_safe() -> None:
    assert pragmas((3, 40, 1))[:2] == ("journal_mode=TRUNCATE", "synchronous=EXTRA")
    assert pragmas((3, 51, 2))[:2] == ("journal_mode=TRUNCATE", "synchronous=EXTRA")
    assert pragmas((3, 51, 3))[:2] == ("journal_mode=WAL", "synchronous=FULL")
    assert pragmas((4, 0, 0))[:2] == ("journal_mode=WAL", "synchronous=FULL")


def test_every_connection_is_durable_and_checks_references(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "pragmas", pragmas)  # the other tests need not outlive a power cut
    sqlite_store.close()
    with sqlite_store.read() as tx:
        ask = {
            name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "secure_delete", "synchronous", "journal_mode", "temp_store")
        }
    wal = sqlite3.sqlite_version_info >= (3, 51, 3)
    expected = {"synchronous": 2, "journal_mode": "wal"} if wal else {"synchronous": 3, "journal_mode": "truncate"}
    assert ask == {"foreign_keys": 1, "secure_delete": 1, "temp_store": 2, **expected}


def test_what_is_deleted_leaves_no_bytes_behind(sqlite_store: Store) -> None:
    marker = "a secret nobody may find"
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", BotProfile(name="Acme", persona=marker))
    with sqlite_store.begin() as tx:
        tx.connection.execute(tables.bot_profiles.delete())
    sqlite_store.close()
    assert all(marker.encode() not in path.read_bytes() for path in sqlite_store.home.iterdir())


def test_a_writer_owns_the_database_before_it_reads(sqlite_store: Store) -> None:
    with sqlite_store.begin(), pytest.raises(StoreUnavailable), sqlite_store.begin():
        pass


def test_readers_do_not_exclude_each_other_and_see_one_state(sqlite_store: Store) -> None:
    with sqlite_store.read() as one, sqlite_store.read() as other:
        assert bots.list_all(one) == bots.list_all(other) == []


def test_a_transaction_that_raises_leaves_nothing(sqlite_store: Store) -> None:
    def write() -> None:
        with sqlite_store.begin() as tx:
            bots.create(tx, "acme", BotProfile(name="Acme"))
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        write()
    with sqlite_store.read() as tx:
        assert bots.list_all(tx) == []


def test_a_bug_of_ours_is_not_dressed_up_as_a_failure_of_storage(sqlite_store: Store) -> None:
    def write() -> None:
        with sqlite_store.begin() as tx:
            jobs.enqueue(tx, "train", {}, bot_id="bot_0")

    with pytest.raises(IntegrityError):
        write()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}])
def test_what_is_not_json_is_refused(sqlite_store: Store, bad: object) -> None:
    with sqlite_store.begin() as tx, pytest.raises(Exception, match="JSON"):
        jobs.enqueue(tx, "train", {"bad": bad})


def test_instants_are_aware_and_come_back_in_utc(sqlite_store: Store, clock) -> None:
    clock.now = datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with sqlite_store.begin() as tx:
        made = bots.create(tx, "acme", BotProfile(name="Acme"))
    with sqlite_store.read() as tx:
        kept = bots.get(tx, "acme").created_at
    assert kept == made.created_at == datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert kept.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        tables.Instant().process_bind_param(datetime(2026, 3, 1), None)  # noqa: DTZ001


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://user:geheim@host/db", "://"]
)
def test_a_url_of_no_database_we_know_is_refused_without_being_printed(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        open_store(url, home=tmp_path)
    assert "geheim" not in str(refused.value)


def test_postgresql_is_spoken_to_through_psycopg() -> None:
    assert parse_url("postgresql://user@host/db").drivername == "postgresql+psycopg"


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(f"postgresql://nobody@/none?host={tmp_path}", home=tmp_path, busy_seconds=0.1)


def test_damage_to_references_is_found(sqlite_store: Store) -> None:
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", BotProfile(name="Acme"))
    assert sqlite_store.integrity() == []
    careless = sqlite3.connect(sqlite_store.home / "attune.db")
    careless.execute("DELETE FROM bots")
    careless.commit()
    careless.close()
    assert sqlite_store.integrity() == ["a row of bot_profiles refers to a row of bots that is not there"]


def _sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("some words with /a/path")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_BUSY | 2 << 8, StoreUnavailable),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_CORRUPT, StoreCorrupt),
        (sqlite3.SQLITE_NOTADB, StoreCorrupt),
        (sqlite3.SQLITE_IOERR | 2 << 8, StoreCorrupt),
        (sqlite3.SQLITE_IOERR | 4 << 8, StorageError),
    ],
)
def test_what_sqlite_says_is_told_in_our_words(code: int, kind: type[StorageError]) -> None:
    told = translate(_sqlite_error(code))
    assert type(told) is kind
    assert "/a/path" not in str(told)


def test_what_sqlite_says_of_a_bug_is_left_alone() -> None:
    assert translate(_sqlite_error(sqlite3.SQLITE_CONSTRAINT)) is None
    assert translate(sqlite3.ProgrammingError("Cannot operate on a closed database.")) is None


class _ServerError(Exception):
    sqlstate: str | None = None


class OperationalError(_ServerError):
    """psycopg's name for a connection that broke."""


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", StorageFull),
        ("55P03", StoreUnavailable),
        ("40P01", StoreUnavailable),
        ("57P01", StoreUnavailable),
        ("08006", StoreUnavailable),
        (None, StoreUnavailable),
        ("58030", StorageError),
        ("XX001", StoreCorrupt),
        ("42P01", None),
        ("23505", None),
    ],
)
def test_what_postgresql_says_is_told_in_our_words(state: str | None, kind: type[StorageError] | None) -> None:
    from sqlalchemy.exc import DBAPIError

    cause = OperationalError()
    cause.sqlstate = state
    told = translate(DBAPIError("SELECT 1", {}, cause))
    assert (None if told is None else type(told)) is kind


def test_an_error_of_the_driver_without_a_state_is_a_bug() -> None:
    from sqlalchemy.exc import DBAPIError

    assert translate(DBAPIError("SELECT 1", {}, _ServerError())) is None
