"""kill -9 of the whole server under load, again and again: what was acknowledged is there afterwards, exactly once.

Callers do what good callers do: what was not answered is sent again under the same id until it is. Each keeps a ledger
of what was acknowledged; at the end the ledger is compared with the rows, and every file with its name.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from data import doctor
from data.settings import load_settings
from data.store import Tx, open_store
from data.store.serving_tables import feedback, sessions, turns
from data.store.tables import conversations, jobs, uploads
from tests.faults.live import (
    ASKED,
    BOT,
    LOST,
    ROOT,
    Caller,
    Running,
    Told,
    furnish,
    start,
    wait_until_gone,
    wait_until_ready,
)  # fmt: skip

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes under /proc")

AGAIN = (409, 429, 503)
CONVERSATIONS = 3
SETTINGS = {
    "ATTUNE_JOBS__LEASE_SECONDS": "2",
    "ATTUNE_JOBS__HEARTBEAT_SECONDS": "0.5",
    "ATTUNE_JOBS__POLL_SECONDS": "0.1",
    "ATTUNE_JOBS__MAX_ATTEMPTS": "50",
}


@dataclass
class Ledger:
    """What was acknowledged. `address` is where the server is now."""

    address: str = ""
    uploads: dict[str, tuple[str, str]] = field(default_factory=dict)
    replies: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    ratings: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    refused: list[Told] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def acknowledged(self) -> int:
        return len(self.uploads) + len(self.replies) + len(self.ratings)


@dataclass
class Client:
    """One client's thread: sends, and sends again until there is an answer."""

    ledger: Ledger
    key: str
    name: str
    caller: Caller | None = None

    def sure(self, kind: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of the answer, whatever happens in between; None once the test is over.

        A body that is a function is called for each time it is sent.
        """
        while not self.ledger.over.is_set():
            try:
                told = self._there().call(method, path, body() if callable(body) else body, **headers)
            except LOST:
                self.ledger.lost[kind] += 1
                time.sleep(0.05)
                continue
            if told.status < 300:
                return told.body
            if told.status not in AGAIN:
                self.ledger.refused.append(told)
            time.sleep(0.05)
        self.close()
        return None

    def _there(self) -> Caller:
        """The connection to where the server is now."""
        if self.caller is None or self.caller.address != self.ledger.address:
            self.close()
            self.caller = Caller(self.ledger.address, self.key, patience=10)
        return self.caller

    def close(self) -> None:
        if self.caller is not None:
            self.caller.close()


def chat(ledger: Ledger, key: str, name: str) -> None:
    """A visitor: talks, and rates every second reply."""
    client = Client(ledger, key, name)
    opened = client.sure("session", "POST", f"/v1/bots/{BOT}/sessions", Idempotency_Key=f"nobody-guesses-{name}")
    client.close()
    if opened is None:
        return
    client = Client(ledger, opened["token"], name)
    number = 0
    while not ledger.over.is_set():
        number += 1
        message, said = f"{name}-{number}", f"{ASKED[number % len(ASKED)]} {number}"
        asked = {"message": said, "message_id": message}
        reply = client.sure("chat", "POST", f"/v1/bots/{BOT}/chat", asked)
        if reply is None:
            return
        ledger.replies[message] = (reply["message_turn"], reply["turn"], said)
        if number % 2:
            rating = {"turn": reply["turn"], "rating": 1 if number % 3 else -1, "comment": f"of {message}"}
            path = f"/v1/bots/{BOT}/feedback"
            given = client.sure("feedback", "POST", path, rating, Idempotency_Key=f"rate-{message}")
            if given is not None:
                ledger.ratings[reply["turn"]] = (given["id"], rating["rating"], rating["comment"])
    client.close()


def log(name: str) -> bytes:
    """A small file of conversations that stands nowhere else."""
    dice = random.Random(name)
    lines = []
    for number in range(CONVERSATIONS):
        words = " ".join(f"{dice.getrandbits(32):x}" for _ in range(200))
        messages = [
            {"role": "user", "content": f"{name} {number} {words}"},
            {"role": "agent", "content": f"ok {words}"},
        ]
        lines.append(json.dumps({"id": f"{name}-{number}", "messages": messages}))
    return "\n".join(lines).encode()


def upload(ledger: Ledger, key: str, name: str) -> None:
    """A business: sends one file after another, slowly, so that many a kill comes midway."""
    client = Client(ledger, key, name)
    number = 0
    while not ledger.over.is_set():
        number += 1
        file, body = f"{name}-{number}", log(f"{name}-{number}")

        def slowly(body: bytes = body) -> Iterator[bytes]:
            for at in range(0, len(body), 4_000):
                yield body[at : at + 4_000]
                time.sleep(0.02)

        path = f"/v1/bots/{BOT}/uploads?rights_attested=true&name={file}"
        job = client.sure("upload", "POST", path, slowly, Idempotency_Key=file, Content_Length=str(len(body)))
        if job is not None:
            ledger.uploads[file] = (job["upload"], hashlib.sha256(body).hexdigest())
    client.close()


def killed(home: Path, keys: dict[str, str], kills: int) -> Ledger:
    """Kill a server `kills` times while clients are at it. What they were told."""
    dice = random.Random(kills)
    ledger = Ledger()
    work = [(chat, keys["public"], f"visitor{number}") for number in range(4)]
    work += [(upload, keys["all"], f"business{number}") for number in range(2)]
    threads = [threading.Thread(target=act, args=(ledger, key, name), daemon=True) for act, key, name in work]
    server = begun(home, ledger)
    for thread in threads:
        thread.start()
    try:
        for _ in range(kills):
            before = ledger.acknowledged
            until = time.monotonic() + 30
            while ledger.acknowledged < before + 10 and time.monotonic() < until:
                time.sleep(0.02)
            assert ledger.acknowledged >= before + 10, "nothing is acknowledged any more"
            time.sleep(dice.uniform(0, 1.0))
            processes = server.pids()
            server.kill()
            assert wait_until_gone(processes, 20) == [], "something of the killed server lives on"
            server = begun(home, ledger)
        ledger.over.set()
        for thread in threads:
            thread.join(30)
        with closing(server.caller(keys["all"])) as admin:
            wait_for_imports(admin)
    finally:
        ledger.over.set()
        server.kill()
    return ledger


def begun(home: Path, ledger: Ledger) -> Running:
    server = start(home, **SETTINGS)
    try:
        wait_until_ready(server)
    except BaseException:
        server.kill()
        raise
    ledger.address = server.address
    return server


def wait_for_imports(admin: Caller, patience: float = 120) -> None:
    """Until every import is over; gives up when for `patience` seconds none of them has come to an end."""
    before, until = None, time.monotonic() + patience
    while time.monotonic() < until:
        waiting = [
            job["id"]
            for state in ("queued", "running")
            for job in admin.call("GET", f"/v1/jobs?limit=100&state={state}").body["data"]
        ]
        if not waiting:
            return
        if waiting != before:
            before, until = waiting, time.monotonic() + patience
        time.sleep(0.2)
    raise AssertionError(f"imports are not over: {waiting}")


def check(home: Path, ledger: Ledger) -> None:
    """The ledger against what is there."""
    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=home) as store:
        with store.read() as tx:
            check_turns(tx, ledger)
            check_ratings(tx, ledger)
            check_uploads(tx, ledger)
        for path in (home / "blobs").glob("*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, "half a file"
        assert doctor.examine(store, settings) == []
        assert doctor.repair(store, settings, grace_seconds=0) == [], "what killed processes left is not all removable"
        assert list((home / "tmp").iterdir()) == []


def rows(tx: Tx, table: Any) -> list[Any]:
    return list(tx.connection.execute(select(table)))


def check_turns(tx: Tx, ledger: Ledger) -> None:
    there = rows(tx, turns)
    asked = Counter(row.client_id for row in there if row.role == "user")
    assert set(asked.values()) == {1}, "a message is kept twice"
    assert set(ledger.replies) <= set(asked), "an acknowledged message is lost"
    by_id = {row.id: row for row in there}
    answered = Counter(row.reply_to for row in there if row.role == "assistant")
    assert set(answered) == {row.id for row in there if row.role == "user"}, "a message without its reply"
    assert set(answered.values()) == {1}, "a message has two replies"
    for message, (turn, reply, said) in ledger.replies.items():
        assert (by_id[turn].client_id, by_id[turn].text) == (message, said)
        assert by_id[reply].reply_to == turn
    for session in rows(tx, sessions):
        sequences = sorted(row.sequence for row in there if row.session_id == session.id)
        assert len(sequences) == session.turns
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences))) if sequences else True


def check_ratings(tx: Tx, ledger: Ledger) -> None:
    there = rows(tx, feedback)
    assert max(Counter(row.turn_id for row in there).values()) == 1
    by_turn = {row.turn_id: row for row in there}
    for turn, (id_, rating, comment) in ledger.ratings.items():
        row = by_turn[turn]
        assert (row.id, row.rating, row.comment, row.revision) == (id_, rating, comment, 1)


def check_uploads(tx: Tx, ledger: Ledger) -> None:
    there = rows(tx, uploads)
    assert max(Counter(row.name for row in there).values()) == 1, "a file is kept twice"
    by_name = {row.name: row for row in there}
    brought = Counter(row.upload_id for row in rows(tx, conversations))
    for name, (id_, digest) in ledger.uploads.items():
        row = by_name[name]
        assert (row.id, row.digest, row.state) == (id_, digest, "imported"), row
        assert row.conversations == brought[id_] == CONVERSATIONS
    states = Counter((row.kind, row.state) for row in rows(tx, jobs))
    assert states == {("import", "succeeded"): len(there)}


FEW = pytest.param(2, marks=pytest.mark.timeout(240))
MANY = pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])


@pytest.mark.parametrize("kills", [FEW, MANY])
def test_what_was_acknowledged_survives_every_kill(tmp_path: Path, kills: int) -> None:
    ledger = killed(tmp_path, furnish(tmp_path), kills)
    assert ledger.refused == []
    assert min(len(ledger.uploads), len(ledger.replies), len(ledger.ratings)) >= kills
    check(tmp_path, ledger)
    command = [sys.executable, "-P", "-m", "service.cli", "doctor", "--check", "--json", "--home", str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (said.returncode, json.loads(said.stdout)["findings"]) == (0, []), said.stderr
    told = f"{len(ledger.uploads)} uploads, {len(ledger.replies)} replies, {len(ledger.ratings)} ratings acknowledged"
    print(f"{kills} kills: {told}; {dict(ledger.lost)} calls lost and sent again")
