"""What Zendesk's entries say: who asked in a ticket, how it was rated, and who said what in its comments and audits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from data.importers.documents import items, key, table, tables, text
from data.importers.helpdesks import zendesk_chat_lines as chats
from data.importers.helpdesks.threads import Desk, Message, Thread
from data.importers.nouns import Item, Reason, Remark
from data.importers.speakers import Person
from data.importers.talk import SAMPLE_CHARS
from data.schema import Role, SetAside
from data.settings import ImportSettings

_SYSTEM = ("-1", "0")
"""Authors that are no person: triggers, the answer bot."""
_COMMENTS = frozenset(("Comment", "FacebookComment", "Tweet", "TicketSharingComment", "WhatsAppComment", ""))
_CALLS = frozenset(("VoiceComment", "VoiceApiComment"))
_NOTICES = frozenset(("ChatNotice",))
_RATINGS = {"good": 5, "good_with_comment": 5, "bad": 1, "bad_with_comment": 1}
_USERS: dict[str, Role] = {"end-user": "user", "agent": "agent", "admin": "agent"}
_TAGS = re.compile(r"<[^<>]*>")
_REDACTED = "▇"
_VISITOR = re.compile(r"(?:web user|visitor|guest|customer|end.?user)\b", re.IGNORECASE)


class Ticket(NamedTuple):
    """What is known of a ticket beside what was said in it."""

    id: str
    requester: str
    name: str = ""
    rating: int | None = None
    is_explained: bool = False
    tags: tuple[Any, ...] = ()
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Comments of a ticket, or events of an audit, with their rows (0 for an event that is no message)."""

    said: list[tuple[int, Any]]


@dataclass(slots=True)
class Users:
    """Who is who; of customers nothing but that they are."""

    _roles: dict[str, Role] = field(default_factory=dict)
    _staff: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, entry: dict[str, Any]) -> None:
        role, who = _USERS.get(text(entry.get("role"))), key(entry.get("id"))
        if role is not None and who:
            self._roles[who] = role
            if role != "user":
                self._staff[who] = (text(entry.get("name")), text(entry.get("email")))

    def person(self, who: str, ticket: Ticket, stated: Role | None) -> Person:
        """Somebody who takes part in a ticket. Who asked is its customer there, even a colleague."""
        role = stated or (None if ticket.requester or ticket.copied else self._roles.get(who))
        if role is None and ticket.requester:
            is_customer = who == ticket.requester or who in ticket.copied
            role = "user" if is_customer else self._roles.get(who, "agent")
        return Person(who, *self._staff.get(who, ("", "")), role)


def kind_of(entry: Any) -> str | None:
    """What an entry is: ticket, comment, audit, rating or user; None for anything else."""
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("events", entry.get("child_events")), list):
        return "audit"
    if "score" in entry and "ticket_id" in entry:
        return "rating"
    if "requester_id" in entry or "requester" in entry or {"subject", "description"} <= set(entry):
        return "ticket"
    if "author_id" in entry or ("author" in entry and _body(entry) is not None):
        return "comment"
    return "user" if "role" in entry and ("email" in entry or "name" in entry) else None


def facts(entry: dict[str, Any]) -> Ticket:
    """What a ticket says of itself."""
    requester = table(entry.get("requester"))
    sender = table(table(table(entry.get("via")).get("source")).get("from"))
    rating = table(entry.get("satisfaction_rating"))
    copied = (key(one) for name in ("email_cc_ids", "collaborator_ids") for one in items(entry.get(name)))
    who = key(entry.get("requester_id")) or key(requester.get("id"))
    agents = {key(entry.get("assignee_id")), key(table(entry.get("assignee")).get("id"))}
    return Ticket(
        key(entry.get("id")),
        who,
        text(requester.get("name")) or text(sender.get("name")),
        rating_of(rating),
        bool(text(rating.get("comment")).strip()),
        tuple(items(entry.get("tags"))),
        tuple(one for one in dict.fromkeys(copied) if one and one not in agents and one != who)[:50],
    )


def rating_of(rating: dict[str, Any]) -> int | None:
    """Stars of a rating that says good or bad."""
    return _RATINGS.get(text(rating.get("score")))


def description(entry: dict[str, Any]) -> dict[str, Any]:
    """The opening message of a ticket without comments."""
    author = entry.get("submitter_id") if entry.get("requester_id") is None else entry.get("requester_id")
    return {
        "body": entry.get("description"),
        "author_id": author if author is not None else table(entry.get("requester")).get("id"),
        "created_at": entry.get("created_at"),
        "public": entry.get("is_public", True),
    }


