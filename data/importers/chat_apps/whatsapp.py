"""WhatsApp and Signal: text exports, a line per message that begins with date, time and name; other lines go on.

All countries' ways to write the date are read (`stamps`), and what the program writes in the place of people is told
apart in many languages (`notices`). A file is one chat, cut by silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from data.importers import talk
from data.importers.chat_apps import notices
from data.importers.chat_apps.stamps import Calendar, Stamp, split
from data.importers.container import Member
from data.importers.kind import Kind, Sample, Source, share
from data.importers.lines import Line
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import Said
from data.schema import SetAside

_SIGNAL = re.compile(r"^\[\d{4}-\d{2}-\d{2},? \d{2}:\d{2}\] ")
_SAYS = re.compile(
    r"^[\u200e\u200f\u202a-\u202c]*(?:~\s?)?(?P<name>[^:：\n]{1,60}?)\s?[:：]"
    r"(?:\s(?P<text>.*)|(?P<bare>[^\d/\s].*|))$",
    re.DOTALL,
)
_QUOTES = re.compile('["“”«»„]')


def sniff_whatsapp(sample: Sample) -> float:
    return 0.0 if _is_signal(sample) else _sniff(sample)


def sniff_signal(sample: Sample) -> float:
    return _sniff(sample) if _is_signal(sample) else 0.0


def _is_signal(sample: Sample) -> bool:
    return bool(sample.lines) and bool(_SIGNAL.match(sample.lines[0]))


def _sniff(sample: Sample) -> float:
    """The first line is a message, and so are many."""
    if not sample.lines or all(split(line) is None for line in sample.lines[:3]):
        return 0.0
    return 0.6 + 0.37 * share(sample.lines, split)


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the chats."""
    calendars = {member.name: Calendar(_stamps(source, member)) for member in source.members}
    if any(calendar.is_guess for calendar in calendars.values()):
        yield Remark("dates_guessed", 0)
    yield Remark("timestamp_without_zone", 0)
    yield from talk.conversations(partial(_messages, source, calendars), options, source.limits)


def _stamps(source: Source, member: Member) -> Iterator[Stamp]:
    for line in source.lines(member):
        found = split(line.text)
        if found is not None:
            yield found[0]


@dataclass(slots=True)
class _Open:
    """A message whose last line has not been seen; `at` is None before the first message of a file."""

    row: int
    stamp: Stamp | None
    text: str
    flaw: Reason | None = None

    def go_on(self, line: Line, most: int) -> None:
        if len(self.text) <= most + 200:
            self.text += f"\n{line.text}"
        self.flaw = self.flaw or line.flaw


def _messages(source: Source, calendars: dict[str, Calendar]) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        calendar = calendars[member.name]
        for message in _lines_of(source, member):
            row += 1
            message.row = row
            yield from _message(message, calendar, member.name)


def _lines_of(source: Source, member: Member) -> Iterator[_Open]:
    """The messages of one file, each with all its lines."""
    opened: _Open | None = None
    for line in source.lines(member):
        found = split(line.text)
        if found is not None:
            if opened is not None:
                yield opened
            opened = _Open(0, found[0], found[1], line.flaw)
        elif opened is not None:
            opened.go_on(line, source.limits.max_cell_chars)
        elif line.text.strip():
            opened = _Open(0, None, line.text, line.flaw)
    if opened is not None:
        yield opened


def _message(message: _Open, calendar: Calendar, chat: str) -> Iterator[Said | SetAside | Remark]:
    row, sample = message.row, message.text[: talk.SAMPLE_CHARS]
    if message.flaw is not None or message.stamp is None:
        yield SetAside(row, message.flaw or Reason.MALFORMED_ROW, sample)
        return
    spoken = _SAYS.match(message.text.rstrip())
    if spoken is None or _QUOTES.search(spoken["name"]):
        yield SetAside(row, Reason.SYSTEM_NOTICE, sample)
        return
    text, is_edited = notices.without_edit_notice(spoken["text"] or spoken["bare"] or "")
    text, has_reactions = notices.without_reactions(text)
    if notices.is_deleted(text):
        yield SetAside(row, Reason.DELETED_MESSAGE)
        return
    words, has_file = notices.without_attachment(text)
    if not words.strip():
        yield SetAside(row, Reason.ATTACHMENT_ONLY if has_file else Reason.EMPTY_MESSAGE)
        return
    if notices.is_of_the_program(words):
        yield SetAside(row, Reason.SYSTEM_NOTICE, sample)
        return
    for code, seen in (
        ("attachments_ignored", has_file),
        ("edited_messages", is_edited),
        ("extras_ignored", has_reactions),
    ):
        if seen:
            yield Remark(code, row)
    at = calendar.seconds(message.stamp)
    if at is None:
        yield Remark("timestamp_ignored", row)
    name = spoken["name"].strip()
    yield Said(row, chat, name, words, at, name=name)


KINDS: tuple[Kind, ...] = (
    Kind("whatsapp", "a WhatsApp chat export", read, sniff_whatsapp),
    Kind("signal", "a Signal chat export", read, sniff_signal),
)
