"""Passwords, keys and tokens that somebody says: "my password is Tr0ub4dor", "wlan kennwort: ...", "api key sk_...".

The words say that a secret follows, the form of what follows that it is one: most talk of passwords is about having
none. What follows a verb or a colon may look a little like a password, what follows the bare word must look much like
one, and what stands further on like nothing else. Keys that carry the mark of who gives them out (`AKIA...`, `ghp_...`,
a JWT) need no word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.personal import password_words as words
from data.personal.found import Found, Rank, Text
from data.personal.words import has_any

_BEGINS = r"(?<![\w?&;/])"
"""Not among the parameters of an address: `credentials` reads those."""
_ENDS = r"(?![^\W_])"
_NOUN = re.compile(
    rf"(?:{_BEGINS}(?:(?P<key>{words.KEYS})|(?P<password>{words.PASSWORDS})){_ENDS}"
    rf"|(?P<han_key>{words.CHINESE_KEYS})|(?P<han>{words.CHINESE_PASSWORDS}))",
    re.IGNORECASE,
)
_SAID = re.compile(
    rf"(?:(?:\s[^\W\d_][^\W\d_'’-]{{0,20}}){{0,4}}?(?:\s?[:=：]|\s(?:{words.VERBS})(?=\s))|是|为|為)\s{{0,3}}",
    re.IGNORECASE,
)
"""From the noun to its value when a verb or a colon stands between: "passcode for the portal is"."""
_BARE = re.compile(rf"(?:\s(?:{words.BETWEEN})(?=\s)){{0,3}}(?:\s{{1,3}}|(?<=[\u4e00-\u9fff]))", re.IGNORECASE)
_VALUE = re.compile(r"[!-~\u00c0-\u024f]{4,400}")
_QUOTED = re.compile(
    r"\"([^\"\n]{4,60})\"|“([^”\n]{4,60})”|„([^“”\n]{4,60})[“”]|«\s?([^»\n]{4,60}?)\s?»|'([^'\s]{4,60})'(?!\w)"
)
_STOPS = re.compile(r"[\[\]()<>{},;\"`]|[.:?]+(?=\Z)|'\Z|\.{2}")
"""Where a value ends at the latest; a mark of exclamation at its end may be part of it."""
_CORRECTION = re.compile(
    rf"(?:\s?(?:\.{{1,3}}|…|,|;|/|-)\s?|\s)(?:(?:{words.CORRECTIONS})[\s,.:]{{1,3}}){{1,3}}", re.IGNORECASE
)
_SIGN = re.compile(r"[^\W_][!#$%&*+_^~?=@|\\]+[^\W_]|[^\W_]{4}[!#$%&*^~]+\Z")
_SENTENCE = re.compile(r"(?:[^.!?\n。！？]|[.!?](?=\S)){0,60}")
_TOKEN = re.compile(r"(?<![^\s\"“„«'(（:：，。是])[!-~\u00c0-\u024f]{6,}")
_COMPOUND = re.compile(r"\d+-[^\W\d_]+\Z|[^\W\d_]+-\d{1,2}\Z|[^\W\d_]{1,3}-", re.ASCII)
"""Words such as 24-hour, COVID-19 and e-mail."""
_HYPHEN = re.compile(r"[^\W_]-[^\W_]")
_INNER_CAPITAL = re.compile(r"[a-zß-öø-ÿ][A-Z]")
_ADDRESS = re.compile(r"[^@\s]*@[\w-]+\.[a-z]|(?:https?:)?//|www\.", re.IGNORECASE)
_DATE_OR_AMOUNT = re.compile(r"\d{1,4}([-/.:])\d{1,2}(?:\1\d{1,4})?\Z|[\d.,]+(?:%|[a-z]{1,3})?\Z", re.IGNORECASE)
_LOGIN = re.compile(rf"{_BEGINS}(?:{words.LOGINS})\s?[:=：]", re.IGNORECASE)
_OWN_MARK = re.compile(
    r"(?<![A-Za-z0-9_])(?:(?:sk|pk|rk)_(?:live|test)_\w{8,200}|whsec_\w{12,200}|gh[pousr]_\w{16,200}|github_pat_\w{20,200}"
    r"|glpat-[\w-]{16,100}|xox[abpr]-[\w-]{10,200}|(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)|AIza[\w-]{30,60}|npm_\w{30,60}"
    r"|sk-[\w-]{20,200}|SG\.[\w-]{16,60}\.[\w-]{16,80}|eyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{8,2000})?)",
    re.ASCII,
)
_OWN_MARKS = (
    "sk_", "pk_", "rk_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "npm_", "sk-", "glpat-",
    "xox", "AKIA", "ASIA", "AIza", "SG.", "eyJ",
)  # fmt: skip
"""What those who give out keys begin them with, so that leaks are found."""
_MAY_HOLD_ONE = re.compile(r"[#$%&*+_^~=@|:：\\]|![^\W_]")
"""Without a digit or one of these a text has no secret that could be told from a word."""
SHORTEST = 6
"""Characters of what counts as a password without a verb or a colon before it."""
SHORTEST_KEY = 10
LONGEST_NOUN = 30
"""Characters of the longest words for a secret."""


def passwords(text: Text) -> Iterator[Found]:
    """Every secret that words in `text` announce, and keys that carry a mark of their own."""
    if text.has_digits and has_any(text.raw, _OWN_MARKS):
        for own in _OWN_MARK.finditer(text.raw):
            yield _found(text.raw, *own.span())
    if not text.has_digits and _MAY_HOLD_ONE.search(text.raw) is None:
        return
    after = 0
    for low, high in _stretches(text.low):
        for noun in _NOUN.finditer(text.raw, low, high):
            if noun.start() >= after:
                for start, end in _values(text.raw, noun):
                    yield _found(text.raw, start, end)
                    after = end


def _stretches(low: str) -> list[tuple[int, int]]:
    """Where a word for a secret may stand, in order and without overlaps; nearly always nowhere."""
    places: list[int] = []
    for stem in words.STEMS:
        place = low.find(stem)
        while place >= 0:
            places.append(place)
            place = low.find(stem, place + LONGEST_NOUN)
    if not places:
        return []
    found: list[tuple[int, int]] = []
    for place in sorted(places):
        start, end = max(0, place - LONGEST_NOUN), place + LONGEST_NOUN
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _values(text: str, noun: re.Match[str]) -> Iterator[tuple[int, int]]:
    """What the noun announces, and what corrects it or stands beside it: "no, wait, it is ..."."""
    is_key = noun.lastgroup in ("key", "han_key")
    span = _announced(text, noun.end(), is_key=is_key)
    while span is not None:
        yield span
        link = _CORRECTION.match(text, span[1])
        span = _value(text, link.end()) if link is not None else None
        if span is not None and not _looks_much(text[slice(*span)], is_key=is_key):
            span = None


def _announced(text: str, place: int, *, is_key: bool) -> tuple[int, int] | None:
    said = _SAID.match(text, place)
    if said is not None:
        quoted = _QUOTED.match(text, said.end())
        if quoted is not None and quoted.lastindex is not None and _looks_a_little(quoted[quoted.lastindex]):
            return quoted.span(quoted.lastindex)
        span = _value(text, said.end())
        if span is not None:
            value = text[slice(*span)]
            told = _looks_much(value, is_key=True) if is_key else _looks_a_little(value)
            if told or (not is_key and _goes_with_a_login(text, said[0])):
                return span
    bare = _BARE.match(text, place)
    span = _value(text, bare.end()) if bare is not None else None
    if span is not None and _looks_much(text[slice(*span)], is_key=is_key):
        return span
    return _later(text, place, is_key=is_key)


def _later(text: str, place: int, *, is_key: bool) -> tuple[int, int] | None:
    """What stands further on in the sentence and can hardly be anything else: "the password, which I think is ..."."""
    stretch = _SENTENCE.match(text, place)
    for token in _TOKEN.finditer(text, place, stretch.end() if stretch is not None else place):
        span = _value(text, token.start())
        if span is not None and _looks_like_nothing_else(text[slice(*span)], is_key=is_key):
            return span
    return None


def _looks_like_nothing_else(value: str, *, is_key: bool) -> bool:
    """Small letters with digits or other signs among them: a number of an order has capitals, a model no signs."""
    if not _looks_much(value, is_key=is_key) or not any(map(str.islower, value)) or _COMPOUND.match(value):
        return False
    return _SIGN.search(value) is not None or (any(map(str.isdigit, value)) and _HYPHEN.search(value) is not None)


def _value(text: str, start: int) -> tuple[int, int] | None:
    """The run of signs without spaces that begins at `start`, less what ends the sentence."""
    match = _VALUE.match(text, start)
    if match is None:
        return None
    stop = _STOPS.search(match[0])
    written = match[0][: stop.start()] if stop is not None else match[0]
    if len(written) < 4 or words.STANDS_FOR_ONE.fullmatch(written) or _ADDRESS.match(written):
        return None
    return start, start + len(written)


def _looks_a_little(value: str) -> bool:
    """A digit among four characters, a sign within, a capital within: words that follow "password is" have none."""
    if _DATE_OR_AMOUNT.match(value) and not value.isdecimal():
        return False
    return any(map(str.isdigit, value)) or _SIGN.search(value) is not None or _INNER_CAPITAL.search(value) is not None


def _looks_much(value: str, *, is_key: bool) -> bool:
    """Letters together with digits or signs, and long enough for what it is said to be."""
    if len(value) < (SHORTEST_KEY if is_key else SHORTEST) or _DATE_OR_AMOUNT.match(value):
        return False
    digits = any(map(str.isdigit, value))
    return any(map(str.isalpha, value)) and (digits or (not is_key and _SIGN.search(value) is not None))


def _goes_with_a_login(text: str, said: str) -> bool:
    """ "user: jo password: sunshine": a plain word is a password where a login is spelled out beside it."""
    return said.rstrip().endswith((":", "=", "：")) and _LOGIN.search(text) is not None


def _found(text: str, start: int, end: int) -> Found:
    return Found(Rank.SECRET, start, end, "secret", text[start:end])
