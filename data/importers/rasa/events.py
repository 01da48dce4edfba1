"""The events of a Rasa tracker, wherever they were kept: one at a time, with the person they belong to.

A tracker is an object with `events`; stores and exports hold one, a list of them, an object of them by sender, one on
each line, or the bare events, as event brokers and tables of databases do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data.importers import strict_json
from data.importers.container import Member
from data.importers.documents import key, table, text
from data.importers.entries import Flaw, Layout
from data.importers.kind import Sample, Source
from data.importers.nouns import Reason

_SENDERS = ("sender_id", "senderId", "conversation_id", "name", "_id", "id")
MAX_NESTED = 4
LAYOUT = Layout(
    ("item", "conversations.item", "trackers.item", "data.item", "rows.item", "results.item"),
    ("events.item.event", "tracker.events.item.event", "event", "type_name"),
)
_KNOWN = re.compile(r'"(?:event|type_name)"\s{0,9}:\s{0,9}"(?:user|bot|action|slot|session_started|agent)"')


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a person's tracker, or why there is none."""

    sender: str
    body: dict[str, Any]
    flaw: Reason | None = None
    sample: str = ""


def sniff(sample: Sample) -> float:
    """Events of a tracker: their kinds are Rasa's own."""
    if _KNOWN.search(sample.text) is None:
        return 0.0
    if sample.has("item.sender_id", "item.type_name", "item.data"):
        return 0.9
    paths = sample.paths
    places = [path.removesuffix(".event") for path in paths if path == "event" or path.endswith(".event")]
    for place in places:
        prefix = "" if place == "event" else f"{place}."
        shown = {name for name in ("timestamp", "parse_data", "policy", "input_channel", "metadata", "data", "text")
                 if f"{prefix}{name}" in paths}  # fmt: skip
        if "timestamp" not in shown or len(shown) < 2:
            continue
        own = f"{prefix}parse_data" in paths or f"{prefix}policy" in paths or f"{prefix}input_channel" in paths
        named = any(path.rpartition(".")[2] in ("sender_id", "latest_event_time") for path in paths)
        return 0.95 if own else 0.85 if named or place.endswith("events.item") else 0.6
    return 0.0


def events(source: Source, member: Member) -> Iterator[Event]:
    """The events of a file, in its order; last one with a flaw, where it cannot be read on."""
    for number, found in enumerate(LAYOUT.entries(source, member), start=1):
        if isinstance(found, Flaw):
            reason = Reason.DOCUMENT_TOO_LARGE if found.reason is Reason.LINE_TOO_LONG else found.reason
            yield Event("", {}, reason, found.sample)
        else:
            yield from _inside(found[1], "", f"{member.name}/{number}", MAX_NESTED)


def _inside(value: Any, sender: str, place: str, depth: int) -> Iterator[Event]:
    """The events in a tracker, a list or an object of trackers, or an event itself. `place` names who is not named."""
    body = table(value)
    own = next((key(body[name]) for name in _SENDERS if key(body.get(name))), "")
    if isinstance(body.get("event"), str):
        yield Event(sender or key(body.get("sender_id")) or place.rpartition("/")[0], body)
    elif isinstance(body.get("type_name"), str) and isinstance(body.get("data"), str):
        yield _from_row(body, place)
    elif isinstance(body.get("events"), list):
        for one in body["events"]:
            yield from _event(one, own or sender or place)
    elif isinstance(body.get("events"), str):  # as stores keep it
        yield from _unpacked(body["events"], own or sender or place, depth)
    elif depth and isinstance(body.get("tracker"), dict):
        yield from _inside(body["tracker"], own, place, depth - 1)
    elif depth and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _inside(one, sender, f"{place}/{number}", depth - 1)
    elif depth and body and any(isinstance(one, dict | list) for one in body.values()):
        for name, one in body.items():
            if isinstance(one, dict | list):
                yield from _inside(one, sender or name, place, depth - 1)
    else:
        yield Event("", {}, Reason.UNKNOWN_SHAPE)


def _event(value: Any, sender: str) -> Iterator[Event]:
    if isinstance(value, dict):
        yield Event(sender, value, None if isinstance(value.get("event"), str) else Reason.UNKNOWN_SHAPE)
    else:
        yield Event(sender, {}, Reason.NOT_AN_OBJECT)


def _from_row(row: dict[str, Any], place: str) -> Event:
    """An event as a table of a database keeps it: as text, beside the sender."""
    sender = key(row.get("sender_id")) or place.rpartition("/")[0]
    try:
        body = strict_json.loads(row["data"])
    except strict_json.JsonError as error:
        return Event(sender, {}, error.reason)
    event = {"event": text(row["type_name"]), "timestamp": row.get("timestamp"), **table(body)}
    return Event(sender, event)


def _unpacked(raw: str, sender: str, depth: int) -> Iterator[Event]:
    try:
        body = strict_json.loads(raw)
    except strict_json.JsonError as error:
        yield Event(sender, {}, error.reason)
        return
    yield from _inside({"events": body} if isinstance(body, list) else body, sender, sender, depth - 1 if depth else 0)
