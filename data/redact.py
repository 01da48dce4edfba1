"""Replace what identifies a person by typed placeholders: `[email 1]`, `[phone 2]`, `[order 1]`. Pure.

Within one `Memory` (one conversation) the same address, number or account keeps its placeholder, so that a model can
still see that the customer repeats herself. Redacting is idempotent: it runs until nothing is found any more, and a
placeholder is never read as something to redact. In doubt it redacts: a lost number costs a model little, a kept one
costs a person. Placeholders are plain lower-case words, readable to an uncased tokenizer.

What is recognised, and how, is the business of `data.personal`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import phonenumbers

from data.errors import SettingsError
from data.personal.accounts import cards, ibans
from data.personal.credentials import credentials
from data.personal.emails import emails
from data.personal.found import HARMLESS, KINDS, Found, Text
from data.personal.hosts import hosts
from data.personal.identities import identities
from data.personal.names import names
from data.personal.orders import Orders
from data.personal.passwords import passwords
from data.personal.phones import Phones
from data.personal.streets import streets
from data.settings import ImportSettings
from data.spans import Edit, Edited, Exact, Stage

PLACEHOLDER = re.compile(rf"\[({'|'.join(KINDS)}) (\d{{1,9}})\]")
MAX_ROUNDS = 10
"""A replacement can uncover something ("12345" before it is gone); people write nothing that goes on this long."""
_SIX_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")

Recogniser = Callable[[Text], Iterator[Found]]


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

    def placeholder(self, kind: str, normal: str) -> str:
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


class Redactor:
    """Recognisers for one brand: its phone region, the pattern of its order numbers, the kinds that it keeps."""

    def __init__(self, settings: ImportSettings) -> None:
        region = settings.phone_region.upper()
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise SettingsError(
                "imports.phone_region is not a region with phone numbers.", remedy="Use a code such as GB."
            )
        if not set(settings.keep_kinds) <= set(KINDS):
            raise SettingsError(
                "imports.keep_kinds names a kind of personal data that there is not.",
                remedy=f"Use any of {', '.join(KINDS)}.",
            )
        try:
            own = re.compile(settings.order_number, re.IGNORECASE)
        except re.error:
            raise SettingsError(
                "imports.order_number is not a regular expression.",
                remedy="Mend the pattern; docs/settings.md has the default.",
            ) from None
        self._kept = frozenset(settings.keep_kinds)
        self._orders = Orders(own)
        self._phones = Phones(region)

    def redact(self, text: str, memory: Memory) -> Redacted:
        """`text` with placeholders, numbered by `memory`."""
        found = self.find(text)
        if not found:
            memory.reserve(text)
            return Redacted(text)
        memory.reserve(text)
        stages: tuple[Stage, ...] = ()
        counts: Counter[str] = Counter()
        while found:
            if len(stages) >= MAX_ROUNDS:
                found = [_rest(text, found[0])]
            text, edits = _replace(text, found, memory)
            counts.update(one.kind for one in found)
            stages += (Exact(edits),)
            found = self.find(text)
        return Redacted(text, stages, counts)

    def is_personal(self, text: str) -> bool:
        """Whether anything in `text` would be redacted."""
        return bool(self.find(text))

    def find(self, text: str) -> list[Found]:
        """What to hide, in the order of the text, without overlaps and outside placeholders."""
        every = [one for one in self._every(Text.of(text)) if one.kind not in self._kept]
        if not every:
            return []
        taken = _Taken([match.span() for match in PLACEHOLDER.finditer(text)] if "[" in text else [])
        ranked = sorted(every, key=lambda one: (one.rank, one.start - one.end, one.start))
        picked = [one for one in ranked if taken.take(one.start, one.end)]
        return sorted((one for one in picked if one.kind != HARMLESS), key=lambda one: one.start)

    def _every(self, text: Text) -> Iterator[Found]:
        """Whatever any recogniser sees. Each looks for a cheap sign of its kind first: most of chat has none."""
        yield from emails(text)
        yield from names(text)
        if "://" in text.low or "=" in text.low:
            yield from credentials(text)
        yield from passwords(text)
        if ":" in text.low or text.has_digits:
            yield from hosts(text)
        if text.has_digits or "s/n" in text.low:
            yield from streets(text)
        if text.has_digits:
            yield from self._orders(text)
            yield from identities(text)
            if _SIX_DIGITS.search(text.raw):
                yield from ibans(text)
                yield from cards(text)
                yield from self._phones(text)


class _Taken:
    """Stretches of a text that are spoken for, kept in order."""

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in stretches]
        self._ends = [end for _, end in stretches]

    def take(self, start: int, end: int) -> bool:
        """Speak for `[start, end)`; False when somebody has spoken for part of it."""
        place = bisect_left(self._ends, start + 1)
        if place < len(self._starts) and self._starts[place] < end:
            return False
        self._starts.insert(place, start)
        self._ends.insert(place, end)
        return True


def _rest(text: str, first: Found) -> Found:
    """The text from `first` to its end: where every replacement uncovers another, all that is left is hidden as one."""
    return first._replace(end=len(text), normal=text[first.start :].casefold())


def _replace(text: str, found: list[Found], memory: Memory) -> tuple[str, tuple[Edit, ...]]:
    pieces, edits, last = [], [], 0
    for one in found:
        placeholder = memory.placeholder(one.kind, one.normal)
        pieces += [text[last : one.start], placeholder]
        edits.append(Edit(one.start, one.end, len(placeholder)))
        last = one.end
    return "".join([*pieces, text[last:]]), tuple(edits)
