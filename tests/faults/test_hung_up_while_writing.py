"""A caller hangs up while a reply is being written: nothing is kept, and turn and place at writing are free again."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.store import keys, open_store
from data.store.keys import SCOPES, NewKey
from tests.flow.http.stage import Server, Site, serving, settings_of, site_at
from tests.homes import lay_home
from tests.writing import BOT, lay_writer, publish_writer

pytestmark = pytest.mark.timeout(120)

PAUSE = 0.1
SLOWLY = """
import os, time
import export.decoding as decoding
class Slow(decoding.Chooser):
    def __call__(self, scores):
        with open({home!r} + "/written", "a") as told:
            told.write(".")
        if os.path.exists({home!r} + "/slow"):
            time.sleep({pause})
        return super().__call__(scores)
decoding.Chooser = Slow
"""
"""Each token is counted, and takes so long while there is a file `slow`."""
FIRST, SECOND = "my parcel has not moved", "wash waterproofing jacket"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    settings = settings_of(home)
    with open_store(settings.store_url, home=lay_home(home)) as store:
        publish_writer(store, settings, lay_writer(home, tmp_path_factory.mktemp("work")))
        with store.begin() as tx:
            made = {"all": keys.create(tx, NewKey("all", SCOPES))[1]}
    with site_at(home, made) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    """It writes one reply at a time, and nobody may wait for that."""
    home = site.settings.home
    slowly = SLOWLY.format(home=str(home), pause=PAUSE)
    with serving(home, first=slowly, serve__writers=1, serve__writers_waiting=0) as running:
        yield running


def test_nothing_stays_of_a_reply_that_nobody_waited_for(site: Site, server: Server) -> None:
    home = site.settings.home
    session, another = (site.ask("POST", f"/v1/bots/{BOT}/sessions", "all").json["id"] for _ in range(2))
    (home / "slow").touch()
    before = tokens(home)
    with server.connect() as caller:
        ask(site, caller, session, FIRST)
        until(lambda: tokens(home) >= before + 3)
        with server.connect() as other:
            ask(site, other, another, SECOND)
            assert answer(other)[0] == 503, "the only place at writing is taken"
    left = tokens(home)
    time.sleep(10 * PAUSE)
    written = tokens(home)
    assert written <= left + 2, "nobody waited, and it was written on"
    assert site.ask("GET", f"/v1/bots/{BOT}/sessions/{session}").json["messages"] == []
    (home / "slow").unlink()
    with server.connect() as caller:
        ask(site, caller, session, FIRST)
        status, body = answer(caller)
    assert status == 200, body
    (draft,) = body["explanation"]["drafts"]
    assert written - before < draft["tokens"], "it was broken off in the middle"
    told = site.ask("GET", f"/v1/bots/{BOT}/sessions/{session}").json["messages"]
    assert [one["text"] for one in told] == [FIRST, body["reply"]], "under the same id, as if for the first time"


def ask(site: Site, caller: socket.socket, session: str, message: str) -> None:
    asked = {"message": message, "message_id": "m1", "session": session, "explain": True}
    body = json.dumps(asked).encode()
    key = site.keys["all"].encode()
    head = b"POST /v1/bots/%s/chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % BOT.encode()
    head += b"Content-Type: application/json\r\nAuthorization: Bearer %s\r\n" % key
    caller.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def answer(caller: socket.socket) -> tuple[int, Any]:
    received = b""
    while piece := caller.recv(65536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def tokens(home: Path) -> int:
    written = home / "written"
    return written.stat().st_size if written.exists() else 0


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
