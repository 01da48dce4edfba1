"""The sample bot on a page, and what a correction given there does: seen, accepted, trained on, live.

The server runs as a child with its own worker; this process only watches the store, as an operator would.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from data import lessons
from data.errors import AttuneError
from data.files import disk
from data.settings import Settings
from data.store import Store, feedback, jobs, keys, releases, sessions, turns
from data.store.bots import Bot
from data.store.feedback import Feedback, Review
from data.store.jobs import Job
from data.store.keys import SCOPES, NewKey
from data.store.releases import Promotion
from data.store.sessions import NewSession
from service.answering import predictor_of
from service.auth import Doorkeeper, Secret
from service.child import GRACE_SECONDS, Event
from service.demonstration import ORDER
from service.promotion import move
from service.training import enqueue_training

ACTOR = "demo"
KEY_NAMES = ("demo: everything", "demo: the page")
LOOK_SECONDS = 1.0
LOG = "serve.log"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a visitor of the demo may use. `visitor` is the token of a session opened for the command line."""

    admin: str
    public: str
    visitor: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction that waits for a reviewer: what was said, what was answered, what should have been."""

    feedback: Feedback
    message: str
    reply: str

    @property
    def wanted(self) -> str:
        return self.feedback.reply or f"(meant: {self.feedback.intent})"


@dataclass(frozen=True, slots=True)
class Served:
    """The server of the demo, while it runs."""

    address: str
    child: subprocess.Popen[bytes]

    def check(self) -> None:
        """Raises AttuneError once the server has ended."""
        if self.child.poll() is not None:
            raise _ended({})


@dataclass
class Showroom:
    """The served demo. `sleep` is passed in, so that tests need not wait."""

    store: Store
    settings: Settings
    bot: Bot
    sleep: Callable[[float], None] = time.sleep

    def make_keys(self, address: str) -> Keys:
        """Fresh keys; those of the demo before end."""
        origins = tuple({address, address.replace("127.0.0.1", "localhost")})
        with self.store.begin() as tx:
            for key in keys.list_all(tx):
                if key.name in KEY_NAMES:
                    keys.revoke(tx, key.id)
            _, admin = keys.create(tx, NewKey(KEY_NAMES[0], SCOPES))
            public_key, public = keys.create(tx, NewKey(KEY_NAMES[1], (), "public", self.bot.id, origins))
            expires = tx.now + timedelta(hours=self.settings.serve.session_hours)
            session = sessions.create(tx, NewSession(self.bot.id, public_key.id, None, "", expires))
        door = Doorkeeper(self.store, Secret.of(self.settings), self.settings.serve.session_idle_minutes * 60)
        return Keys(admin, public, door.visitor_token(self.store.workspace, session.id))

    @contextmanager
    def serving(self, port: int, public: str) -> Iterator[Served]:
        """Serve in a child for the length of the block; begins once requests are taken. What the server logs goes to
        the folder `logs` of the home. Raises AttuneError when the child ends before that."""
        options = ["--home", str(self.settings.home), "--port", str(port), "--page-key", public, "--json"]
        log = self.settings.home / "logs" / LOG
        with disk():
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stream = log.open("ab")
        with stream:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "service.cli", "serve", *options], stdout=subprocess.PIPE, stderr=stream
            )
        try:
            line = child.stdout.readline() if child.stdout is not None else b""
            told = json.loads(line) if line else {}
            if "serving" not in told:
                raise _ended(told)
            yield Served(str(told["serving"]), child)
        finally:
            _end(child)

    def corrections(self) -> list[Correction]:
        """The corrections that wait for a reviewer, worth most first."""
        with self.store.read() as tx:
            waiting = feedback.page(tx, self.bot.id, state="pending", limit=20)
            found = []
            for one in waiting:
                if one.corrected_reply is None and one.corrected_intent is None:
                    continue
                reply = turns.get(tx, self.bot.id, one.turn_id)
                message = turns.get(tx, self.bot.id, reply.reply_to) if reply.reply_to else None
                found.append(Correction(one, message.text if message else "", reply.text))
        return found

    def accept(self, correction: Correction) -> lessons.Outlook:
        """Accept it as a reviewer would; what will become of it."""
        with self.store.begin() as tx:
            reviewed = feedback.review(tx, self.bot.id, correction.feedback.id, Review("accepted", ACTOR))
            return lessons.outlook(tx, self.settings, reviewed)

    def retrain(self, tell: Callable[[Event], None]) -> Job:
        """Ask for a training and wait until the server's worker has done it."""
        with self.store.begin() as tx:
            job = enqueue_training(tx, self.bot, ORDER)
        seen = 0
        while True:
            with self.store.read() as tx:
                job, news = jobs.get(tx, job.id), jobs.events(tx, job.id, seen)
            for event in news:
                seen = event.sequence
                tell({"type": event.type, **event.data})
            if job.is_over:
                return job
            self.sleep(LOOK_SECONDS)

    def promote(self, number: int) -> None:
        """Make it live. What the verdict holds back is let through: nobody's customers wait here."""
        with self.store.read() as tx:
            release, live = releases.get(tx, self.bot.id, number), releases.live(tx, self.bot.id)
        override = None if release.decision == "promote" else ACTOR
        move(self.store, self.bot, Promotion(number, live.version, ACTOR, "a correction was learned", override))

    def ask(self, number: int, message: str) -> str:
        """What release `number` answers to `message`, as the first of a conversation."""
        with self.store.read() as tx:
            release = releases.get(tx, self.bot.id, number)
        with predictor_of(self.settings, self.bot, release) as predictor:
            return predictor.reply([("user", message)]).reply


def _ended(told: Mapping[str, Any]) -> AttuneError:
    said = told.get("error") or {}
    message = str(said.get("message") or "The server of the demo has ended.")
    error = AttuneError(message, remedy=str(said.get("remedy") or f"Its last words stand in logs/{LOG} of the home."))
    error.code = str(said.get("code") or "child_lost")
    return error


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
