"""Many retries at once with one Idempotency-Key, against the real server: one effect, and the same answer to all.

The promise (P2) is 50 keys x 100 retries; that is the slow test. The normal run does the same in small.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.flow.http.stage import Server, Site, furnish, populate, serving, site_at


@dataclass(frozen=True)
class Repeated:
    """One call that is sent again and again. `path` and `body` are made from a number, so that calls differ."""

    path: Callable[[int], str]
    body: Callable[[int], bytes] = lambda _: b""
    rows: Mapping[str, int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def log_of(number: int) -> bytes:
    said = [{"role": "user", "content": f"hello {number}"}, {"role": "agent", "content": "hey"}]
    return json.dumps({"id": f"c{number}", "messages": said}).encode()


CALLS = {
    "bots": Repeated(
        lambda _: "/v1/bots",
        lambda number: json.dumps({"name": f"made-{number}"}).encode(),
        {"bots": 1, "bot_profiles": 1, "audit": 1, "idempotency_keys": 1},
    ),
    "uploads": Repeated(
        lambda _: "/v1/bots/acme/uploads?rights_attested=true",
        log_of,
        {"uploads": 1, "jobs": 1, "job_events": 1, "audit": 1, "idempotency_keys": 1},
        {"Content-Type": "application/octet-stream"},
    ),
    "sessions": Repeated(lambda _: "/v1/bots/acme/sessions", rows={"sessions": 1, "idempotency_keys": 1}),
    "retrain": Repeated(
        lambda _: "/v1/admin/bots/acme/retrain",
        lambda number: json.dumps({"seed": number + 1}).encode(),
        {"jobs": 1, "job_events": 1, "audit": 1, "idempotency_keys": 1},
    ),
    "feedback": Repeated(
        lambda _: "/v1/bots/acme/feedback",
        lambda number: json.dumps({"turn": TURNS[number % len(TURNS)], "comment": f"number {number}"}).encode(),
        {"idempotency_keys": 1},
    ),
}
TURNS: list[str] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same home as the server's, to count its rows."""
    home = tmp_path_factory.mktemp("home")
    with site_at(home, furnish(home)) as made:
        populate(made)
        TURNS[:] = [made.bots["ours", "acme"].ids["turn"]]
        yield made


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    """As many uploads at once as there are callers: what is refused for being busy would be no retry."""
    with serving(site.settings.home, limits__uploads=200, limits__queue=10_000) as running:
        yield running


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    replayed: bool


class Caller(threading.local):
    """One kept connection per thread, as client libraries have."""

    connection: http.client.HTTPConnection | None = None


def storm(server: Server, site: Site, call: Repeated, keys: int, times: int, first: int) -> dict[int, list[Answer]]:
    """Every key `times` times, all of them mixed, from as many threads as a key has retries."""
    caller, opened = Caller(), []
    together = threading.Barrier(times)

    def send(number: int) -> tuple[int, Answer]:
        if caller.connection is None:
            caller.connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
            opened.append(caller.connection)
        headers = {**site.bearer("all"), **call.headers, "Idempotency-Key": f"key-{number}"}
        for last in (False, True):
            try:
                caller.connection.request("POST", call.path(number), call.body(number), headers)
                response = caller.connection.getresponse()
                break
            except (ConnectionError, http.client.RemoteDisconnected):  # it was idle for too long, and was closed
                if last:
                    raise
                caller.connection.close()
        return number, Answer(response.status, response.read(), response.headers.get("Idempotent-Replayed") == "true")

    def retry(number: int) -> tuple[int, Answer]:
        together.wait(120)  # all retries of a key leave at the same moment
        return send(number)

    found: dict[int, list[Answer]] = {}
    try:
        with ThreadPoolExecutor(times) as pool:
            numbers = [number for number in range(first, first + keys) for _ in range(times)]
            for number, answer in pool.map(retry, numbers):
                found.setdefault(number, []).append(answer)
    finally:
        for connection in opened:
            connection.close()
    return found


def check(server: Server, site: Site, name: str, keys: int, times: int, first: int) -> None:
    call = CALLS[name]
    before = site.counts()
    for number, answers in storm(server, site, call, keys, times, first).items():
        assert {answer.status for answer in answers} <= {200, 201, 202}, (number, [one.status for one in answers])
        assert len({(answer.status, answer.body) for answer in answers}) == 1, number
        assert sum(not answer.replayed for answer in answers) == 1, number
    after = site.counts()
    changed = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    if name == "feedback":  # another word of the same author on the same turn is a revision
        assert changed == {"idempotency_keys": keys, "feedback_revisions": keys}
    else:
        assert changed == {table: rows * keys for table, rows in call.rows.items()}


@pytest.mark.parametrize("name", CALLS)
def test_many_retries_at_once_have_one_effect(server: Server, site: Site, name: str) -> None:
    check(server, site, name, keys=10, times=20, first=0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", CALLS)
def test_fifty_keys_a_hundred_times_each(server: Server, site: Site, name: str) -> None:
    check(server, site, name, keys=50, times=100, first=1_000)


def test_a_retry_after_the_server_came_back_is_a_replay(site: Site) -> None:
    """What was answered is kept with the effect, not in the process that answered."""
    call = CALLS["bots"]
    answers = []
    for _ in range(2):
        with serving(site.settings.home) as server:
            answers.append(storm(server, site, call, 1, 1, 5_000)[5_000][0])
    assert (answers[0].status, answers[0].body) == (answers[1].status, answers[1].body)
    assert [answer.replayed for answer in answers] == [False, True]


def test_retries_with_another_body_are_told_apart_even_at_once(server: Server, site: Site) -> None:
    """Of two different requests with one key, sent together again and again, one wins for good."""
    before = site.counts()["bots"]

    def send(name: str) -> tuple[str, int, Any]:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        body = json.dumps({"name": name}).encode()
        headers = {**site.bearer("all"), "Content-Type": "application/json", "Idempotency-Key": "contested"}
        connection.request("POST", "/v1/bots", body, headers)
        response = connection.getresponse()
        told = json.loads(response.read())
        connection.close()
        return name, response.status, told

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, ["one", "two"] * 20))
    won = {name for name, status, _ in answers if status == 201}
    assert len(won) == 1
    lost = [(status, told["error"]["code"]) for name, status, told in answers if name not in won]
    assert set(lost) == {(422, "idempotency_mismatch")}
    assert len(lost) == 20
    assert site.counts()["bots"] == before + 1


def test_nothing_of_it_stays_behind(site: Site, server: Server) -> None:
    home: Path = site.settings.home
    assert list((home / "tmp").iterdir()) == []
    assert site.store.integrity() == []
