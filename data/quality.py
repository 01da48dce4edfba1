"""What there is to say about an upload: findings, each with a code, how bad it is, where, and what to do. Pure.

A Tally watches conversations go by and keeps counts and first rows, in bounded memory; `findings` says what follows.
Every reason for setting a row aside is a finding of the same code as well, so that no count stands without a remedy.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from data.catalogue import CATALOGUE
from data.schema import OUT_OF_SCOPE, Conversation, Finding

MAX_ROWS = 20
MAX_TEXTS = 300_000
"""Distinct labelled texts that are compared for differing labels; later ones are not."""
MIN_PER_CLASS = 5
MANY_LABELS = 1_000
IMBALANCE = 20
MINOR_LANGUAGE = 0.1

SPECIAL_TOKENS = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|\[/?(?:SEP|CLS|PAD|MASK|UNK|INST)\]|</?s>|<(?:pad|unk|mask|bos|eos|sep|cls)>|<</?SYS>>|\u2581"
)
_ODD_LABELS = {
    "none",
    "nan",
    "null",
    "n/a",
    "na",
    "nil",
    "undefined",
    "unknown",
    "__proto__",
    "true",
    "false",
    "-",
    "?",
}
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(slots=True)
class Notes:
    """How often each thing was noticed, its first rows and one sample."""

    counts: Counter[str] = field(default_factory=Counter)
    rows: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    samples: dict[str, str] = field(default_factory=dict)

    def add(self, code: str, row: int = 0, sample: str = "", count: int = 1) -> None:
        """Note `code` once more; `sample` must hold nothing personal."""
        self.counts[code] += count
        rows = self.rows[code]
        if row and len(rows) < MAX_ROWS and (not rows or rows[-1] != row):
            rows.append(row)
        if sample and code not in self.samples:
            self.samples[code] = sample


@dataclass(slots=True)
class Tally:
    """Everything the findings of one upload rest on."""

    notes: Notes = field(default_factory=Notes)
    labels: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    _seen_keys: set[str] = field(default_factory=set)
    _label_of: dict[int, str] = field(default_factory=dict)

    def watch(self, conversation: Conversation, near: Sequence[str | None], languages: Sequence[str | None]) -> None:
        """Take note of one conversation that is used."""
        row = conversation.row
        sides = {turn.is_brand for turn in conversation.turns if turn.role != "system"}
        if len(sides) == 1 and len(conversation.turns) > 1:
            self.notes.add("one_sided", row)
        for turn, key, language in zip(conversation.turns, near, languages, strict=True):
            self.turns += 1
            self.languages[language or "unknown"] += 1
            if turn.intent is not None:
                self.labels[turn.intent] += 1
                self._compare(turn.text, turn.intent, row)
            if key is not None:
                self._count_near(key, row, turn.text)
            if SPECIAL_TOKENS.search(turn.text):
                self.notes.add("special_tokens", row, turn.text[:80])
            if "\ufffd" in turn.text:
                self.notes.add("replacement_characters", row, turn.text[:80])

    def _compare(self, text: str, label: str, row: int) -> None:
        key = hash(" ".join(text.casefold().split()))
        known = self._label_of.get(key)
        if known is None:
            if len(self._label_of) < MAX_TEXTS:
                self._label_of[key] = label
        elif known != label:
            self.notes.add("conflicting_labels", row, f"{text[:60]} ({known}, {label})")

    def _count_near(self, key: str, row: int, text: str) -> None:
        if key in self._seen_keys:
            self.notes.add("near_duplicates", row, text[:80])
        elif len(self._seen_keys) < MAX_TEXTS:
            self._seen_keys.add(key)

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say, worst first."""
        self._judge_languages()
        found = [_finding(code, self.notes) for code in self.notes.counts]
        found += label_findings(self.labels)
        order = {"error": 0, "warning": 1, "info": 2}
        return tuple(sorted(found, key=lambda one: (order[one.severity], -one.count, one.code)))

    def _judge_languages(self) -> None:
        known = {code: count for code, count in self.languages.items() if code != "unknown"}
        minor = sorted(known, key=lambda code: -known[code])[1:]
        total = sum(known.values())
        large = [code for code in minor if known[code] >= MINOR_LANGUAGE * total]
        if large and "mixed_languages" not in self.notes.counts:
            self.notes.add("mixed_languages", sample=", ".join(large[:10]), count=sum(known[code] for code in large))


def label_findings(labels: Mapping[str, int]) -> Iterator[Finding]:
    """What is to be said about a set of labels and how often each is used."""
    intents = {label: count for label, count in labels.items() if label != OUT_OF_SCOPE}
    if not intents:
        return
    twins: defaultdict[str, list[str]] = defaultdict(list)
    for label in intents:
        twins[_NOT_WORD.sub("", label.casefold()) or label].append(label)
    alike = [sorted(group) for group in twins.values() if len(group) > 1]
    small = sorted(label for label, count in intents.items() if count < MIN_PER_CLASS)
    odd = sorted(label for label in intents if label.casefold() in _ODD_LABELS)
    largest, smallest = max(intents.values()), min(intents.values())
    said: list[tuple[str, int, list[str]]] = [
        ("label_twins", len(alike), [" = ".join(group) for group in alike]),
        ("small_classes", len(small), small),
        ("odd_labels", len(odd), odd),
        ("single_label", int(len(labels) == 1), list(intents)),
        ("many_labels", len(intents) if len(intents) > MANY_LABELS else 0, []),
        ("imbalance", int(largest > IMBALANCE * smallest), [max(intents, key=lambda one: (intents[one], one))]),
    ]
    for code, count, examples in said:
        if count:
            yield _catalogued(code, count, sample=", ".join(examples[:10])[:200])


def _finding(code: str, notes: Notes) -> Finding:
    return _catalogued(code, notes.counts[code], tuple(notes.rows[code]), notes.samples.get(code, ""))


def _catalogued(code: str, count: int, rows: tuple[int, ...] = (), sample: str = "") -> Finding:
    kind = CATALOGUE[code]
    return Finding(code, kind.severity, count, kind.remedy, rows, sample, kind.fixable)
