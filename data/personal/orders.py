"""Numbers of orders and of customers' accounts: by the words before them, in ten languages, and by the
brand's own pattern.

"Order 88213", "Bestellnummer 77-1234", "n° de commande : 2024/11873", "订单号3309917": the form of such a number
says nothing,
the words say it all. Numbers that follow in a list, or have the same form elsewhere in the message, count as
well. A bare
form (`#40231`, the brand's `OB-40231`) counts unless the words before call it a model, a part or a colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from data.personal.found import Found, Rank, Text
from data.personal.labels import Meaning, label_before
from data.personal.order_words import AND, GAP, LEAD, LONGER_STEMS, NUMBER, STEMS, UNIT

_UNSPACED = re.compile(
    r"(?:#\s?)?(?:(?-i:[A-Z]{1,4})[ ](?=\d))?[A-Z0-9]+(?:[-./_][A-Z0-9]+)*", re.IGNORECASE | re.ASCII
)
_TOKEN = re.compile(
    _UNSPACED.pattern + r"(?:[ ]\d{2,6}(?![\w.,:/-]*[\d€£$%]|\s?(?:[a-z]{2,}\b)))*",
    re.IGNORECASE | re.ASCII,
)
_DATE = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}(?:\2(?:\d{4}|\d{2}))?|\d{1,2}[.:]\d{2}(?:[ap]m|h)?)\Z",
    re.IGNORECASE,
)
_YEAR_OR_ROUND = re.compile(r"(?:19|20)\d\d\Z|\d+00\Z")
_BARE = re.compile(r"(?<![A-Za-z0-9_.,#/-])(?:#\s?)?(?:[A-Z]{1,4}-?)?\d[\d-]{3,24}(?![A-Za-z0-9_]|[.,:/-]\d)", re.ASCII)
REACH = 60
"""Characters before a number in which the words stand that name it."""
SHORTEST_CODE = 5
"""Characters of a booking code such as ZLBJ2U2O, which has hardly a digit."""
_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER_OR_CODE = re.compile(r"\d[A-Za-z]?(?:[-./_ ]?[A-Za-z]?\d){2,}|\b(?=[A-Z]{0,12}\d)[A-Z\d]{5,}\b")


class _Number(NamedTuple):
    start: int
    end: int


class Orders:
    """Recogniser of order and account numbers with a brand's own pattern for those that stand bare."""

    def __init__(self, own: re.Pattern[str]) -> None:
        self._own = own

    def __call__(self, text: Text) -> Iterator[Found]:
        raw = text.raw
        for match in self._own.finditer(raw):
            if match.end() > match.start() and not _is_thing(raw, match.start()):
                yield _found(raw, match.start(), match.end(), Rank.ORDER)
        named = [one for low, high in _stretches(text) for one in _named(raw, low, high)]
        if named:
            for one in named:
                yield _found(raw, one.start, one.end, Rank.NAMED_ORDER)
            yield from _alike(raw, named)


def _stretches(text: Text) -> list[tuple[int, int]]:
    """Where words before a number of three digits or more speak of orders; stretches that touch are one."""
    found: list[tuple[int, int]] = []
    for match in _NUMBER_OR_CODE.finditer(text.raw):
        start, end = max(0, match.start() - REACH), match.end()
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        elif _speaks_of_orders(text.low[start:end]):
            found.append((start, end))
    return found


def _speaks_of_orders(low: str) -> bool:
    return _HAN.search(low) is not None or any(
        word[:3] in STEMS or word[:4] in LONGER_STEMS for word in _WORD.findall(low)
    )


def _named(text: str, low: int, high: int) -> Iterator[_Number]:
    """Numbers that words say are orders or accounts, and those that follow them in a list."""
    after = 0
    for lead in LEAD.finditer(text, low, high):
        if lead.start() < after:
            continue
        strong = NUMBER.search(lead[0]) is not None
        gap = GAP.match(text, lead.end())
        start = gap.end() if gap is not None else lead.end()
        end = _number_at(text, start, strong=strong)
        while end is not None:
            yield _Number(start, end)
            after = end
            link = AND.match(text, end)
            if link is None:
                break
            start = link.end()
            end = _number_at(text, start, strong=False)


def _number_at(text: str, start: int, *, strong: bool) -> int | None:
    """Where the number ends that begins at `start`; None when what stands there is none."""
    match = (_TOKEN if strong else _UNSPACED).match(text, start)
    if match is None:
        return None
    written, digits = match[0], sum(map(str.isdigit, match[0]))
    code = strong and digits > 0 and len(written) >= SHORTEST_CODE and written.isupper() and written.isalnum()
    if (not code and digits < (3 if strong or written[0] == "#" else 4)) or len(written) > 40 or _DATE.match(written):
        return None
    if text[match.end() : match.end() + 2][:1] in ("-", "%") or re.match(
        r"[.,:]\d", text[match.end() : match.end() + 2]
    ):
        return None
    bare = written.isdecimal()
    if bare and not strong and _YEAR_OR_ROUND.match(written):
        return None
    if bare and UNIT.match(text, match.end()):
        return None
    return match.end()


def _alike(text: str, named: list[_Number]) -> Iterator[Found]:
    """Other numbers of the message that are written like one that words say is an order."""
    shapes = {_shape(text[one.start : one.end]) for one in named if one.end - one.start >= 6}
    if not shapes:
        return
    for match in _BARE.finditer(text):
        if _shape(match[0]) in shapes and not _is_thing(text, match.start()):
            yield _found(text, match.start(), match.end(), Rank.ORDER)


def _shape(written: str) -> str:
    return re.sub(r"[A-Za-z]", "A", re.sub(r"\d", "9", written))


def _is_thing(text: str, start: int) -> bool:
    label = label_before(text, start)
    return label is not None and label.meaning in (Meaning.THING, Meaning.VERSION)


def _found(text: str, start: int, end: int, rank: int) -> Found:
    return Found(rank, start, end, "order", re.sub(r"[\W_]+", "", text[start:end]).casefold())
