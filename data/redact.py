"""Replace what identifies a person by typed placeholders: `[email 1]`, `[phone 2]`, `[order 1]`. Pure.

Within one `Memory` (one conversation) the same address, number or account keeps its placeholder, so that a model can
still see that the customer repeats herself. Redacting is idempotent: it runs until nothing is found any more, and a
placeholder is never read as something to redact. In doubt it redacts: a lost number costs a model little, a kept one
costs a person. Placeholders are plain lower-case words, readable to an uncased tokenizer.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import phonenumbers

from data.errors import SettingsError
from data.identities import identities
from data.settings import ImportSettings
from data.spans import Edit, Edited, Exact, Stage

Kind = Literal["email", "secret", "id", "iban", "card", "ip", "order", "phone"]
KINDS: tuple[str, ...] = get_args(Kind)
PLACEHOLDER = re.compile(rf"\[({'|'.join(KINDS)}) (\d{{1,9}})\]")

MAX_ROUNDS = 10
_SOMETHING = re.compile(r"[@\d=]|[0-9A-Fa-f]::")
_SEVEN_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
_NAME = r"A-Za-z0-9\u00c0-\u024f\u0400-\u04ff"  # no Han, Kana, Thai: those scripts put no space before an address
_EMAIL = re.compile(rf"(?<![{_NAME}._%+-])[{_NAME}._%+-]+@[{_NAME}-]+(?:\.[{_NAME}-]+)+")
_LOGIN = re.compile(r"(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)")
_TOKEN = re.compile(
    r"(?<=[?&#;])(?:access_|auth_|api_|refresh_|id_|reset_|session_?)?"
    r"(?:token|key|apikey|password|passwd|pwd|secret|signature|sig|sid|sessionid|auth)=([^\s&#;\"'<>\[\]]{4,500})",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,22}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-f:]*\d)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![\w:])", re.IGNORECASE
)
_PHONE = re.compile(r"(?<![\w.,#\u00a3$\u20ac-])(?:\+|\(\+?)?\d(?:[ ().\-/\u2013]{0,3}\d){6,16}(?![\w%])")
_DATE = re.compile(
    r"(?<![\d+./(-])(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2}))(?!\d|[./-]\d)"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+\Z")
_TEN_DIGIT_SHAPE = re.compile(r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\Z")
_DIGITS_ONLY = re.compile(r"\d+")


@dataclass(slots=True)
class Memory:
    """Which placeholder stands for what in one conversation. Holds the originals: never stored, never logged."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    highest: Counter[str] = field(default_factory=Counter)

    def reserve(self, text: str) -> None:
        """Keep new placeholders apart from those that already stand in `text`."""
        if "[" in text:
            for kind, number in PLACEHOLDER.findall(text):
                self.highest[kind] = max(self.highest[kind], int(number))

    def placeholder(self, kind: Kind, normal: str) -> str:
        """The placeholder of `normal`, the canonical form of what is hidden."""
        number = self.numbers.get((kind, normal))
        if number is None:
            self.highest[kind] += 1
            number = self.numbers[kind, normal] = self.highest[kind]
        return f"[{kind} {number}]"


@dataclass(frozen=True, slots=True)
class Redacted(Edited):
    """A redacted text; `counts` says how many of each kind were replaced."""

    counts: Mapping[str, int] = field(default_factory=dict)


class Found(NamedTuple):
    """Something to hide. Where two overlap, the lower rank wins, then the longer."""

    rank: int
    start: int
    end: int
    kind: Kind
    normal: str


