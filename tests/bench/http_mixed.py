"""Everything at once for minutes on end: does the server's memory stay flat, and does it ever answer 5xx?

    attune demo --no-serve --home HOME      makes the release
    python -m tests.bench.http_mixed [--home HOME] [--minutes N] [--json FILE]

Eight clients talk, parse, give feedback, upload logs, list and follow streams, on a copy of the home, the worker beside
the server importing what they upload. Memory is read every few seconds; its slope is that of the last two thirds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data.settings import load_settings
from data.store import bots, keys, open_store
from data.store.keys import SCOPES, NewKey
from tests.bench.http_client import Server, free_port, get, resident_mb, serving
from tests.bench.http_parse import attune, copied, texts

EVERY_SECONDS = 2.0
MESSAGES = 30
"""Messages of one session; then a visitor begins another."""


@dataclass
class Tally:
    """What all clients saw. Lists are only ever appended to."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    broken: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, status: int, seconds: float) -> None:
        with self.lock:
            self.statuses[kind, status] += 1
            self.seconds[kind].append(seconds)


@dataclass
class Client:
    """One client: a connection, a session, and what it may do next."""

    address: str
    bot: str
    admin: str
    public: str
    number: int
    tally: Tally
    words: list[str]
    token: str = ""
    turn: str = ""
    said: int = MESSAGES
    jobs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.number)
        self._connection = HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        self._count = 0

    def run(self, until: float) -> None:
        acts: dict[Callable[[], None], int] = {
            self.chat: 40, self.parse: 30, self.rate: 10, self.look: 12, self.upload: 2, self.talk_in_pieces: 4,
            self.follow: 2,
        }  # fmt: skip
        with closing(self._connection):
            while time.monotonic() < until:
                (act,) = self._dice.choices(list(acts), list(acts.values()))
                act()

    def chat(self) -> None:
        reply = self._said("chat", stream=False)
        if reply is not None:
            self.turn = json.loads(reply)["turn"] or ""

    def talk_in_pieces(self) -> None:
        self._said("chat stream", stream=True)

    def parse(self) -> None:
        self._call("parse", "POST", f"/v1/bots/{self.bot}/parse", self.admin, {"text": self._text()})

    def rate(self) -> None:
        if self.turn:
            body = {"turn": self.turn, "rating": self._dice.choice((-1, 1)), "comment": "so so"}
            self._call("feedback", "POST", f"/v1/bots/{self.bot}/feedback", self.token, body)

    def look(self) -> None:
        bot = f"/v1/bots/{self.bot}"
        path = self._dice.choice(
            (f"{bot}/feedback", f"{bot}/sessions", f"{bot}/uploads", "/v1/jobs", f"{bot}/releases")
        )
        self._call("list", "GET", path, self.admin)

    def upload(self) -> None:
        self._count += 1
        name = f"bench-{self.number}-{self._count}"
        messages = [{"role": "user", "content": self._text()}, {"role": "agent", "content": f"Yes. {self._text()}"}]
        body = json.dumps({"id": name, "messages": messages}).encode()
        path = f"/v1/bots/{self.bot}/uploads?rights_attested=true&name={name}"
        told = self._call("upload", "POST", path, self.admin, body)
        if told is not None:
            self.jobs.append(json.loads(told)["id"])

    def follow(self) -> None:
        """The stream of the import that was asked for last, to its end."""
        if self.jobs:
            self._call(
                "job stream", "GET", f"/v1/jobs/{self.jobs.pop()}/events", self.admin, accept="text/event-stream"
            )

    def _said(self, kind: str, *, stream: bool) -> bytes | None:
        if self.said >= MESSAGES:
            told = self._call("session", "POST", f"/v1/bots/{self.bot}/sessions", self.public)
            if told is None:
                return None
            self.token, self.turn, self.said = json.loads(told)["token"], "", 0
        self.said += 1
        body = {"message": self._text(), "stream": stream}
        return self._call(kind, "POST", f"/v1/bots/{self.bot}/chat", self.token, body)

    def _text(self) -> str:
        return f"{self._dice.choice(self.words)} {self._dice.randrange(1_000_000)}"

    def _call(self, kind: str, method: str, path: str, key: str, body: Any = None, accept: str = "*/*") -> bytes | None:
        """The body of a good answer; None of any other, which is counted."""
        headers = {"Authorization": f"Bearer {key}", "Accept": accept}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        begun = time.perf_counter()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            read = answer.read()
        except OSError as error:
            self.tally.broken.append(f"{kind}: {error!r}")
            self._connection.close()
            return None
        self.tally.note(kind, answer.status, time.perf_counter() - begun)
        return read if answer.status < 300 else None


