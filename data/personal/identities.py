"""Numbers that states give to people, found by their form and their check digits. Pure.

A number whose form alone says little (nine digits, eleven digits) counts only with a valid check *and* a word before it
that says what it is; one that is written as only such numbers are (a letter or groups in place) counts by itself.
Sources: the published rules of each register; the check of each is named where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from data.personal.found import Found, Rank, Text
from data.personal.labels import ATTACHED, Meaning, label_before

NEAR = 64
"""Characters before a number in which a word may say what it is."""


_SIX_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")
_FEW_DIGITS = ("ausweis", "perso ", "fiscale", "cod. fisc", "c.f", "cf ", "cf:")
"""Words for numbers that may be mostly letters."""


class _Rule(NamedTuple):
    """A form, its check, and the words one of which must stand before it (None: the form says enough)."""

    form: re.Pattern[str]
    check: Callable[[str], bool]
    words: re.Pattern[str] | None = None


def identities(text: Text) -> Iterator[Found]:
    """Every national identity number in `text`; they may overlap."""
    if _SIX_DIGITS.search(text.raw) is None and not any(word in text.low for word in _FEW_DIGITS):
        return
    for rule in _RULES:
        if rule.words is not None and not rule.words.search(text.low):
            continue
        said: set[str] = set()
        for match in rule.form.finditer(text.raw, text.numbers_from):
            normal = re.sub(r"[\s.\-/\u2011]", "", match[0]).upper()
            if rule.check(normal) and (normal in said or _is_said(rule, text.raw, match.start())):
                said.add(normal)
                yield Found(Rank.CHECKED, match.start(), match.end(), "id", normal)


def _is_said(rule: _Rule, text: str, start: int) -> bool:
    """Whether the words that this form needs stand before it; a form that needs none is no part number."""
    if rule.words is not None:
        return rule.words.search(text, max(0, start - NEAR), start) is not None
    label = label_before(text, start)
    return label is None or label.meaning is not Meaning.THING or label.gap > ATTACHED


def is_ssn(number: str) -> bool:
    """US social security number: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def is_nino(number: str) -> bool:
    """UK national insurance number: prefixes that are never given out do not count."""
    return number[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def is_nhs(number: str) -> bool:
    """UK NHS number: weights 10 to 2, modulo 11."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False)) % 11
    return rest != 10 and rest % 11 == int(number[9])


def is_steuer_id(number: str) -> bool:
    """German tax id: one digit of the first ten stands two or three times; ISO 7064 MOD 11,10."""
    counts = [number[:10].count(digit) for digit in set(number[:10])]
    if number[0] == "0" or max(counts) not in (2, 3) or sum(count > 1 for count in counts) != 1:
        return False
    product = 10
    for digit in number[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[10])


def is_personalausweis(number: str) -> bool:
    """German identity card: nine characters and a check digit, weights 7, 3, 1 (ICAO 9303)."""
    values = (int(char, 36) for char in number[:9])
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10 == int(number[9])


def has_digits(number: str) -> bool:
    """A German identity card without its check digit: only the words before speak for it."""
    return sum(map(str.isdigit, number)) >= 3


def is_nir(number: str) -> bool:
    """French social security number: 97 less the first 13 digits modulo 97; 2A and 2B stand for Corsica."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def is_dni(number: str) -> bool:
    """Spanish DNI and NIE: the letter is the number modulo 23; X, Y, Z of a NIE are 0, 1, 2."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def is_codice_fiscale(number: str) -> bool:
    """Italian tax code: odd and even places have values of their own; the sum modulo 26 is the last letter."""
    total = 0
    for place, char in enumerate(number[:15], start=1):
        value = int(char) if char.isdigit() else ord(char) - ord("A")
        total += _ODD[value] if place % 2 else value
    return chr(ord("A") + total % 26) == number[15]


def is_bsn(number: str) -> bool:
    """Dutch citizen number: weights 9 to 2 and -1, divisible by 11."""
    weights = (*range(9, 1, -1), -1)
    return int(number) > 0 and sum(int(d) * w for d, w in zip(number, weights, strict=True)) % 11 == 0


def is_resident_id(number: str) -> bool:
    """Chinese resident id: a date of birth that was, and ISO 7064 MOD 11-2."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    rest = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(number[:17])) % 11
    return "10X98765432"[rest] == number[17]


_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", re.IGNORECASE | re.ASCII)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OR = "[0-9LMNPQRSTUV]"  # the letters replace digits where two people would have the same code
_RULES: tuple[_Rule, ...] = (
    _Rule(_form(r"[0-9]{3}-[0-9]{2}-[0-9]{4}(?!-[A-Za-z0-9])"), is_ssn),
    _Rule(_form(r"[0-9]{3} ?[0-9]{2} ?[0-9]{4}"), is_ssn, _words(r"\bssn\b|social security")),
    _Rule(_form(r"[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z][ -]?[0-9]{2}([ -]?)[0-9]{2}\1[0-9]{2}[ -]?[A-D]"), is_nino),
    _Rule(_form(r"[0-9]{3} ?-?[0-9]{3} ?-?[0-9]{4}"), is_nhs, _words(r"\bnhs\b")),
    _Rule(
        _form(r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}"),
        is_steuer_id,
        _words(r"steuer|\bidnr|identifikationsnummer|\btax id\b|\btin\b"),
    ),
    _Rule(
        _form(r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]"),
        is_personalausweis,
        _words(r"ausweis|\bperso\b|identity card|\bid card"),
    ),
    _Rule(
        _form(r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}"), has_digits, _words(r"ausweis-?(?:nummer|nr)|\bperso\b")
    ),
    _Rule(
        _form(
            r"[12][ .]?[0-9]{2}[ .]?(?:0[1-9]|1[0-2]|[2-9][0-9])[ .]?(?:[0-9]{2}|2[AB])"
            r"[ .]?[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{2}"
        ),
        is_nir,
    ),
    _Rule(_form(r"(?:[0-9]{8}|[0-9]{2}\.[0-9]{3}\.[0-9]{3})[ -]?[A-HJ-NP-TV-Z]"), is_dni),
    _Rule(_form(r"[XYZ][ -]?[0-9]{7}[ -]?[A-HJ-NP-TV-Z]"), is_dni),
    _Rule(
        _form(rf"[A-Z]{{3}} ?[A-Z]{{3}} ?{_OR}{{2}} ?[ABCDEHLMPRST] ?{_OR}{{2}} ?[A-Z] ?{_OR}{{3}} ?[A-Z]"),
        is_codice_fiscale,
    ),
    _Rule(_form(r"[0-9](?:[ .]?[0-9]){8}"), is_bsn, _words(r"\bbsn\b|burgerservice|sofinummer|sofi-nummer")),
    _Rule(
        _form(r"[1-9][0-9]{5} ?(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]) ?[0-9]{3}[0-9X]"),
        is_resident_id,
    ),
)
