"""What there is to say about a frozen dataset: the findings of an upload, and those that only the whole can show. Pure.

What a model has to measure first (labels it doubts, words its base does not know, what it gains from more data) comes
as Evidence, in arrays; what follows from it is judged here, so that one place decides what is a finding and how bad.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from data.curve import LearningCurve, Point, fitted
from data.figures import Figures
from data.frozen import FrozenDataset
from data.quality import LONG_CHARS, MAX_ROWS, Tally, catalogued, worst_first
from data.schema import Example, Finding, Split

UNKNOWN_SHARE = 0.02
"""Share of all tokens that the base does not know from which it is worth a word."""
UNKNOWN_IN_ROW = 0.1
ENOUGH_PER_LABEL = 20
"""Labelled messages from which a label is well known."""
ENOUGH_PAIRS = 200
"""Messages with a reply from which a selector learns anything; of pairs of other texts no figure is known."""
ENOUGH_PER_TYPE = 50
"""Marked spans from which a type is found well enough to be of use."""
ENOUGH_FELT = 100
"""Messages of labelled sentiment from which a brand has one of its own (`trainer.labels.sentiment`)."""
ENOUGH_TESTED = 50
"""Test messages below which a verdict holds everything back (`trainer.judgement.verdict`)."""
WORTH_IT = 0.01
"""What twice the data must gain, in accuracy, to be worth the work of labelling it."""
MOST_SUSPECTS = 200
SHOWN_CHARS = 120


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that a model doubts which had not seen it: row (from 1), what it takes it for and how sure it is."""

    row: int
    suggested: str
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a base model and a quick classifier on it have measured.

    `unknown` and `tokens` hold, for each row of the dataset in its order, the share of tokens that the base does not
    know and how many there are; it reads `longest`. `suspects` are sorted, the least credible label first.
    """

    base: str
    longest: int
    unknown: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    suspects: Sequence[Suspect] = ()
    points: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Lack:
    """Too little for a task: how much there is, how much more it takes, and why."""

    task: str
    have: int
    missing: int
    why: str

    def to_wire(self) -> dict[str, Any]:
        return {"task": self.task, "have": self.have, "missing": self.missing, "why": self.why}


@dataclass(frozen=True, slots=True)
class Appraisal:
    """All that is to be said about one dataset."""

    dataset: str
    base: str | None
    rows: Mapping[str, int]
    labels: Mapping[str, int]
    languages: Mapping[str, int]
    findings: tuple[Finding, ...]
    label_errors: Sequence[Mapping[str, Any]] = ()
    lacks: Sequence[Lack] = ()
    curve: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "base": self.base,
            "rows": dict(self.rows),
            "labels": dict(sorted(self.labels.items(), key=lambda item: (-item[1], item[0]))),
            "languages": dict(sorted(self.languages.items(), key=lambda item: (-item[1], item[0]))),
            "findings": [finding.to_wire() for finding in self.findings],
            "label_errors": [dict(one) for one in self.label_errors],
            "too_little": [lack.to_wire() for lack in self.lacks],
            "curve": dict(self.curve),
            "figures": dict(self.figures),
        }


def examples(dataset: FrozenDataset) -> Iterator[Example]:
    """Every row that is learned from or measured on, in the order in which findings number them, from 1."""
    for split in get_args(Split):
        yield from dataset.rows(split)


def appraise(dataset: FrozenDataset, evidence: Evidence | None = None) -> Appraisal:
    """Judge the dataset; without evidence nothing is said of what only a model can tell."""
    tally, figures = Tally(), Figures()
    doubted = {suspect.row: suspect for suspect in (evidence.suspects if evidence else ())[:MOST_SUSPECTS]}
    texts: dict[int, Example] = {}
    repeats = 0.0
    for number, row in enumerate(examples(dataset), start=1):
        tally.hear(row.text, row.intent, number)
        tally.languages[row.language or "unknown"] += 1
        figures.count_length("user", row.text)
        repeats += 1.0 - row.weight
        if evidence is None and len(row.text) > LONG_CHARS:
            tally.notes.add("long_turns", number, f"{len(row.text)} characters")
        if number in doubted:
            texts[number] = row
    if round(repeats):
        tally.notes.add("near_duplicates", count=round(repeats))
    curve = fitted(evidence.points) if evidence else None
    lacks = tuple(too_little(dataset.manifest))
    found = [*tally.findings(), *_of_splits(dataset.manifest), *_of_lacks(lacks), *_of_curve(curve)]
    if evidence is not None:
        found += _of_evidence(evidence, texts)
    return Appraisal(
        dataset=dataset.fingerprint,
        base=evidence.base if evidence else None,
        rows=dataset.manifest["rows"],
        labels=dict(tally.labels),
        languages=dict(tally.languages),
        findings=worst_first(found),
        label_errors=[_told(doubted[number], row) for number, row in _in_order(doubted, texts)],
        lacks=lacks,
        curve=_curve(evidence.points if evidence else (), curve),
        figures=figures.to_wire(),
    )


def too_little(manifest: Mapping[str, Any]) -> Iterator[Lack]:
    """The tasks for which a dataset of this manifest holds too little."""
    labels: Mapping[str, Mapping[str, int]] = manifest["labels"]
    learned = [labels["train"].get(name, 0) + labels["validation"].get(name, 0) for name in _names(labels)]
    if learned:
        yield from too_few(learned)
        tested = sum(labels["test"].values())
        if tested < ENOUGH_TESTED:
            share = float(manifest.get("settings", {}).get("shares", {}).get("test", 0.1)) or 0.1
            more = math.ceil((ENOUGH_TESTED - tested) / share)
            yield Lack("measuring", tested, more, f"{ENOUGH_TESTED} labelled messages fall into test")
    yield from too_few_in_all("reply", manifest["replies"]["train"], ENOUGH_PAIRS, "messages with a reply of the brand")
    yield from too_few_spans(list(manifest.get("entities", {}).get("train", {}).values()))
    felt: Mapping[str, Mapping[str, int]] = manifest.get("sentiments", {})
    known = sum(sum(felt.get(split, {}).values()) for split in ("train", "validation"))
    yield from too_few_in_all("sentiment", known, ENOUGH_FELT, "messages with a sentiment, for one of the brand's own")


def too_few(counts: Sequence[int], task: str = "intent") -> Iterator[Lack]:
    """What lacks where each label has so many messages to learn from."""
    return _of_each(counts, task, ENOUGH_PER_LABEL, "labelled messages for each label")


def too_few_spans(counts: Sequence[int]) -> Iterator[Lack]:
    """What lacks where each type has so many marked spans to learn from."""
    return _of_each(counts, "entities", ENOUGH_PER_TYPE, "marked spans of each type")


def too_few_in_all(task: str, have: int, enough: int, what: str) -> Iterator[Lack]:
    """What lacks where there is some of it, but not enough; of nothing nobody expects that it is learned."""
    if 0 < have < enough:
        yield Lack(task, have, enough - have, f"{enough} {what}")


def _of_each(counts: Sequence[int], task: str, enough: int, what: str) -> Iterator[Lack]:
    missing = sum(max(0, enough - count) for count in counts)
    if missing > enough * len(counts) / 4:
        yield Lack(task, sum(counts), missing, f"{enough} {what}")


def _names(labels: Mapping[str, Mapping[str, int]]) -> list[str]:
    return sorted({name for counts in labels.values() for name in counts})


def _of_lacks(lacks: Sequence[Lack]) -> Iterator[Finding]:
    if lacks:
        said = "; ".join(f"{one.task}: {one.have} there, {one.missing} more until {one.why}" for one in lacks)
        yield catalogued("too_little_data", sum(one.missing for one in lacks), sample=said)


def _of_splits(manifest: Mapping[str, Any]) -> Iterator[Finding]:
    for code, name in (("seen_in_train", "seen"), ("near_leakage", "near_duplicates_of_train")):
        counts: Mapping[str, int] = manifest.get(name, {})
        if sum(counts.values()):
            yield catalogued(code, sum(counts.values()), sample=", ".join(f"{k} {n}" for k, n in counts.items()))
    labels: Mapping[str, Mapping[str, int]] = manifest["labels"]
    absent = {split: [one for one in _names(labels) if not labels[split].get(one)] for split in ("train", "test")}
    if any(absent.values()):
        said = "; ".join(f"{split} lacks {', '.join(names[:10])}" for split, names in absent.items() if names)
        count = len({name for names in absent.values() for name in names})
        yield catalogued("missing_from_split", count, sample=said[:200])


def _of_curve(curve: LearningCurve | None) -> Iterator[Finding]:
    if curve is None:
        return
    now, twice = curve.last, curve.accuracy(2 * curve.last.rows)
    if twice - curve.accuracy(now.rows) >= WORTH_IT:
        said = f"{now.accuracy:.1%} with {now.rows} messages; about {twice:.1%} with twice as many"
        yield catalogued("more_data_helps", now.rows, sample=said)


def _of_evidence(evidence: Evidence, texts: Mapping[int, Example]) -> Iterator[Finding]:
    if evidence.suspects:
        rows = tuple(suspect.row for suspect in evidence.suspects[:MAX_ROWS])
        first = evidence.suspects[0]
        row = texts.get(first.row)
        said = f"{row.text[:60]} ({row.intent}, rather {first.suggested})" if row else ""
        yield catalogued("label_errors", len(evidence.suspects), rows, said)
    long = np.flatnonzero(evidence.tokens > evidence.longest)
    if len(long):
        said = f"{evidence.base} reads {evidence.longest} tokens; the longest message has {evidence.tokens.max()}"
        yield catalogued("long_turns", len(long), _numbers(long), said)
    share = float((evidence.unknown * evidence.tokens).sum() / max(1, evidence.tokens.sum()))
    foreign = np.flatnonzero(evidence.unknown > UNKNOWN_IN_ROW)
    if share > UNKNOWN_SHARE and len(foreign):
        said = f"{share:.1%} of all tokens are unknown to {evidence.base}"
        yield catalogued("unknown_tokens", len(foreign), _numbers(foreign), said)


def _numbers(places: npt.NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(place) + 1 for place in places[:MAX_ROWS])


def _in_order(doubted: Mapping[int, Suspect], texts: Mapping[int, Example]) -> list[tuple[int, Example]]:
    return [(number, texts[number]) for number in doubted if number in texts]


def _told(suspect: Suspect, row: Example) -> dict[str, Any]:
    told = {"row": suspect.row, "split": row.split, "text": row.text[:SHOWN_CHARS], "label": row.intent}
    return {**told, "suggested": suspect.suggested, "confidence": round(suspect.confidence, 3)}


def _curve(points: Sequence[Point], curve: LearningCurve | None) -> dict[str, Any]:
    if not points:
        return {}
    told: dict[str, Any] = {"points": [{"rows": one.rows, "accuracy": round(one.accuracy, 4)} for one in points]}
    if curve is None:
        return told
    rows = curve.last.rows
    goals = {f"{goal:.2f}": curve.rows_for(goal) for goal in (0.8, 0.85, 0.9, 0.95) if goal > curve.last.accuracy}
    return {**told, "with_twice_as_many": round(curve.accuracy(2 * rows), 4), "rows_for": goals}
