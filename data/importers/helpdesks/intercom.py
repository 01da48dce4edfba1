"""Intercom: conversations as its API gives them and as they are exported, one, a list, pages of a list or one per line.

A conversation is its first message (`source`, once `conversation_message`) and its parts. Notes, assignments and what
the program noted stay out. Tickets (`ticket_parts`) and parts by themselves are read too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from data.importers.documents import items, key, table, tables, text
from data.importers.entries import Flaw, Layout, below
from data.importers.helpdesks.threads import Desk, Message, Thread, gathered
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.speakers import Person
from data.importers.talk import SAMPLE_CHARS
from data.schema import Role, SetAside

_LAYOUT = Layout(
    ("conversations.item", "tickets.item", "data.item", "item", "conversation", ""),
    (
        "conversation_message.author", "conversation_message.body", "source.author", "source.body",
        "conversation_parts.conversation_parts", "ticket_parts.ticket_parts", "conversation_parts.total_count",
        "part_type",
    ),
)  # fmt: skip
_ROLES: dict[str, Role] = {
    "user": "user", "lead": "user", "contact": "user", "visitor": "user", "customer": "user", "bot": "assistant",
    "admin": "agent", "team": "agent", "teammate": "agent", "nobody_admin": "agent",
}  # fmt: skip
_SPOKEN = frozenset(("comment", "quick_reply", "message", "open", "close", "snoozed", "unsnoozed", "assign_and_reopen"))
"""Parts in which a colleague or bot may say something to the customer; what a customer writes is always said."""
_NOTES = frozenset(("note", "note_and_reopen", "assignment", "note_and_close", "note_and_snooze"))


def sniff(sample: Sample) -> float:
    places = _LAYOUT.shown(sample.paths)
    if not places:
        return 0.0
    begin = f"{places[0]}." if places[0] else ""
    if f"{begin}part_type" in sample.paths:
        return 0.9 if sample.has(f"{begin}author.type", f"{begin}body") else 0.0
    own = ("conversation_parts.type", "source.delivered_as", "conversation_message.author.type", "source.author.type",
           "ticket_parts.type", "conversation_rating", "statistics")  # fmt: skip
    return 0.95 if any(f"{begin}{name}" in sample.paths for name in own) and f"{begin}id" in sample.paths else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations, and what is told of who speaks in them."""
    desk = Desk(options, source.limits)
    paths = [Sample(member, source.written(member).encoding).paths for member in source.members]
    is_scattered = any(below(place, "part_type") in shown for shown in paths for place in _LAYOUT.places)
    for item in gathered(partial(_pieces, source), is_scattered=is_scattered):
        if isinstance(item, tuple):
            yield from _conversation(item[1], source, desk)
        else:
            yield item
    yield from desk.summary()


def _pieces(source: Source) -> Iterator[Item | tuple[str, Any]]:
    """(thread, (row, entry)): a whole conversation is a thread of its own, parts by themselves are gathered."""
    rows = count(1)
    number = count(1)
    for member in source.members:
        for found in _LAYOUT.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
                continue
            entry = table(found[1])
            if "part_type" in entry:
                thread = key(entry.get("conversation_id")) or member.name
                yield f"parts {thread}", (next(rows), entry)
            elif _first(entry) or _parts(entry):
                row = next(rows)
                for _ in range(len(_parts(entry)) - (not _first(entry))):
                    next(rows)
                yield f"conversation {next(number)}", (row, entry)
            elif "conversation_parts" in entry or "source" in entry:
                yield SetAside(next(rows), Reason.EMPTY_CONVERSATION)
            else:
                yield SetAside(next(rows), Reason.UNKNOWN_SHAPE, str(found[1])[:SAMPLE_CHARS])


def _first(entry: dict[str, Any]) -> dict[str, Any]:
    """The message that opened the conversation; of a ticket what was filled in."""
    first = table(entry.get("source")) or table(entry.get("conversation_message"))
    if not first and "ticket_parts" in entry:
        words = table(entry.get("ticket_attributes")).get("_default_description_")
        first = {"body": words, "author": {"type": "user", **_contact(entry)}} if text(words).strip() else {}
    return first


def _parts(entry: dict[str, Any]) -> list[Any]:
    for name in ("conversation_parts", "ticket_parts"):
        parts = entry.get(name)
        if parts:
            return items(parts) or items(table(parts).get(name))
    return []


def _contact(entry: dict[str, Any]) -> dict[str, Any]:
    contacts = entry.get("contacts")
    listed = tables(contacts) or tables(table(contacts).get("contacts")) or tables(entry.get("customers"))
    return table(entry.get("user")) or (listed[0] if listed else {})


def _conversation(pieces: list[tuple[int, dict[str, Any]]], source: Source, desk: Desk) -> Iterator[Item]:
    row, entry = pieces[0]
    if "part_type" in entry:
        thread = Thread(key(entry.get("conversation_id")) or key(entry.get("id")))
        said = [(place, part, True) for place, part in pieces]
    else:
        rating = table(entry.get("conversation_rating")) or table(entry.get("ai_agent"))
        tags = entry.get("tags")
        thread = Thread(
            key(entry.get("id")),
            customer=key(_contact(entry).get("id")),
            rating=_stars(rating.get("rating")),
            tags=[tag.get("name") for tag in tables(tags) or tables(table(tags).get("tags"))],
        )
        if text(rating.get("remark")) or text(rating.get("rating_remark")):
            yield Remark("extras_ignored", row)
        opening = _first(entry)
        listed = [({"created_at": entry.get("created_at"), **opening}, False)] if opening else []
        listed += [(part, True) for part in _parts(entry)]
        said = [(row + place, part, is_part) for place, (part, is_part) in enumerate(listed)]
    for place, part, is_part in said:
        aside = _kept_out(part, is_part=is_part)
        if aside is not None:
            yield SetAside(place, aside, text(table(part).get("body"))[:SAMPLE_CHARS])
            continue
        author = table(part.get("author"))
        person = Person(
            key(author.get("id")), text(author.get("name")), text(author.get("email")), _role(author, is_part=is_part)
        )
        files = part.get("attachments")
        words, at = part.get("body"), part.get("created_at")
        thread.add(
            Message(place, person, words, at, bool(files), key(part.get("id")) if is_part else ""), source.limits
        )
    yield from desk.close(thread)


def _role(author: dict[str, Any], *, is_part: bool) -> Role | None:
    known = _ROLES.get(text(author.get("type")).lower())
    return known or (None if author else "agent" if is_part else "user")


def _stars(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5 else None


def _kept_out(part: Any, *, is_part: bool) -> Reason | None:
    """Why a part is not a message; None for one that is."""
    if not isinstance(part, dict):
        return Reason.WRONG_TYPE
    body = part.get("body")
    if part.get("redacted") is True:
        return Reason.DELETED_MESSAGE
    has_words = isinstance(body, str) and body.strip() != ""
    has_files = bool(part.get("attachments"))
    kind = text(part.get("part_type")) or ("comment" if is_part else "")
    if kind in _NOTES:
        return Reason.PRIVATE_NOTE if has_words or has_files else Reason.SYSTEM_NOTICE
    if kind in ("", "comment", "message"):
        return None
    if not has_words and not has_files:
        return Reason.SYSTEM_NOTICE
    spoken = kind in _SPOKEN or _role(table(part.get("author")), is_part=is_part) == "user"
    return None if spoken else Reason.SYSTEM_NOTICE


KINDS: tuple[Kind, ...] = (Kind("intercom", "an Intercom export", read, sniff),)
