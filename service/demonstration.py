"""The main job from end to end on the sample brand: import, train, compare, promote, talk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from data.importers import ImportOptions
from data.profile import BotProfile, load_profile
from data.store import Store, bots, releases
from data.store.bots import Bot
from data.store.releases import Promotion, Release
from export.drafts import Draft
from export.hear import Spoken
from export.predict import Prediction
from export.situation import Candidate
from service.answering import predictor_of
from service.imports import Desk, Tell, pooled
from service.promotion import move
from service.session import Session
from service.training import Order, Training, request_training

BOT = "otterbrook"
ACTOR = "demo"
HELPDESK = ImportOptions(
    fields={
        "conversation": "ticket",
        "customer": "customer",
        "ts": "sent_at",
        "role": "author",
        "text": "message",
        "intent": "topic",
        "rating": "csat",
    }
)
LOGS: tuple[tuple[str, ImportOptions], ...] = (("chats.jsonl", ImportOptions()), ("helpdesk.csv", HELPDESK))

SHOWN = ("intent", "reply", "generate", "sentiment")
"""What the demo trains. Entities would take as long again: what is known by how it is written is found without them."""

WRITES = {
    "task": "generate",
    "name": "demo-short",
    "method": "full",
    "epochs": 1,
    "learning_rate": 5e-4,
    "batch_tokens": 1024,
}
"""How the demo's chat model is tuned: one look at each reply, for somebody is waiting. A training takes more."""
ORDER = Order(tasks=SHOWN, recipe=WRITES)

SCRIPT: tuple[tuple[str, ...], ...] = (
    (
        "hello there",
        "my parcel OB-40933 was meant to come tuesday and the tracking hasn't moved",
        "great, thanks for your help",
    ),
    (
        "How do I wash my rain jacket without ruining the waterproofing?",
        "and do you deliver to Norway, how much is it?",
    ),
    ("whats the weather going to be like on ben nevis tomorrow",),
    ("I paid but nothing came", "it's about the payment, my card was charged twice"),
    ("The zip on my sleeping bag broke. Can your workshop mend it, and for how much?",),
    ("I'd like to speak to a real person please",),
)
"""What a visitor says, conversation by conversation: several turns, something out of scope, something that may mean
two things, and somebody who wants a person."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the script, what was answered, and whether a conversation begins with it."""

    message: str
    prediction: Prediction
    opens: bool

    def to_wire(self) -> dict[str, Any]:
        """An element of `replies` in what the demo tells programs."""
        wire = self.prediction.to_wire()
        return {"message": self.message} | {name: wire[name] for name in ("reply", "intent", "confidence", "source")}


@dataclass(frozen=True, slots=True)
class Beside:
    """For one message: the brand's own reply that was selected, and one that was written, whether or not it may be
    said. `bars`: the scores from which each would be; None: never."""

    message: str
    selected: Candidate | None
    written: Draft
    bars: tuple[float | None, float | None]

    def to_wire(self) -> dict[str, Any]:
        """An element of `written` in what the demo tells programs."""
        chosen = self.selected
        return {
            "message": self.message,
            "selected": chosen
            and {
                "reply": chosen.text,
                "source": chosen.source,
                "score": round(chosen.score, 3),
                "bar": self.bars[0],
            },
            "written": {**self.written.to_wire(), "bar": self.bars[1]},
        }


@dataclass
class Demonstration:
    """The steps of the demo, in the order in which they are to be called; each may be repeated in the same home."""

    session: Session
    store: Store
    clock: Callable[[], float] = time.perf_counter

    def bot(self) -> Bot:
        """The sample brand's bot, created with its profile where there is none."""
        profile = sample_profile()
        with self.store.begin() as tx:
            known = {bot.name: bot for bot in bots.list_all(tx)}
            return known[BOT] if BOT in known else bots.create(tx, BOT, profile)

    def import_logs(self, bot: Bot, tell: Tell) -> dict[str, Any]:
        """The pooled report of the sample logs."""
        desk = Desk(self.store, self.session.settings, bot)
        reports = []
        for name, options in LOGS:
            with sample(name) as path:
                reports.append(desk.take(path, options, tell).to_wire(name))
        return pooled(reports)

    def train(self, bot: Bot, tell: Tell) -> dict[str, Any]:
        """The result of the training job."""
        with self.store.begin() as tx:
            job = request_training(tx, bot, ORDER)
        work = Training(self.store, self.session.settings, self.session.launch, self.session.terminal.note)
        return dict(work.work(job, tell).result or {})

    def promote(self, bot: Bot, number: int) -> Release:
        """Make the release live. What the gate holds back is let through all the same: nobody's customers wait here."""
        with self.store.read() as tx:
            release, live = releases.get(tx, bot.id, number), releases.live(tx, bot.id)
        override = None if release.decision == "promote" else ACTOR
        move(self.store, bot, Promotion(number, live.version, ACTOR, "demo", override))
        return release

    def talk(self, bot: Bot, release: Release) -> Iterator[Said]:
        """Hold the scripted conversations with the release."""
        with predictor_of(self.session.settings, bot, release) as predictor:
            for conversation in SCRIPT:
                turns: list[Spoken] = []
                for message in conversation:
                    turns.append(("user", message))
                    prediction = predictor.reply(turns)
                    yield Said(message, prediction, opens=len(turns) == 1)
                    turns.append(("assistant", prediction.reply))

    def write(self, bot: Bot, release: Release) -> Iterator[Beside]:
        """What was selected and what is written, for the messages that open the conversations of the script; nothing
        where the release writes no replies."""
        with predictor_of(self.session.settings, bot, release) as predictor:
            bars = predictor.parts.thresholds
            for message, *_ in SCRIPT:
                turns: list[Spoken] = [("user", message)]
                draft = predictor.draft(turns)
                if draft is not None:
                    selected = next(iter(predictor.candidates(turns, 1)), None)
                    yield Beside(message, selected, draft, (bars.reply, bars.generated))


def seconds_of(result: Mapping[str, Any], imported: float, total: float) -> dict[str, float]:
    """`seconds` in what the demo tells programs: what the training says of itself, between the import and the total."""
    told = result.get("seconds") or {}
    parts = {name: round(float(told.get(name) or 0.0), 2) for name in ("train", "evaluate", "export")}
    return {"import": round(imported, 2), **parts, "total": round(total, 2)}


def sample(name: str) -> Any:
    """A context with the path of a file of the sample brand."""
    return as_file(files("data").joinpath("samples", name))


def sample_profile() -> BotProfile:
    with sample("profile.toml") as path:
        return load_profile(Path(path))
