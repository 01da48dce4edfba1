"""Payment cards and IBANs: found by their form, proved by length, issuer and check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.personal.checks import passes_ean, passes_luhn, passes_mod97
from data.personal.found import HARMLESS, Found, Rank, Text, digits_of
from data.personal.labels import ATTACHED, Label, Meaning, label_before
from data.personal.windows import windows

_CARD = re.compile(r"(?<![A-Za-z0-9_.#])\d(?:[ .\-\u00a0\u2011\u2013]?\d){12,25}(?![A-Za-z0-9_]|[.,]\d)")
_NETWORKS = (
    (re.compile(r"4"), (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"3(?:0[0-5]|[689])"), (14, 16)),  # Diners Club
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),  # Discover
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),  # JCB
    (re.compile(r"62|81"), (16, 17, 18, 19)),  # UnionPay
    (re.compile(r"50|5[6-9]|6[0-9]"), (13, 14, 15, 16, 18, 19)),  # Maestro, RuPay, Elo
    (re.compile(r"220[0-4]"), (16, 19)),  # Mir
    (re.compile(r"9792"), (16,)),  # Troy
)
"""Beginnings and lengths of the card networks (ISO/IEC 7812-1)."""
_USUAL = (15, 16)
"""Digits of nearly all cards."""

_IBAN = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=iban))(?=([a-z]{2}[ .\-]?\d{2}(?:[ .\-\u00a0\u2011]?[a-z0-9]){11,30}))",
    re.IGNORECASE | re.ASCII,
)
_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE BI", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV", 22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG", 25: "AO CV GW LY MZ PT ST", 26: "IR IS TR",
        27: "BF BJ CF CG CI CM DJ FR GA GF GP GQ GR IT KM MA MC MG ML MQ MR NC NE NI PF PM RE SM SN TD TF TG WF YT",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""How long an IBAN of each country is (the IBAN registry, and the experimental ones of West Africa and the Maghreb)."""

SOME = 0.4
"""Share of digits without which right check digits are chance: "at 71 Castle Street City"."""
MOSTLY = 0.6
"""Share of digits from which what has the form of an IBAN, and not its check, is a wrong one rather than words."""


def cards(text: Text) -> Iterator[Found]:
    """Card numbers; one that the words before call a voucher, a licence or a serial number is none."""
    run = _CARD.search(text.raw, text.numbers_from)
    while run is not None:
        found = _card_in(text.raw, run)
        if found is not None:
            yield found
        run = _CARD.search(text.raw, run.end() if found is None else found.end)


def _card_in(text: str, run: re.Match[str]) -> Found | None:
    for start, end in windows(run[0], shortest=13, longest=19):
        digits = digits_of(run[0][start:end])
        label = label_before(text, run.start() + start)
        if _is_card(digits, label):
            return Found(Rank.CARD, run.start() + start, run.start() + end, "card", digits)
    return None


def ibans(text: Text) -> Iterator[Found]:
    """Accounts; what has an IBAN's form and length but not its check digits is harmless, whatever stands inside."""
    for match in _IBAN.finditer(text.raw, text.numbers_from):
        written = match[1]
        account = "".join(filter(str.isalnum, written)).upper()
        length = _LENGTHS.get(account[:2], 0)
        end = match.start() + _place_of(written, length)
        if not length or len(account) < length or _goes_on(text.raw, end):
            continue
        digits = len(digits_of(account[:length]))
        if digits > SOME * length and passes_mod97(account[:length]):
            yield Found(Rank.CHECKED, match.start(), end, "iban", account[:length])
        elif written[2].isdigit() and digits > MOSTLY * length:
            yield Found(Rank.CHECKED, match.start(), end, HARMLESS, "")


def _is_card(digits: str, label: Label | None) -> bool:
    """By issuer, length and check digit, unless words say otherwise; words alone for one that was mistyped."""
    if label is not None and label.meaning is Meaning.THING:
        return False
    called_so = label is not None and label.meaning is Meaning.CARD
    if any(len(digits) in lengths and start.match(digits) for start, lengths in _NETWORKS) and passes_luhn(digits):
        return called_so or len(digits) != 13 or not passes_ean(digits)
    return called_so and label is not None and label.gap <= ATTACHED and len(digits) in _USUAL


def _place_of(written: str, count: int) -> int:
    """Where the first `count` letters and digits of `written` end."""
    for place, char in enumerate(written):
        count -= char.isalnum()
        if count == 0:
            return place + 1
    return len(written)


def _goes_on(text: str, end: int) -> bool:
    return end < len(text) and text[end].isascii() and text[end].isalnum()
