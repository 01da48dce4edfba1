"""Amazon Lex: conversation logs, V1 and V2, one JSON object per exchange, as CloudWatch and S3 keep them.

An exchange is what the user said and what the bot answered. The intent in it is what the bot took it for, which is no
label: nobody has said that it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from data.importers import strict_json, talk
from data.importers.container import Member
from data.importers.documents import documents, entries, key, table, tables, text
from data.importers.kind import Kind, Sample, Source, share
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import Said
from data.schema import SetAside

_OWN = ("botName", "botId", "botAlias", "botAliasName", "bot.name", "messageVersion")
_BRACE = "{"


def sniff(sample: Sample) -> float:
    for place in ("", "item.", "events.item."):
        if sample.has(f"{place}inputTranscript") and any(sample.has(f"{place}{name}") for name in _OWN):
            return 0.95
    if '\\"inputTranscript\\"' in sample.text and sample.paths & {"events.item.message", "item.message", "message"}:
        return 0.9
    lines = sample.lines[:50]
    return (
        0.9
        if share(lines, lambda line: '"inputTranscript"' in line and ('"bot' in line or '"messageVersion"' in line))
        > 0.5
        else 0.0
    )


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of all sessions."""
    yield from talk.conversations(partial(_messages, source), options, source.limits)


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        for found in _records(source, member):
            if isinstance(found, Reason):
                row += 1
                yield SetAside(row, found, member.name)
                continue
            body = _unwrapped(found)
            exchange = (
                list(_exchange(body, row + 1, member.name)) if body else [SetAside(row + 1, Reason.UNKNOWN_SHAPE)]
            )
            yield from exchange
            row += sum(not isinstance(one, Remark) for one in exchange)


def _records(source: Source, member: Member) -> Iterator[Any | Reason]:
    """The records of a file: of a list, of what the AWS command line prints, or one after the other, line by line."""
    sample = Sample(member, source.written(member).encoding)
    begins = sample.text.lstrip()[:1]
    if begins == "[" or (begins == _BRACE and sample.has("events")):
        for found in entries(source, member, ("item", "events.item")):
            yield found if isinstance(found, Reason) else found[1]
    elif begins == _BRACE and len(sample.lines) > 1 and not sample.lines[0].rstrip().endswith("}"):
        yield from documents(source, member)
    else:
        for line in source.lines(member):
            if line.text.strip():
                yield line.flaw or _of_line(line.text)


def _of_line(line: str) -> Any | Reason:
    """A record on a line, which may begin with the time at which it was logged."""
    try:
        return strict_json.loads(line[max(0, line.find(_BRACE)) :])
    except strict_json.JsonError as error:
        return error.reason


def _unwrapped(record: Any) -> dict[str, Any]:
    """A record out of the event it was logged in, whose message is a text of JSON."""
    body = table(record)
    inner = body.get("message")
    if "inputTranscript" in body or inner is None:
        return body if "inputTranscript" in body or body.get("messages") else {}
    found = _of_line(inner) if isinstance(inner, str) else inner
    return table(found)


def _exchange(body: dict[str, Any], row: int, name: str) -> Iterator[Said | SetAside | Remark]:
    chat = key(body.get("sessionId")) or key(body.get("userId")) or name
    at = _seconds(body.get("timestamp"))
    user = key(body.get("userId")) or f"user of {chat}"
    said = text(body.get("inputTranscript"))
    if said.strip():
        yield Said(row, chat, user, said, at, role="user")
    else:
        yield SetAside(row, Reason.EMPTY_MESSAGE)
    replies = [text(one.get("content")) for one in tables(body.get("messages")) if _is_plain(one)]
    cards = len(tables(body.get("messages"))) - len(replies)
    for reply in replies or ([text(body["botResponse"])] if body.get("botResponse") else []):
        row += 1
        if reply.strip():
            yield Said(row, chat, "bot", reply, at, name=text(body.get("botName")), role="assistant")
        else:
            yield SetAside(row, Reason.EMPTY_MESSAGE)
    if cards or body.get("responseCard"):
        yield Remark("extras_ignored", row)


def _is_plain(message: dict[str, Any]) -> bool:
    return text(message.get("contentType")) in ("PlainText", "CustomPayload", "") and bool(message.get("content"))


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000 if value > 1e11 else float(value)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


KINDS: tuple[Kind, ...] = (Kind("lex_logs", "a Lex conversation log", read, sniff),)
