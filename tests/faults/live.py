"""A server as `attune serve` starts it, to be killed and stopped, and callers that keep one connection open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data.profile import parse_profile
from data.settings import load_settings
from data.store import Store, bots, keys, open_store, releases
from data.store.keys import SCOPES, NewKey
from tests.flow import tiny_release
from tests.homes import lay_home

ROOT = Path(__file__).parents[2]
BOT = "acme"
ASKED = ("my parcel has not moved", "where is the tracking of my parcel", "wash waterproofing jacket", "thanks bye")
VERDICT: dict[str, Any] = {"decision": "promote", "reasons": [], "models": {}, "flips": [], "slices": []}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "ATTUNE_SERVE__METRICS_PORT": "0",
    **{f"ATTUNE_LIMITS__{whom}_PER_SECOND": "0" for whom in ("KEY", "VISITOR", "NETWORK", "TOTAL")},
}
LOST = (OSError, HTTPException)
"""What a caller gets of a server that is killed under it."""


@dataclass(frozen=True)
class Told:
    """An answer. `body` is None where it is no JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass
class Caller:
    """One connection, opened when it is first needed and again once it was lost."""

    address: str
    key: str
    patience: float = 30.0
    _open: HTTPConnection | None = field(default=None, repr=False)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Told:
        """One call. Bytes, or pieces of them, go as they are; header names are written with underscores.

        Raises one of LOST when no answer came.
        """
        answer = self.begin(method, path, body, **headers)
        raw = answer.read()
        is_json = (answer.headers.get("Content-Type") or "").startswith("application/json")
        return Told(answer.status, json.loads(raw) if is_json else None, dict(answer.headers))

    def begin(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The same, returning once the headers are there."""
        given = {"Authorization": f"Bearer {self.key}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        if isinstance(body, dict):
            given["Content-Type"] = "application/json"
        try:
            if self._open is None:
                self._open = HTTPConnection(urlsplit(self.address).netloc, timeout=self.patience)
            self._open.request(method, path, data, given)
            return self._open.getresponse()
        except LOST:
            self.close()
            raise

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


@dataclass(frozen=True)
class Running:
    """A started server: its processes lead a group of their own. `errors` is all that they wrote to stderr."""

    process: subprocess.Popen[bytes]
    address: str
    errors: Path
    first_key: str | None = None

    def caller(self, key: str) -> Caller:
        return Caller(self.address, key)

    def pids(self) -> list[int]:
        """The parent first, then everything that it started, directly or not."""
        return descendants(self.process.pid)

    def kill(self) -> None:
        """kill -9, all of the group at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def traces(self) -> list[str]:
        """Lines on stderr that are no log lines, and log lines that speak of a bug."""
        lines = self.errors.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if not line.startswith("{") or '"level": "error"' in line]


def furnish(home: Path, answers: tuple[str, ...] = ("About {}.",)) -> dict[str, str]:
    """A home with one bot, a release for each kind of answer, the first of them live. Returns keys by name."""
    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=lay_home(home)) as store:
        for number, words in enumerate(answers, 1):
            profile = parse_profile(_profile(words))
            with store.begin() as tx:
                if number == 1:
                    bot_id = bots.create(tx, BOT, profile).id
                else:
                    bots.save_profile(tx, bot_id, profile)
            assert tiny_release.publish(store, settings, BOT, VERDICT, base=f"tiny-{number}") == number
        promote(store, 1)
        with store.begin() as tx:
            made = {"all": keys.create(tx, NewKey("all", SCOPES))[1]}
            made["public"] = keys.create(tx, NewKey("page", (), "public", bot_id))[1]
    return made


def _profile(words: str) -> dict[str, Any]:
    """A bot whose every reply has these words."""
    intents = [{"name": name, "answers": [words.format(name)]} for name in tiny_release.SAID if name != "oos"]
    told = {"fallback": "something else", "handoff": "a colleague", "ask_back": "{first} or {second}"}
    return {"name": "Acme", "intents": intents, **{name: words.format(what) for name, what in told.items()}}


def promote(store: Store, number: int) -> None:
    """Move the pointer as another process would: the server is not told."""
    with store.begin() as tx:
        bot = bots.get(tx, BOT)
        version = releases.live(tx, bot.id).version
        releases.promote(tx, bot.id, releases.Promotion(number, version, "cli", "a test"))


def start(home: Path, *options: str, **settings: str) -> Running:
    """A server that takes requests; whether its bots are loaded `wait_until_ready` knows."""
    command = [sys.executable, "-P", "-m", "service.cli", "serve", "--home", str(home), "--port", "0", "--json"]
    errors = home / "stderr.log"
    with errors.open("ab") as log:
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True,
            env={**os.environ, **ENVIRONMENT, **settings},
        )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as said:
        line = said.readline()
    assert line, errors.read_text()
    told = json.loads(line)
    return Running(process, told["serving"], errors, told.get("admin_key"))


@contextmanager
def running(home: Path, *options: str, **settings: str) -> Iterator[Running]:
    """A server that is ready; whatever is left of it afterwards is ended."""
    server = start(home, *options, **settings)
    try:
        wait_until_ready(server)
        yield server
    finally:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(40)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_until_ready(server: Running, seconds: float = 60.0) -> None:
    asking = server.caller("")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if asking.call("GET", "/readyz").status == 200:
                asking.close()
                return
        except LOST:
            assert server.process.poll() is None, server.errors.read_text()
        time.sleep(0.02)
    raise AssertionError("the server is not ready")


def descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in tasks.read_text().split()]
            except OSError:
                continue
    return found


def is_there(pid: int) -> bool:
    """Whether the process lives: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    """Those of them that are still there after so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(map(is_there, pids)):
        time.sleep(0.05)
    return [pid for pid in pids if is_there(pid)]