def watched(server: Server, seconds: float) -> list[tuple[float, float, float]]:
    """(seconds since the start, RSS, PSS) of the server's processes, every so often."""
    begun, found = time.monotonic(), []
    while (at := time.monotonic() - begun) < seconds:
        found.append((at, *resident_mb(server.process.pid)))
        time.sleep(EVERY_SECONDS)
    return found


def slope(samples: list[tuple[float, float, float]]) -> float:
    """MB a minute of the RSS, over the last two thirds; the PSS moves with whoever else uses the same libraries."""
    late = samples[len(samples) // 3 :]
    return 60 * statistics.linear_regression([one[0] for one in late], [one[1] for one in late]).slope


def public_key(home: Path, bot: str) -> tuple[str, str]:
    """An admin key and a public one."""
    with open_store(load_settings(home, environ={}).store_url, home=home) as store, store.begin() as tx:
        admin = keys.create(tx, NewKey("bench admin", SCOPES))[1]
        return admin, keys.create(tx, NewKey("bench page", (), "public", bots.get(tx, bot).id))[1]


def measured(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    copy, _, _ = copied(options.home, options.bot, work)
    admin, public = public_key(copy, options.bot)
    port, tally, words = free_port(), Tally(), texts()
    command = attune(copy, port, 32, worker=True)
    with serving("attune", command, f"http://127.0.0.1:{port}", work / "log", get("/readyz")) as server:
        until = time.monotonic() + 60 * options.minutes
        clients = [
            Client(server.address, options.bot, admin, public, number, tally, words)
            for number in range(options.clients)
        ]
        threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
        for thread in threads:
            thread.start()
        samples = watched(server, 60 * options.minutes)
        for thread in threads:
            thread.join()
    return report(tally, samples, options.minutes)


def report(tally: Tally, samples: list[tuple[float, float, float]], minutes: float) -> dict[str, Any]:
    kinds = {}
    for kind, seconds in sorted(tally.seconds.items()):
        cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [seconds[0]] * 99
        statuses = {str(status): count for (of, status), count in sorted(tally.statuses.items()) if of == kind}
        kinds[kind] = {"p50_ms": round(1000 * cuts[49], 1), "p99_ms": round(1000 * cuts[98], 1), "statuses": statuses}
    third = len(samples) // 3
    return {
        "minutes": minutes,
        "requests": sum(tally.statuses.values()),
        "server_errors": sum(count for (_, status), count in tally.statuses.items() if status >= 500),
        "broken_connections": tally.broken[:10],
        "kinds": kinds,
        "rss_mb": {"after a third": round(samples[third][1], 1), "at the end": round(samples[-1][1], 1)},
        "rss_mb_at_most": round(max(one[1] for one in samples), 1),
        "rss_mb_a_minute": round(slope(samples), 2),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--home", type=Path, default=Path("demo-home"), help="a home with a live release")
    asked.add_argument("--bot", default="otterbrook")
    asked.add_argument("--clients", type=int, default=8)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--json", type=Path, help="write the figures to this file too")
    options = asked.parse_args()
    if not (options.home / "attune.db").is_file():
        print(f"Not measured: there is no home {options.home}. `attune demo --no-serve --home HOME` makes one.")
        return
    with tempfile.TemporaryDirectory() as work:
        found = measured(options, Path(work))
    for kind, one in found["kinds"].items():
        print(f"{kind}: p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms, {one['statuses']}")
    size = found["rss_mb"]
    print(
        f"{found['requests']} requests in {found['minutes']} minutes, {found['server_errors']} server errors, "
        f"{len(found['broken_connections'])} broken connections; memory {size['after a third']} MB after a third, "
        f"{size['at the end']} MB at the end, {found['rss_mb_a_minute']:+} MB a minute in between"
    )
    print(json.dumps(found))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
