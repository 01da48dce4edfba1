"""What a value means however it is written: numbers, money, dates, times, links, each as the set of its readings. Pure.

"1,000" may be a thousand, or one in a language of decimal commas; "5/6" is a day in May or June. Two ways to write a
value may mean the same when they have a reading in common; what has none is not that kind of value. Readings are tuples
that begin with their kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from data.written import MONTHS
from export.banned import fold

Reading = tuple[str | int | None, ...]
Readings = frozenset[Reading]
NOTHING: Readings = frozenset()

_CURRENCIES = {
    "$": ("usd", "cad", "aud"), "us$": ("usd",), "ca$": ("cad",), "a$": ("aud",), "usd": ("usd",), "€": ("eur",),
    "eur": ("eur",), "£": ("gbp",), "gbp": ("gbp",), "¥": ("cny", "jpy"), "rmb": ("cny",), "yuan": ("cny",),
    "yen": ("jpy",), "chf": ("chf",), "cent": ("cent",), "peso": ("peso",), "euro": ("eur",), "livre": ("gbp",),
    "dollar": ("usd", "cad", "aud"), "dólar": ("usd", "cad", "aud"), "dólare": ("usd", "cad", "aud"),
    "pound": ("gbp",), "franken": ("chf",), "franc": ("chf",), "元": ("cny",), "块": ("cny",), "块钱": ("cny",),
    "人民币": ("cny",), "美元": ("usd",), "欧元": ("eur",), "角": ("jiao",),
}  # fmt: skip
"""Currencies by how they are written, in lower case and without a plural's s. One sign may stand for several."""
_GROUPED = re.compile(r"\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
_SEPARATORS = ".,' "
_DIGITS_APART = re.compile(f"[{_SEPARATORS}]")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")
_NUMBER = re.compile(r"\d+(?:[.,' ]\d+)*")
_YEAR_FIRST = re.compile(r"(\d{4})\D(\d{1,2})\D(\d{1,2})\D?")
_YEAR_LAST = re.compile(r"(\d{1,2})\D(\d{1,2})\D(\d{4}|\d\d)?")
_HAN_DAY = re.compile(r"(\d{1,2})月(\d{1,2})[日号]")
_CLOCK = re.compile(
    r"(\d{1,2})(?:[.:h ]?(?:uhr|h)? ?(\d\d))?(?::\d\d)?(?: ?(?:uhr|h|heures?|o'clock))? ?(?:([ap])\.?m\.?)?"
)
_HAN_CLOCK = re.compile(r"(凌晨|早上|上午|中午|下午|晚上)?(\w{1,3})点(?:(半)|([^\W分]{1,3})分?)?")
_NAMED_TIMES = {
    "noon": 720, "midday": 720, "mediodía": 720, "midnight": 0, "mitternacht": 0, "minuit": 0, "medianoche": 0,
}  # fmt: skip
_HAN_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九十")} | {"两": 2}
_SCHEME = re.compile(r"\A(?:https?://)?(?:www\.)?")
_DAY_HOURS = 12 * 60


def number(text: str) -> Readings:
    """The readings of digits with grouping and decimals; grouping wins nothing over decimals where both may be."""
    return frozenset(("number", value) for value in _values(text))


def amount(text: str) -> Readings:
    """Money: (currency, value) for each currency that the sign may stand for."""
    written = fold(text)
    digits = _NUMBER.search(written)
    if digits is None:
        return NOTHING
    sign = (written[: digits.start()] + written[digits.end() :]).strip().strip(".")
    names = _CURRENCIES.get(sign) or _CURRENCIES.get(sign.removesuffix("s")) or (sign,)
    return frozenset(("amount", name, value) for name in names for value in _values(digits.group()))


def percent(text: str) -> Readings:
    digits = _NUMBER.search(fold(text))
    return frozenset(("percent", value) for value in _values(digits.group())) if digits else NOTHING


def date(text: str) -> Readings:
    """(year or None, month, day) for days; the words themselves for "tomorrow" and "next Friday"."""
    written = fold(text)
    numbers = [int(digits) for digits in re.findall(r"\d+", written)]
    if not numbers:  # "next friday" is a friday, whichever
        words = written.removesuffix(" prochain").split()
        return frozenset({("day", words[-1])}) if words else NOTHING
    if match := _HAN_DAY.search(written):
        return _days([(numbers[0] if len(numbers) > 2 else None, int(match[1]), int(match[2]))])
    month = next((MONTHS[word] for word in re.findall(r"[^\W\d_]+", written) if word in MONTHS), None)
    if month is not None:
        year = next((value for value in numbers if value > 31), None)
        return _days([(year, month, next((value for value in numbers if value <= 31), 0))])
    if match := _YEAR_FIRST.fullmatch(written):
        return _days([(int(match[1]), int(match[2]), int(match[3]))])
    if match := _YEAR_LAST.fullmatch(written):
        first, second = int(match[1]), int(match[2])
        year = int(match[3]) + (2000 if len(match[3]) == 2 else 0) if match[3] else None
        return _days([(year, second, first), (year, first, second)])
    return NOTHING


def time(text: str) -> Readings:
    """Minutes since midnight. Hours up to twelve that do not say which half of the day they are in may be in either,
    unless they begin with a zero."""
    written = fold(text)
    if written in _NAMED_TIMES:
        return frozenset({("time", _NAMED_TIMES[written])})
    if match := _HAN_CLOCK.fullmatch(written):
        return _han_time(match)
    match = _CLOCK.fullmatch(written)
    if match is None or int(match[1]) > 24:
        return NOTHING
    minutes = int(match[1]) * 60 + int(match[2] or 0)
    if match[3]:
        return _times([minutes % _DAY_HOURS + (_DAY_HOURS if match[3] == "p" else 0)])
    open_half = 0 < int(match[1]) <= 12 and not match[1].startswith("0") and "uhr" not in written and "h" not in written
    return _times([minutes, minutes + _DAY_HOURS] if open_half else [minutes])


def link(text: str) -> Readings:
    """Host and path: who leaves out the scheme or the last slash means the same page."""
    return frozenset({("link", _SCHEME.sub("", fold(text)).rstrip("/"))})


def email(text: str) -> Readings:
    return frozenset({("email", fold(text))})


def phone(text: str) -> Readings:
    return frozenset({("phone", re.sub(r"\D+", "", fold(text)))})


def code(text: str) -> Readings:
    """An order number or a type: what parts its characters does not count."""
    return frozenset({("code", re.sub(r"[\s#_/()\-]+", "", fold(text)))})


def _values(text: str) -> set[str]:
    """Numbers as they are written least: no grouping, no zeros that say nothing."""
    plain = fold(text).replace("’", "'")
    found = set()
    if match := _GROUPED.fullmatch(plain):
        last = max(plain.rfind(sign) for sign in _SEPARATORS)
        point = "." if plain[last] != match[1] else ""
        found.add(_DIGITS_APART.sub("", plain[:last]) + point + plain[last + 1 :])
    if _DECIMAL.fullmatch(plain):
        found.add(plain.replace(",", "."))
    return {_shortest(value) for value in found}


def _shortest(value: str) -> str:
    plain = format(Decimal(value), "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def _days(written: Iterable[tuple[int | None, int, int]]) -> Readings:
    days = ((year, month, day) for year, month, day in written if 1 <= month <= 12 and 1 <= day <= 31)
    return frozenset(("date", *day) for day in days)


def _times(minutes: Iterable[int]) -> Readings:
    return frozenset(("time", value % (2 * _DAY_HOURS)) for value in minutes)


def _han_time(match: re.Match[str]) -> Readings:
    hour, minute = _han_number(match[2]), 30 if match[3] else _han_number(match[4] or "0")
    if hour is None or minute is None or hour > 24:
        return NOTHING
    minutes = hour * 60 + minute
    if match[1] in ("下午", "晚上") or (match[1] == "中午" and hour < 11):
        return _times([minutes % _DAY_HOURS + _DAY_HOURS])
    return _times([minutes] if match[1] or not 0 < hour <= 12 else [minutes, minutes + _DAY_HOURS])


def _han_number(text: str) -> int | None:
    """十五 is fifteen, 二十 twenty, 三 three; digits are themselves."""
    if text.isdecimal():
        return int(text)
    if not text or any(sign not in _HAN_DIGITS for sign in text):
        return None
    tens, ten, ones = text.partition("十")
    if not ten:
        return _HAN_DIGITS[text] if len(text) == 1 else None
    if len(tens) > 1 or len(ones) > 1 or ones == "十":
        return None
    return _HAN_DIGITS.get(tens, 1) * 10 + _HAN_DIGITS.get(ones, 0)