class Redactor:
    """Recognisers for one brand: its phone region and the pattern of its order numbers."""

    def __init__(self, settings: ImportSettings) -> None:
        self._region = settings.phone_region.upper()
        if self._region not in phonenumbers.SUPPORTED_REGIONS:
            raise SettingsError(
                "imports.phone_region is not a region with phone numbers.", remedy="Use a code such as GB."
            )
        try:
            self._order = re.compile(settings.order_number, re.IGNORECASE)
        except re.error:
            raise SettingsError(
                "imports.order_number is not a regular expression.",
                remedy="Mend the pattern; docs/settings.md has the default.",
            ) from None

    def redact(self, text: str, memory: Memory) -> Redacted:
        """`text` with placeholders, numbered by `memory`."""
        if _SOMETHING.search(text) is None:
            return Redacted(text)
        memory.reserve(text)
        stages: tuple[Stage, ...] = ()
        counts: Counter[str] = Counter()
        for _ in range(MAX_ROUNDS):
            found = self._pick(text)
            if not found:
                break
            text, edits = _replace(text, found, memory)
            counts.update(one.kind for one in found)
            stages += (Exact(edits),)
        return Redacted(text, stages, counts)

    def is_personal(self, text: str) -> bool:
        """Whether anything in `text` would be redacted."""
        return _SOMETHING.search(text) is not None and bool(self._pick(text))

    def _pick(self, text: str) -> list[Found]:
        """What to hide, in the order of the text, without overlaps and outside placeholders."""
        taken = [match.span() for match in PLACEHOLDER.finditer(text)] if "[" in text else []
        kept: list[Found] = []
        for one in sorted(self._find(text), key=lambda one: (one.rank, one.start - one.end)):
            if all(one.end <= start or end <= one.start for start, end in taken):
                taken.append((one.start, one.end))
                kept.append(one)
        return sorted(kept, key=lambda one: one.start)

    def _find(self, text: str) -> Iterator[Found]:
        if "@" in text:
            yield from (Found(0, m.start(), m.end(), "email", m[0].casefold()) for m in _EMAIL.finditer(text))
        yield from _secrets(text)
        yield from (Found(1, one.start, one.end, "id", one.normal) for one in identities(text))
        for match in self._order.finditer(text):
            if match.end() > match.start():
                normal = re.sub(r"[\W_]+", "", match[0]).casefold()
                yield Found(5 if " " in match[0] else 3, match.start(), match.end(), "order", normal)
        if "." in text or ":" in text:
            yield from _ips(text)
        if _SEVEN_DIGITS.search(text):
            yield from _ibans(text)
            yield from _cards(text)
            yield from self._phones(text)

    def _phones(self, text: str) -> Iterator[Found]:
        without_dates = _DATE.sub(lambda date: "~" * len(date[0]), text)
        for match in _PHONE.finditer(without_dates):
            for start, end in _windows(match[0], shortest=7, longest=15):
                normal = self._phone(match[0][start:end])
                if normal is not None:
                    yield Found(4, match.start() + start, match.start() + end, "phone", normal)
                    break

    def _phone(self, candidate: str) -> str | None:
        """The number in E.164 form: valid ones, and possible ones that are written as one writes phone numbers."""
        if _THOUSANDS.match(candidate):
            return None
        try:
            number = phonenumbers.parse(candidate, self._region)
        except phonenumbers.NumberParseException:
            return None
        written_as_phone = candidate[0] in "+(0" and phonenumbers.is_possible_number(number)
        if written_as_phone or _TEN_DIGIT_SHAPE.match(candidate) or phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        return None


def _replace(text: str, found: list[Found], memory: Memory) -> tuple[str, tuple[Edit, ...]]:
    pieces, edits, last = [], [], 0
    for one in found:
        placeholder = memory.placeholder(one.kind, one.normal)
        pieces += [text[last : one.start], placeholder]
        edits.append(Edit(one.start, one.end, len(placeholder)))
        last = one.end
    return "".join([*pieces, text[last:]]), tuple(edits)


def _secrets(text: str) -> Iterator[Found]:
    """What opens a door in an address: a name with its password, a token among the parameters."""
    if "://" in text:
        yield from (Found(-1, m.start(), m.end(), "secret", m[0]) for m in _LOGIN.finditer(text))
    if "=" in text:
        yield from (Found(-1, m.start(1), m.end(1), "secret", m[1]) for m in _TOKEN.finditer(text))


def _ibans(text: str) -> Iterator[Found]:
    """Mod 97 (ISO 13616) decides where the account ends and the next word begins."""
    for match in _IBAN.finditer(text):
        for end in _group_ends(match[0]):
            account = re.sub(r"[ -]", "", match[0][:end]).upper()
            if 15 <= len(account) <= 34 and account.isascii() and passes_mod97(account):
                yield Found(1, match.start(), match.start() + end, "iban", account)
                break


def _group_ends(candidate: str) -> list[int]:
    return [len(candidate), *(m.start() for m in reversed(list(re.finditer(r"[ -]", candidate))))]


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        for start, end in _windows(match[0], shortest=13, longest=19):
            digits = re.sub(r"\D", "", match[0][start:end])
            if digits[0] in "23456" and passes_luhn(digits) and not _DATE.match(match[0]):
                yield Found(2, match.start() + start, match.start() + end, "card", digits)
                break


def _ips(text: str) -> Iterator[Found]:
    for pattern in (_IPV4, _IPV6) if text.count(":") > 1 else (_IPV4,):
        for match in pattern.finditer(text):
            try:
                normal = str(ipaddress.ip_address(match[0]))
            except ValueError:
                continue
            yield Found(3, match.start(), match.end(), "ip", normal)


def _windows(candidate: str, shortest: int, longest: int) -> Iterator[tuple[int, int]]:
    """The candidate, then without its last or first one or two groups: "2 0770 900123" is an amount and a number.

    Yields offsets of windows with `shortest` to `longest` digits.
    """
    groups = [match.span() for match in _DIGITS_ONLY.finditer(candidate)]
    for first, last in ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1)):
        chosen = groups[first : len(groups) - last]
        if chosen and shortest <= sum(end - start for start, end in chosen) <= longest:
            yield (_sign(candidate, chosen[0][0]), chosen[-1][1])


def _sign(candidate: str, start: int) -> int:
    """Where a number begins that has its first digit at `start`: at the `+` or `(` before it."""
    while start and candidate[start - 1] in "+(":
        start -= 1
    return start


def passes_luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1): every second digit from the right doubled."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = (sum(divmod(2 * value, 10)) for value in values[1::2])
    return bool(values) and any(values) and (sum(values[::2]) + sum(doubled)) % 10 == 0


def passes_mod97(account: str) -> bool:
    """The check of IBANs (ISO 7064 MOD 97-10); `account` is upper-case ASCII without spaces."""
    return int("".join(str(int(char, 36)) for char in account[4:] + account[:4])) % 97 == 1
