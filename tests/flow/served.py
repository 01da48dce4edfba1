"""A real server in processes of its own, as `attune serve` starts it, and a client that speaks JSON with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
QUIET = {"ATTUNE_SERVE__METRICS_PORT": "0", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """Calls one server with one key."""

    url: str
    key: str | None = None

    def with_key(self, key: str) -> Client:
        return Client(self.url, key)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Told:
        """One call; a body of bytes goes as it is. Header names are written with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None and not isinstance(body, bytes):
            given["Content-Type"] = "application/json"
        if self.key is not None:
            given["Authorization"] = f"Bearer {self.key}"
        asked = urllib.request.Request(self.url + path, data, given, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return Told(answer.status, json.load(answer), dict(answer.headers))
        except urllib.error.HTTPError as refused:
            return Told(refused.code, json.loads(refused.read() or b"null"), dict(refused.headers))

    def get(self, path: str) -> Any:
        told = self.call("GET", path)
        assert told.status == 200, told.body
        return told.body

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        told = self.call("POST", path, body, **headers)
        assert told.status in (200, 201, 202), told.body
        return told.body

    def wait_for(self, job: str, seconds: float) -> Any:
        """The job once it is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.get(f"/v1/jobs/{job}")
            if found["state"] not in ("queued", "running"):
                return found
            time.sleep(0.3)
        raise AssertionError(f"the job is not over: {found}")

    def promote(self, bot: str, release: int, **more: str) -> Told:
        tag = self.call("GET", f"/v1/bots/{bot}/live").headers["ETag"]
        body = {"release": release, "reason": "a test", **more}
        return self.call("PUT", f"/v1/admin/bots/{bot}/live", body, If_Match=tag)


@contextmanager
def server(home: Path, *options: str, **settings: str) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """`attune serve` in a session of its own; the client carries the admin key where this start made one."""
    command = [sys.executable, "-P", "-m", "service.cli", "serve", "--home", str(home), "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, **QUIET, **settings},
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline())
        client = Client(said["serving"], said.get("admin_key"))
        _until_ready(client)
        yield client, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def _until_ready(client: Client) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if client.call("GET", "/readyz").status == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the server is not ready after a minute")
