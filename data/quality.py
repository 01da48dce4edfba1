"""What there is to say about an upload: findings, each with a code, how bad it is, where, and what to do. Pure.

A Tally watches conversations go by and keeps counts and first rows, in bounded memory; `findings` says what follows.
Every reason for setting a row aside is a finding of the same code as well, so that no count stands without a remedy.
The same Tally judges the rows of a frozen dataset (`data.appraise`): one validator, whoever asks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from data.boilerplate import Boilerplate
from data.catalogue import CATALOGUE, finding_of
from data.importers.nouns import FAIL_ON
from data.mend import MISSING_VALUES, twins
from data.redact import PLACEHOLDER
from data.schema import OUT_OF_SCOPE, Conversation, Finding, Severity

MAX_ROWS = 20
MAX_TEXTS = 300_000
"""Distinct labelled texts that are compared for differing labels; later ones are not."""
MAX_LABELS = 100_000
"""Distinct labels that are counted; a column that holds more is none of labels, as `many_labels` says long before."""
MIN_PER_CLASS = 5
MANY_LABELS = 1_000
IMBALANCE = 20
MINOR_LANGUAGE = 0.1
LONG_CHARS = 1_000
"""A user's message of more characters is longer than most models read."""
MUCH_REDACTED = 0.3
"""Share of the words of all messages that placeholders may take up before it is worth a word."""

SEVERITIES: Sequence[Severity] = ("error", "warning", "info")
"""Worst first."""

SPECIAL_TOKENS = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|\[/?(?:SEP|CLS|PAD|MASK|UNK|INST)\]|</?s>|<(?:pad|unk|mask|bos|eos|sep|cls)>|<</?SYS>>|\u2581"
)
_ODD_LABELS = MISSING_VALUES | {"unknown", "__proto__", "true", "false"}


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
    """Everything the findings of one upload, or of one dataset, rest on."""

    notes: Notes = field(default_factory=Notes)
    labels: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    said: dict[str, int] = field(default_factory=dict)
    """How often the messages of each near-duplicate cluster were said."""
    _label_of: dict[int, str] = field(default_factory=dict)
    _boilerplate: Boilerplate = field(default_factory=Boilerplate)
    _words: int = 0
    _placeholders: int = 0

    def watch(self, conversation: Conversation, near: Sequence[str | None], languages: Sequence[str | None]) -> None:
        """Take note of one conversation that is used."""
        row = conversation.row
        sides = {turn.is_brand for turn in conversation.turns if turn.role != "system"}
        if len(sides) == 1 and len(conversation.turns) > 1:
            self.notes.add("one_sided", row)
        for turn, key, language in zip(conversation.turns, near, languages, strict=True):
            self.turns += 1
            self.languages[language or "unknown"] += 1
            self.hear(turn.text, turn.intent, row)
            if turn.role == "user" and len(turn.text) > LONG_CHARS:
                self.notes.add("long_turns", row, f"{len(turn.text)} characters")
            if turn.is_brand:
                self._boilerplate.watch(turn.text, row)
            if key is not None:
                self._count_near(key, row, turn.text)

    def hear(self, text: str, label: str | None, row: int) -> None:
        """Take note of one message and the label it carries."""
        if label is not None:
            if label in self.labels or len(self.labels) < MAX_LABELS:
                self.labels[label] += 1
            self._compare(text, label, row)
        if SPECIAL_TOKENS.search(text):
            self.notes.add("special_tokens", row, text[:80])
        if "\ufffd" in text:
            self.notes.add("replacement_characters", row, text[:80])
        self._words += text.count(" ") + 1
        if "[" in text:
            self._placeholders += sum(1 for _ in PLACEHOLDER.finditer(text))

    @property
    def redacted_share(self) -> float:
        """Placeholders per word."""
        return min(1.0, self._placeholders / max(1, self._words))

    def _compare(self, text: str, label: str, row: int) -> None:
        key = hash(" ".join(text.casefold().split()))
        known = self._label_of.get(key)
        if known is None:
            if len(self._label_of) < MAX_TEXTS:
                self._label_of[key] = label
        elif known != label:
            self.notes.add("conflicting_labels", row, f"{text[:60]} ({known}, {label})")

    def _count_near(self, key: str, row: int, text: str) -> None:
        if key in self.said:
            self.said[key] += 1
            self.notes.add("near_duplicates", row, text[:80])
        elif len(self.said) < MAX_TEXTS:
            self.said[key] = 1

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say, worst first."""
        self._judge_languages()
        found = [catalogued(code, count, tuple(self.notes.rows[code]), self.notes.samples.get(code, ""))
                 for code, count in self.notes.counts.items()]  # fmt: skip
        found += label_findings(self.labels)
        repeated = self._boilerplate.found()
        if repeated:
            rows = tuple(sorted({line.row for line in repeated[:MAX_ROWS] if line.row}))
            found.append(catalogued("boilerplate", sum(line.count for line in repeated), rows, repeated[0].text))
        if self.redacted_share > MUCH_REDACTED:
            share = f"{self.redacted_share:.0%} of the words"
            found.append(catalogued("much_redacted", self._placeholders, sample=share))
        return worst_first(found)

    def _judge_languages(self) -> None:
        known = {code: count for code, count in self.languages.items() if code != "unknown"}
        minor = sorted(known, key=lambda code: -known[code])[1:]
        total = sum(known.values())
        large = [code for code in minor if known[code] >= MINOR_LANGUAGE * total]
        if large and "mixed_languages" not in self.notes.counts:
            self.notes.add("mixed_languages", sample=", ".join(large[:10]), count=sum(known[code] for code in large))


def worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then the rest; what concerns most rows first."""
    return tuple(sorted(found, key=lambda one: (SEVERITIES.index(one.severity), -one.count, one.code)))


def failing(found: Iterable[Finding], level: str) -> list[Finding]:
    """The findings that are as bad as `level`, or worse; none is as bad as `never`."""
    return [one for one in found if level != "never" and FAIL_ON.index(one.severity) <= FAIL_ON.index(level)]


def label_findings(labels: Mapping[str, int]) -> Iterator[Finding]:
    """What is to be said about a set of labels and how often each is used."""
    intents = {label: count for label, count in labels.items() if label != OUT_OF_SCOPE}
    if not intents:
        return
    alike = twins(intents)
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
            yield catalogued(code, count, sample=", ".join(examples[:10])[:200])


def catalogued(code: str, count: int, rows: tuple[int, ...] = (), sample: str = "") -> Finding:
    """A finding of the catalogue, with the severity and the remedy that it has there."""
    return finding_of(CATALOGUE, code, count, sample, rows)
