"""Bot Framework: `.chat` files, the mock-up of a conversation from which transcripts are made.

`user=Joe` and `bot=Lula` name the sides, then every message begins with the name of who says it and goes on over as
many lines as it needs. What stands in brackets (`[Typing]`, `[Delay=3000]`, cards, attachments) is an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from data.importers import talk
from data.importers.container import Member
from data.importers.kind import Kind, Sample, Source
from data.importers.lines import Line
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import Said
from data.schema import Role, SetAside

_SIDE = re.compile(r"^\s*(user|bot)\s*=\s*(\S[^=\r\n]{0,199})$", re.IGNORECASE)
_HEADER = re.compile(r"^\s*[A-Za-z]\w{0,40}\s*=\s*\S")
_SAYS = re.compile(r"^([^\s:>\[#*-][^:>\[\n]{0,79}?)(?:->([^:\n]{1,80}))?:(?!//)(.*)$")
_CARD_WORDS = re.compile(r"^\s*(?:title|subtitle|text)\s*=\s*(\S.*)$", re.IGNORECASE)
_ADDED = re.compile(r"membersadded\s{0,9}=\s{0,9}([^\]|;]{1,400})", re.IGNORECASE)
_INSTRUCTIONS = (
    "typing", "delay", "attachment", "attachmentlayout", "herocard", "thumbnailcard", "audiocard", "videocard",
    "animationcard", "mediacard", "signincard", "oauthcard", "receiptcard", "suggestions", "conversationupdate",
    "endofconversation", "event", "inputhint", "continueconversation", "contactrelationupdate",
)  # fmt: skip
_CARDS = ("card", "suggestions")
MAX_INSTRUCTION_LINES = 100


def sniff(sample: Sample) -> float:
    """Both sides are named at the top, and speak under those names."""
    lines = [line for line in sample.lines if not line.lstrip().startswith(">")]
    sides = [found for line in lines[:20] if (found := _SIDE.match(line))]
    if {found[1].lower() for found in sides} != {"user", "bot"}:
        return 0.0
    names = {name for found in sides for name in (found[1].lower(), found[2].strip().lower())}
    return 0.95 if any((said := _SAYS.match(line)) and said[1].strip().lower() in names for line in lines) else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations that the files make up, one each."""
    yield from talk.conversations(partial(_messages, source), options, source.limits)


def _messages(source: Source) -> Iterator[Said | SetAside | Remark]:
    row = 0
    for member in source.members:
        for message in _spoken(source, member):
            row += 1
            yield from message.done(row, member.name)


def _spoken(source: Source, member: Member) -> Iterator[_Open]:
    sides: dict[str, Role] = {"user": "user", "bot": "assistant"}
    opened: _Open | None = None
    for line in source.lines(member):
        side = _SIDE.match(line.text) if opened is None else None
        if side is not None:
            sides[side[2].strip().lower()] = sides[side[1].lower()]
            continue
        if line.text.startswith(">"):
            continue
        if (added := _ADDED.search(line.text)) is not None:  # guests beside the two of the header
            sides = {**{name.strip().lower(): "user" for name in added[1].split(",")}, **sides}
        found = _SAYS.match(line.text)
        role = sides.get(found[1].strip().lower()) if found is not None else None
        if found is not None and role is not None:
            if opened is not None:
                yield opened
            opened = _Open(role, found[1].strip())
            opened.go_on(line._replace(text=found[3]), source.limits.max_cell_chars)
        elif opened is not None:
            opened.go_on(line, source.limits.max_cell_chars)
        elif line.text.strip() and (line.flaw is not None or not _HEADER.match(line.text)):
            opened = _Open(None, "")
            opened.go_on(line, source.limits.max_cell_chars)
    if opened is not None:
        yield opened


class _Open:
    """A message whose last line has not been seen. `role` is None for what nobody says."""

    def __init__(self, role: Role | None, name: str) -> None:
        self.role, self.name = role, name
        self._lines: list[str] = []
        self._chars = 0
        self._flaw: Reason | None = None

    def go_on(self, line: Line, most: int) -> None:
        if self._chars <= most:
            self._lines.append(line.text)
            self._chars += len(line.text) + 1
        self._flaw = self._flaw or line.flaw

    def done(self, row: int, chat: str) -> Iterator[Said | SetAside | Remark]:
        said, card, instructions = _parted(self._lines)
        flaw = self._flaw or (None if self.role is not None else Reason.MALFORMED_ROW)
        if flaw is not None:
            yield SetAside(row, flaw, "\n".join(self._lines)[: talk.SAMPLE_CHARS])
            return
        words = "\n".join(said).strip() or "\n".join(dict.fromkeys(card))
        has_file = "attachment" in instructions
        if not words:
            silent = Reason.SYSTEM_NOTICE if instructions else Reason.EMPTY_MESSAGE
            yield SetAside(row, Reason.ATTACHMENT_ONLY if has_file else silent, ", ".join(instructions))
            return
        if has_file:
            yield Remark("attachments_ignored", row)
        if any(name.endswith(_CARDS) for name in instructions):
            yield Remark("extras_ignored", row)
        yield Said(row, chat, self.role or "", words, name=self.name, role=self.role)


def _parted(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """What is said, what stands on cards, and the names of the instructions."""
    said: list[str] = []
    card: list[str] = []
    names: list[str] = []
    inside = 0
    for line in lines:
        if not inside:
            line, found, is_open = _without_instructions(line)
            names += found
            inside = int(is_open)
            if line.strip() or not found:
                said.append(line.rstrip())
            continue
        worded = _CARD_WORDS.match(line.rstrip().removesuffix("]"))
        if worded is not None:
            card.append(worded[1].strip())
        is_over = line.rstrip().endswith("]") or inside > MAX_INSTRUCTION_LINES
        inside = 0 if is_over else inside + 1
    return said, card, names


def _without_instructions(line: str) -> tuple[str, list[str], bool]:
    """The line without `[Typing]` and the like, their names, and whether the last one goes on in the next line."""
    names: list[str] = []
    kept, place = [], 0
    while (start := line.find("[", place)) >= 0:
        name = re.match(r"\[\s*([A-Za-z]{1,40})\s*(?=[\]:=]|$)", line[start : start + 60].rstrip())
        if name is None or name[1].lower() not in _INSTRUCTIONS:
            kept.append(line[place : start + 1])
            place = start + 1
            continue
        names.append(name[1].lower())
        kept.append(line[place:start])
        end = line.find("]", start)
        if end < 0:
            return "".join(kept), names, True
        place = end + 1
    return "".join([*kept, line[place:]]), names, False


KINDS: tuple[Kind, ...] = (Kind("chatdown", "a Bot Framework chat file (.chat)", read, sniff),)
