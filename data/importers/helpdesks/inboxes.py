"""Shared inboxes: what Front, HubSpot, Help Scout and Chatwoot give of conversations over mail, chat and messengers."""

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


def _itself(entry: Entry) -> list[Any]:
    return [entry]


def _front_thread(entry: Entry) -> Thread | None:
    if not {"is_inbound", "posted_at"} & set(entry):
        return None
    links = table(table(entry.get("_links")).get("related"))
    return Thread(text(links.get("conversation")).rstrip("/").rpartition("/")[2])


def _front_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    if "is_inbound" not in one or one.get("is_draft") is True:  # a comment among colleagues, or what nobody got
        return Reason.PRIVATE_NOTE
    author = table(one.get("author"))
    role: Role = "user" if one["is_inbound"] is True else "agent"
    sender = next((text(to.get("handle")) for to in tables(one.get("recipients")) if to.get("role") == "from"), "")
    name = " ".join(filter(None, (text(author.get("first_name")), text(author.get("last_name")))))
    who = Person(key(author.get("id")) or sender, name, text(author.get("email")) or sender, role)
    words = one.get("body") or one.get("text")
    return Message(row, who, words, one.get("created_at"), bool(one.get("attachments")))


def _hubspot_thread(entry: Entry) -> Thread | None:
    known = {"conversationsThreadId", "direction", "senders"} & set(entry)
    return Thread(key(entry.get("conversationsThreadId"))) if known else None


def _hubspot_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    kind = text(one.get("type")) or "MESSAGE"
    if kind == "COMMENT":
        return Reason.PRIVATE_NOTE
    if kind not in ("MESSAGE", "WELCOME_MESSAGE"):
        return Reason.SYSTEM_NOTICE
    sender = next(iter(tables(one.get("senders"))), {})
    actor = text(sender.get("actorId")) or text(one.get("createdBy"))
    role: Role = "user" if one.get("direction") == "INCOMING" else "agent" if actor.startswith("A-") else "assistant"
    address = text(table(sender.get("deliveryIdentifier")).get("value"))
    words = one.get("richText") or one.get("text")
    has_files = any(part.get("type") == "FILE" for part in tables(one.get("attachments")))
    return Message(row, Person(actor, text(sender.get("name")), address, role), words, one.get("createdAt"), has_files)


def _helpscout_thread(entry: Entry) -> Thread | None:
    if "_embedded" not in entry and "threads" not in entry:
        return None
    customer = table(entry.get("primaryCustomer")) or table(entry.get("customer"))
    tags = [one.get("tag", one.get("name")) if isinstance(one, dict) else one for one in items(entry.get("tags"))]
    return Thread(key(entry.get("id")), customer=key(customer.get("id")), tags=tags)


def _helpscout_said(entry: Entry) -> list[Any]:
    return items(table(entry.get("_embedded")).get("threads")) or items(entry.get("threads"))


def _helpscout_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    kind, state = text(one.get("type")), text(one.get("state"))
    if state in ("deleted", "hidden"):
        return Reason.DELETED_MESSAGE
    if kind == "note" or state in ("draft", "underreview"):
        return Reason.PRIVATE_NOTE
    if kind not in ("customer", "message", "reply", "chat", "beaconchat", "phone"):
        return Reason.SYSTEM_NOTICE
    author = table(one.get("createdBy"))
    role: Role = "user" if author.get("type") == "customer" or kind == "customer" else "agent"
    name = text(author.get("first")) or text(author.get("firstName"))
    files = table(one.get("_embedded")).get("attachments") or one.get("attachments")
    who = Person(key(author.get("id")), name, text(author.get("email")), role)
    return Message(row, who, one.get("body"), one.get("createdAt"), bool(files))


def _chatwoot_message(one: Entry, row: int, entry: Entry) -> Message | Reason:
    if one.get("private") is True:
        return Reason.PRIVATE_NOTE
    if table(one.get("content_attributes")).get("deleted") is True:
        return Reason.DELETED_MESSAGE
    form = one.get("message_type")
    if form in (2, "activity"):
        return Reason.SYSTEM_NOTICE
    sender = table(one.get("sender"))
    role: Role = "agent"
    if form in (0, "incoming"):
        role = "user"
    elif form in (3, "template") or sender.get("type") == "agent_bot" or one.get("sender_type") == "AgentBot":
        role = "assistant"
    who = f"{role}-{key(sender.get('id')) or key(one.get('sender_id'))}"
    person = Person(who, text(sender.get("name")), text(sender.get("email")), role)
    return Message(row, person, one.get("content"), one.get("created_at"), bool(one.get("attachments")))


KINDS: tuple[Kind, ...] = (
    Product(
        "front",
        "Front's messages",
        Layout(("_results.item", "item", "messages.item", ""), ("is_inbound", "posted_at")),
        (("is_inbound", "body"), ("is_inbound", "recipients")),
        _front_thread,
        _itself,
        _front_message,
        is_scattered=True,
    ).kind(),
    Product(
        "hubspot",
        "HubSpot's conversations",
        Layout(("results.item", "item", "messages.item", ""), ("conversationsThreadId", "senders.item.actorId")),
        (("conversationsThreadId", "type"), ("senders", "direction", "createdAt")),
        _hubspot_thread,
        _itself,
        _hubspot_message,
        is_scattered=True,
    ).kind(),
    Product(
        "helpscout",
        "Help Scout's conversations",
        Layout(
            ("_embedded.conversations.item", "item", "conversations.item", ""),
            ("_embedded.threads", "threads.item.createdBy"),
        ),
        (("_embedded.threads.item.createdBy", "_embedded.threads.item.type"), ("threads.item.createdBy", "mailboxId")),
        _helpscout_thread,
        _helpscout_said,
        _helpscout_message,
    ).kind(),
    Product(
        "chatwoot",
        "Chatwoot's messages",
        Layout(
            (
                "data.payload.item.messages.item",
                "payload.item.messages.item",
                "payload.item",
                "data.payload.item",
                "messages.item",
                "item",
                "",
            ),
            ("message_type",),
        ),
        (("message_type", "content", "private"), ("message_type", "content", "conversation_id", "inbox_id")),
        lambda entry: Thread(key(entry.get("conversation_id"))) if "message_type" in entry else None,
        _itself,
        _chatwoot_message,
        is_scattered=True,
    ).kind(),
)