def events_of(audit: dict[str, Any]) -> list[Any]:
    """The events of an audit, each with the author and time of the audit where it has none of its own."""
    author = audit.get("author_id", audit.get("updater_id"))
    at = audit.get("created_at", audit.get("timestamp"))
    events = items(audit.get("events", audit.get("child_events")))
    return [
        {**event, "author_id": event.get("author_id", author), "created_at": event.get("created_at", at)}
        for event in tables(events)
    ]


def says_something(kind: str, entry: dict[str, Any]) -> bool:
    """Whether a comment, or one of the events of an audit, tells something of the messages."""
    telling = ("CommentPrivacyChange", chats.STARTED)
    return kind == "comment" or any(is_said(event) or _type(event) in telling for event in events_of(entry))


def is_said(event: Any) -> bool:
    """Whether an event is a message; a comment always is."""
    return _type(event) in _COMMENTS or _type(event) in _CALLS or _type(event) in _NOTICES


def _type(event: Any) -> str:
    return text(table(event).get("type")) or text(table(event).get("event_type"))


def conversation(
    ticket: Ticket, pieces: list[Piece], users: Users, desk: Desk, limits: ImportSettings
) -> Iterator[Item]:
    """The conversation of a ticket, once all that was said in it is there."""
    thread = Thread(ticket.id, customer=ticket.requester, rating=ticket.rating, tags=list(ticket.tags))
    events = [one for piece in pieces for one in piece.said]
    changes = (event for _, event in events if _type(event) == "CommentPrivacyChange")
    privacy = {key(event.get("comment_id")): event.get("public") for event in changes}
    visitors = _visitors(events, ticket)
    if ticket.is_explained:
        yield Remark("extras_ignored", max(1, events[0][0]))
    for row, event in events:
        if not row:
            continue
        aside = _kept_out(event, privacy, visitors)
        if aside is not None:
            yield SetAside(row, aside, text(_body(table(event)))[:SAMPLE_CHARS])
            continue
        person = users.person(_author(event), ticket, _stated(event, ticket, visitors))
        body, at = _body(event), event.get("created_at")
        own = "" if "speaker" in event else key(event.get("id"))
        thread.add(Message(row, person, body, at, bool(event.get("attachments")), own), limits)
        if _REDACTED in text(_body(event)):
            yield Remark("edited_messages", row)
    yield from desk.close(thread)


def _kept_out(event: Any, privacy: dict[str, Any], visitors: set[str]) -> Reason | None:
    """Why a comment is not a message; None for one that is."""
    if not isinstance(event, dict):
        return Reason.WRONG_TYPE
    if privacy.get(key(event.get("id")), event.get("public")) is False:
        return Reason.PRIVATE_NOTE
    if _type(event) in _CALLS or _type(event) in _NOTICES:
        return Reason.SYSTEM_NOTICE
    if "speaker" in event and not visitors:
        return Reason.UNKNOWN_ROLE
    body = _body(event)
    if isinstance(body, str) and _REDACTED in body and not _TAGS.sub("", body).strip(f"{_REDACTED} \n\t"):
        return Reason.DELETED_MESSAGE
    return None


def _visitors(events: list[tuple[int, Any]], ticket: Ticket) -> set[str]:
    """Who in the chats of a ticket is its customer: who is called like the one who asked, or like nobody."""
    speakers = {text(event.get("speaker")) for _, event in events if isinstance(event, dict) and "speaker" in event}
    named = {name for name in speakers if ticket.name and name.casefold() == ticket.name.casefold()}
    return named or {name for name in speakers if _VISITOR.match(name)}


def _stated(event: dict[str, Any], ticket: Ticket, visitors: set[str]) -> Role | None:
    """The role that an event states, or that of a speaker in a chat; None where neither is known."""
    if "speaker" in event:
        return "user" if event["speaker"] in visitors else "agent"
    if text(event.get("actor_type")):
        return chats.ACTORS.get(event["actor_type"].lower().replace("_", "-"))
    return "assistant" if _author(event) in _SYSTEM else None


def _author(event: dict[str, Any]) -> str:
    return key(event.get("author_id")) or key(table(event.get("author")).get("id")) or text(event.get("speaker"))


def _body(comment: dict[str, Any]) -> Any:
    """The words of a comment: HTML first, which shows where an earlier mail begins."""
    value = table(comment.get("value"))
    for name in ("html_body", "plain_body", "body", "comment"):
        found = comment.get(name, value.get(name))
        if found not in (None, ""):
            return found
    return comment.get("body")
