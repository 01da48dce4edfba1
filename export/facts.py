"""The facts that a text states, with their places: numbers, money, shares, dates, times, links, addresses, phone and
order numbers, names. Pure.

Values are found as everywhere (`data.written`); what is left of digits are numbers and codes. Names are words with a
capital letter that no sentence begins with: none in scripts without case, and none in German, where every noun has
one. Placeholders, ordinals in words, and the numbers of a list are no facts.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from data.language import detect
from data.personal.words import vocabulary
from data.redact import PLACEHOLDER
from data.spans import Stretch, apart
from data.wording import UNSPACED, Word, sentences, words
from data.written import Written
from export import readings
from export.readings import NOTHING, Readings

Kind = Literal["number", "percent", "amount", "date", "time", "link", "email", "phone", "code", "name"]

_WRITTEN: dict[str, tuple[Kind, Callable[[str], Readings]]] = {
    "amount": ("amount", readings.amount),
    "date": ("date", readings.date),
    "time": ("time", readings.time),
    "url": ("link", readings.link),
    "email": ("email", readings.email),
    "phone": ("phone", readings.phone),
    "order": ("code", readings.code),
}
_DOMAINS = "com|org|net|io|info|biz|eu|de|fr|es|it|nl|pt|cn|uk|us|ca|au|ch|at|app|dev|shop|store|help"
_LINK = re.compile(
    rf"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:{_DOMAINS})(?![\w@-]|\.\w)(?:/[^\s<>\"'，。；！？（）【】]*)?", re.IGNORECASE
)
_AFTER_LINK = ".,;:!?)]}…"
_PERCENT = re.compile(
    r"(?<![\w.,])\d+(?:[.,]\d+)?[ \u00a0\u202f]?(?:%|％|(?:percent|per cent|prozent|pour cent|pourcent|por ciento|"
    r"per cento|por cento|procent)\b)",
    re.IGNORECASE,
)
_CHARACTER = rf"[^\W_{UNSPACED}]"
_FIGURE = re.compile(rf"{_CHARACTER}*\d(?:{_CHARACTER}|[.,:'’\u00a0\u202f](?=\d))*")
_NUMBER = re.compile(
    r"(\d+(?:[.,'’\u00a0\u202f]\d+)*)(?:st|nd|rd|th|er|re|ère|e|ème|º|ª|[^\W\d_]{1,3})?", re.IGNORECASE
)
_FULL_STOP = re.compile(r"(?<!\.m)\.\Z")
"""The dot after "5 pm" ends the sentence, that after "5 p.m." the word."""
_LISTED = re.compile(r"^[ \t]*\d{1,2}[.)](?=\s)", re.MULTILINE)
_IN_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
"""Small numbers of English. "One" is mostly no number."""
_OPENS = '.!?:;…"“”„«(\n–-•*·>|/'
"""After these, but for white space, a capital says nothing."""
_NO_NAMES = vocabulary("""
    ok okay faq pdf sms asap id pin tv usb wifi wi-fi qr url e-mail email app gps vat pm am mr mrs ms miss dr prof sir
    madam herr frau m mme mlle sr sra señor señora don doña lei le suo sua vi usted ustedes ud uds u uw você senhor
    senhora hi hello dear
""")
"""Words that are written with capitals and name nobody."""
_OPENING = re.compile(r"(?:^|[.!?\n]\s*)([^\W\d_]{2,}),")
_OPENERS = vocabulary("""
    yes no yeah yep nope sure sorry thanks please welcome great good perfect excellent wonderful fantastic lovely right
    alright understood absolutely certainly definitely indeed exactly correct congratulations oh ah oops well so now
    then first firstly second secondly third finally lastly next also additionally furthermore moreover besides however
    otherwise alternatively instead unfortunately sadly luckily fortunately currently normally usually typically
    generally today tomorrow tonight meanwhile afterwards again still yet once here there cheers regards greetings
    hey goodbye bye guys everyone all folks customer
    ja nein danke bitte gern gerne klar natürlich sicher genau leider entschuldigung verzeihung hallo moin servus
    super prima gut achtung hinweis also nun zunächst zuerst danach außerdem ansonsten alternativ tschüss grüße
    oui non merci bonjour bonsoir salut désolé désolée pardon volontiers parfait super entendu certainement
    effectivement malheureusement cependant toutefois sinon ensuite enfin actuellement normalement cordialement
    madame monsieur mademoiselle
    sí claro gracias hola perdón disculpe disculpa perdone perfecto genial vale bueno bien entendido efectivamente
    lamentablemente desafortunadamente actualmente además entonces luego finalmente saludos adiós
    sì certo grazie ciao salve buongiorno buonasera scusi scusa mi spiace perfetto bene purtroppo tuttavia inoltre
    altrimenti infine attualmente saluti signora signore
    nee bedankt hallo hoi dag sorry helaas natuurlijk zeker prima goed graag daarnaast anders momenteel groeten
    sim não obrigado obrigada olá desculpe desculpa claro certo perfeito ótimo infelizmente entretanto além atualmente
    cumprimentos
