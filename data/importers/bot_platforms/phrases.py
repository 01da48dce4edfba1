"""What a bot was taught: phrases with their intents and entities, some of them templates, some with an answer.

A phrase becomes a conversation of one turn; with an answer, of two. A template (`fly to {city}`) is filled with example
values that the definition gives, or set aside: a text with a hole in it is nothing that anybody says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import ImportRefused
from data.importers import records
from data.importers.nouns import Item, Reason, Remark
from data.schema import OUT_OF_SCOPE, Conversation, Entity, SetAside, Turn
from data.settings import ImportSettings

SAMPLE_CHARS = 400
MAX_MARKED = 200
"""Entities of one phrase that are looked at."""
MAX_VALUES = 1_000
"""Example values of one entity that are kept to fill templates with."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An entity as its source marks it. `inclusive`: the end is the place of its last character; `utf16`: places
    count UTF-16 units; `surface`: the words it stands on, where the source repeats them, which decide in doubt."""

    start: Any
    end: Any
    type: Any
    surface: str = ""
    inclusive: bool = False
    utf16: bool = False

    def within(self, text: str) -> Entity | None:
        """The entity in code points; None where it is none of this text."""
        kind = records.label_of(self.type)
        if not _is_place(self.start) or not _is_place(self.end) or kind is None or isinstance(kind, Reason):
            return None
        end = self.end + self.inclusive
        readings = [(self.start, end), _from_utf16(text, self.start, end)]
        if self.utf16:
            readings.reverse()
        if self.surface:
            ends = (self.end, self.end + 1)
            readings += [one for other in ends for one in ((self.start, other), _from_utf16(text, self.start, other))]
            readings = [(a, b) for a, b in readings if text[a:b].casefold() == self.surface.casefold()]
        start, end = readings[0] if readings else (0, 0)
        return Entity(start, end, kind) if 0 <= start < end <= len(text) else None


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something a customer may say; `intent` and `language` as the source has them; `answer`: what is said back."""

    text: str
    intent: Any = None
    language: Any = None
    marked: tuple[Marked, ...] = ()
    sentiment: str | None = None
    tags: tuple[str, ...] = ()
    answer: str = ""

    @property
    def rows(self) -> int:
        return 2 if self.answer else 1


def taught(phrase: Phrase, row: int, limits: ImportSettings) -> Iterator[Item]:
    """The conversation that a phrase makes, and what there is to say about it."""
    text = records.text_of(phrase.text, limits.max_cell_chars)
    intent = records.label_of(phrase.intent)
    flaw = text if isinstance(text, Reason) else intent if isinstance(intent, Reason) else None
    if flaw is not None or isinstance(text, Reason) or isinstance(intent, Reason):
        yield SetAside(row, str(flaw), phrase.text[:SAMPLE_CHARS], rows=phrase.rows)
        return
    entities = _apart(one.within(text) for one in phrase.marked[:MAX_MARKED])
    if len(entities) < len(phrase.marked):
        yield Remark("entities_dropped", row, text[:SAMPLE_CHARS])
    turns = [Turn("user", text, intent=intent, entities=entities, sentiment=phrase.sentiment)]
    if phrase.answer:
        answer = records.text_of(phrase.answer, limits.max_cell_chars)
        if isinstance(answer, Reason):
            yield SetAside(row + 1, answer, phrase.answer[:SAMPLE_CHARS])
        else:
            turns.append(Turn("assistant", answer))
    language = records.language_of(phrase.language)
    yield Conversation(f"phrase-{row}", tuple(turns), language=language, tags=phrase.tags, row=row)


def is_learnable(item: Item) -> bool:
    """Whether an item is a row, or defines something."""
    return not isinstance(item, Remark)


def or_refused(items: Iterable[Item], title: str) -> Iterator[Item]:
    """The items. Raises ImportRefused where there is nothing among them, neither a row nor a definition."""
    is_empty = True
    for item in items:
        is_empty = is_empty and not is_learnable(item)
        yield item
    if is_empty:
        raise ImportRefused(
            f"This is a part of {title} that holds neither phrases nor answers.",
            remedy="Upload the whole export, its folder packed as a zip; docs/formats.md says what is read from it.",
            reason="definition_only",
        )


@dataclass(frozen=True, slots=True)
class Blank:
    """A hole in a template: which entity fills it, and the type that the filling is marked with."""

    entity: str
    type: str


Template = Sequence[str | Blank]


class Filler:
    """Fills templates with the example values of their entities, with another one each time."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._turn = 0

    def learn(self, entity: str, values: Iterable[str]) -> None:
        """Take note of example values."""
        known = self._values.setdefault(entity, [])
        known += [value for value in values if value.strip()][: MAX_VALUES - len(known)]

    def fill(self, template: Template) -> tuple[str, tuple[Marked, ...]] | None:
        """The template as somebody would say it, its values marked; None where no value is known."""
        words, marked, place = [], [], 0
        for piece in template:
            if isinstance(piece, Blank):
                values = self._values.get(piece.entity)
                if not values:
                    return None
                value = values[self._turn % len(values)]
                marked.append(Marked(place, place + len(value), piece.type))
            else:
                value = piece
            words.append(value)
            place += len(value)
        self._turn += bool(marked)
        return "".join(words), tuple(marked)


def pieces(text: str, blanks: re.Pattern[str], blank: Callable[[re.Match[str]], Blank]) -> Template:
    """A text cut at its blanks."""
    cut: list[str | Blank] = []
    place = 0
    for found in blanks.finditer(text):
        cut += [text[place : found.start()], blank(found)]
        place = found.end()
    return [*cut, text[place:]]


def filled(template: Template, phrase: Phrase, filler: Filler) -> Phrase | Reason:
    """The phrase with its template filled; without blanks, as it is."""
    if not any(isinstance(piece, Blank) for piece in template):
        return phrase
    found = filler.fill(template)
    if found is None:
        return Reason.PLACEHOLDER_TEXT
    text, marked = found
    return Phrase(text, phrase.intent, phrase.language, marked, phrase.sentiment, phrase.tags)


def complete(answers: Iterable[str], blanks: re.Pattern[str]) -> tuple[tuple[str, ...], list[Remark]]:
    """The answers that can be given as they stand, each once; of those with blanks that nothing fills, a remark."""
    kept: dict[str, None] = {}
    remarks = []
    for answer in answers:
        if blanks.search(answer):
            remarks.append(Remark("answers_unfilled", 0, answer[:SAMPLE_CHARS]))
        elif answer.strip():
            kept.setdefault(answer.strip())
    return tuple(kept), remarks


def intent_of(name: Any, out_of_scope: Iterable[str]) -> Any:
    """The label of an intent: those that collect what the bot is not for become the label of out-of-scope messages."""
    return OUT_OF_SCOPE if isinstance(name, str) and name.strip().casefold() in out_of_scope else name


def _apart(found: Iterable[Entity | None]) -> tuple[Entity, ...]:
    """Entities that do not overlap: of those that do, the longer one."""
    kept: list[Entity] = []
    for one in sorted((one for one in found if one is not None), key=lambda one: (one.start - one.end, one.start)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: one.start))


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _from_utf16(text: str, start: int, end: int) -> tuple[int, int]:
    """Places that count UTF-16 units as places that count code points."""
    if text.isascii():
        return start, end
    places = [0]
    for character in text:
        places.append(places[-1] + 1 + (character > "\uffff"))
    known = {unit: point for point, unit in enumerate(places)}
    return known.get(start, -1), known.get(end, -1)
