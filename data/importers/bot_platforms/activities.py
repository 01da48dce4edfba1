"""Bot Framework: transcripts, lists of activities as the Emulator, Direct Line and transcript stores write them.

Of the activities only messages are something that was said. Typing, traces, events and who came and went are notices;
an update takes the place of the message it names, a deletion takes it back. A button that was pressed is what the user
said; a card without words beside it says what stands on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from data.importers import records, talk
from data.importers.documents import entries, items, key, table, tables, text
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import Said
from data.schema import Role, SetAside

_SPOKEN = ("message", "messageUpdate", "messageDelete")
_PRESSED = ("displayText", "text", "rawtext", "title", "value")
_CARDS = "application/vnd.microsoft.card."
_WORDS = ("title", "subtitle", "text")
MAX_WORDS = 50


def sniff(sample: Sample) -> float:
    for place in ("item.", "activities.item.", ""):
        if sample.has(f"{place}type", f"{place}conversation") and sample.paths & {
            f"{place}channelId",
            f"{place}from.role",
        }:
            return 0.95 if place else 0.9
        if sample.has(f"{place}type", f"{place}conversation.id", f"{place}from.id") and place:
            return 0.85
    return 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the transcripts."""
    yield from talk.conversations(partial(_messages, source), options, source.limits)


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        alone = Sample(member, source.written(member).encoding).text.lstrip()[:1] == "{"
        has_list = alone and Sample(member, source.written(member).encoding).has("activities")
        wanted = ("activities.item",) if has_list else ("",) if alone else ("item",)
        for found in entries(source, member, wanted):
            row += 1
            if isinstance(found, Reason):
                yield SetAside(row, found, member.name)
            elif not isinstance(found[1], dict):
                yield SetAside(row, Reason.WRONG_TYPE)
            else:
                yield from _activity(found[1], row, member.name)


def _activity(activity: dict[str, Any], row: int, name: str) -> Iterator[Said | SetAside | Remark]:
    kind = text(activity.get("type")) or "message"
    is_note = "from" not in activity and text(activity.get("text")).startswith("[ConversationUpdate")
    if kind not in _SPOKEN or is_note:
        yield SetAside(row, Reason.SYSTEM_NOTICE, kind)
        return
    chat = key(table(activity.get("conversation")).get("id")) or name
    if kind == "messageDelete":
        yield Said(row, chat, "", "", key=key(activity.get("id")), deleted=True)
        return
    words = _words(activity)
    attached = tables(activity.get("attachments"))
    if not words:
        yield SetAside(row, Reason.ATTACHMENT_ONLY if attached else Reason.EMPTY_MESSAGE)
        return
    extras = activity.get("suggestedActions") or activity.get("value") or any(_is_card(one) for one in attached)
    for code, seen in (
        ("attachments_ignored", any(not _is_card(one) for one in attached)),
        ("extras_ignored", bool(extras)),
        ("edited_messages", kind == "messageUpdate"),
    ):
        if seen:
            yield Remark(code, row)
    sender = table(activity.get("from"))
    author = key(sender.get("id")) or text(sender.get("name"))
    if not author:
        yield Remark("names_unknown", row)
    yield Said(
        row, chat, author, words, _seconds(activity.get("timestamp")), name=text(sender.get("name")),
        role=_role(sender), key=key(activity.get("id")),
    )  # fmt: skip


def _role(sender: dict[str, Any]) -> Role | None:
    """What the activity says, or a name that is a role."""
    if text(sender.get("role")).lower() == "skill":
        return "assistant"
    for name in ("role", "name", "id"):
        role = records.role_of(sender.get(name))
        if not isinstance(role, Reason):
            return role
    return None


def _words(activity: dict[str, Any]) -> str:
    """What an activity says: its text; what was pressed; what stands on its cards; what is to be spoken."""
    said = text(activity.get("text"))
    if said.strip():
        return said
    pressed = activity.get("value")
    words = text(pressed) or next(
        (text(table(pressed).get(name)) for name in _PRESSED if text(table(pressed).get(name))), ""
    )
    if words.strip():
        return words
    cards = [
        line for one in tables(activity.get("attachments")) if _is_card(one) for line in _on_card(one.get("content"))
    ]
    spoken = text(activity.get("speak"))
    return "\n".join(dict.fromkeys(cards[:MAX_WORDS])) or ("" if spoken.lstrip().startswith("<") else spoken)


def _is_card(attachment: dict[str, Any]) -> bool:
    content = table(attachment.get("content"))
    return text(attachment.get("contentType")).startswith(_CARDS) or content.get("type") == "AdaptiveCard"


def _on_card(content: Any) -> Iterator[str]:
    """The words on a hero card and its like, or on an adaptive card, top to bottom. Bounded by the depth of JSON."""
    card = table(content)
    for name in _WORDS:
        if text(card.get(name)).strip():
            yield text(card[name]).strip()
    for name in ("body", "items", "columns", "facts", "inlines"):
        for part in items(card.get(name)):
            if isinstance(part, str):
                yield part
            else:
                yield from _on_card(part)


def _seconds(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


KINDS: tuple[Kind, ...] = (Kind("bot_transcript", "a Bot Framework transcript", read, sniff),)
