"""Freshdesk: tickets with their conversations as its API gives them, and the tickets of an exported account.

A ticket is its description and the replies below it. What colleagues write to each other stays out, and so do mails
that are forwarded to others. Ratings (`satisfaction_ratings`) belong to tickets of the same upload.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from data.importers import markup
from data.importers.documents import items, key, table, tables, text
from data.importers.entries import Flaw, Layout, below
from data.importers.helpdesks.threads import Desk, Message, Thread, gathered
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.speakers import Person
from data.importers.talk import SAMPLE_CHARS
from data.schema import Role, SetAside

_LAYOUT = Layout(
    ("item", "tickets.item", "results.item", "satisfaction_ratings.item", "conversations.item", "helpdesk_ticket",
     "item.helpdesk_ticket", ""),
    ("ticket.requester_id", "ticket.description_text", "ticket.responder_id", "description_text", "responder_id",
     "incoming", "helpdesk_ticket", "ratings.default_question", "display_id"),
)  # fmt: skip
_STARS = {103: 5, 102: 5, 101: 4, 100: 3, -101: 2, -102: 1, -103: 1, 1: 5, 2: 3, 3: 1}
"""Its ratings, of seven steps and, in old exports, of three."""
_NOTE, _FEEDBACK, _FORWARDED = 2, 6, 8
"""What a conversation is, as far as it is no reply (`source`)."""

_Piece = tuple[list[tuple[int, Any]], dict[str, Any]]


def sniff(sample: Sample) -> float:
    return max((_sure(sample, below(place, "")) for place in _LAYOUT.shown(sample.paths)), default=0.0)


def _sure(sample: Sample, at: str) -> float:
    """How sure it is that tickets, conversations or ratings stand here."""

    def has(*names: str) -> int:
        return sum(f"{at}{name}" in sample.paths for name in names)

    if has("ticket.requester_id", "helpdesk_ticket.requester_id") and has(
        "ticket.description_text", "ticket.responder_id", "helpdesk_ticket.display_id"
    ):
        return 0.95
    if has("requester_id") and has("description_text", "responder_id", "display_id", "fr_escalated") >= 2:
        return 0.95
    if has("ratings.default_question") and has("ticket_id"):
        return 0.85
    return 0.9 if has("incoming") and has("private") and has("body", "body_text") else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of all tickets."""
    desk = Desk(options, source.limits)
    for item in gathered(partial(_pieces, source), is_scattered=_is_scattered(source)):
        if isinstance(item, tuple):
            yield from _conversation(item[1], source, desk)
        else:
            yield item
    yield from desk.summary()


def _is_scattered(source: Source) -> bool:
    """Whether replies or ratings stand outside their tickets."""
    for member in source.members:
        paths = Sample(member, source.written(member).encoding).paths
        for place in _LAYOUT.shown(paths):
            if place != "conversations.item" and below(place, "ratings.default_question") in paths:
                return True
            if below(place, "incoming") in paths:
                return True
    return False


def _pieces(source: Source) -> Iterator[Item | tuple[str, Any]]:
    """(ticket, (its messages with their rows, its entry))."""
    rows, number = count(1), count(1)
    for member in source.members:
        for found in _LAYOUT.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
                continue
            entry = table(found[1])
            if "incoming" in entry:
                yield key(entry.get("ticket_id")) or member.name, ([(next(rows), entry)], {})
            elif "default_question" in table(entry.get("ratings")):
                yield key(entry.get("ticket_id")), ([], {"rating": entry})
            elif (ticket := _ticket(entry)) is None:
                yield SetAside(next(rows), Reason.UNKNOWN_SHAPE, str(found[1])[:SAMPLE_CHARS])
            else:
                said = [(next(rows), one) for one in _said(ticket, entry)]
                yield key(ticket.get("id", ticket.get("display_id"))) or f"{member.name} {next(number)}", (said, ticket)


