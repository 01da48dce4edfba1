"""An invented brand small enough to retrain in seconds: its log, a tiny random base, and a home to work in."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from data.doctor import examine
from data.files import Blobs
from data.ingest import request_import, run_import
from data.jobs import JobContext, run_job
from data.profile import BotProfile
from data.settings import JobSettings, Settings, TrainSettings
from data.store import Store, bots, jobs, open_store, releases
from data.store.jobs import Event, Job
from data.store.releases import Release
from data.store.uploads import NewUpload
from tests.homes import lay_home
from trainer.pipeline import retrain
from trainer.retraining import KIND

BOT = "acme"
INTENTS = {
    "refund": "refund money return paid charge",
    "delivery": "parcel courier delivery arrive late",
    "login": "password login account reset locked",
    "hours": "open close hours sunday holiday",
    "warranty": "broken repair warranty screen part",
    "invoice": "invoice receipt tax billing statement",
    "size": "size fit small large measure",
    "oos": "weather song football planet joke",
}
_WORDS = """about after again almost always because before behind beside between bring bucket candle carry castle corner
could dozen during early enough evening every family finger follow forest garden gentle happen honest inside island
kitchen ladder little market matter middle morning mountain nearly never number often orange outside paper people
perhaps pocket quiet rather river second several silver simple sister someone spring station street summer table
thirty travel under until village water window winter wonder yellow"""
FILLER = _WORDS.split()
VOCABULARY = [*FILLER, *" ".join(INTENTS.values()).split(), "we"]
TOP = {
    "task": "intent",
    "name": "small-top",
    "method": "top",
    "folds": 2,
    "epochs": 3,
    "frozen_layers": 1,
    "batch_size": 8,
    "learning_rate": 1e-3,
}
FROZEN = {"task": "intent", "name": "small-frozen", "method": "frozen", "folds": 2}
TINY_JOBS = JobSettings(lease_seconds=60, heartbeat_seconds=0.2, poll_seconds=0.05)


def log(
    count: int, *, first: int = 0, labelled: bool = True, answered: bool = True, intents: Sequence[str] = tuple(INTENTS)
) -> bytes:
    """`count` conversations of one question each, as JSONL; no two are alike."""
    lines = []
    for number in range(first, first + count):
        dice = random.Random(number)
        intent = intents[number % len(intents)]
        own = INTENTS[intent].split()
        words = [*dice.sample(own, 2), *dice.sample(FILLER, 5)]
        dice.shuffle(words)
        asked: dict[str, Any] = {"role": "user", "content": " ".join(words)}
        if labelled:
            asked["intent"] = intent
        told = {"role": "agent", "content": f"We {' '.join([*dice.sample(own, 2), *dice.sample(FILLER, 4)])}."}
        messages = [asked, told] if answered else [asked]
        lines.append(json.dumps({"id": f"c{number}", "messages": messages}))
    return "\n".join(lines).encode()


@dataclass(frozen=True)
class Brand:
    """A home with one bot, and what one does to it."""

    store: Store
    settings: Settings
    base: Path

    @property
    def bot_id(self) -> str:
        with self.store.read() as tx:
            return bots.get(tx, BOT).id

    def take_in(self, content: bytes) -> None:
        blob = Blobs(self.settings.home).put(BytesIO(content), max_bytes=10**9)
        with self.store.begin() as tx:
            _, job = request_import(tx, bots.get(tx, BOT).id, NewUpload("log", blob.digest, blob.size, {}))
        done = self.work(job, lambda context: run_import(context, self.settings))
        assert done.state == "succeeded", done.error

    def profile(self, **fields: Any) -> None:
        with self.store.begin() as tx:
            bots.save_profile(tx, self.bot_id, BotProfile(name=BOT, **fields))

    def order(self, **payload: Any) -> Job:
        body = {"tasks": ["intent", "reply", "sentiment"], "seed": 0, "base": str(self.base), "recipe": None, **payload}
        with self.store.begin() as tx:
            return jobs.enqueue(tx, KIND, body, bot_id=bots.get(tx, BOT).id)

    def work(self, job: Job, handler: Callable[[JobContext], dict[str, Any]]) -> Job:
        with self.store.begin() as tx:
            claimed = jobs.claim(tx, "test", lease_seconds=self.settings.jobs.lease_seconds, job_id=job.id)
        assert claimed is not None
        return run_job(self.store, self.settings, claimed, handler)

    def retrain(self, emit: Callable[[Mapping[str, Any]], None] = lambda event: None, **payload: Any) -> Job:
        """Order a retraining and see it through, here and now."""
        return self.work(self.order(**payload), lambda context: retrain(context, self.settings, emit))

    def job(self, job: Job) -> Job:
        with self.store.read() as tx:
            return jobs.get(tx, job.id)

    def events(self, job: Job) -> list[Event]:
        with self.store.read() as tx:
            return jobs.events(tx, job.id)

    def releases(self) -> list[Release]:
        with self.store.read() as tx:
            return releases.list_for(tx, self.bot_id)

    def folder(self, number: int) -> Path:
        return self.settings.home / "releases" / BOT / str(number)

    def is_sound(self) -> bool:
        """Whether the doctor finds no error, and nothing stands in the home that no row knows."""
        found = {finding.code: finding for finding in examine(self.store, self.settings, grace_seconds=-1e9)}
        strays = found.pop("orphan_file", None)
        assert not found, found
        # What is left out of a long list comes after what it names, and what killed processes left in tmp comes last.
        named = [] if strays is None else strays.sample.removesuffix("; ...").split("; ")
        assert all(name.startswith("tmp/") for name in named), strays
        return True


def settings_at(home: Path, jobs: JobSettings = TINY_JOBS) -> Settings:
    return Settings(home=home, jobs=jobs, train=TrainSettings(threads=1, accelerator="cpu", checkpoint_seconds=0.2))


@contextmanager
def brand_like(first: Path, home: Path, base: Path) -> Iterator[Brand]:
    """The brand whose home is `first`, in a copy of it."""
    shutil.copytree(first, home)
    settings = settings_at(home)
    with open_store(settings.store_url, home=home) as store:
        yield Brand(store, settings, base)


@contextmanager
def brand_at(home: Path, base: Path, content: bytes = b"", *, job_settings: JobSettings = TINY_JOBS) -> Iterator[Brand]:
    """A fresh home that has taken `content` in."""
    settings = settings_at(home, job_settings)
    with open_store(settings.store_url, home=lay_home(home)) as store:
        with store.begin() as tx:
            bots.create(tx, BOT, BotProfile(name=BOT))
        brand = Brand(store, settings, base)
        if content:
            brand.take_in(content)
        yield brand


def metrics(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """All that a verdict says of the candidate, but for what the clock and the disk say."""
    return {name: value for name, value in verdict["models"]["candidate"].items() if name not in TIMED}


TIMED = ("latency_ms", "size_bytes")
