"""ChatGPT: the export of an account (its zip, or `conversations.json` out of it), or a conversation of its API.

A conversation is a tree (`mapping`). The branch on which its owner left off is the conversation; messages of the other
branches, which were edited or asked for again, are counted. Thumbs of `message_feedback.json` become ratings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from data.importers import records
from data.importers.ai_chats.branches import Chat, Spoken, items
from data.importers.ai_chats.trees import Node
from data.importers.contents import Words, without_citations, words_of
from data.importers.documents import key, table, text, texts
from data.importers.entries import Flaw, Layout
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason
from data.schema import Role, SetAside

_LAYOUT = Layout(("item", "conversations.item", "data.item", ""), ("mapping", "current_node"))
_FEEDBACK = Layout(("item", "feedback.item"), ("rating",))
_IN_TREE = re.compile(r"^(?:item\.|conversations\.item\.|data\.item\.)?mapping\.[^.]+\.(?:message|children)$")
MAX_RATINGS = 1_000_000
_THUMBS = {"thumbsup": 1, "thumbsdown": -1, "up": 1, "down": -1, "positive": 1, "negative": -1}
_OF_TOOLS = frozenset(
    ("execution_output", "tether_quote", "tether_browsing_display", "tether_browsing_code", "system_error",
     "sonic_webpage", "computer_output", "super_widget", "citable_code_output")
)  # fmt: skip
_THOUGHTS = frozenset(("thoughts", "reasoning_recap", "reasoning"))
_CONTEXT = frozenset(("user_editable_context", "model_editable_context", "app_pairing_content"))
_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "critic": "assistant"}


def sniff(sample: Sample) -> float:
    if _is_feedback(sample):
        return 0.9
    return 0.97 if any(map(_IN_TREE.search, sample.paths)) else 0.0


def _is_feedback(sample: Sample) -> bool:
    named = sample.name.rpartition("/")[2].startswith("message_feedback")
    return named and sample.has("item.rating", "item.conversation_id")


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the account."""
    rows = count(1)
    samples = {member.name: Sample(member, source.written(member).encoding) for member in source.members}
    feedback = {name for name, sample in samples.items() if _is_feedback(sample)}
    ratings = _ratings(source, feedback)
    for member in source.members:
        if member.name in feedback:
            continue
        for found in _LAYOUT.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
            elif isinstance(found[1], dict):
                yield from _conversation(found[1], ratings, rows, source)
            else:
                yield SetAside(next(rows), Reason.NOT_AN_OBJECT)


def _ratings(source: Source, feedback: set[str]) -> dict[str, int]:
    """What its owner thought of messages, by their ids."""
    ratings: dict[str, int] = {}
    for member in source.members:
        if member.name not in feedback:
            continue
        for found in _FEEDBACK.entries(source, member):
            entry = table(found[1]) if not isinstance(found, Flaw) else {}
            name = key(entry.get("message_id")) or key(entry.get("id"))
            thumb = text(entry.get("rating")).lower().replace("_", "")
            if name and thumb in _THUMBS and len(ratings) < MAX_RATINGS:
                ratings[name] = _THUMBS[thumb]
    return ratings


def _conversation(
    entry: dict[str, Any], ratings: Mapping[str, int], rows: Iterator[int], source: Source
) -> Iterator[Item]:
    nodes: dict[str, Node] = {}
    said: dict[str, Spoken] = {}
    for name, raw in table(entry.get("mapping")).items():
        node = table(raw)
        message = node.get("message")
        at = _seconds(table(message).get("create_time"))
        nodes[name] = Node(text(node.get("parent")) or None, tuple(texts(node.get("children"))), at)
        if message is not None:
            said[name] = _spoken(table(message), at, ratings)
    current = text(entry.get("current_node")) or None
    own = records.identifier_of(entry.get("conversation_id")) or records.identifier_of(entry.get("id"))
    yield from items(Chat(nodes, current, said, own), rows, source.limits)


def _spoken(message: dict[str, Any], at: float | None, ratings: Mapping[str, int]) -> Spoken:
    role = text(table(message.get("author")).get("role"))
    content = table(message.get("content"))
    meta = table(message.get("metadata"))
    flaw = _unsaid(role, message, content, meta)
    found = _words(content)
    if isinstance(found, Reason):
        return Spoken("user", reason=flaw or found, at=at)
    words = without_citations(found.text)
    has_files = found.has_files or bool(meta.get("attachments"))
    if flaw is None and not words.strip():
        flaw = Reason.ATTACHMENT_ONLY if has_files else found.missing
    return Spoken(
        _ROLES.get(role, "user"), words, at=at, reason=flaw, has_files=has_files,
        has_extras=found.has_extras or words != found.text,
        rating=ratings.get(text(message.get("id"))) if role != "user" else None,
    )  # fmt: skip


def _unsaid(role: str, message: dict[str, Any], content: dict[str, Any], meta: dict[str, Any]) -> Reason | None:
    """Why a message is nothing that one of the two said to the other, where it is not."""
    kind = text(content.get("content_type"))
    recipient = text(message.get("recipient")) or "all"
    if role == "tool" or kind in _OF_TOOLS or kind in _THOUGHTS or text(message.get("channel")) == "analysis":
        return Reason.TOOL_MESSAGE
    if role == "system" or kind in _CONTEXT or meta.get("is_visually_hidden_from_conversation") is True:
        return Reason.SYSTEM_NOTICE
    if role not in _ROLES:
        return Reason.UNKNOWN_ROLE if role else Reason.MISSING_FIELD
    return Reason.TOOL_MESSAGE if role == "assistant" and recipient != "all" else None


def _words(content: dict[str, Any]) -> Words | Reason:
    parts = content.get("parts")
    if parts is None:
        parts = content.get("text", content.get("result"))
    return words_of(parts) if parts != [] else Words()


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


KINDS: tuple[Kind, ...] = (Kind("chatgpt", "a ChatGPT export", read, sniff),)
