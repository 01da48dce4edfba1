"""What two releases are asked: conversations up to a customer's message, as training reads them. Pure but for the file.

A draw follows from the seed and from what is asked alone, not from the order of the rows: the same dataset frozen anew
gives the same questions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from pathlib import Path
from typing import Self

from data.errors import UsageError
from data.importers import Detection, Reason, jsonl
from data.importers.encoding import sniff, wide
from data.importers.lines import Line, read_lines
from data.importers.packed import CHUNK, open_plain, refuse_binary, refuse_foreign
from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.schema import Conversation, Example, SetAside, Turn
from data.settings import ImportSettings
from export.hear import Spoken

ID_DIGITS = 20
MOST_BYTES = 16_000_000
"""Of a file of questions, unpacked: nobody reads more of them than that."""
SHOWN = 5
"""Lines that an error names."""
_REMEDY = 'One question a line; or objects such as {"text": "..."} and {"messages": [{"role", "content"}, ...]}.'


@dataclass(frozen=True, slots=True)
class Question:
    """What was said, oldest first, the customer's message last. `id` follows from that."""

    id: str
    turns: tuple[Spoken, ...]

    @classmethod
    def of(cls, turns: Iterable[Spoken]) -> Self:
        said = tuple(turns)
        body = json.dumps(said, ensure_ascii=True, separators=(",", ":"))
        return cls(hashlib.sha256(body.encode()).hexdigest()[:ID_DIGITS], said)


def distinct(questions: Iterable[Question]) -> list[Question]:
    """Without repeats, in order."""
    return list({one.id: one for one in questions}.values())


def drawn(questions: Iterable[Question], count: int, seed: int) -> list[Question]:
    """At most `count` distinct ones, in the order of their lots."""
    return nsmallest(count, distinct(questions), key=lambda one: lot(seed, "draw", one.id))


def held_out(rows: Iterable[Example], seed: int) -> Iterator[Question]:
    """One question of each conversation: several of one would count one opinion several times. The rows of a
    conversation come together."""
    for _, said in groupby(rows, key=lambda row: row.conversation):
        asked = (Question.of((*row.context, ("user", row.text))) for row in said)
        yield min(asked, key=lambda one: lot(seed, "turn", one.id))


def lot(seed: int, purpose: str, name: str) -> bytes:
    """What decides for `name`, as good as drawn: evenly spread, the same on every machine."""
    return hashlib.sha256(f"{seed}:{purpose}:{name}".encode()).digest()


def digest_of(questions: Sequence[Question]) -> str:
    """Names these questions in this order."""
    return hashlib.sha256("\n".join(one.id for one in questions).encode()).hexdigest()


def read_questions(path: Path, imports: ImportSettings) -> list[Question]:
    """The questions of a file, in its order, repeats and all: lines of text, or JSON Lines of texts and conversations,
    of which the customer's last message is asked. Cleaned and redacted as logs are.

    Raises UsageError where a line asks nothing, ImportRefused for what is no text.
    """
    raw = _bytes(path, imports)
    found = sniff([raw], raw)
    detection = Detection("jsonl", 1.0, found.name, found.confidence, found.bom, b"\r" in raw and b"\n" not in raw)
    lines = read_lines([raw], detection, imports.max_line_bytes)
    is_jsonl = raw[found.bom :][:CHUNK].decode(found.name, "replace").lstrip().startswith("{")
    prepare = ConversationPreparer(Redactor(imports))
    questions, refused = [], list[str]()
    for row, one in _of_objects(lines, imports) if is_jsonl else _of_lines(lines, imports):
        asked = one if isinstance(one, str) else _asked(prepare(one).conversation)
        if isinstance(asked, Question):
            questions.append(asked)
        else:
            refused.append(f"{row} ({asked})")
    if refused:
        shown = ", ".join(refused[:SHOWN]) + (", ..." if len(refused) > SHOWN else "")
        raise UsageError(f"{len(refused)} lines of the file ask nothing: {shown}.", remedy=_REMEDY)
    if not questions:
        raise UsageError("The file holds no question.", remedy=_REMEDY)
    return questions


def _bytes(path: Path, imports: ImportSettings) -> bytes:
    with open_plain(path, imports) as unpacked:
        raw = bytearray()
        for chunk in unpacked.chunks():
            raw += chunk
            if len(raw) > MOST_BYTES:
                raise UsageError(f"The file of questions holds more than {MOST_BYTES} bytes.", remedy="Take fewer.")
    head = bytes(raw[:CHUNK])
    refuse_foreign(head)
    if wide(head) is None:
        refuse_binary(head)
    return bytes(raw)


def _of_lines(lines: Iterable[Line], imports: ImportSettings) -> Iterator[tuple[int, Conversation | str]]:
    for line in lines:
        if line.flaw is not None:
            yield line.number, str(line.flaw)
        elif len(line.text) > imports.max_cell_chars:
            yield line.number, str(Reason.TOO_LONG)
        elif line.text.strip():
            yield line.number, Conversation(f"line-{line.number}", (Turn("user", line.text.strip()),))


def _of_objects(lines: Iterable[Line], imports: ImportSettings) -> Iterator[tuple[int, Conversation | str]]:
    for row, body, _ in jsonl.bodies(lines):
        if not isinstance(body, dict):
            yield row, str(body)
            continue
        for item in jsonl.items(body, row, imports):
            if isinstance(item, SetAside):
                yield row, item.reason
            elif isinstance(item, Conversation):
                yield row, item


def _asked(said: Conversation) -> Question | str:
    """The conversation up to the customer's last message; why there is none otherwise."""
    until = max((place for place, turn in enumerate(said.turns, 1) if turn.role == "user"), default=0)
    return Question.of((turn.role, turn.text) for turn in said.turns[:until]) if until else "no message of a customer"
