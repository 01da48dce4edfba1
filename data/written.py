"""Values that are known by how they are written: dates, times, amounts of money, links; e-mail addresses, telephone and
order numbers by the recognisers that redact them. English, German, French, Spanish and Chinese forms. Pure.

Each is found as a stretch of the text and left as it stands: what "tomorrow" means depends on where the customer is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.redact import Redactor
from data.settings import ImportSettings
from data.spans import apart

SHOWN = ("email", "phone", "order")
"""Kinds of personal data that are values in a conversation. Cards, passwords and identities are never handed on."""


@dataclass(frozen=True, slots=True)
class Value:
    """`text[start:end]` is written as a `type` is."""

    start: int
    end: int
    type: str


def _words(text: str) -> str:
    return "|".join(sorted(text.split(), key=len, reverse=True))


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier enero",
            "february feb februar février febrero",
            "march mar märz mars marzo",
            "april apr avril abril",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet julio",
            "august aug août agosto",
            "september sep sept septembre septiembre",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
"""The names of months, in lower case, and which month each is."""
_MONTHS = _words(" ".join(MONTHS))
_WEEKDAYS = _words(
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag"
    " sonnabend sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes"
    " sábado domingo"
)
_DAYS = _words(
    "today tomorrow yesterday tonight heute morgen gestern übermorgen vorgestern aujourd'hui aujourd’hui demain hier"
    " après-demain avant-hier hoy mañana ayer anteayer"
)
_MONEY = _words(
    "eur euro euros usd dollar dollars gbp pound pounds chf franken francs franc cents cent yen yuan rmb peso pesos"
    " dólar dólares livres"
)
_NUMBER = r"\d{1,3}(?:[ .,'\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:(?:19|20)\d\d|\d\d)"
_HOUR = r"(?:[01]?\d|2[0-4])"
_TWELVE = r"(?:0?[1-9]|1[0-2])"
_HAN = "[一二两三四五六七八九十]"

_APART = r"(?<![^\W\u4e00-\u9fff])(?<![.,])"
"""Where an amount may begin: not within a word or number. Chinese puts nothing between words."""
_WEEK = "nächsten?|diesen?|letzten?|kommenden?|next|this|last"
_DIGITS: tuple[tuple[str, str], ...] = (
    ("amount", rf"{_APART}(?:(?:US|CA|A)?[$€£¥￥]|(?:eur|usd|gbp|chf|rmb)\b)\s?(?:{_NUMBER})(?!\w)"),
    ("amount", rf"{_APART}(?:{_NUMBER})\s?(?:[$€£¥￥]|(?:{_MONEY})\b)"),
    ("date", rf"(?<![\d./-])(?:19|20)\d\d[-/.]{_MONTH}[-/.]{_DAY}(?![\d./-]?\d)"),
    ("date", rf"(?<![\d./-]){_DAY}([./-]){_MONTH}\1{_YEAR}(?![\d/-]|\.\d)"),
    ("date", rf"(?<![\d./-]){_MONTH}([/-]){_DAY}\1{_YEAR}(?![\d/-])"),
    ("date", rf"(?<![\d.]){_DAY}\.{_MONTH}\.(?!\d)"),
    (
        "date",
        (
            rf"(?<![\d.]){_DAY}(?:st|nd|rd|th|er|\.)?\s(?:of\s|de\s)?(?:{_MONTHS})\b\.?"
            r"(?:(?:,|\sde)?\s(?:19|20)\d\d\b)?"
        ),
    ),
    ("date", rf"\b(?:{_MONTHS})\b\.?\s{_DAY}(?:st|nd|rd|th)?\b(?:,?\s(?:19|20)\d\d\b)?"),
    ("time", rf"(?<![\d:.]){_HOUR}:[0-5]\d(?::[0-5]\d)?(?:\s?(?:[ap]\.?m\b\.?|uhr\b))?(?![\d:])"),
    ("time", rf"(?<![\d:.,]){_TWELVE}(?:[.:][0-5]\d)?\s?[ap]\.?m\b\.?"),
    ("time", rf"(?<![\d:.,]){_HOUR}(?:[.:][0-5]\d)?\s?uhr\b(?:\s[0-5]?\d\b)?"),
    ("time", rf"(?<![\d:.,]){_HOUR}\s?h(?:eures?|\s?[0-5]\d)?\b"),
    ("time", r"\b\d{1,2}\so['’]clock\b"),
)
"""Forms that need a digit."""
_HAN_FORMS: tuple[tuple[str, str], ...] = (
    ("amount", rf"(?<![\d.,])(?:{_NUMBER})\s?(?:元|块钱?|人民币|美元|欧元|角)"),
    ("date", r"(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]|今天|明天|后天|昨天|前天"),
    ("date", r"(?:下|上|这)?个?(?:星期|周|礼拜)[一二三四五六日天]"),
    (
        "time",
        (
            rf"(?:凌晨|早上|上午|中午|下午|晚上)?(?<![\d.,:])(?:{_HAN}{{1,3}}|{_HOUR})点"
            rf"(?:半|(?:{_HAN}{{1,3}}|[0-5]?\d(?!\d))分?)?"
        ),
    ),
)
_OTHERS: tuple[tuple[str, str], ...] = (
    ("url", r"(?:https?://|(?<![\w@.])www\.)[^\s<>\"'，。；！？（）【】]+"),
    ("date", rf"\b(?:(?:{_WEEK})\s)?(?:{_WEEKDAYS})\b(?:\sprochain)?|(?<!\w)(?:{_DAYS})(?!\w)"),
    ("time", r"\b(?:noon|midday|midnight|mitternacht|minuit|mediodía|medianoche)\b"),
)
_Patterns = tuple[tuple[str, re.Pattern[str]], ...]
_DIGIT = re.compile(r"\d")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")


def _compiled(forms: tuple[tuple[str, str], ...]) -> _Patterns:
    return tuple((kind, re.compile(form, re.IGNORECASE)) for kind, form in forms)


_WITH_DIGITS, _WITH_HAN, _ALWAYS = _compiled(_DIGITS), _compiled(_HAN_FORMS), _compiled(_OTHERS)
_AFTER_LINK = ".,;:!?)]}…"
_DAYPART = frozenset({"morgen", "mañana"})
"""Words that are a day as well as a part of one: after an article they are the part."""
_ARTICLE = re.compile(r"\b(?:am|der|den|guten|la|por la|de la)\s$", re.IGNORECASE)


class Written:
    """Finds values as a brand's customers write them; its own order numbers and phone region come from the settings.
    Thread-safe."""

    def __init__(self, imports: ImportSettings) -> None:
        # What a brand keeps in its logs is a value all the same.
        self._redactor = Redactor(imports.model_copy(update={"keep_kinds": ()}))

    def find(self, text: str) -> list[Value]:
        """The values of `text`, in its order. Where two share text the longer stays, then the earlier form."""
        personal = self._redactor.find(text)
        every = [Value(one.start, one.end, one.kind) for one in personal if one.kind in SHOWN]
        hidden = [(one.start, one.end) for one in personal if one.kind not in SHOWN]
        every += [one for one in _formed(text) if not any(one.start < b and a < one.end for a, b in hidden)]
        return apart(sorted(every, key=lambda value: value.start - value.end))


def _formed(text: str) -> Iterator[Value]:
    forms = _ALWAYS + (_WITH_DIGITS if _DIGIT.search(text) else ()) + (_WITH_HAN if _IDEOGRAPH.search(text) else ())
    for kind, pattern in forms:
        for match in pattern.finditer(text):
            start, end = match.span()
            if kind == "url":
                end = start + len(match.group().rstrip(_AFTER_LINK))
            if match.group().lower() in _DAYPART and _ARTICLE.search(text, max(0, start - 8), start):
                continue
            if start < end:
                yield Value(start, end, kind)