def _ticket(entry: dict[str, Any]) -> dict[str, Any] | None:
    inner = table(entry.get("ticket")) or table(entry.get("helpdesk_ticket")) or entry
    return inner if {"requester_id", "description", "description_text", "requester"} & set(inner) else None


def _said(ticket: dict[str, Any], entry: dict[str, Any]) -> list[Any]:
    """The description of a ticket and its replies. A chat's first message is its description once more."""
    replies = items(entry.get("conversations")) or items(ticket.get("conversations"))
    replies = replies or [table(one).get("note", one) for one in items(ticket.get("notes"))]
    words = ticket.get("description_html") or ticket.get("description") or ticket.get("description_text")
    first = {
        "body": words,
        "incoming": not ticket.get("outbound_email"),
        "user_id": ticket.get("requester_id"),
        "created_at": ticket.get("created_at"),
        "attachments": ticket.get("attachments"),
    }
    opening = next((one for one in tables(replies) if one.get("incoming") is True), {})
    is_repeated = _plain(words) != "" and _plain(words) == _plain(_body(opening))
    return list(replies) if is_repeated or (not _plain(words) and replies) else [first, *replies]


def _plain(words: Any) -> str:
    return " ".join(markup.readable(words).split()) if isinstance(words, str) else ""


def _conversation(
    pieces: list[tuple[list[tuple[int, Any]], dict[str, Any]]], source: Source, desk: Desk
) -> Iterator[Item]:
    ticket = next((facts for _, facts in pieces if facts and "rating" not in facts), {})
    rated = next((facts["rating"] for _, facts in pieces if "rating" in facts), None)
    rated = table(rated or ticket.get("satisfaction_rating"))
    requester = table(ticket.get("requester"))
    said = [one for messages, _ in pieces for one in messages]
    thread = Thread(
        key(ticket.get("id", ticket.get("display_id"))) or next((_whose(one) for _, one in said), ""),
        customer=key(ticket.get("requester_id")) or key(requester.get("id")),
        rating=_rating(rated),
        tags=[one.get("name") if isinstance(one, dict) else one for one in items(ticket.get("tags"))],
    )
    if said and text(rated.get("feedback")).strip():
        yield Remark("extras_ignored", said[0][0])
    for row, one in said:
        aside = _kept_out(one)
        if aside is not None:
            yield SetAside(row, aside, text(_body(table(one)))[:SAMPLE_CHARS])
            continue
        person = Person(key(one.get("user_id")), "", text(one.get("from_email")), _role(one))
        words, at, files = _body(one), one.get("created_at"), bool(one.get("attachments"))
        thread.add(Message(row, person, words, at, files, key(one.get("id"))), source.limits)
    yield from desk.close(thread)


def _whose(one: Any) -> str:
    return key(table(one).get("ticket_id"))


def _rating(rated: dict[str, Any]) -> int | None:
    value = table(rated.get("ratings")).get("default_question", rated.get("rating"))
    return _STARS.get(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _body(one: dict[str, Any]) -> Any:
    """The words of a reply: HTML first, which shows where an earlier mail begins."""
    return next((one[name] for name in ("body_html", "body", "body_text") if one.get(name) not in (None, "")), None)


def _role(one: dict[str, Any]) -> Role:
    """Whoever writes from outside is the customer; nobody is a bot."""
    if one.get("incoming") is True:
        return "user"
    return "agent" if one.get("user_id") is not None else "assistant"


def _kept_out(one: Any) -> Reason | None:
    """Why a reply is not a message; None for one that is."""
    if not isinstance(one, dict):
        return Reason.WRONG_TYPE
    if one.get("deleted") is True:
        return Reason.DELETED_MESSAGE
    is_public = one.get("private") is False and one.get("source") != _FORWARDED
    if one.get("private") is True or (one.get("source") in (_NOTE, _FORWARDED) and not is_public):
        return Reason.PRIVATE_NOTE
    return Reason.SYSTEM_NOTICE if one.get("source") == _FEEDBACK else None


KINDS: tuple[Kind, ...] = (Kind("freshdesk", "a Freshdesk export", read, sniff),)
