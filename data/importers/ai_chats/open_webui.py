"""Open WebUI: chats as their owner or its administrator exports them, and the feedback that people gave.

A chat is a tree (`history.messages`): of several models' replies, and of what was edited or asked for again, the branch
at `currentId` is the conversation. What a model thought, and its calls of tools, stand in `<details>` and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from data.importers import records
from data.importers.ai_chats.branches import Chat, Spoken, items
from data.importers.ai_chats.trees import Node
from data.importers.contents import Words, words_of
from data.importers.documents import key, table, tables, text, texts
from data.importers.entries import Flaw, Layout
from data.importers.helpdesks.threads import seconds_of
from data.importers.kind import Kind, Sample, Source
from data.importers.messages import is_tool
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import SetAside

_TREES = ("chat.history", "snapshot.chat.chat.history", "snapshot.chat.history", "history")
_LAYOUT = Layout(
    ("item", "data.item", "chats.item", ""),
    (*(f"{tree}.messages" for tree in _TREES), *(f"{tree}.currentId" for tree in _TREES), "chat.messages.item.role"),
)  # fmt: skip
_DETAILS = re.compile(r"<details\b[^>]*\btype=\"?(?:reasoning|tool_calls|code_interpreter)\b[^>]*>.*?</details>", re.S)
_OPEN_DETAILS = re.compile(r"<details\b[^>]*\btype=\"?(?:reasoning|tool_calls|code_interpreter)\b.*", re.S)
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.S)
_EXTRAS = ("sources", "citations", "statusHistory", "embeds", "merged", "code_executions")


def sniff(sample: Sample) -> float:
    return 0.97 if any(
        sample.has(f"{begin}{tree}.messages") and any(one.startswith(f"{begin}{tree}.") and
        one.endswith((".childrenIds", ".parentId", "currentId")) for one in sample.paths)
        for tree in _TREES for begin in ("item.", "data.item.", "chats.item.", "")
    ) else 0.0  # fmt: skip


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the chats."""
    rows = count(1)
    for member in source.members:
        for found in _LAYOUT.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
            elif isinstance(found[1], dict):
                yield from _chat(found[1], rows, source)
            else:
                yield SetAside(next(rows), Reason.NOT_AN_OBJECT)


def _chat(entry: dict[str, Any], rows: Iterator[int], source: Source) -> Iterator[Item]:
    shown = table(table(entry.get("snapshot")).get("chat")) or entry
    chat = table(shown.get("chat")) or shown
    history = table(chat.get("history"))
    raw = {name: table(one) for name, one in table(history.get("messages")).items()}
    if not raw:  # older chats: a list
        raw = {str(place): one for place, one in enumerate(tables(chat.get("messages")))}
        nodes = {name: Node(str(int(name) - 1) if name != "0" else None) for name in raw}
        current = None
    else:
        nodes = {name: _node(one) for name, one in raw.items()}
        current = text(history.get("currentId")) or None
    rated, rating = key(table(entry.get("meta")).get("message_id")), table(entry.get("data")).get("rating")
    said = {name: _spoken(one, rating if rated in (name, key(one.get("id"))) else None) for name, one in raw.items()}
    own = records.identifier_of(shown.get("id")) or records.identifier_of(entry.get("id"))
    marked = table(shown.get("meta")).get("tags") or chat.get("tags")
    tags = [*texts(marked), *(text(one.get("name")) for one in tables(marked))]
    yield from items(Chat(nodes, current, said, own, tags), rows, source.limits)


def _node(message: dict[str, Any]) -> Node:
    parent = text(message.get("parentId")) or None
    return Node(parent, tuple(texts(message.get("childrenIds"))), seconds_of(message.get("timestamp")))


def _spoken(message: dict[str, Any], given: Any) -> Spoken:
    role, at = records.role_of(message.get("role")), seconds_of(message.get("timestamp"))
    if is_tool(message.get("role")):
        return Spoken("user", reason=Reason.TOOL_MESSAGE, at=at)
    if isinstance(role, Reason):
        return Spoken("user", reason=role, at=at)
    found = words_of(message.get("content") if message.get("content") is not None else "")
    if isinstance(found, Reason):
        return Spoken(role, reason=found, at=at)
    words = found.text if role == "user" else _shown(found.text)
    has_files = found.has_files or bool(message.get("files"))
    return Spoken(
        role, words, at=at, reason=None if words.strip() else _missing(found, message, has_files=has_files),
        rating=None if role == "user" else _rating(message, given), has_files=has_files,
        has_extras=found.has_extras or words != found.text or any(message.get(name) for name in _EXTRAS),
    )  # fmt: skip


def _shown(words: str) -> str:
    """What of a reply its reader sees unfolded."""
    return _OPEN_DETAILS.sub("", _THINKING.sub("", _DETAILS.sub("", words))).strip()


def _missing(found: Words, message: Mapping[str, Any], *, has_files: bool) -> Reason:
    if message.get("error"):
        return Reason.SYSTEM_NOTICE
    if found.text.strip() or found.has_tools:
        return Reason.TOOL_MESSAGE
    return Reason.ATTACHMENT_ONLY if has_files else Reason.EMPTY_MESSAGE


def _rating(message: Mapping[str, Any], given: Any) -> int | None:
    """A thumb, where there is one: that of the message, else what its feedback says."""
    marked = table(message.get("annotation")).get("rating", message.get("rating"))
    unread: list[Remark] = []
    rating = records.number_among(marked, (-1, 1), 0, unread)
    return rating if rating is not None else records.number_among(given, (-1, 1), 0, unread)


KINDS: tuple[Kind, ...] = (Kind("open_webui", "an Open WebUI export", read, sniff),)
