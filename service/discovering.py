"""Looking for intents in what nobody labelled: one job row, worked on by the trainer; and how suggestions are told."""

from __future__ import annotations

from typing import Any

from data.store import Tx, discoveries, jobs, suggestions
from data.store.bots import Bot
from data.store.jobs import Job
from data.store.suggested_turns import Utterance
from data.store.suggestions import Suggestion
from data.suggested import KIND, Outlook
from service.training import what_decides


def request_discovery(tx: Tx, bot: Bot, seed: int = 0, base: str | None = None) -> Job:
    """The job for what is imported and decided now: one that is under way, the one whose suggestions there are, or a
    new one."""
    payload = {"seed": seed, "base": base}
    asked = what_decides(tx, bot, {**payload, "decided": suggestions.mark(tx, bot.id, None)})
    newest = discoveries.newest(tx, bot.id)
    if newest is not None and newest.job_id is not None and newest.facts.get("asked") == asked:
        return jobs.get(tx, newest.job_id)
    key = f"{KIND}:{asked}:{newest.id if newest is not None else ''}"
    return jobs.enqueue(tx, KIND, {**payload, "asked": asked}, bot_id=bot.id, dedupe_key=key)


def suggestion_wire(bot: Bot, one: Suggestion) -> dict[str, Any]:
    """A suggestion, without anything that a customer said."""
    shown = ("id", "state", "name", "terms", "turns", "conversations", "revision", "reviewer", "created_at",
             "updated_at", "accepted_at")  # fmt: skip
    return {**{name: getattr(one, name) for name in shown}, "bot": bot.name, "discovery": one.discovery_id}


def utterance_wire(one: Utterance) -> dict[str, Any]:
    """A turn behind a suggestion."""
    return {"conversation": one.place.conversation, "place": one.place.place, "text": one.text, "split": one.split}


def outlook_wire(seen: Outlook) -> dict[str, Any]:
    """What accepting means."""
    return {"splits": dict(seen.splits), "undecided": seen.undecided, "why": seen.why}
