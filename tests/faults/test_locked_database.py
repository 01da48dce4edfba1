"""Another process keeps the database locked: what is in memory answers, the rest is refused soon; all comes back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.crowd import at_once
from tests.faults.live import ASKED, BOT, Caller, Told, furnish, running

pytestmark = pytest.mark.timeout(120)

BUSY_SECONDS = 1.0
BOUND_SECONDS = 3 * BUSY_SECONDS


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with closing(sqlite3.connect(home / "attune.db", isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def parse(caller: Caller) -> Told:
    return caller.call("POST", f"/v1/bots/{BOT}/parse", {"text": ASKED[0]})


def chat(caller: Caller) -> Told:
    return caller.call("POST", f"/v1/bots/{BOT}/chat", {"message": ASKED[0]})


def chat_once(caller: Caller) -> Told:
    with closing(caller):
        return chat(caller)


def test_a_locked_database_stops_nobody_who_needs_none(tmp_path: Path) -> None:
    keys = furnish(tmp_path)
    with (
        running(tmp_path, "--no-worker", ATTUNE_STORE__BUSY_SECONDS=str(BUSY_SECONDS)) as server,
        closing(server.caller(keys["all"])) as admin,
        closing(server.caller(keys["public"])) as page,
    ):
        opened = page.call("POST", f"/v1/bots/{BOT}/sessions").body
        with closing(server.caller(opened["token"])) as visitor:
            assert chat(visitor).status == parse(admin).status == 200
            with locked(tmp_path):
                time.sleep(1.2)  # what is remembered for a second is no longer fresh
                told = [timed(parse, admin) for _ in range(30)]
                assert {one.status for one, _ in told} == {200}
                assert max(seconds for _, seconds in told) < BOUND_SECONDS
                assert sorted(seconds for _, seconds in told)[-2] < BUSY_SECONDS / 2, "only the first waits"
                for one, seconds in at_once(40, lambda _: timed(chat_once, server.caller(opened["token"]))):
                    assert (one.status, one.body["error"]["code"]) == (503, "store_unavailable")
                    assert 1 <= int(one.headers["Retry-After"]) <= 120
                    assert seconds < BOUND_SECONDS
                assert parse(admin).status == 200
                assert admin.call("GET", "/livez").status == 200
            assert comes_back(visitor, 3.0)
            assert parse(admin).status == 200
            said = admin.call("GET", f"/v1/bots/{BOT}/sessions/{opened['id']}").body["messages"]
            assert len(said) == 4, "what was refused was not kept"
    assert [line for line in server.traces() if "pointers_not_read" not in line] == []


def test_a_server_starts_while_the_database_is_locked_and_loads_when_it_can(tmp_path: Path) -> None:
    keys = furnish(tmp_path)
    with running(tmp_path, "--no-worker", ATTUNE_STORE__BUSY_SECONDS="0.3") as server:
        with locked(tmp_path), closing(server.caller(keys["all"])) as admin:
            told = admin.call("GET", f"/v1/bots/{BOT}")
            assert told.status in (200, 503)
            time.sleep(2)
            stranger = server.caller("att_key_" + "x" * 50)
            with closing(stranger):
                assert parse(stranger).status in (401, 503), "nobody is let in for want of a store"
        with closing(server.caller(keys["all"])) as admin:
            assert comes_back(admin, 3.0)


def timed(act: Callable[[Caller], Told], caller: Caller) -> tuple[Told, float]:
    begun = time.monotonic()
    return act(caller), time.monotonic() - begun


def comes_back(caller: Caller, seconds: float) -> bool:
    """Whether the store is asked again within so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if chat(caller).status != 503:
            return True
        time.sleep(0.05)
    return False