""")
"""Words that a sentence begins with, a comma behind them, and that call nobody."""
_NOUNS_WITH_CAPITALS = ("de", "lb")


@dataclass(frozen=True, slots=True)
class Fact:
    """`text[start:end]` states something of a kind; `readings` are what it may mean, none of a name."""

    kind: Kind
    start: int
    end: int
    text: str
    readings: Readings = field(default=NOTHING, compare=False, repr=False)


class Facts:
    """Finds facts as one brand's customers and agents write them. Thread-safe."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def values(self, text: str) -> list[Fact]:
        """All facts but names and numbers in words, in the order of the text."""
        found = [*self._shown(text), *_bare_links(text)]
        found += [_of("percent", readings.percent, text, *match.span()) for match in _PERCENT.finditer(text)]
        placeholders = [_mark(match) for match in PLACEHOLDER.finditer(text)]
        listed = [_mark(match) for match in _LISTED.finditer(text)]
        longest = sorted(found, key=lambda fact: fact.start - fact.end)
        taken = apart([*placeholders, *longest, *listed])
        taken += [fact for fact in _figures(text) if not overlaps(fact, taken)]
        marks = {*placeholders, *listed}
        return sorted((fact for fact in taken if fact not in marks), key=lambda fact: fact.start)

    def _shown(self, text: str) -> Iterator[Fact]:
        for value in self._written.find(text):
            kind, read = _WRITTEN[value.type]
            ends = kind == "time" and _FULL_STOP.search(text, value.start, value.end) is not None
            yield _of(kind, read, text, value.start, value.end - ends)

    def names(self, text: str, values: Collection[Fact], known: Collection[str]) -> Iterator[Fact]:
        """Runs of words with capitals outside of `values` that are not all `known`, as they are counted."""
        every = list(words(text))
        places = [word.start for word in every]
        begun = (*(start for start, _ in sentences(text)), *(match.end() for match in _LISTED.finditer(text)))
        starts = {places[at] for at in (bisect_left(places, start) for start in begun) if at < len(places)}
        shouted = sum(map(str.isupper, text)) > sum(map(str.islower, text))
        run: list[Word] = []
        for word in every if not shouted else ():
            if run and text[run[-1].end : word.start] != " ":
                yield from _named(text, run, known)
                run = []
            if word.start not in starts and _may_name(text, word) and not overlaps(word, values):
                run.append(word)
            else:
                yield from _named(text, run, known)
                run = []
        yield from _named(text, run, known)


def addressed(text: str) -> Iterator[str]:
    """Words before a comma that a sentence begins with: they may be whom it speaks to, which capitals do not tell."""
    return (match[1] for match in _OPENING.finditer(text))


def calls_nobody(word: str) -> bool:
    """Whether an opening word, as it is counted, is none that people are spoken to by."""
    return word in _OPENERS or word in _NO_NAMES


def numbers_in_words(text: str) -> Iterator[Fact]:
    """ "two" to "twelve", and tens: English."""
    for word in words(text):
        value = _IN_WORDS.get(word.counted)
        if value is not None:
            yield Fact("number", word.start, word.end, text[word.start : word.end], readings.number(str(value)))


def language_of(text: str) -> str | None:
    """The likeliest language of a reply whose language nobody told."""
    return detect(text)[0]


def capitals_name(language: str | None) -> bool:
    """Whether a capital letter within a sentence makes a name."""
    return language not in _NOUNS_WITH_CAPITALS


def name_words(text: str) -> Iterator[str]:
    """The words of a name as they are counted, without the s of an owner."""
    return (word.counted.removesuffix("'s") for word in words(text))


def overlaps(one: Stretch, others: Iterable[Stretch]) -> bool:
    """Whether one shares text with any of the others."""
    return any(one.start < other.end and other.start < one.end for other in others)


def _mark(match: re.Match[str]) -> Fact:
    """What holds digits and states nothing."""
    return Fact("code", *match.span(), match.group())


def _of(kind: Kind, read: Callable[[str], Readings], text: str, start: int, end: int) -> Fact:
    said = text[start:end]
    return Fact(kind, start, end, said, read(said))


def _bare_links(text: str) -> Iterator[Fact]:
    """Addresses of pages without a scheme: "acme.com/help"."""
    if "." not in text:
        return
    for match in _LINK.finditer(text):
        end = match.start() + len(match.group().rstrip(_AFTER_LINK))
        yield _of("link", readings.link, text, match.start(), end)


def _figures(text: str) -> Iterator[Fact]:
    """What holds digits: numbers, with an ordinal's ending or a short unit, and codes."""
    for match in _FIGURE.finditer(text):
        number = _NUMBER.fullmatch(match.group())
        read = readings.number(number[1]) if number else NOTHING
        if read:
            yield Fact("number", *match.span(), match.group(), read)
        else:
            yield _of("code", readings.code, text, *match.span())


def _may_name(text: str, word: Word) -> bool:
    said = text[word.start : word.end]
    if not said[0].isupper() or len(said) < 2 or any(map(str.isdigit, said)):
        return False
    before = text[: word.start].rstrip(" \t")[-1:]
    plain = word.counted.removesuffix("'s")
    return bool(before) and before not in _OPENS and plain not in _NO_NAMES and not plain.startswith("i'")


def _named(text: str, run: list[Word], known: Collection[str]) -> Iterator[Fact]:
    if run:
        start, end = run[0].start, run[-1].end
        if not all(word in known for word in name_words(text[start:end])):
            yield Fact("name", start, end, text[start:end])
