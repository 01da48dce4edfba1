"""Callers of the HTTP benchmarks: one connection each, requests made beforehand, next to no work of their own.

Client and server share the machine, so that whatever a client computes is taken from what is measured.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PIECE = 1 << 16


class Connection:
    """A connection that stays open. `status` is that of the last answer."""

    def __init__(self, address: str) -> None:
        where = urlsplit(address)
        self._socket = socket.create_connection((where.hostname, where.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, which must say how long it is."""
        self._socket.sendall(request)
        head, self._rest = self._until(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        if at < 0:
            raise ValueError(f"an answer without a length: {head[:200]!r}")
        length = int(lowered[at + 15 : lowered.find(b"\r\n", at)])
        while len(self._rest) < length:
            self._rest += self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(head[9:12]), body

    def _until(self, mark: bytes) -> tuple[bytes, bytes]:
        while (at := self._rest.find(mark)) < 0:
            self._rest += self._more()
        return self._rest[: at + 2], self._rest[at + len(mark) :]

    def _more(self) -> bytes:
        piece = self._socket.recv(PIECE)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        return piece

    def close(self) -> None:
        self._socket.close()


def post(path: str, body: object, key: str = "") -> bytes:
    """A POST of JSON as it goes over the wire."""
    data = json.dumps(body).encode()
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\n{bearer}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def get(path: str) -> bytes:
    """A GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


@dataclass(frozen=True)
class Server:
    """A server under measurement. `ready_seconds`: from its start to its first good answer."""

    name: str
    address: str
    process: subprocess.Popen[bytes]
    ready_seconds: float


@contextmanager
def serving(name: str, command: Sequence[str], address: str, log: Path, first: bytes) -> Iterator[Server]:
    """A server, from its start to its first good answer to `first`, and to its end; what it says goes to `log`."""
    begun = time.monotonic()
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        while not _answers(address, first):
            if process.poll() is not None or time.monotonic() - begun > 120:
                raise RuntimeError(f"{name} does not come up: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)
        yield Server(name, address, process, time.monotonic() - begun)
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str, first: bytes) -> bool:
    try:
        connection = Connection(address)
    except OSError:
        return False
    try:
        return connection.ask(first)[0] == 200
    except (OSError, ValueError):
        return False
    finally:
        connection.close()


def milliseconds(server: Server, requests: Sequence[bytes], warm_up: int = 10) -> list[float]:
    """What one caller waits for each answer, one request after the other; the first few are not counted."""
    connection, taken = Connection(server.address), []
    for number, request in enumerate(requests):
        begun = time.perf_counter()
        status, body = connection.ask(request)
        if number >= warm_up:
            taken.append(1000 * (time.perf_counter() - begun))
        if status != 200:
            raise RuntimeError(f"{server.name} answered {status}: {body[:300]!r}")
    connection.close()
    return taken


def per_second(server: Server, requests: Sequence[bytes], clients: int) -> float:
    """Requests a second of so many callers at once, each with a share of the requests."""
    gate = threading.Barrier(clients + 1)
    failed: list[str] = []

    def act(mine: Sequence[bytes]) -> None:
        connection = Connection(server.address)
        gate.wait()
        for request in mine:
            status, body = connection.ask(request)
            if status != 200:
                failed.append(f"{status}: {body[:300]!r}")
                break
        connection.close()

    threads = [threading.Thread(target=act, args=(requests[number::clients],)) for number in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"{server.name} answered {failed[0]}")
    return len(requests) / (time.perf_counter() - begun)


def resident_mb(pid: int, without: str = "trainer") -> tuple[float, float]:
    """RSS and PSS of a process and all that it started, but for those with `without` in their command line."""
    rss = pss = 0
    for one in _tree(pid):
        try:
            if without in Path(f"/proc/{one}/cmdline").read_text():
                continue
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        rss += sum(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
        pss += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return rss * 1024 / 1e6, pss * 1024 / 1e6


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in tasks.read_text().split()]
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
