"""Live chats: what Zendesk Chat, LiveChat and Crisp export of the talks on a web site."""

from __future__ import annotations

from typing import Any

from data.importers.documents import items, key, table, tables, text
from data.importers.entries import Layout
from data.importers.helpdesks.inbox import Entry, Product
from data.importers.helpdesks.threads import Message, Thread
from data.importers.kind import Kind
from data.importers.nouns import Reason
from data.importers.speakers import Person
from data.schema import Role

_SAID = "history.item.msg"
_SENDERS: dict[str, Role] = {
    "visitor": "user", "customer": "user", "agent": "agent", "trigger": "assistant", "bot": "assistant",
}  # fmt: skip
_RATED = {"good": 5, "bad": 1, "rated_good": 5, "rated_bad": 1}


def _zendesk_thread(entry: Entry) -> Thread | None:
    if not {"history", "visitor", "message"} & set(entry):
        return None
    return Thread(
        key(entry.get("id")),
        customer=key(table(entry.get("visitor")).get("id")),
        rating=_RATED.get(text(entry.get("rating"))),
        tags=entry.get("tags"),
        is_explained=bool(text(entry.get("comment")).strip()),
    )


def _zendesk_said(entry: Entry) -> list[Any]:
    """The history of a chat; of what was left while nobody was there, that message."""
    if items(entry.get("history")) or not entry.get("message"):
        return items(entry.get("history"))
    return [
        {"type": "chat.msg", "msg": entry["message"], "sender_type": "Visitor", "timestamp": entry.get("timestamp")}
    ]


def _zendesk_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    kind = text(one.get("type"))
    if kind in ("chat.file", "chat.attachment"):
        return Reason.ATTACHMENT_ONLY
    if kind not in ("chat.msg", ""):
        return Reason.SYSTEM_NOTICE
    nick = text(one.get("nick"))
    role = _SENDERS.get(text(one.get("sender_type")).lower()) or _SENDERS.get(nick.partition(":")[0])
    if nick == "agent:trigger":
        role = "assistant"
    who = key(table(entry.get("visitor")).get("id")) if role == "user" else key(one.get("agent_id")) or nick
    return Message(row, Person(who or nick, text(one.get("name")), "", role), one.get("msg"), one.get("timestamp"))


def _livechat_thread(entry: Entry) -> Thread | None:
    if not {"events", "messages", "thread", "threads"} & set(entry):
        return None
    inner = _livechat_inner(entry)
    visitor = key(table(entry.get("visitor")).get("id")) or key(entry.get("visitor_id"))
    customer = next((key(one.get("id")) for one in tables(entry.get("users")) if one.get("type") == "customer"), "")
    rating = table(table(inner[0].get("properties")).get("rating")) if inner else {}
    score = rating.get("score")
    score = table(score).get("value") if isinstance(score, dict) else score
    stars = _RATED.get(text(entry.get("rate"))) or ({1: 5, 0: 1}.get(score) if isinstance(score, int) else None)
    tags = entry.get("tags") or (inner[0].get("tags") if inner else None)
    said = bool(rating.get("comment"))
    return Thread(key(entry.get("id")), customer=visitor or customer, rating=stars, tags=tags, is_explained=said)


def _livechat_inner(entry: Entry) -> list[Entry]:
    return tables(entry.get("threads")) or [one for one in (table(entry.get("thread")),) if one]


def _livechat_said(entry: Entry) -> list[Any]:
    """The events of a chat, which hold its messages."""
    inner = _livechat_inner(entry)
    if inner:
        return [event for one in inner for event in items(one.get("events"))]
    events = items(entry.get("events"))
    return events if any(event.get("type") == "message" for event in tables(events)) else items(entry.get("messages"))


def _livechat_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    kind = text(one.get("type")) or "message"
    if kind == "file":
        return Reason.ATTACHMENT_ONLY
    if kind not in ("message", "rich_message"):
        return Reason.SYSTEM_NOTICE
    if "agents" in (one.get("visibility"), one.get("recipients")) or one.get("user_type") == "supervisor":
        return Reason.PRIVATE_NOTE
    who = key(one.get("author_id")) or key(one.get("agent_id"))
    users = {key(user.get("id")): user for user in tables(entry.get("users"))}
    side = text(one.get("user_type")) or text(users.get(who, {}).get("type"))
    if side == "visitor":
        who = key(table(entry.get("visitor")).get("id")) or key(entry.get("visitor_id")) or who
    name = text(one.get("author_name")) or text(users.get(who, {}).get("name"))
    words = one.get("text")
    if kind == "rich_message":
        shown = (part.get(field) for part in tables(one.get("elements")) for field in ("title", "subtitle"))
        words = "\n".join(text(part) for part in shown if text(part))
    at = one.get("created_at", one.get("timestamp"))
    return Message(row, Person(who, name, "", _SENDERS.get(side)), words, at)


def _crisp_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    kind, content = text(one.get("type")), one.get("content")
    if kind == "note":
        return Reason.PRIVATE_NOTE
    if kind in ("file", "audio", "animation"):
        return Reason.ATTACHMENT_ONLY
    if kind not in ("text", "picker", "field", "carousel"):
        return Reason.SYSTEM_NOTICE
    is_user, user = one.get("from") == "user", table(one.get("user"))
    role: Role = "user" if is_user else "assistant" if one.get("automated") is True else "agent"
    who = text(one.get("session_id")) if is_user else key(user.get("user_id")) or text(user.get("nickname"))
    words = table(content).get("text") if isinstance(content, dict) else content
    return Message(row, Person(who, text(user.get("nickname")), "", role), words, one.get("timestamp"))


_CRISP_PLACES = ("data.item", "messages.item", "data.messages.item", "item", "")

KINDS: tuple[Kind, ...] = (
    Product(
        "zendesk_chat",
        "Zendesk Chat's JSON",
        Layout(("chats.item", "results.item", "item", ""), (_SAID, "history.item.type", "visitor.name", "visitor.id")),
        (("visitor", _SAID), ("visitor", "history.item.sender_type"), ("visitor", "message", "unread")),
        _zendesk_thread,
        _zendesk_said,
        _zendesk_message,
    ).kind(),
    Product(
        "livechat",
        "LiveChat's JSON",
        Layout(
            ("chats.item", "chats_summary.item", "found_chats.item", "item", ""),
            (
                "messages.item.user_type",
                "events.item.user_type",
                "thread.events.item.type",
                "threads.item.events.item.type",
            ),
        ),
        (
            ("messages.item.user_type", "messages.item.text"),
            ("events.item.user_type", "events.item.text"),
            ("users.item.type", "thread.events.item.author_id"),
            ("users.item.type", "threads.item.events.item.author_id"),
        ),
        _livechat_thread,
        _livechat_said,
        _livechat_message,
    ).kind(),
    Product(
        "crisp",
        "Crisp's messages",
        Layout(_CRISP_PLACES, ("session_id", "fingerprint")),
        (("from", "origin", "content"), ("session_id", "from", "content", "type")),
        lambda entry: Thread(key(entry.get("session_id"))) if "from" in entry else None,
        lambda entry: [entry],
        _crisp_message,
        is_scattered=True,
    ).kind(),
)
