"""Phone numbers of many countries, as people write them: with and without +, spaced, dotted, in brackets, with
extensions.

`phonenumbers` knows which numbers a region can have. A number that it finds valid counts; one that is merely
possible counts
when it is written as phone numbers are (+, 00, a leading zero, brackets, 3-3-4) or when a word before says so. Dates,
amounts, bar codes, decimals and ranges of years are looked for first, since most of them are possible numbers
somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

import phonenumbers

from data.personal.checks import passes_ean
from data.personal.found import HARMLESS, Found, Rank, Text, digits_of
from data.personal.labels import ATTACHED, Label, Meaning, label_before
from data.personal.windows import windows

_SEPARATOR = r"[ ().\-/\u00a0\u2011\u2013\u202f\uff08\uff09]"
_PHONE = re.compile(
    rf"(?<![A-Za-z0-9_\u00a3$\u20ac\u00a5*-])(?<!\d\.)(?:\+|"
    rf"[(\uff08]\+?)?\d(?:{_SEPARATOR}{{0,3}}\d){{5,17}}(?![A-Za-z0-9_%]|[.,:]\d{{1,2}}(?!\d))"
)
_EXTENSION = re.compile(
    r",?\s?(?:ext(?:ension)?\.?|x|durchwahl|dw|poste|interno|int\.|toestel|tst\.?|anexo|转|"
    r"分机)[\s.:]{0,2}\d{1,6}(?!\d)",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(?<![\d+./(-])(?:"
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})"  # a date
    r"|(?:19|20)\d\d ?[-\u2013/] ?(?:19|20)\d\d"  # from year to year
    r"|\d{1,3}(?:[.,'\u202f]\d{3})+|\d{1,3}(?: 000)+"  # thousands
    r"|[1-9]\d{0,2}\.\d{4,8}"  # a coordinate
    r"|97[89](?:[ -]?\d){10}"  # an ISBN, proved below
    r"|(?<=[Cc][Ee][Pp][ :])\s?\d{5}-?\d{3}"  # a postcode of Brazil; a phone (cep) has other lengths in Turkey
    r")(?!\d|[./-]\d)"
)
_MONEY_AFTER = re.compile(
    r"(?:[.,]\d{2})?\s?(?:€|£|\$|¥|元|円|euros?\b|eur\b|usd\b|gbp\b|chf\b|dollars?\b|pounds?\b|kr\b|zł)", re.IGNORECASE
)
_INTERNATIONAL = re.compile(r"[(\uff08]?\+|[(\uff08]?00[ .-]?[1-9]")
_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}\Z")
_NOT_A_PHONE = (Meaning.THING, Meaning.VERSION)


CUT_OFF = 4
"""Characters at the end of a number, its separator among them, that are too many for an amount that follows it."""


SHORTEST_MOBILE = 10
"""Digits of a mobile number that people write without the zero that their region dials before others."""
_MOBILE = phonenumbers.PhoneNumberType.MOBILE


class Trust(Enum):
    """How much speaks for a reading."""

    VALID = "valid"  # its region gives out such numbers
    POSSIBLE = "possible"  # of a right length, or written as in North America
    FOREIGN = "foreign"  # only the words before, or a +, say that it is one


class _Read(NamedTuple):
    """A stretch read as a phone number, in E.164 form where there is one."""

    start: int
    end: int
    trust: Trust
    normal: str


class Phones:
    """Recogniser of phone numbers as a brand of one region meets them."""

    def __init__(self, region: str) -> None:
        self._region = region
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        self._needs_zero = metadata is not None and metadata.national_prefix == "0"

    def __call__(self, text: Text) -> Iterator[Found]:
        """Every phone number in `text`; dates and amounts come as harmless."""
        spans: list[Found] = []

        def masked(match: re.Match[str]) -> str:
            if not _is_harmless(match[0]):
                return match[0]
            spans.append(Found(Rank.HARMLESS, match.start(), match.end(), HARMLESS, ""))
            return "~" * len(match[0])

        raw = _HARMLESS.sub(masked, text.raw)
        yield from spans
        run = _PHONE.search(raw, text.numbers_from)
        while run is not None:
            found = self._in(raw, run)
            if found is not None:
                yield found
            run = _PHONE.search(raw, run.end() if found is None else found.end)

    def _in(self, text: str, run: re.Match[str]) -> Found | None:
        """The best number in a run of groups of digits."""
        label = label_before(text, run.start())
        shortest = 6 if label is not None and label.meaning is Meaning.PHONE and label.gap <= ATTACHED else 7
        reads = []
        for start, end in windows(run[0], shortest=shortest, longest=15):
            start, end = run.start() + start, run.start() + end
            read = None if _MONEY_AFTER.match(text, end) else self._read(text, start, end, label)
            if read is not None:
                reads.append(read)
                if read.trust is Trust.VALID:
                    break
        best = _best(reads)
        if best is None:
            return None
        extension = _EXTENSION.match(text, best.end)
        if extension is None:
            return Found(Rank.PHONE, best.start, best.end, "phone", best.normal)
        normal = f"{best.normal};{digits_of(extension[0])}"
        return Found(Rank.PHONE, best.start, extension.end(), "phone", normal)

    def _read(self, text: str, start: int, end: int, label: Label | None) -> _Read | None:
        """The number that stands there, or None when it is no phone number."""
        written, digits = text[start:end], digits_of(text[start:end])
        if not _may_be_phone(written, digits, label):
            return None
        international = _INTERNATIONAL.match(written) is not None
        told = _says_phone(label)
        announced = told or international or digits[0] == "0" or written[0] in "(\uff08"
        shaped = _NORTH_AMERICAN.match(written) is not None
        if not announced and not shaped and self._needs_zero and len(digits) < SHORTEST_MOBILE:
            return None  # asking `phonenumbers` costs more than all the rest
        number = _parsed("+" + digits.removeprefix("00") if international else digits, self._region)
        normal = digits if number is None else _canonical(number)
        if number is not None and phonenumbers.is_valid_number(number):
            if not announced and self._needs_zero and phonenumbers.number_type(number) != _MOBILE:
                return None
            return _Read(start, end, Trust.VALID, normal)
        if shaped or (announced and number is not None and phonenumbers.is_possible_number(number)):
            return _Read(start, end, Trust.POSSIBLE, normal)
        if (told or international) and 8 <= len(digits) <= 13:
            return _Read(start, end, Trust.FOREIGN, normal)
        return None


def _best(reads: list[_Read]) -> _Read | None:
    """The valid one, else the longest possible one, unless that cuts off what a longer one of another region has."""
    if not reads or reads[-1].trust is Trust.VALID:
        return reads[-1] if reads else None
    possible = next((read for read in reads if read.trust is Trust.POSSIBLE), reads[0])
    return possible if possible.end - possible.start > reads[0].end - reads[0].start - CUT_OFF else reads[0]


def _may_be_phone(written: str, digits: str, label: Label | None) -> bool:
    if len(set(digits)) == 1:
        return False
    if written[0] == "+" or _says_phone(label):
        return True
    if len(digits) == 13 and digits == written and passes_ean(digits):
        return False
    return label is None or label.meaning not in _NOT_A_PHONE or _outweighs(written, label)


def _outweighs(written: str, label: Label) -> bool:
    """A number that begins as phone numbers do, some words after what could say otherwise."""
    return label.gap > ATTACHED and written[0] in "(0"


def _says_phone(label: Label | None) -> bool:
    return label is not None and label.meaning is Meaning.PHONE


def _is_harmless(written: str) -> bool:
    digits = digits_of(written)
    return len(digits) != 13 or not digits.startswith(("978", "979")) or passes_ean(digits)


def _canonical(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _parsed(number: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
