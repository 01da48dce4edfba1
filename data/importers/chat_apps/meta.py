"""Messenger and Instagram: the JSON of "download your information", one file or the folders of all chats in a zip.

Meta writes UTF-8 as if it were Latin-1; that is undone. A chat is a folder (`message_1.json`, `message_2.json`, ...),
newest message first. Files of end-to-end encrypted chats have a shape of their own and are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from data.importers import talk
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.strict_json import JsonError
from data.importers.talk import Said
from data.schema import SetAside

_FILES = ("photos", "videos", "audio_files", "files", "gifs", "sticker", "share", "media")
_NOTICES = re.compile(
    r"^(?:Reacted \S{1,12} to your message|Liked a message|You missed a(?: video)? call(?: from .*)?"
    r"|.* missed your(?: video)? call|.* missed a(?: video)? call from you"
    r"|.* (?:started|ended) a(?:n audio| video)? (?:call|chat)|The (?:video )?call ended|.* named the group .*"
    r"|.* (?:left|joined) the (?:group|call)|You are now connected on Messenger"
    r"|You can now (?:message|call) .*|Messages and calls are secured with end-to-end encryption.*|.* unsent a message"
    r"|.* (?:pinned|unpinned) a message|.* set the (?:nickname|emoji|quick reaction) .*|.* created the group"
    r"|.* created a poll.*"
    r"|.* added .{1,80} to the group|.* called you|You called .{1,80}"
    r"|.* changed the (?:theme|group photo|chat theme).*)\.?\s*$"
)
NOTICE_CHARS = 300
_ATTACHED = re.compile(r"^.{1,80} sent (?:an attachment|a photo|a video|a voice message|a GIF|a sticker|a link)\.\s*$")


def sniff_messenger(sample: Sample) -> float:
    if sample.has("messages.item.senderName", "messages.item.timestamp"):
        return 0.9
    if not sample.has("messages.item.sender_name", "messages.item.timestamp_ms") or _is_instagram(sample):
        return 0.0
    return 0.95 if sample.has("participants") else 0.0


def sniff_instagram(sample: Sample) -> float:
    if not sample.has("messages.item.sender_name", "messages.item.timestamp_ms"):
        return 0.0
    return 0.95 if _is_instagram(sample) else 0.0 if sample.has("participants") else 0.75


def _is_instagram(sample: Sample) -> bool:
    return "instagram" in sample.name.lower() or "https://www.instagram.com/" in sample.text


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of all chats."""
    yield from talk.conversations(partial(_messages, source), options, source.limits)


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        chat = member.name.rpartition("/")[0] if source.packing == "zip" else ""
        try:
            for _, message in source.values(member, ("messages.item",)):
                row += 1
                yield from _message(message, row, chat)
        except JsonError as error:
            row += 1
            yield SetAside(row, error.reason, member.name)


def _message(message: Any, row: int, chat: str) -> Iterator[Said | SetAside | Remark]:
    if not isinstance(message, dict):
        yield SetAside(row, Reason.WRONG_TYPE)
        return
    if message.get("is_unsent") or message.get("isUnsent"):
        yield SetAside(row, Reason.DELETED_MESSAGE)
        return
    has_file = any(message.get(name) for name in _FILES)
    raw = message.get("content", message.get("text"))
    text = repaired(raw) if isinstance(raw, str) else ""
    if (
        "call_duration" in message
        or message.get("type") in ("Call", "Subscribe", "Unsubscribe")
        or (len(text) <= NOTICE_CHARS and _NOTICES.match(text))
    ):
        yield SetAside(row, Reason.SYSTEM_NOTICE, text)
        return
    if not text.strip() or (_ATTACHED.match(text) and has_file):
        yield SetAside(row, Reason.ATTACHMENT_ONLY if has_file or text.strip() else Reason.EMPTY_MESSAGE)
        return
    if text != raw:
        yield Remark("mojibake_repaired", row, text)
    if has_file:
        yield Remark("attachments_ignored", row)
    if message.get("reactions"):
        yield Remark("extras_ignored", row)
    name = message.get("sender_name", message.get("senderName"))
    author = repaired(name) if isinstance(name, str) else ""
    if not author:
        yield Remark("names_unknown", row)
    yield Said(row, chat, author, text, _seconds(message.get("timestamp_ms", message.get("timestamp"))), name=author)


def repaired(text: str) -> str:
    """UTF-8 that was written as Latin-1 as what it was meant to be; any other text as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _seconds(value: Any) -> float | None:
    return value / 1000 if isinstance(value, int | float) and not isinstance(value, bool) else None


KINDS: tuple[Kind, ...] = (
    Kind("messenger", "a Messenger export", read, sniff_messenger),
    Kind("instagram", "an Instagram export", read, sniff_instagram),
)
