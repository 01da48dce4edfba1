"""Rasa's trackers: what was said to a bot and what it said, among the events of its memory.

A session is a conversation, unless silence cuts it. The intents in it are a model's guesses and no labels, but for
those that a button sent: then the customer saw its title, and said so. What the bot rewound counts as taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from data.importers import talk
from data.importers.documents import table, tables, text
from data.importers.entries import SAMPLE_CHARS
from data.importers.kind import Kind, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.rasa import clicks
from data.importers.rasa.events import Event, events, sniff
from data.importers.talk import Said
from data.schema import SetAside

_EXTRAS = ("buttons", "quick_replies", "elements")
_FILES = ("image", "attachment", "custom")
MAX_TITLES = 500
"""Buttons of one person that are remembered."""


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """Sessions as conversations."""
    yield from talk.conversations(lambda: _messages(source), options, source.limits)


@dataclass(slots=True)
class _Person:
    """Where one person's talk stands: which session, which buttons were shown, what may still be rewound."""

    session: int = 0
    titles: dict[str, str] = field(default_factory=dict)
    pending: list[Said] = field(default_factory=list)

    def let_go(self) -> list[Said]:
        """What can no longer be rewound."""
        said, self.pending = self.pending, []
        return said


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    people: dict[str, _Person] = {}
    row = 0
    for member in source.members:
        for event in events(source, member):
            row += 1
            if event.flaw is not None:
                yield SetAside(row, event.flaw, event.sample[:SAMPLE_CHARS])
                continue
            yield from _taken(event, row, people.setdefault(event.sender, _Person()))
    for person in people.values():
        yield from person.let_go()


def _taken(event: Event, row: int, person: _Person) -> Iterator[Said | SetAside | Remark]:
    """What an event means: something said, something taken back, or a note of the bot's to itself."""
    kind = event.body["event"]
    if kind in ("user", "bot", "agent"):
        said = _heard(event, row, person) if kind == "user" else _answered(event, row, person)
        if kind == "user":
            yield from person.let_go()
        if isinstance(said, Said):
            person.pending.append(said)
            yield from _extras(event, row)
        else:
            yield SetAside(row, said, text(event.body.get("text"))[:SAMPLE_CHARS])
        return
    if kind in ("rewind", "undo"):
        yield from _rewound(person, all_of_it=kind == "rewind")
    elif kind in ("session_started", "restart"):
        yield from person.let_go()
        person.session += 1
        person.titles.clear()
    yield SetAside(row, Reason.SYSTEM_NOTICE, kind[:SAMPLE_CHARS])


def _rewound(person: _Person, *, all_of_it: bool) -> Iterator[SetAside]:
    """The last user's turn and the answers to it, or only what the bot said last."""
    while person.pending and (all_of_it or person.pending[-1].role == "assistant"):
        said = person.pending.pop()
        yield SetAside(said.row, Reason.DELETED_MESSAGE, said.text[:SAMPLE_CHARS])


def _heard(event: Event, row: int, person: _Person) -> Said | Reason:
    """What the user said, or the button that was pressed."""
    words = text(event.body.get("text")).strip()
    said = _said(event, row, person)
    if clicks.is_external(words):
        return Reason.SYSTEM_NOTICE
    intent = clicks.payload_intent(words)
    if intent:
        title = person.titles.get(words, "")
        return replace(said, text=title, intent=clicks.label(intent)) if title else Reason.SYSTEM_NOTICE
    return said if words else Reason.EMPTY_MESSAGE


def _answered(event: Event, row: int, person: _Person) -> Said | Reason:
    """What the bot said; its buttons are remembered. A colleague is somebody else."""
    data = table(event.body.get("data"))
    for button in (*tables(data.get("buttons")), *tables(data.get("quick_replies"))):
        title, payload = text(button.get("title")).strip(), text(button.get("payload")).strip()
        if title and payload and len(person.titles) < MAX_TITLES:
            person.titles[payload] = title
    said = _said(event, row, person)
    if not said.text.strip():
        return Reason.ATTACHMENT_ONLY if any(data.get(one) for one in (*_FILES, *_EXTRAS)) else Reason.EMPTY_MESSAGE
    if event.body["event"] == "agent":
        return replace(said, role="agent", author="colleague", name="colleague")
    return replace(said, role="assistant", author="bot", name="bot")


def _extras(event: Event, row: int) -> Iterator[Remark]:
    data = table(event.body.get("data"))
    if any(data.get(one) for one in _EXTRAS):
        yield Remark("extras_ignored", row)
    if any(data.get(one) for one in _FILES):
        yield Remark("attachments_ignored", row)


def _said(event: Event, row: int, person: _Person) -> Said:
    chat = f"{event.sender}\n{person.session}"
    at = _at(event.body.get("timestamp"))
    return Said(row, chat, f"user {event.sender}", text(event.body.get("text")), at, event.sender, role="user")


def _at(value: Any) -> float | None:
    """Seconds since 1970, as a number or a text; None for anything else, or a time that no calendar has."""
    try:
        at = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return at if at is not None and 0 < at < 1e11 else None


KINDS: tuple[Kind, ...] = (Kind("rasa_tracker", "trackers of Rasa", read, sniff),)
