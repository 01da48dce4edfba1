"""Plain transcripts: `Name: text`, line by line; lines without a name go on with what was said before.

Conversations are divided by lines of dashes or the like, and by blank lines where these do not stand between any two
messages. Names such as Customer, Agent or Bot are roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from data.importers import records, talk
from data.importers.container import Member
from data.importers.kind import Kind, Sample, Source, share
from data.importers.lines import Line
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import Said
from data.schema import Role, SetAside

_TIME = r"(?:[\[(]?(?:\d[\d./:,\- T]{3,24}\d)(?:\s?[AaPp]\.?[Mm]\.?)?[\])]?\s*[-–]?\s*)?"
_SAYS = re.compile(rf"^\s*{_TIME}(?P<name>[^\W\d_][\w .'’\-]{{0,39}}?)\s?[:：](?:\s+(?P<text>\S.*)|\s*$)")
_RULE = re.compile(r"^\s*([-=*#_~])\1{2,}\s*$")
_NO_NAMES = frozenset({"http", "https", "from", "to", "cc", "bcc", "subject", "date", "sent", "reply-to", "version"})


def sniff(sample: Sample) -> float:
    """Most lines say who speaks, and the same few do so again and again."""
    lines = [line for line in sample.lines if not _RULE.match(line)]
    names = [name.lower() for line in lines if (name := _name(line))]
    if len(names) < 2 or not _name(lines[0]) or share(lines, _name) < 0.5:
        return 0.0
    distinct = set(names)
    if distinct & _NO_NAMES or len(distinct) < 2:
        return 0.0
    if all(isinstance(_role(name), str) and _role(name) is not None for name in distinct):
        return 0.7
    return 0.6 if 2 * len(names) >= 3 * len(distinct) else 0.0


def _name(line: str) -> str:
    found = _SAYS.match(line)
    return "" if found is None or found["text"] is None else found["name"].strip()


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the transcript."""
    blanks = {member.name: _blank_lines_divide(source, member) for member in source.members}
    yield from talk.conversations(partial(_messages, source, blanks), options, source.limits)


def _blank_lines_divide(source: Source, member: Member) -> bool:
    """Whether blank lines stand between conversations: blocks hold more than one message, as a rule."""
    blocks = messages = 0
    fresh = True
    for line in source.lines(member):
        if not line.text.strip():
            fresh = True
        elif _SAYS.match(line.text):
            messages += 1
            blocks += fresh
            fresh = False
    return messages >= 2 * blocks > 2


def _messages(source: Source, blanks: dict[str, bool]) -> Iterator[Said | SetAside | Remark]:
    row = block = 0
    for member in source.members:
        block += 1
        opened: _Open | None = None
        for line in source.lines(member):
            text = line.text
            if _RULE.match(text) or (blanks[member.name] and not text.strip()):
                block += 1
                continue
            found = _SAYS.match(text)
            if found is None and opened is not None:
                opened.go_on(line, source.limits.max_cell_chars)
                continue
            if not text.strip():
                continue
            if opened is not None:
                yield opened.done()
            row += 1
            opened = _Open(
                row, f"{block}", found["name"].strip() if found else "", found["text"] or "" if found else text
            )
            opened.flaw = line.flaw if found is not None else Reason.MALFORMED_ROW
        if opened is not None:
            yield opened.done()


class _Open:
    """A message whose last line has not been seen."""

    def __init__(self, row: int, chat: str, name: str, text: str) -> None:
        self.row, self.chat, self.name, self.text = row, chat, name, text
        self.flaw: Reason | None = None

    def go_on(self, line: Line, most: int) -> None:
        if len(self.text) <= most:
            self.text += f"\n{line.text}"
        self.flaw = self.flaw or line.flaw

    def done(self) -> Said | SetAside:
        text = self.text.strip()
        if self.flaw is not None:
            return SetAside(self.row, self.flaw, text[: talk.SAMPLE_CHARS])
        if not text:
            return SetAside(self.row, Reason.EMPTY_MESSAGE)
        return Said(self.row, self.chat, self.name, text, name=self.name, role=_role(self.name))


def _role(name: str) -> Role | None:
    role = records.role_of(name)
    return None if isinstance(role, Reason) else role


KINDS: tuple[Kind, ...] = (Kind("transcript", "a plain transcript (Name: text)", read, sniff),)
