"""Street addresses: the line from street to house, stair or flat; not the town, which many share.

Every rule starts from a house number, since chat without one names streets only in passing, and looks at the
words beside it:
before it in German, Spanish, Italian, Dutch and Chinese, after it in English and French.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.personal import street_words as words
from data.personal.found import Found, Rank, Text
from data.personal.words import UPPER as _UPPER

REACH = 70
"""Characters before a house number in which its street begins."""
_CAPITAL = rf"(?:(?:[{_UPPER}]\w{{0,2}}|Prof)\.|[{_UPPER}][\w'’\-]*)"
_HOUSE = re.compile(r"(?<![\w.,€$£#/-])\d{1,5}(?![\d%€$£°]|[.:,]\d)")
_ENGLISH = re.compile(
    rf"\d{{1,5}}[A-Za-z]?(?:-\d{{1,5}})?,? (?:(?:[NSEW]{{1,2}}\.?|North|South|East|West) )?"
    rf"(?:(?:\d{{1,3}}(?:st|nd|rd|th)|{_CAPITAL}) ){{1,4}}(?:{words.ENGLISH})\b\.?"
    rf"(?:,? (?:{words.ENGLISH_UNITS}|#)\.? ?#?(?:\d\w{{0,5}}|[A-Z]\d{{0,4}})(?!\w))?"
)
_ENGLISH_FLAT = re.compile(rf"\b(?:{words.ENGLISH_UNITS})\.? \w{{1,5}}, ?\Z")
_ENGLISH_LED = re.compile(rf"\d{{1,5}}[A-Za-z]? (?:The |[NSEW]\.? )?{_CAPITAL}(?: {_CAPITAL}){{0,2}}")
_ENGLISH_LEAD = re.compile(rf"\b(?:{words.ENGLISH_LEADS}) \Z", re.IGNORECASE)
_FRENCH = re.compile(
    rf"\d{{1,4}}(?: ?(?:bis|ter|quater|[a-dA-D])\b)?,? (?:"
    rf"(?i:{words.FRENCH}) (?:(?i:d[eu]|des|de la|de l['’]|d['’]|la|le|les|l['’]|à la|aux?|du) ?){{0,2}}"
    rf"{_CAPITAL}(?: (?:de |du |des |la |le |d['’])?{_CAPITAL}){{0,3}}(?:, ?(?i:{words.FRENCH_UNITS})\.? ?\w{{1,6}})?"
    r"|(?:rue|avenue|boulevard|impasse|quai|chemin) (?:de la |de l['’]|des |du |"
    r"d['’])[a-zà-ÿ][\w'’-]{2,}(?: [a-zà-ÿ][\w'’-]{3,})?"
    r")"
)
_BOX = re.compile(rf"\b(?:{words.BOXES})\s\d[\d ]{{0,7}}", re.IGNORECASE)
_COMPOUND = re.compile(rf"(?:(?:{_CAPITAL}|van|von|de|der|den|het|'t) ){{0,3}}[{_UPPER}][\w.'’\-]{{4,}} \Z")
_PLAIN = re.compile(
    rf"(?<!\w)[^\W\d_][\w-]{{2,30}}(?<=[^\W\d_]{{3}})(?:{'|'.join(map(re.escape, words.PLAIN_ENDINGS))}) \Z"
)
_ALONE = re.compile(rf"{_CAPITAL} (?:{_CAPITAL} )?(?:{words.GERMANIC_ALONE}) \Z")
_PLACED = re.compile(rf"\b(?:{words.GERMANIC_BEGINNINGS}) [{_UPPER}][\w\-]{{2,}}(?: [{_UPPER}][\w\-]{{2,}})? \Z")
_NO_STREETS = re.compile(words.NO_STREETS, re.IGNORECASE)
_ROMANCE = re.compile(
    rf"(?i:\b(?:{words.SPANISH})) ?(?:(?i:de los|de las|de la|del|de|do|da|dos|das|el|la|los|las) )?"
    rf"{_CAPITAL}(?: (?:de |del |la |los |las |y |e |da |do )*{_CAPITAL}){{0,4}}(?:,? (?:n[ºo°.]\.? ?|"
    rf"n[úu]m(?:ero|\.) ?)?|, ?)\Z"
    rf"|(?i:\b(?:{words.ITALIAN})) (?:(?i:dei|degli|delle|della|dello|del|dell['’]|di|de|da|d['’]|al|alla|san|"
    rf"santa) ?){{0,2}}"
    rf"{_CAPITAL}(?: (?:dei |degli |delle |della |del |di |de |da |e )*{_CAPITAL}){{0,4}},? (?:n\.? ?)?\Z"
    rf"|(?<![\d,] )(?<!\dbis )(?<! bis )(?<! ter )(?i:\b(?:{words.BELGIAN})) "
    rf"(?:(?:de la|de l['’]|des|du|de|d['’]) ?)?{_CAPITAL}(?: {_CAPITAL}){{0,3}},? (?:n° ?)?\Z"
    rf"|\b(?i:{words.POLISH}) ?{_CAPITAL}(?: {_CAPITAL}){{0,3}} \Z"
    rf"|{_CAPITAL}(?: {_CAPITAL}){{0,3}} (?:{words.TURKISH})[ ,]{{1,2}}(?:[Nn]o ?[:.]? ?)?\Z"
)
_HOUSE_END = re.compile(words.HOUSE_PARTS)
_NO_NUMBER = re.compile(r"s/n(?:,? (?:nave|local|bajo) ?\w{0,4})?")
_AN_AMOUNT = re.compile(words.AMOUNTS, re.IGNORECASE)
_CHINESE = re.compile(
    r"[\u4e00-\u9fff]{1,8}(?:路|街|大道|道|巷|弄|胡同|里|小区|花园|新村|苑)(?=\d)(?:\d{1,5}(?:号院|号楼|单元|"
    r"[号弄院幢栋座楼室层房])?[A-Z]?座?){1,6}"
)
_CHINESE_UNIT = re.compile(r"[号弄院幢栋座楼单室层房]")
_CHINESE_BEGINS = re.compile(r"\D*(?:[寄送到在是址往发市县镇]|(?<!小)区)(?=\D{2})")


def streets(text: Text) -> Iterator[Found]:
    """Every street line in `text`."""
    if text.has_digits:
        for house in _HOUSE.finditer(text.raw):
            yield from _at(text, house)
        if any(stem in text.low for stem in words.BOX_STEMS):
            yield from (_found(text.raw, *match.span()) for match in _BOX.finditer(text.raw))
        for match in _CHINESE.finditer(text.raw) if not text.raw.isascii() else ():
            if _CHINESE_UNIT.search(match[0]):
                begins = _CHINESE_BEGINS.match(match[0])  # 寄到中山路: "send to" belongs to the sentence
                yield _found(text.raw, match.start() + (begins.end() if begins else 0), match.end())
    if "s/n" in text.low:
        for house in _NO_NUMBER.finditer(text.raw):
            yield from _romance(text, house)


def _at(whole: Text, house: re.Match[str]) -> Iterator[Found]:
    """The street of one house number."""
    text = whole.raw
    after = _ENGLISH.match(text, house.start()) or _FRENCH.match(text, house.start())
    if after is None:
        led = _ENGLISH_LED.match(text, house.start())
        if led is not None and _ENGLISH_LEAD.search(text[max(0, house.start() - 20) : house.start()]):
            after = led
    if after is not None:
        flat = _ENGLISH_FLAT.search(text[max(0, house.start() - 20) : house.start()])
        yield _found(text, house.start() - (len(flat[0]) if flat else 0), after.end())
    if _follows_a_name(text, house.start()):
        yield from _germanic(text, house)
        yield from _romance(whole, house)


def _follows_a_name(text: str, start: int) -> bool:
    """Whether a capitalised word stands before, or the "nº" of a street: true of few numbers in chat."""
    before = text[max(0, start - REACH) : start].rstrip(" ,")
    last = before[before.rfind(" ") + 1 :]
    return any(map(str.isupper, last)) or last.startswith("n") or last.endswith(words.PLAIN_ENDINGS)


def _germanic(text: str, house: re.Match[str]) -> Iterator[Found]:
    """A German or Dutch street before its number: told by how its last word ends, or by what it begins with."""
    low = max(0, house.start() - REACH)
    window = text[low : house.start()]
    if not window.endswith(" "):
        return
    last = window[:-1].rpartition(" ")[2]
    match = _COMPOUND.search(window) or _PLAIN.search(window) if _is_compound(last.lower()) else None
    match = match or (_ALONE.search(window) or _PLACED.search(window) if last[:1].isupper() else None)
    if match is not None and not _NO_STREETS.search(window) and not _AN_AMOUNT.match(text, house.end()):
        yield _found(text, low + match.start(), _end(text, house))


def _is_compound(word: str) -> bool:
    return word.endswith(words.GERMANIC_ENDINGS) and word not in words.GERMANIC_ENDINGS


def _romance(whole: Text, house: re.Match[str]) -> Iterator[Found]:
    """A Spanish or Italian street before its number."""
    low = max(0, house.start() - REACH)
    window = whole.low[low : house.start()]
    if any(stem in window for stem in words.ROMANCE_STEMS):
        match = _ROMANCE.search(whole.raw[low : house.start()])
        if match is not None and not _AN_AMOUNT.match(whole.raw, house.end()):
            yield _found(whole.raw, low + match.start(), _end(whole.raw, house))


def _end(text: str, house: re.Match[str]) -> int:
    end = _HOUSE_END.match(text, house.end())
    return end.end() if end is not None else house.end()


def _found(text: str, start: int, end: int) -> Found:
    written = text[start:end].rstrip(" ,")
    return Found(
        Rank.ADDRESS, start, start + len(written), "address", re.sub(r"[\W_]+", " ", written).casefold().strip()
    )
