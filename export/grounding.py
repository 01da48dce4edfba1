"""What a reply states that nobody said: facts that occur neither in the conversation, nor in approved answers, nor in
the replies it was made from. Pure.

A generator writes well what it does not know. Numbers, dates, links, names and the like can be held against sources: a
fact is grounded where a source has the same reading of it ("5 pm" and "17:00", "two" and "2", "1,000" and "1000"), or
the very words. What is not grounded may be true; the bot has it from nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from data.wording import counted, is_unspaced, terms
from data.written import Written
from export.banned import fold
from export.facts import (
    Fact,
    Facts,
    addressed,
    calls_nobody,
    capitals_name,
    language_of,
    name_words,
    numbers_in_words,
    overlaps,
)
from export.readings import Reading, Readings, number

LEAST_DIGITS, COMPARED_DIGITS = 7, 9
"""Digits at the end of a phone number that tell it, with or without the codes before them."""
_PARTS_OF_NUMBERS = re.compile(r"(?<=\d)[ \-./()\u00a0\u202f–]+(?=\d)")
_ONE: Readings = number("1")


@dataclass(frozen=True)
class Sources:
    """What a reply may draw on, read once: the readings there are, the texts as they are compared, and their words."""

    readings: frozenset[Reading] = frozenset()
    texts: tuple[str, ...] = ()

    def __or__(self, other: Sources) -> Sources:
        return Sources(self.readings | other.readings, (*self.texts, *other.texts))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(word for text in self.texts for word in name_words(text)) | self._pieces

    @cached_property
    def digits(self) -> tuple[str, ...]:
        """Runs of digits, with what people put between the parts of one number left out."""
        return tuple(run for text in self.texts for run in re.findall(r"\d+", _PARTS_OF_NUMBERS.sub("", text)))

    @property
    def _pieces(self) -> frozenset[str]:
        """Parts of hyphenated words, which may stand alone."""
        return frozenset(part for text in self.texts for word in terms(text) for part in word.split("-"))


class _Place(NamedTuple):
    start: int
    end: int


class Grounding:
    """Holds replies of one brand against their sources; `vocabulary` is what the brand writes with capitals anyway: its
    own name, its products, with the numbers that belong to them ("Heron 2"). Thread-safe."""

    def __init__(self, written: Written, vocabulary: Iterable[str] = ()) -> None:
        self._facts = Facts(written)
        known = sorted(set(vocabulary), key=len, reverse=True)
        self._vocabulary = frozenset(part for word in known for part in name_words(word))
        numbered = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in known if any(map(str.isdigit, word))]
        self._numbered = re.compile("|".join(numbered) or r"(?!)", re.IGNORECASE)

    def sources(self, texts: Sequence[str]) -> Sources:
        """Texts, read for any number of replies."""
        found: set[Reading] = set()
        for text in texts:
            for fact in (*self._facts.values(text), *numbers_in_words(text)):
                found |= _implied(fact.readings)
            if "one" in terms(text):
                found |= _ONE
        return Sources(frozenset(found), tuple(fold(text) for text in texts))

    def facts(self, text: str, language: str | None = None) -> tuple[Fact, ...]:
        """All that a text states, names and numbers in words included; `language` is detected where it matters."""
        return self._stated(text, language, self._vocabulary)

    def ungrounded(self, reply: str, sources: Sources | Sequence[str], language: str | None = None) -> tuple[Fact, ...]:
        """The facts of `reply` that occur in no source, in its order."""
        known = sources if isinstance(sources, Sources) else self.sources(sources)
        stated = self._stated(reply, language, self._vocabulary | known.words)
        return tuple(fact for fact in stated if not _is_grounded(fact, known))

    def called(self, reply: str, sources: Sources) -> tuple[str, ...]:
        """Whom `reply` may be speaking to, where no source has the word ("Sarah, it has left."): at the beginning of a
        sentence a capital makes no name. Other words may be taken for one, too ("Tents, stoves and mats")."""
        known = self._vocabulary | sources.words
        words = ((word, counted(word)) for word in addressed(reply) if not is_unspaced(word))
        return tuple(word for word, plain in words if not calls_nobody(plain) and plain not in known)

    def _stated(self, text: str, language: str | None, known: Collection[str]) -> tuple[Fact, ...]:
        products = [_Place(*match.span()) for match in self._numbered.finditer(text)]
        values = [fact for fact in self._facts.values(text) if not overlaps(fact, products)]
        worded = [fact for fact in numbers_in_words(text) if not overlaps(fact, values)]
        names = list(self._facts.names(text, values, known))
        if worded or names:  # what depends on the language
            code = language or language_of(text)
            worded = worded if code in ("en", None) else []
            names = names if capitals_name(code) else []
        return tuple(sorted((*values, *worded, *names), key=lambda fact: fact.start))


def is_said(words: str, texts: Iterable[str]) -> bool:
    """Whether one of `texts` holds these very words by themselves, whatever their case."""
    said = fold(words)
    return any(_stands(said, fold(text), _word_goes_on) for text in texts)


def _implied(readings: Readings) -> set[Reading]:
    """What else a source says by its facts: of money and shares the bare number, of a day in a year the day."""
    found = set(readings)
    found |= {("number", reading[-1]) for reading in readings if reading[0] in ("amount", "percent")}
    found |= {("date", None, *reading[2:]) for reading in readings if reading[0] == "date"}
    return found


def _is_grounded(fact: Fact, sources: Sources) -> bool:
    if not fact.readings.isdisjoint(sources.readings):
        return True
    said = fold(fact.text)
    goes_on = _address_goes_on if fact.kind in ("link", "email") else _word_goes_on
    if any(_stands(said, text, goes_on) for text in sources.texts):
        return True
    return fact.kind == "phone" and _is_dialled(fact.text, sources.digits)


def _stands(said: str, text: str, goes_on: Callable[[str, str], bool]) -> bool:
    """Whether the words stand in a text by themselves, not as a part of a longer word, number or address."""
    at = text.find(said)
    while said and at >= 0:
        before, after = text[:at][-2:], text[at + len(said) :][:2]
        if not (goes_on(before[::-1], said[0]) or goes_on(after, said[-1])):
            return True
        at = text.find(said, at + 1)
    return False


def _word_goes_on(beyond: str, edge: str) -> bool:
    """Whether what lies beyond an edge belongs to the same word or number."""
    if not beyond or not edge.isalnum() or is_unspaced(edge):
        return False
    if edge.isdigit() and beyond[0] in ".,:'’":
        return beyond[1:].isdigit()
    return beyond[0].isalnum() and not is_unspaced(beyond[0])


def _address_goes_on(beyond: str, _: str) -> bool:
    """Whether a link or an address is longer than this."""
    return re.match(r"[\w/?#&=%@-]|\.\w", beyond) is not None


def _is_dialled(phone: str, runs: Iterable[str]) -> bool:
    digits = "".join(filter(str.isdigit, fold(phone)))[-COMPARED_DIGITS:]
    return len(digits) >= LEAST_DIGITS and any(run.endswith(digits) for run in runs)
