"""Promotions while many talk: nobody's call fails, and each reply is wholly of one release, soon of the new one.

The load is open-loop: calls are due at fixed times, whatever became of those before, so that a server that stands still
for a moment is seen to. Half of the promotions come over HTTP, half are made where the server is not told.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data.settings import load_settings
from data.store import open_store
from tests.faults.live import ASKED, BOT, LOST, Caller, Running, furnish, promote, running

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads memory from /proc")

WORDS = {1: "First words about {}.", 2: "The second release on {}."}
OPEN = 16
VISIBLE_SECONDS = 2.0
GROWTH_BYTES = 24 << 20


@dataclass(frozen=True)
class Heard:
    """What became of one call. Times are by one clock."""

    due: float
    begun: float
    ended: float
    kind: str
    status: int
    release: int = 0
    said: str | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Moved:
    """A promotion: when it was begun and when whoever ordered it was told that it is done."""

    release: int
    begun: float
    done: float


class Load:
    """Calls at a steady rate over connections that stay open, until it is stopped."""

    def __init__(self, server: Running, keys: dict[str, str], per_second: float) -> None:
        self.heard: list[Heard] = []
        self._gap = 1 / per_second
        self._due: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
        self._over = threading.Event()
        acts = [self._chat if number % 2 else self._parse for number in range(OPEN)]
        callers = [server.caller(_visitor(server, keys) if number % 2 else keys["all"]) for number in range(OPEN)]
        self._threads = [threading.Thread(target=self._pace)]
        self._threads += [
            threading.Thread(target=self._work, args=(act, caller)) for act, caller in zip(acts, callers, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _pace(self) -> None:
        begun = time.monotonic()
        number = 0
        while not self._over.is_set():
            due = begun + number * self._gap
            self._over.wait(max(0.0, due - time.monotonic()))
            self._due.put((number, due))
            number += 1
        for _ in range(OPEN):
            self._due.put(None)

    def _work(self, act: Callable[[Caller, int, float], Heard], caller: Caller) -> None:
        with closing(caller):
            while (wanted := self._due.get()) is not None:
                self.heard.append(act(caller, *wanted))

    def _chat(self, caller: Caller, number: int, due: float) -> Heard:
        body = {"message": ASKED[number % len(ASKED)], "message_id": f"m{number}"}
        return _heard(caller, "chat", body, due)

    def _parse(self, caller: Caller, number: int, due: float) -> Heard:
        return _heard(caller, "parse", {"text": f"{ASKED[number % len(ASKED)]} {number}"}, due)


def _heard(caller: Caller, kind: str, body: dict[str, Any], due: float) -> Heard:
    begun = time.monotonic()
    try:
        told = caller.call("POST", f"/v1/bots/{BOT}/{kind}", body)
    except LOST as lost:
        return Heard(due, begun, time.monotonic(), kind, 0, trouble=repr(lost))
    ended = time.monotonic()
    if told.status != 200:
        return Heard(due, begun, ended, kind, told.status, trouble=str(told.body))
    release = int(told.body["release"].rpartition("@")[2])
    return Heard(due, begun, ended, kind, 200, release, told.body.get("reply"))


def _visitor(server: Running, keys: dict[str, str]) -> str:
    with closing(server.caller(keys["public"])) as page:
        return str(page.call("POST", f"/v1/bots/{BOT}/sessions").body["token"])


def promoted(home: Path, server: Running, key: str, count: int, pause: float) -> list[Moved]:
    """`count` promotions, to the other release each time, the first to release 2."""
    moves = []
    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=home) as store:
        for number in range(count):
            release, begun = 2 - number % 2, time.monotonic()
            if number % 4 < 2:
                ordered(server, key, release)
            else:
                promote(store, release)
            moves.append(Moved(release, begun, time.monotonic()))
            time.sleep(pause)
    return moves


def ordered(server: Running, key: str, release: int) -> None:
    """Promote over HTTP. A connection of its own each time: one that was idle for seconds may be closed by now."""
    with closing(server.caller(key)) as admin:
        tag = admin.call("GET", f"/v1/bots/{BOT}/live").headers["ETag"]
        body = {"release": release, "reason": "a test"}
        told = admin.call("PUT", f"/v1/admin/bots/{BOT}/live", body, If_Match=tag)
    assert (told.status, told.body["release"]) == (200, release), told.body


def memory(server: Running) -> int:
    """Bytes of all processes of the server, pages that they share counted once."""
    total = 0
    for pid in server.pids():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def check_swaps(heard: list[Heard], moves: list[Moved]) -> None:
    """Every reply is of a release that was live at some moment of the call, or within VISIBLE_SECONDS before it."""
    for one in heard:
        past = [move for move in moves if move.done + VISIBLE_SECONDS < one.begun]
        settled = past[-1].release if past else 1
        lately = {move.release for move in moves if move.begun < one.ended and move.done + VISIBLE_SECONDS >= one.begun}
        assert one.release in {settled, *lately}, (one, settled, lately)


def check_words(heard: list[Heard]) -> None:
    for one in heard:
        if one.kind == "chat":
            words = WORDS[one.release].partition("{")[0]
            assert one.said is not None
            assert one.said.startswith(words), one


FEW = pytest.param(4, 20.0, 2.3, marks=pytest.mark.timeout(120))
MANY = pytest.param(20, 50.0, 3.0, marks=[pytest.mark.slow, pytest.mark.timeout(400)])


@pytest.mark.parametrize(("count", "per_second", "pause"), [FEW, MANY])
def test_nobody_notices_a_promotion(tmp_path: Path, count: int, per_second: float, pause: float) -> None:
    keys = furnish(tmp_path, tuple(WORDS.values()))
    with running(tmp_path, "--no-worker") as server:
        warm = Load(server, keys, per_second)
        time.sleep(2)
        warm.stop()
        before = memory(server)
        load = Load(server, keys, per_second)
        try:
            moves = promoted(tmp_path, server, keys["all"], count, pause)
        finally:
            load.stop()
        after = memory(server)
    heard = warm.heard + load.heard
    assert [one for one in heard if one.status != 200] == []
    assert {one.kind for one in load.heard} == {"chat", "parse"}
    assert len(load.heard) >= per_second * count * pause * 0.9
    check_words(heard)
    check_swaps(heard, moves)
    assert {one.release for one in load.heard} == {1, 2}
    assert after - before < GROWTH_BYTES
    assert server.traces() == []
    late = sorted(1000 * (one.ended - one.due) for one in load.heard)
    shown = ", ".join(f"{late[int((len(late) - 1) * share)]:.0f} ({share:.0%})" for share in (0.5, 0.99, 1))
    print(f"{count} promotions, {len(load.heard)} calls: {shown} ms after they were due;")
    print(f"{before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
