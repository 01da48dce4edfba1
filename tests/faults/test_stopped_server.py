"""SIGTERM with the house full: streams end in order, requests under way are answered, nothing of the server is left."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from data.settings import load_settings
from data.store import Store, bots, jobs, open_store, turns
from tests.faults.live import (
    ASKED,
    BOT,
    ENVIRONMENT,
    LOST,
    ROOT,
    Caller,
    Running,
    furnish,
    is_there,
    running,
    wait_until_gone,
)  # fmt: skip

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes under /proc")

DRAIN_SECONDS = 8
HEAVY = ("onnxruntime", "pyarrow", "numpy", "tokenizers", "flask", "werkzeug", "prometheus_client", "service.app")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    return furnish(tmp_path)


def store_at(home: Path) -> Store:
    return open_store(load_settings(home, environ={}).store_url, home=home)


def unending_job(home: Path, events: int = 3, size: int = 10) -> str:
    """A job in other hands, so that its stream goes on."""
    with store_at(home) as store, store.begin() as tx:
        queued = jobs.enqueue(tx, "train", {}, bot_id=bots.get(tx, BOT).id)
        job = jobs.claim(tx, "a test", lease_seconds=3600, job_id=queued.id)
        assert job is not None
        for number in range(events):
            jobs.event(tx, job, "progress", {"number": number, "said": "x" * size})
    return job.id


def visitor(server: Running, keys: dict[str, str]) -> Caller:
    with closing(server.caller(keys["public"])) as page:
        opened = page.call("POST", f"/v1/bots/{BOT}/sessions").body
    return server.caller(opened["token"])


def slow_reader(server: Running, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> socket.socket:
    """A caller that takes in next to nothing, and for now does not read at all."""
    where = urlsplit(server.address)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    connection.settimeout(30)
    connection.connect((where.hostname, where.port))
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if body is not None else ""
    connection.sendall(f"{head}{kind}\r\n".encode() + data)
    return connection


def read_to_end(connection: socket.socket) -> str:
    said = b""
    while piece := connection.recv(1_000):
        said += piece
    return said.decode()


def last_event(said: str) -> tuple[str, Any]:
    """Name and data of the last event of a stream."""
    lines = said.splitlines()
    at = max(number for number, line in enumerate(lines) if line.startswith("event: "))
    return lines[at].removeprefix("event: "), json.loads(lines[at + 1].removeprefix("data: "))


def stopped(server: Running) -> float:
    """Seconds from SIGTERM to the end, which must be an orderly one."""
    processes = server.pids()
    assert len(processes) >= 2
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(DRAIN_SECONDS * 4) == 0
    seconds = time.monotonic() - begun
    assert wait_until_gone(processes, 1) == []
    assert server.traces() == []
    return seconds


def test_twenty_streams_and_all_requests_come_to_an_end(tmp_path: Path, keys: dict[str, str]) -> None:
    job = unending_job(tmp_path)
    with running(tmp_path, ATTUNE_SERVE__DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        assert len(server.pids()) >= 3, "parent, server and worker"
        watching = [slow_reader(server, keys["all"], "GET", f"/v1/jobs/{job}/events") for _ in range(16)]
        visitors = [visitor(server, keys) for _ in range(4)]
        path = f"/v1/bots/{BOT}/chat"
        asked = [{"message": words, "stream": True} for words in ASKED]
        talking = [slow_reader(server, one.key, "POST", path, body) for one, body in zip(visitors, asked, strict=True)]
        talk = Talk(server, visitors)
        uploading = Uploading(server, keys["all"])
        time.sleep(1.0)
        seconds = stopped(server)
        talk.join()
        uploading.join()
    for connection in watching:
        with connection:
            name, data = last_event(read_to_end(connection))
        assert (name, data["error"]["code"]) == ("error", "server_shutdown")
        assert data["error"]["request_id"].startswith("req_")
    for connection in talking:
        with connection:
            name, _ = last_event(read_to_end(connection))
        assert name == "reply", "they came in time"
    assert seconds < DRAIN_SECONDS
    assert talk.answered > 0
    assert talk.unanswered == []
    assert talk.statuses <= {200, 503}
    assert uploading.status == 202
    check_kept(tmp_path, talk)


class Talk:
    """Visitors who talk until the server takes no more; which calls had begun before it was told to stop."""

    def __init__(self, server: Running, visitors: list[Caller]) -> None:
        self._server = server
        self.answered = 0
        self.turns: set[str] = set()
        self.statuses: set[int] = set()
        self.unanswered: list[str] = []
        self._threads = [threading.Thread(target=self._talk, args=(one,)) for one in visitors]
        for thread in self._threads:
            thread.start()

    def _talk(self, caller: Caller) -> None:
        while self._server.process.poll() is None:
            try:
                told = caller.call("POST", f"/v1/bots/{BOT}/chat", {"message": ASKED[0]})
            except ConnectionRefusedError:
                break
            except LOST as lost:
                self.unanswered.append(repr(lost))
                break
            self.statuses.add(told.status)
            self.answered += told.status == 200
            if told.status == 200:
                self.turns.add(told.body["turn"])
            if told.headers.get("Connection") == "close":
                caller.close()
        caller.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)


class Uploading:
    """One upload, on its way when the server is told to stop."""

    def __init__(self, server: Running, key: str) -> None:
        self.status = 0
        self._thread = threading.Thread(target=self._upload, args=(server.caller(key),))
        self._thread.start()

    def _upload(self, caller: Caller) -> None:
        log = {"id": "1", "messages": [{"role": "user", "content": "a" * 3_000}, {"role": "agent", "content": "hey"}]}
        body = json.dumps(log).encode()

        def slowly() -> Iterator[bytes]:
            for at in range(0, len(body), 100):
                yield body[at : at + 100]
                time.sleep(0.08)

        with closing(caller):
            path = f"/v1/bots/{BOT}/uploads?rights_attested=true"
            self.status = caller.call("POST", path, slowly(), Content_Length=str(len(body))).status

    def join(self) -> None:
        self._thread.join(30)


def check_kept(home: Path, talk: Talk) -> None:
    with store_at(home) as store, store.read() as tx:
        bot = bots.get(tx, BOT)
        for turn in talk.turns:
            assert turns.get(tx, bot.id, turn).role == "assistant"


def test_a_caller_who_never_reads_holds_nothing_up(tmp_path: Path, keys: dict[str, str]) -> None:
    job = unending_job(tmp_path, events=400, size=50_000)
    with running(tmp_path, "--no-worker", ATTUNE_SERVE__DRAIN_SECONDS="3") as server:
        deaf = [slow_reader(server, keys["all"], "GET", f"/v1/jobs/{job}/events") for _ in range(3)]
        time.sleep(1.5)
        seconds = stopped(server)
        for connection in deaf:
            connection.close()
    assert seconds < 3 + 2


def test_ctrl_c_ends_it_just_as_well(tmp_path: Path, keys: dict[str, str]) -> None:
    job = unending_job(tmp_path)
    with running(tmp_path, ATTUNE_SERVE__DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        processes = server.pids()
        with slow_reader(server, keys["all"], "GET", f"/v1/jobs/{job}/events") as watching:
            time.sleep(0.5)
            os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does: to the whole group
            assert server.process.wait(DRAIN_SECONDS + 2) == 0
            name, data = last_event(read_to_end(watching))
    assert (name, data["error"]["code"]) == ("error", "server_shutdown")
    assert wait_until_gone(processes, 1) == []
    assert server.traces() == []


@pytest.mark.parametrize("kinds", [(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGTERM, signal.SIGINT)])
def test_signals_that_come_in_swarms_end_it_just_as_well(
    tmp_path: Path, keys: dict[str, str], kinds: tuple[signal.Signals, ...]
) -> None:
    """systemd and terminals tell the whole group, the parent its own once more: a handler interrupts a handler."""
    job = unending_job(tmp_path)
    with running(tmp_path, "--no-worker", ATTUNE_SERVE__DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        processes = server.pids()
        with slow_reader(server, keys["all"], "GET", f"/v1/jobs/{job}/events") as watching:
            time.sleep(0.5)
            server.process.send_signal(kinds[0])
            for number in range(400):
                for child in set(processes) - {server.process.pid}:
                    with suppress(ProcessLookupError):
                        os.kill(child, kinds[number % len(kinds)])
            assert server.process.wait(DRAIN_SECONDS + 2) == 0
            name, data = last_event(read_to_end(watching))
    assert (name, data["error"]["code"]) == ("error", "server_shutdown")
    assert wait_until_gone(processes, 1) == []
    assert server.traces() == []


@pytest.mark.parametrize("seed", range(4))
def test_a_server_that_is_stopped_while_it_starts_says_no_trace(
    tmp_path: Path, keys: dict[str, str], seed: int
) -> None:
    errors = tmp_path / "stderr.log"
    command = [sys.executable, "-P", "-m", "service.cli", "serve", "--home", str(tmp_path), "--port", "0", "--json"]
    with errors.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0, 1.5))
    processes = Running(process, "", errors).pids()
    process.send_signal(signal.SIGTERM)
    assert process.wait(45) == 0
    assert wait_until_gone(processes, 1) == []
    assert "Traceback" not in errors.read_text()
    assert "terminate called" not in errors.read_text()


WATCHED = """
import os, sys
noted = sys.argv.pop(1)
def note():
    with open(noted, "a") as file:
        file.write(" ".join(sorted(sys.modules)) + "\\n")
os.register_at_fork(before=note)
import service.cli
service.cli.main()
"""


def test_the_parent_has_loaded_nothing_with_threads_when_it_forks(tmp_path: Path, keys: dict[str, str]) -> None:
    noted = tmp_path / "modules"
    options = ["serve", "--home", str(tmp_path), "--port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", WATCHED, str(noted), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}, start_new_session=True, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline(), process.communicate()[1]
    until = time.monotonic() + 20
    while not noted.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert is_there(process.pid)
    process.terminate()
    _, said = process.communicate(timeout=45)
    assert process.returncode == 0, said
    for modules in noted.read_text().splitlines():
        loaded = set(modules.split())
        assert "service.server" in loaded
        assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_a_port_that_is_taken_is_said_so_at_once_and_costs_no_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-P", "-m", "service.cli", "serve", "--home", str(tmp_path), "--port"]
        said = subprocess.run(
            [*command, port], cwd=ROOT, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=30,
            check=False,
        )  # fmt: skip
    assert said.returncode == 2
    assert said.stderr.startswith(f"Something listens on port {port} of 127.0.0.1 already.")
    assert "Traceback" not in said.stderr
    with running(tmp_path) as server:
        assert server.first_key is not None, "the first start that comes about shows the admin key"
