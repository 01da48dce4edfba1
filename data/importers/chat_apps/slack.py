"""Slack: a workspace export (a zip with `users.json` and a folder per channel, in it a JSON list per day), one day, or
what the API answers for a channel.

A thread is a conversation; what stands in a channel outside threads is cut by silence. Mentions are written out with
the names of the members list, links with their words. Bots are told by the format.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from data.importers import talk
from data.importers.chat_apps.slack_blocks import words_in
from data.importers.container import Member
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.strict_json import JsonError
from data.importers.talk import Said
from data.schema import SetAside

_DAY = re.compile(r"(?:^|/)(?P<channel>[^/]+)/\d{4}-\d{2}-\d{2}\.json$")
_LISTS = re.compile(
    r"(?:^|/)(?:users|org_users|channels|groups|dms|mpims|integration_logs|canvases|huddle_transcripts|file_conversations"
    r"|lists|external_keys|canvas_in_the_conversation)\.json$"
)
_SPOKEN = {None, "", "bot_message", "file_comment", "file_share", "me_message", "reply_broadcast", "thread_broadcast"}
_PLACES = ("item", "messages.item")
_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_UPLOADED = re.compile(r"^<@\w+(?:\|[^>]*)?> uploaded a file:.*?(?: and commented: (?P<comment>.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    address: str
    is_bot: bool
    names: frozenset[str] = frozenset()


Users = Mapping[str, _User]


def sniff_folder(samples: Sequence[Sample]) -> float:
    """Folders of days beside a list of users or channels."""
    days = [sample for sample in samples if _DAY.search(sample.name)]
    lists = sum(bool(_LISTS.search(sample.name)) for sample in samples)
    looks = [_looks(sample) for sample in days[:20]]
    for sample in days[:20]:
        sample.forget()
    if not days or not any(looks):
        return 0.0
    return 0.97 if lists else 0.85


def sniff(sample: Sample) -> float:
    """One day of one channel, or messages of the API."""
    return 0.8 if any(_looks(sample, place) for place in _PLACES) else 0.0


def _looks(sample: Sample, place: str = "item") -> bool:
    own = ("user", "bot_id", "subtype", "client_msg_id")
    is_one = sample.has(*(f"{place}.{name}" for name in ("ts", "type", "text")))
    return is_one and any(sample.has(f"{place}.{name}") for name in own)


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the workspace."""
    users: dict[str, _User] = {}
    for member in source.members:
        if re.search(r"(?:^|/)(?:org_)?users\.json$", member.name):
            yield from _read_users(source, member, users)
    brand = {name.strip().casefold() for name in options.brand}
    ids = tuple(key for key, user in users.items() if brand & user.names)
    known = replace(options, brand=(*options.brand, *ids))
    yield from talk.conversations(partial(_messages, source, users), known, source.limits)


def _read_users(source: Source, member: Member, users: dict[str, _User]) -> Iterator[Remark]:
    """Fills `users`; a list that breaks off leaves mentions without a name."""
    try:
        for _, one in source.values(member, ("item",)):
            if not isinstance(one, dict) or not isinstance(one.get("id"), str):
                continue
            profile = one["profile"] if isinstance(one.get("profile"), dict) else {}
            names = (profile.get("display_name"), profile.get("real_name"), one.get("real_name"), one.get("name"))
            known = [text for text in names if isinstance(text, str) and text]
            users[one["id"]] = _User(
                known[0] if known else "",
                _text(profile.get("email")),
                bool(one.get("is_bot")),
                frozenset(text.casefold() for text in known),
            )
    except JsonError:
        yield Remark("mentions_unknown", 0, member.name)


def _messages(source: Source, users: Users) -> Iterator[Said | SetAside | Remark]:
    row = 0
    alone = len(source.members) == 1
    for member in source.members:
        day = _DAY.search(member.name)
        if day is None and not alone:
            if not _LISTS.search(member.name):
                yield Remark("files_skipped", 0, member.name)
            continue
        channel = day["channel"] if day is not None else ""
        try:
            for _, message in source.values(member, _PLACES):
                row += 1
                yield from _message(message, row, channel, users)
        except JsonError as error:
            row += 1
            yield SetAside(row, error.reason, member.name)


