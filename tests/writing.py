"""A bot whose tiny release writes its replies itself, with a real decoder of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.profile import parse_profile
from data.settings import Settings
from data.store import Store, bots, releases
from export.decoders import publish_decoder
from export.genai import Order, build_decoders
from tests.flow import tiny_release
from tests.tiny_llama import lay_llama

BOT = "scribe"
VERDICT: dict[str, Any] = {"decision": "promote", "reasons": [], "models": {}, "flips": [], "slices": []}


def lay_writer(home: Path, work: Path) -> str:
    """The decoder of a tiny Llama in `home`, built in the empty folder `work`; returns its digest."""
    lay_llama(work / "base")
    built = build_decoders(work / "base", Order(("fp32",), base="tiny", licence="none"), work)
    (home / "decoders").mkdir(exist_ok=True)
    return publish_decoder(built["fp32"], home / "decoders")


def publish_writer(store: Store, settings: Settings, decoder: str, mode: str = "generative") -> int:
    """A bot of that reply mode and its live release; returns the number of that."""
    with store.begin() as tx:
        bot = bots.create(tx, BOT, parse_profile({"name": "Scribe", "reply_mode": mode}))
    kind = tiny_release.Kind(decoder=decoder)
    number = tiny_release.publish_kind(store, settings, BOT, VERDICT, kind)
    with store.begin() as tx:
        releases.promote(tx, bot.id, releases.Promotion(number, 0, "cli", "a test"))
    return number
