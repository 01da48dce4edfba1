"""Chats inside Zendesk tickets, message by message: the history that an audit holds, and transcripts in a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from data.importers.documents import key, table, tables, text
from data.schema import Role

ACTORS: dict[str, Role] = {
    "end-user": "user", "visitor": "user", "user": "user", "agent": "agent", "admin": "agent", "bot": "assistant",
    "trigger": "assistant", "answer-bot": "assistant", "system": "assistant",
}  # fmt: skip
STARTED = "ChatStartedEvent"
"""The event of an audit that holds the history of a chat."""
_CLOCK = r"\((?:\d{4}-\d\d-\d\d )?\d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?\)"
_SPOKEN = re.compile(rf"{_CLOCK} {{1,3}}(?!\*\*\*)(\S[^:\n]{{0,80}}?): ?(.*)")
_NOTICE = re.compile(rf"{_CLOCK} {{1,3}}\*\*\*|(?:Chat started|Conversation with|Served by|URL|Visitor)\b.{{0,20}}:")
_LEAST = 2
"""Lines that begin with a time and a name, from which a comment counts as a transcript."""


def lines(event: Any) -> Iterator[Any]:
    """The messages of a chat as comments of their own; anything else as it is."""
    body = table(event)
    if text(body.get("type")) == STARTED:
        yield from _history(body)
        return
    said = body.get("plain_body") or body.get("body")
    if isinstance(said, str) and said.startswith(("(", "Chat started", "Conversation with")):
        split = said.split("\n")
        if sum(_SPOKEN.match(line) is not None for line in split) >= _LEAST:
            yield from _transcript(body, split)
            return
    yield event


def _history(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in tables(table(event.get("value")).get("history")):
        said = one.get("message")
        author = key(one.get("actor_id")) or text(one.get("actor_name"))
        facts = {"body": said, "author_id": author, "actor_type": text(one.get("actor_type"))}
        kind = "Comment" if isinstance(said, str) and said.strip() else "ChatNotice"
        yield {**facts, "type": kind, "created_at": one.get("timestamp"), "attachments": one.get("attachment")}


def _transcript(comment: dict[str, Any], split: list[str]) -> Iterator[dict[str, Any]]:
    """Lines without a time go on with the message before them."""
    shared: dict[str, Any] = {name: comment.get(name) for name in ("created_at", "public", "id") if name in comment}
    current: dict[str, Any] | None = None
    words: list[str] = []
    for line in split:
        said = _SPOKEN.match(line)
        if said is None and not _NOTICE.match(line) and current is not None:
            words.append(line)
            continue
        if current is not None:
            yield {**current, "body": "\n".join(words).strip()}
        words = [said[2] if said else line]
        current = {**shared, "type": "Comment", "speaker": said[1].strip()} if said else None
        if said is None and line.strip():
            yield {**shared, "type": "ChatNotice", "body": line}
    if current is not None:
        yield {**current, "body": "\n".join(words).strip()}