def _message(message: Any, row: int, channel: str, users: Users) -> Iterator[Said | SetAside | Remark]:
    if not isinstance(message, dict):
        yield SetAside(row, Reason.WRONG_TYPE)
        return
    subtype = message.get("subtype")
    if subtype == "message_deleted":
        yield Said(row, channel, "", "", key=_text(message.get("deleted_ts")), deleted=True)
        return
    if subtype == "message_changed" and isinstance(message.get("message"), dict):
        message, subtype = message["message"], message["message"].get("subtype")
    if subtype == "tombstone":
        yield SetAside(row, Reason.DELETED_MESSAGE)
        return
    if message.get("type") != "message" or subtype not in _SPOKEN:
        yield SetAside(row, Reason.SYSTEM_NOTICE, _written_out(_text(message.get("text")), users)[0])
        return
    yield from _said(message, row, channel, users)


def _said(message: dict[str, Any], row: int, channel: str, users: Users) -> Iterator[Said | SetAside | Remark]:
    raw, has_file = _words(message)
    if not raw.strip():
        yield SetAside(row, Reason.ATTACHMENT_ONLY if has_file else Reason.EMPTY_MESSAGE)
        return
    text, unknown = _written_out(raw, users)
    for code, seen in (
        ("attachments_ignored", has_file),
        ("extras_ignored", bool(message.get("reactions"))),
        ("edited_messages", bool(message.get("edited"))),
        ("mentions_unknown", unknown),
    ):
        if seen:
            yield Remark(code, row)
    comment = message["comment"] if isinstance(message.get("comment"), dict) else {}
    author = _text(message.get("user")) or _text(comment.get("user"))
    bot = _text(message.get("bot_id")) or _text(message.get("username"))
    user = users.get(author, _User("", "", is_bot=False))
    ts, thread = _text(message.get("ts")), _text(message.get("thread_ts"))
    is_bot = user.is_bot or message.get("subtype") == "bot_message" or bool(bot and not author)
    yield Said(
        row,
        f"{channel}/{thread}" if thread else channel,
        author or bot,
        text,
        at=_seconds(ts),
        name=user.name or _text(message.get("username")),
        address=user.address,
        role="assistant" if is_bot else None,
        key="" if thread else ts,
        whole=bool(thread),
    )


def _words(message: dict[str, Any]) -> tuple[str, bool]:
    """What a message says, from its attachments where it says nothing itself; and whether files come with it."""
    text = _text(message.get("text"))
    has_file = bool(message.get("files") or message.get("file"))
    uploaded = _UPLOADED.match(text)
    if uploaded is not None:
        return uploaded["comment"] or "", True
    if not text.strip():
        text = words_in(message.get("blocks"))
    if not text.strip() and isinstance(message.get("attachments"), list):
        text = "\n".join(filter(None, map(_attached, message["attachments"][:20])))
    return text, has_file


def _attached(attachment: Any) -> str:
    if not isinstance(attachment, dict):
        return ""
    words = [_text(attachment.get(name)) for name in ("pretext", "title", "text")]
    return "\n".join(filter(None, words)) or _text(attachment.get("fallback"))


def _written_out(text: str, users: Users) -> tuple[str, bool]:
    """The text without Slack's markup, and whether it mentions somebody who is not on the list."""
    unknown = False

    def plain(found: re.Match[str]) -> str:
        nonlocal unknown
        sign, target, label = found[1], found[2], found[3]
        if sign == "@":
            name = users[target].name if target in users else label
            unknown |= not name
            return f"@{name}" if name else "@somebody"
        if sign == "#":
            return f"#{label or target}"
        if sign == "!":
            return label or f"@{target.partition('^')[0]}"
        return label or target.removeprefix("mailto:")

    return html.unescape(_MARKUP.sub(plain, text)), unknown


def _seconds(ts: str) -> float | None:
    try:
        return float(ts)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


KINDS: tuple[Kind, ...] = (Kind("slack", "a Slack export", read, sniff, sniff_folder),)
