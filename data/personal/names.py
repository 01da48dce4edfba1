"""Names of people where words say that a name stands: introductions, greetings, titles, signatures.

"My name is Dana Whitlock", "ich heiße ...", "Dear Ms Lopez", "Kind regards,\\nPriya", "我叫王小明". Rules, no lists of
names: a name in the middle of a sentence without such words is not found, since that needs a model, and this package
has none.

Every capitalised word is looked at once: only when the word before it can end such an announcement is a pattern tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from data.personal import name_words as words
from data.personal.found import Found, Rank, Text
from data.personal.words import UPPER as _UPPER
from data.personal.words import has_any

REACH = 40
"""Characters before a name in which the words that announce it stand."""
_WORD = rf"(?:[dlDLO]['’])?[{_UPPER}][^\W\d_]*(?:['’\-][^\W\d_]+)*(?![^\W\d_])"
_NAME = rf"{_WORD}(?: (?:(?:{words.PARTICLES}) ){{0,3}}(?:[{_UPPER}]\.|{_WORD})){{0,4}}"
_FULL_NAME = rf"{_WORD}(?: (?:(?:{words.PARTICLES}) ){{0,3}}(?:[{_UPPER}]\. )?{_WORD}){{1,3}}"
_GOES_ON = r"(?:\s*(?:[,.!;:)\n]|\Z|[–-])|\s+(?:and|und|et|y|e|en|again|here|from|about|calling|speaking|aus|von|de)\b)"
_SPEAKS = r" (?:here|from|again|calling|speaking|aus|von|de|di|van)\b"


class _Rule(NamedTuple):
    """`lead` ends right before the name that `name` matches; `weak` ones want a name and nothing else there."""

    lead: re.Pattern[str]
    name: re.Pattern[str]
    weak: bool = False


def _rule(lead: str, name: str, *, weak: bool = False, flags: re.RegexFlag = re.IGNORECASE) -> _Rule:
    return _Rule(re.compile(rf"(?:{lead})\Z", flags), re.compile(name), weak)


_NO_LETTER = r"(?<![^\W\d_])"
_ENDS_LINE = r"(?=[.,!]?\s*(?:\Z|\n))"
_RULES = (
    _rule(rf"{_NO_LETTER}(?:{words.INTRODUCTIONS})\s?", _NAME),
    _rule(rf"{_NO_LETTER}(?:{words.PRESENCES}) ", rf"{_FULL_NAME}(?={_GOES_ON})|{_WORD}(?={_SPEAKS})", weak=True),
    _rule(rf"{_NO_LETTER}(?:{words.SPOKEN_FOR}) ", rf"(?:{_FULL_NAME}|{_WORD})(?={_SPEAKS})", weak=True),
    _rule(rf"(?:\A|[\n.!?,;)]\s?)(?:{words.FAREWELLS})(?:[,!.]?\n{{1,3}}|, ?|\s?[–-]{{1,2}}\s?)", _NAME + _ENDS_LINE),
    _rule(rf"{_NO_LETTER}(?:{words.UNPUNCTUATED}) ", _NAME + _ENDS_LINE),
    _rule(rf"(?:\A|[\n.!?] ?)(?:{words.GREETINGS}),? ", rf"{_NAME}(?=\s*(?:[,!.:;\n–-]|\Z))"),
    _rule(rf"{_NO_LETTER}(?:{words.TITLES})\.? ", _NAME, flags=re.NOFLAG),
)
_CAPITALISED = re.compile(rf"(?<=[\s:,'’–-])(?:[dlDLO]['’])?[{_UPPER}][^\W\d_]")
_EDGES = " \n'’"
_BETWEEN = " \n,.!:–-"
_BEFORE_HERE = re.compile(rf"(?:\A|[,.!\n] ?)({_FULL_NAME})\Z")
_HERE = (" here", " hier", " aquí", " ici", " qui")
_CHINESE = re.compile(
    rf"(?:{words.CHINESE_LEADS})\s?((?:{words.SURNAMES})[\u4e00-\u9fff]{{1,2}}?(?:先生|女士|小姐)?)"
    r"(?=[，。！？、；：,.!?\s]|\Z|[请想在来要的昨今和电手住已可也这]|[A-Za-z0-9])"
)
_CHINESE_SIGNS = ("我", "姓名", "收", "此致")
_PARTICLE = re.compile(words.PARTICLES)
_TRAILING = re.compile(rf"(?: (?:{words.PARTICLES}))+\Z|['’]s\Z")


def names(text: Text) -> Iterator[Found]:
    """Names of people that words around them announce."""
    for capital in _CAPITALISED.finditer(text.raw):
        if _word_before(text.low, capital.start()) in words.LAST_WORDS:
            yield from _announced(text.raw, capital.start())
    for here in _HERE:
        if here in text.low:
            yield from _before_here(text, text.low.find(here), len(here))
    if not text.raw.isascii() and has_any(text.raw, _CHINESE_SIGNS):
        for match in _CHINESE.finditer(text.raw):
            yield Found(Rank.PERSON, match.start(1), match.end(1), "person", match[1])


def _word_before(low: str, start: int) -> str:
    """The last word before `start`, without what an apostrophe ties to its front."""
    before = low[max(0, start - REACH) : start].rstrip(_BETWEEN)
    return before[max(before.rfind(sign) for sign in _EDGES) + 1 :]


def _announced(text: str, start: int) -> Iterator[Found]:
    low = max(0, start - REACH)
    for rule in _RULES:
        match = rule.name.match(text, start) if rule.lead.search(text, low, start) is not None else None
        if match is not None and not _shouted(match[0], text[low:start]):
            yield from _name(text, start, match.end(), weak=rule.weak)


def _before_here(text: Text, place: int, length: int) -> Iterator[Found]:
    """A name before "here", as in "Siobhan O'Rafter here": once a message is enough."""
    if place > 0 and not text.low[place + length :][:1].isalpha():
        low = max(0, place - REACH)
        match = _BEFORE_HERE.search(text.raw[low:place])
        if match is not None and not match[1].isupper():
            yield from _name(text.raw, low + match.start(1), place, weak=True)


def _shouted(name: str, before: str) -> bool:
    """Capitals among words that are none say something else than a name: "here I am FA again"."""
    return name.isupper() and not before.isupper()


def _name(text: str, start: int, end: int, *, weak: bool) -> Iterator[Found]:
    """The leading words that can be a name; none when the first cannot, or any of a weak one."""
    kept = start
    for word in re.finditer(r"\S+", text[start:end]):
        plain = word[0].casefold().replace("’", "'").removesuffix("'s")
        if plain in words.NO_NAMES and not (kept > start and _PARTICLE.fullmatch(plain)):
            break
        kept = start + word.end()
    name = _TRAILING.sub("", text[start:kept])
    if len(name) > 1 and not (weak and kept < end):
        yield Found(Rank.PERSON, start, start + len(name), "person", " ".join(name.casefold().split()))
