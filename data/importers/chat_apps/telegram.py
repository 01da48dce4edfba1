"""Telegram: the JSON of a chat or of a whole account, lists of messages as its API gives them, and HTML pages.

`telegram_html` reads the pages that Telegram Desktop writes (`messages.html`, `messages2.html`, ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from data.importers import talk
from data.importers.chat_apps import telegram_html
from data.importers.container import Member
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.strict_json import JsonError
from data.importers.talk import Said
from data.schema import SetAside

_LISTS = ("chats.list.item", "left_chats.list.item")
_MESSAGES = ("messages.item", "item", *(f"{chat}.messages.item" for chat in _LISTS))
_HEADS = tuple(f"{chat}.{name}" for chat in _LISTS for name in ("name", "type", "id"))
_FILES = (
    "photo", "file", "media_type", "location_information", "contact_information", "sticker_emoji", "game_title",
    "invoice_information", "media",
)  # fmt: skip
_EXTRAS = ("reactions", "inline_bot_buttons", "poll")


def sniff(sample: Sample) -> float:
    chat, account, api = "messages.item", "chats.list.item.messages.item", "item"
    for place in (chat, account):
        own = any(sample.has(f"{place}.{name}") for name in ("date_unixtime", "from_id", "actor_id", "text_entities"))
        if own and sample.has(f"{place}.type"):
            return 0.95
    if sample.has(f"{api}.sender_id", f"{api}.text", f"{api}.date") and sample.has(f"{api}.is_reply"):
        return 0.85
    return 0.7 if sample.has("about", "personal_information.user_id") else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of all chats."""
    yield from talk.conversations(partial(_messages, source), options, source.limits)


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        chat, has_spoken = 0, False
        try:
            for path, value in source.values(member, (*_MESSAGES, *_HEADS)):
                if path in _HEADS:  # what stands before the messages of the next chat
                    chat += has_spoken
                    has_spoken = False
                    continue
                row += 1
                has_spoken = True
                yield from _message(value, row, f"{member.name}/{chat}")
        except JsonError as error:
            row += 1
            yield SetAside(row, error.reason, member.name)


def _message(message: Any, row: int, chat: str) -> Iterator[Said | SetAside | Remark]:
    if not isinstance(message, dict):
        yield SetAside(row, Reason.WRONG_TYPE)
        return
    text = _words(message.get("text"))
    if message.get("type", "message") != "message":
        yield SetAside(row, Reason.SYSTEM_NOTICE, text)
        return
    has_file = any(message.get(name) for name in _FILES)
    if not text.strip():
        yield SetAside(row, Reason.ATTACHMENT_ONLY if has_file or message.get("poll") else Reason.EMPTY_MESSAGE)
        return
    author = _key(message.get("from_id", message.get("sender_id"))) or _key(message.get("from"))
    for code, seen in (
        ("attachments_ignored", has_file),
        ("extras_ignored", any(message.get(name) for name in _EXTRAS)),
        ("edited_messages", bool(message.get("edited") or message.get("edited_unixtime"))),
        ("names_unknown", not author),
    ):
        if seen:
            yield Remark(code, row)
    key = _key(message.get("id", message.get("message.id")))
    yield Said(row, chat, author, text, _seconds(message), name=_key(message.get("from")), key=key)


def _words(text: Any) -> str:
    """The text of a message, whose pieces may be marked up."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return ""
    pieces = (piece.get("text") if isinstance(piece, dict) else piece for piece in text)
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _key(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _seconds(message: dict[str, Any]) -> float | None:
    try:
        if message.get("date_unixtime") is not None:
            return float(message["date_unixtime"])
        moment = datetime.fromisoformat(message["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def sniff_html(sample: Sample) -> float:
    head = sample.text[:60_000]
    own = ('class="page_wrap"', 'class="message default', 'class="history"', "CheckLocation()", 'class="from_name"')
    return 0.95 if "<html" in head.lower() and sum(sign in head for sign in own) >= 3 else 0.0


def read_html(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations on the pages; those of one folder are one chat."""
    yield from talk.conversations(partial(_messages_of_pages, source), options, source.limits)


def _messages_of_pages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        author = ""
        for found in telegram_html.messages(source.decoded(member), source.limits.max_cell_chars):
            row += 1
            author = found.author or (author if found.is_joined else "")
            yield from _of_page(found, row, _folder(member), author)


def _of_page(found: telegram_html.Found, row: int, chat: str, author: str) -> Iterator[Said | SetAside | Remark]:
    text = found.text.strip()
    if found.flaw is not None or found.is_service:
        yield SetAside(row, found.flaw or Reason.SYSTEM_NOTICE, text[: talk.SAMPLE_CHARS])
        return
    if not text:
        yield SetAside(row, Reason.ATTACHMENT_ONLY if found.has_file else Reason.EMPTY_MESSAGE)
        return
    for code, seen in (
        ("attachments_ignored", found.has_file),
        ("extras_ignored", found.has_extras),
        ("names_unknown", not author),
    ):
        if seen:
            yield Remark(code, row)
    yield Said(row, chat, author, text, _stamp(found.date), name=author, key=found.id)


_DATE = re.compile(r"^(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?$")


def _stamp(date: str) -> float | None:
    found = _DATE.match(date.strip())
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[3]}-{found[2]}-{found[1]}T{found[4]}{found[5] or '+00:00'}").timestamp()
    except (ValueError, OverflowError):
        return None


def _folder(member: Member) -> str:
    return member.name.rpartition("/")[0]


KINDS: tuple[Kind, ...] = (
    Kind("telegram", "a Telegram export (JSON)", read, sniff),
    Kind("telegram_html", "a Telegram export (HTML)", read_html, sniff_html),
)
