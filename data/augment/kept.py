"""What no operator may change: numbers, addresses, placeholders, templates; and how often a text says no.

Two things guard it. Operators ask `Guard` before they propose a change, and every variation is held against `essence`:
one that lost, gained or misspelt any of this is thrown away, whatever operator made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.augment.said import WORD, Change, Said
from data.personal.words import vocabulary

NEGATIONS = vocabulary(
    "no not never none nothing nobody nowhere neither nor cannot without dont doesnt didnt cant wont isnt arent wasnt",
    "werent hasnt havent hadnt couldnt shouldnt wouldnt aint mustnt neednt",
    "nicht nichts nie niemals niemand nirgends kein keine keinen keinem keiner keines ohne weder nein",
    "ne pas jamais rien aucun aucune sans ni non guère plus",
    "nunca jamás nada nadie ningún ninguna ninguno sin tampoco",
    "mai niente nulla nessun nessuno nessuna senza né neanche",
    "niet niets nooit niemand geen zonder nee noch",
    "não nem ninguém nenhum nenhuma sem",
    "не нет ни нельзя никогда ничего никто никак без немає ніколи нічого",
)
"""Words that say no, in the languages whose words any operator touches. `plus` is one in French: in doubt it stays."""
NUMBERS = vocabulary(
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred thousand half",
    "twice once first second third null eins ein eine einen zwei drei vier fünf sechs sieben acht neun zehn elf",
    "zwölf zwanzig hundert tausend erste zweite dritte un une deux trois quatre cinq sept huit neuf dix onze douze",
    "vingt cent mille uno una dos tres cuatro cinco seis siete ocho nueve diez once doce veinte cien mil due tre",
    "quattro cinque sei sette otto nove dieci cento een twee drie vijf zes zeven acht negen tien honderd um uma",
    "dois duas três quatro sete oito dez один одна два две три четыре пять шесть семь восемь девять десять сто",
    "тысяча",
)
"""Numbers in words, of the same languages."""
_UNSPACED_NO = re.compile("[不没沒無无未别非勿莫]|ない|ません|안 |못")
_BRACKETED = re.compile(r"\[[^\[\]\n]{1,60}\]|\{[^{}\n]{1,60}\}|<[^<>\n]{1,60}>")
# A run without spaces, ended by scripts that have none: an address in a Chinese sentence is only the address.
_RUN = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\u3000-\u30ff\uff01-\uff0f\uff1a-\uffef]+")
_ADDRESS = re.compile(r"@|://|\\|_|^www\.|\w[./#&+=|~]\w", re.IGNORECASE)
_AFTER = ".,!?;:…)\"'»”’"

Place = tuple[int, int]


def exact_places(text: str) -> list[Place]:
    """Where numbers, e-mail addresses, links, codes, placeholders and templates stand, in order; some may overlap."""
    found = [match.span() for match in _BRACKETED.finditer(text)]
    for match in _RUN.finditer(text):
        run = match.group()
        if any(map(str.isnumeric, run)) or _ADDRESS.search(run):
            found.append((match.start(), match.start() + len(run.rstrip(_AFTER))))
    return sorted(found)


def words(text: str) -> Iterator[re.Match[str]]:
    """The words of `text`, as far as its script has spaces; a whole run of letters where it has none."""
    return WORD.finditer(text)


def says_no(word: str) -> bool:
    """Whether this word negates."""
    low = word.lower().replace("’", "'")
    return low in NEGATIONS or low.endswith("n't") or low.startswith("n'")


def essence(text: str) -> tuple[object, ...]:
    """What a variation of `text` must share with it: everything exact, its numbers in words, how often it says no."""
    said = [match.group().lower() for match in words(text)]
    return (
        sorted(text[start:end] for start, end in exact_places(text)),
        sorted(word for word in said if word in NUMBERS and word not in NEGATIONS),
        sum(map(says_no, said)) + len(_UNSPACED_NO.findall(text)),
    )


@dataclass(frozen=True, slots=True)
class Guard:
    """The places of one text that changes must keep away from."""

    exact: tuple[Place, ...]
    entities: tuple[Place, ...]
    weighty: tuple[Place, ...]
    """Negations and numbers in words."""

    @classmethod
    def of(cls, said: Said) -> Guard:
        weighty = [m.span() for m in words(said.text) if says_no(m.group()) or m.group().lower() in NUMBERS]
        entities = tuple((one.start, one.end) for one in said.entities)
        return cls(tuple(exact_places(said.text)), entities, tuple(weighty))

    def free(self, start: int, end: int) -> bool:
        """Whether nothing that is to be kept stands in `[start, end)`."""
        return not any(_meets(start, end, place) for place in (*self.exact, *self.entities, *self.weighty))

    def allows(self, change: Change, opens: frozenset[str]) -> bool:
        """Whether an operator that may touch the places named in `opens` may make this change."""
        closed = (
            place for name in ("exact", "entities", "weighty") if name not in opens for place in self._named(name)
        )
        return not any(_meets(change.start, change.end, place) for place in closed)

    def _named(self, name: str) -> tuple[Place, ...]:
        return {"exact": self.exact, "entities": self.entities, "weighty": self.weighty}[name]


def _meets(start: int, end: int, place: Place) -> bool:
    """Whether two stretches share a code point; an insertion meets what it would part."""
    return start < place[1] and end > place[0]
