"""Asking what there is to say about the data of a bot: one job row, worked on by the trainer, like a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.store import Tx, jobs
from data.store.bots import Bot
from data.store.jobs import Job
from service.training import what_decides

KIND = "findings"


def request_findings(tx: Tx, bot: Bot) -> Job:
    """The job for what is imported and accepted now: one that was done or begun before, or a new one."""
    return jobs.enqueue(tx, KIND, {}, bot_id=bot.id, dedupe_key=f"{KIND}:{what_decides(tx, bot, {})}")


def dataset_report(bot: str, wire: Mapping[str, Any]) -> dict[str, Any]:
    """The findings of a dataset as a section of a report page."""
    rows: Mapping[str, int] = wire.get("rows", {})
    tiles = [(split, f"{count:,}") for split, count in rows.items()]
    tiles += [("labels", f"{len(wire.get('labels', {})):,}"), ("languages", f"{len(wire.get('languages', {})):,}")]
    lead = f"Dataset {str(wire.get('dataset', ''))[:12]}, looked at with {wire.get('base') or 'no model'}."
    shown = ("findings", "label_errors", "labels", "languages", "figures", "curve")
    return {"title": bot, "lead": lead, "tiles": tiles, **{name: wire[name] for name in shown if name in wire}}
