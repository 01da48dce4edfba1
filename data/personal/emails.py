"""E-mail addresses: typed, broken up ("jo [at] example [dot] com") and spoken ("jo punkt vogt at example punkt de").

All forms of one address have one canonical form, so that they share a placeholder. A spoken address counts when it ends
in a domain that is in use for mail: "meet me at nine dot" is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.personal.found import Found, Rank, Text
from data.personal.words import has_any, vocabulary

_LETTER = r"A-Za-z0-9\u00c0-\u024f\u0400-\u04ff"  # no Han, Kana, Thai: those scripts put no space before an address
_EMAIL = re.compile(
    rf"(?<![{_LETTER}._%+-])[{_LETTER}_][{_LETTER}._%+'’&~-]*[@\uff20][{_LETTER}-]+(?:\.[{_LETTER}-]+)*"
    r"\.([A-Za-z\u00c0-\u024f\u0400-\u04ff]+)"
)
_FILES = vocabulary(
    "avif bmp css csv gif heic htm html ico jpeg jpg js json jsx map md mp3 mp4 pdf png psd scss svg tif tiff ts tsx "
    "txt webm webp xml zip"
)
"""Endings of files: `logo@2x.png` is a picture for a sharp screen."""

_ENDINGS = vocabulary("""
    com net org edu gov mil int info biz name pro eu co io ai app dev me tv cc us uk ca au nz ie in za sg hk cn tw
    jp kr de at ch li fr be lu es pt it nl se no dk fi is pl cz sk hu ro bg gr tr ru ua rs hr si ee lv lt il ae sa
    eg ng ke br mx ar cl pe uy asia online shop store site xyz cat example test invalid
    """)
"""Endings of domains in use for mail: a spoken address ends in one."""
_AT_WORDS = vocabulary(
    "at ät arroba arobase arobas chiocciola apenstaartje klammeraffe at-zeichen małpa malpa snabel-a et"
)
_SIGNS = tuple(
    [f"{before}{word}{after}" for word in [*sorted(_AT_WORDS), "@"] for before, after in ("()", "[]", "{}", "<>")]
    + [f" {word} " for word in [*sorted(_AT_WORDS), "@"]]
    + ["@ ", "艾特", "小老鼠"]
)
"""How people write or say the sign, in lower case; spaces around those in brackets are allowed for."""
_DOT = "dot|punkt|point|punto|punt|kropka|ponto|nokta"
_DOT_SIGN = rf"(?:\s?[(\[{{<]\s?(?:{_DOT}|\.)\s?[)\]}}>]\s?|\s(?:{_DOT})\s|\s\.\s|[点點]|\.)"
_UNDERSCORE = r"\s?(?:under ?score|unterstrich|tiret bas|gui[oó]n bajo|podkreślnik|alt çizgi|trattino basso|下划线)\s?"
_WORD = rf"[{_LETTER}]{{1,40}}"
_LABEL = rf"{_WORD}(?:-{_WORD}){{0,4}}"
_DOMAIN = re.compile(rf"\s?({_LABEL}(?:{_DOT_SIGN}{_LABEL}){{1,4}})", re.IGNORECASE)
_LOCAL = re.compile(
    rf"(?<![{_LETTER}._%+-])({_WORD}(?:(?:{_DOT_SIGN}|{_UNDERSCORE}|[_+-]){_WORD}){{0,6}})\s?\Z", re.IGNORECASE
)
_TYPED_DOT = re.compile(r"\.[A-Za-z]")
_SPOKEN_DOTS = ("dot", "punkt", "point", "punt", "kropka", "ponto", "nokta", "点", "點")
_DOTS = re.compile(_DOT_SIGN, re.IGNORECASE)
_SPELLED_DOT = re.compile(rf"[\s(\[](?:{_DOT})[\s)\]]", re.IGNORECASE)
_POINT = re.compile(r"\s(?:point|punto)\s", re.IGNORECASE)
"""Nobody says "at" with these: "at this point in time" is English."""
_UNDERSCORES = re.compile(_UNDERSCORE, re.IGNORECASE)
_ORDINARY = vocabulary(
    "a i it is us we you me him her them be was are look looks buy bought order found find not and or"
)
REACH = 80
"""Characters before an at-sign in which a spoken address begins."""


def emails(text: Text) -> Iterator[Found]:
    """Every address in `text`, however it is written."""
    if "@" in text.low or "\uff20" in text.low:
        for match in _EMAIL.finditer(text.raw):
            if match[1].lower() not in _FILES:
                normal = match[0].replace("\uff20", "@").casefold()
                yield Found(Rank.EMAIL, match.start(), match.end(), "email", normal)
    if _TYPED_DOT.search(text.raw) is not None or has_any(text.low, _SPOKEN_DOTS):
        for sign in _SIGNS:
            if sign in text.low:
                yield from _spoken(text, sign)


def _spoken(text: Text, sign: str) -> Iterator[Found]:
    """The addresses around every place where `sign` stands."""
    place = text.low.find(sign)
    while place >= 0:
        after = place + len(sign)
        domain = _domain(text.raw, after)
        low = max(0, place - REACH)
        local = _LOCAL.search(text.raw[low:place]) if domain is not None else None
        if domain is not None and local is not None and _is_meant(sign, local[1], domain[0]):
            normal = f"{_plain(local[1])}@{_plain(domain[0])}"
            yield Found(Rank.EMAIL, low + local.start(), domain[1], "email", normal)
        place = text.low.find(sign, after)


def _domain(text: str, start: int) -> tuple[str, int] | None:
    """The domain that begins at `start`, and where it ends: cut back to an ending in use, None without any."""
    match = _DOMAIN.match(text, start)
    written = match[1] if match is not None else ""
    while match is not None:
        dots = list(_DOTS.finditer(written))
        if not dots:
            return None
        if written[dots[-1].end() :].lower() in _ENDINGS:
            return written, match.start(1) + len(written)
        written = written[: dots[-1].start()]
    return None


def _is_meant(sign: str, local: str, domain: str) -> bool:
    """Whether "x at y.com" is an address. `at` is an English word; no other sign is one in its language."""
    if sign == " et ":  # Turkish; "and" in French
        return " nokta " in domain.lower()
    if sign != " at ":
        return True
    if _SPELLED_DOT.search(domain) is not None:
        return local.lower() not in _ORDINARY and _POINT.search(domain) is None
    return re.search(r"\w[._\d]|\d", local) is not None and re.search(r"[^\W\d]", local) is not None


def _plain(spoken: str) -> str:
    joined = _UNDERSCORES.sub("_", spoken)
    return re.sub(r"\s+", "", _DOTS.sub(".", joined)).casefold()
