"""Reading a research corpus: entries that are dialogues, each a list of what was said in it.

A corpus says where its dialogues stand and what one is; here they become conversations, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from data.importers import records
from data.importers.documents import table
from data.importers.entries import Flaw, Layout, below
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import SAMPLE_CHARS, moment
from data.schema import Conversation, Entity, Role, SetAside, Turn

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one side said, or why a row of the dialogue is no message. `is_unmarked`: entities were left out."""

    role: Role | Reason
    text: Any = ""
    intent: Any = None
    entities: tuple[Entity, ...] = ()
    at: float | None = None
    is_unmarked: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue as its corpus has it."""

    id: Any
    said: list[Spoken]
    tags: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """What there is to know of one corpus. `signs`: fields of which all show in a dialogue, a set for each shape;
    `dialogue` reads one entry, None where it is none."""

    name: str
    title: str
    layout: Layout
    signs: tuple[tuple[str, ...], ...]
    dialogue: Callable[[Entry], Dialogue | None]

    def kind(self) -> Kind:
        return Kind(self.name, self.title, partial(_read, self), partial(_sniff, self))


def _sniff(corpus: Corpus, sample: Sample) -> float:
    for place in corpus.layout.shown(sample.paths):
        if any(sample.has(*(below(place, sign) for sign in signs)) for signs in corpus.signs):
            return 0.95
    return 0.0


def _read(corpus: Corpus, source: Source, options: ImportOptions) -> Iterator[Item]:
    rows = count(1)
    for member in source.members:
        for found in corpus.layout.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
                continue
            dialogue = corpus.dialogue(table(found[1]))
            if dialogue is None or not dialogue.said:
                reason = Reason.UNKNOWN_SHAPE if dialogue is None else Reason.EMPTY_CONVERSATION
                yield SetAside(next(rows), reason, str(found[1])[:SAMPLE_CHARS])
                continue
            numbered = [(next(rows), one) for one in dialogue.said]
            yield from _conversation(dialogue, numbered, source)


def _conversation(dialogue: Dialogue, said: list[tuple[int, Spoken]], source: Source) -> Iterator[Item]:
    limits, row = source.limits, said[0][0]
    if len(said) > limits.max_turns:
        yield SetAside(row, Reason.TOO_MANY_TURNS, rows=len(said))
        return
    turns: list[Turn] = []
    for place, one in said:
        turn = _turn(one, limits.max_cell_chars)
        if isinstance(turn, Reason):
            yield SetAside(place, turn, one.text[:SAMPLE_CHARS] if isinstance(one.text, str) else "")
            continue
        turns.append(turn)
        if one.is_unmarked:
            yield Remark("entities_dropped", place)
    if turns:
        name = records.identifier_of(dialogue.id) or f"dialogue-{row}"
        tags = records.tags_of([tag for tag in dialogue.tags if tag])
        yield Conversation(name, tuple(turns), started_at=turns[0].ts, tags=tags, row=row)


def _turn(one: Spoken, most: int) -> Turn | Reason:
    if isinstance(one.role, Reason):
        return one.role
    text, intent = records.text_of(one.text, most), records.label_of(one.intent)
    if isinstance(text, Reason):
        return text
    if isinstance(intent, Reason):
        return intent
    return Turn(one.role, text, ts=moment(one.at), intent=intent, entities=one.entities)
