"""Zendesk Support: tickets, comments, audits, users and ratings, as its API gives them and as an account is exported.

A ticket with its comments inside stands for itself. Where they come in files of their own (a zip of tickets, comments
and users), the first pass keeps of every ticket who asked, its tags and its rating, and counts its comments; in the
second a ticket becomes a conversation with the last of its comments. A ticket without comments is its description.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from data.importers.container import Member
from data.importers.documents import items, key, table
from data.importers.entries import Flaw, Layout, below
from data.importers.helpdesks import zendesk_chat_lines as chats
from data.importers.helpdesks import zendesk_tickets as tickets
from data.importers.helpdesks.threads import Desk, Gathering
from data.importers.helpdesks.zendesk_tickets import Piece, Ticket, Users
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason
from data.importers.talk import SAMPLE_CHARS
from data.schema import SetAside

_LAYOUT = Layout(
    ("ticket", "tickets.item", "comments.item", "audits.item", "ticket_audits.item", "ticket_events.item",
     "users.item", "results.item", "satisfaction_ratings.item", "item", ""),
    ("requester_id", "requester", "author_id", "events.item.type", "child_events", "role", "score"),
)  # fmt: skip
_FILE = "file "
"""Before the name of a file whose comments say nothing of their ticket."""
_TICKET = ("submitter_id", "raw_subject", "via.channel", "satisfaction_rating", "organization_id", "ticket_form_id")
_NAMED_AFTER = re.compile(
    r"(?:^|/)(?:tickets?[ _-]?)?(\d{1,20})(?:[ _-]?comments|[ _-]?audits)?(?=/|\.json|$)", re.IGNORECASE
)


def sniff(sample: Sample) -> float:
    return max((_sure(sample, below(place, "")) for place in _LAYOUT.shown(sample.paths)), default=0.0)


def _sure(sample: Sample, at: str) -> float:
    """How sure it is that entries of Zendesk stand here."""

    def has(*names: str) -> int:
        return sum(f"{at}{name}" in sample.paths for name in names)

    if has("responder_id", "description_text", "body_text", "fr_escalated", "incoming"):  # Freshdesk's names
        return 0.0
    if has("requester_id") and has("score") and has("ticket_id"):
        return 0.85
    if has("requester_id", "requester"):
        return 0.95 if has(*_TICKET) >= 2 else 0.0
    if has("child_events.item.event_type", "child_events.item.type"):
        return 0.9
    if has("events.item.type") and has("author_id", "ticket_id"):
        return 0.95
    if has("author_id") and has("public") and has("html_body", "plain_body", "body"):
        return 0.95
    own = has("role_type", "restricted_agent", "ticket_restriction", "only_private_comments", "moderator")
    return 0.9 if has("role") and own >= 2 else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of all tickets."""
    desk = Desk(options, source.limits)
    join = _Join()
    join.look_through(source)
    rows = count(1)
    for member, found in _entries(source):
        if isinstance(found, Flaw):
            yield SetAside(next(rows), found.reason, found.sample)
            continue
        kind = tickets.kind_of(found)
        if kind is None:
            yield SetAside(next(rows), Reason.UNKNOWN_SHAPE, str(found)[:SAMPLE_CHARS])
            continue
        done = join.take(kind, found, member, rows)
        if done is not None:
            yield from tickets.conversation(*done, join.users, desk, source.limits)
    yield from desk.summary()


def _entries(source: Source) -> Iterator[tuple[Member, Any]]:
    """Every entry of every file, with the file; flaws among them."""
    for member in source.members:
        for found in _LAYOUT.entries(source, member):
            yield member, found if isinstance(found, Flaw) else found[1]


@dataclass(slots=True)
class _Join:
    """What belongs to which ticket."""

    users: Users = field(default_factory=Users)
    _tickets: dict[str, Ticket] = field(default_factory=dict)
    _ratings: dict[str, int] = field(default_factory=dict)
    _pieces: Gathering[Piece] = field(default_factory=Gathering)
    _only: dict[str, str] = field(default_factory=dict)

    def look_through(self, source: Source) -> None:
        """Before anything is yielded: who is who and what tickets there are; then which comments will come."""
        is_scattered = False
        for member, found in _entries(source):
            kind = None if isinstance(found, Flaw) else tickets.kind_of(found)
            is_scattered |= kind in ("comment", "audit")
            if kind == "user":
                self.users.take(found)
            elif kind == "ticket":
                self._note(found, member)
            elif kind == "rating":
                rating = tickets.rating_of(found)
                if rating is not None:
                    self._ratings[key(found.get("ticket_id"))] = rating
        if not is_scattered:
            self._tickets.clear()
            return
        for member, found in _entries(source):
            kind = None if isinstance(found, Flaw) else tickets.kind_of(found)
            if kind in ("comment", "audit") and tickets.says_something(kind, found):
                self._pieces.expect(self._whose(found, member))

    def _note(self, entry: dict[str, Any], member: Member) -> None:
        ticket = tickets.facts(entry)
        self._only[member.name] = "" if self._only.get(member.name, ticket.id) != ticket.id else ticket.id
        if not items(entry.get("comments")):
            self._tickets[ticket.id] = ticket

    def take(self, kind: str, entry: Any, member: Member, rows: Iterator[int]) -> tuple[Ticket, list[Piece]] | None:
        """A ticket with all that was said in it, as soon as that is complete."""
        if kind in ("comment", "audit"):
            if not tickets.says_something(kind, entry):
                return None
            whose = self._whose(entry, member)
            said = [entry] if kind == "comment" else tickets.events_of(entry)
            pieces = self._pieces.take(whose, _numbered(said, rows))
            ticket = self._tickets.pop(whose, _unnamed(whose)) if pieces is not None else None
        elif kind == "ticket":
            ticket = tickets.facts(entry)
            inside = items(entry.get("comments"))
            if not inside and self._pieces.knows(ticket.id):
                return None  # its description is its first comment
            pieces = [_numbered(inside or [tickets.description(entry)], rows)]
        else:
            return None
        if ticket is None or pieces is None:
            return None
        return ticket._replace(rating=self._ratings.get(ticket.id, ticket.rating)), pieces

    def _whose(self, entry: dict[str, Any], member: Member) -> str:
        """The ticket of a comment: as it says, the only one in its file, or the one that its file is named after."""
        named = key(entry.get("ticket_id")) or key(table(entry.get("ticket")).get("id"))
        after = _NAMED_AFTER.search(member.name)
        return named or self._only.get(member.name) or (after[1] if after else _FILE + member.name)


def _unnamed(whose: str) -> Ticket:
    """The ticket of comments that come without it."""
    return Ticket("" if whose.startswith(_FILE) else whose, "")


def _numbered(said: list[Any], rows: Iterator[int]) -> Piece:
    """Comments or events, the chats among them line by line, each message with its row."""
    lines = [one for event in said for one in chats.lines(event)]
    return Piece([(next(rows) if tickets.is_said(one) else 0, one) for one in lines])


KINDS: tuple[Kind, ...] = (Kind("zendesk", "a Zendesk export (tickets, comments, audits)", read, sniff),)
