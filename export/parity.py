"""Is the exported model the trained one? Compared on held-out raw text, from the string to the label and the reply.

Both sides are whole predictors that differ in their encoder alone, so that tokenizer file, length limit, pooling, head
and policy are all under test. Every check runs before anything is raised. Write side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from data.errors import ParityFailed
from export.encoders import Precision
from export.hear import Spoken
from export.predict import Prediction, Predictor
from export.runtime import Embeddings
from export.situation import Understanding, label_of
from export.thresholds import Thresholds
from export.ties import both, feel_alike, is_tie, on_edge, rivals

MAX_COST = 0.005
"""int8 may cost this share of right answers, and no more."""
EMBEDDED = 256
"""Rows whose embeddings are compared number by number."""
NAMED = 20
CHANCE = 0.05
"""A share misses its limit when as many differences, or more, would come this rarely from a side that just holds it: of
250 rows the fourth difference says nothing yet against 99 in 100. Against a limit of 1 a single one says all."""

CheckName = Literal["embeddings", "labels", "confidence", "sentiments", "candidates", "replies"]


@dataclass(frozen=True, slots=True)
class Probe:
    """Held-out raw text: `texts` with their true labels where known, conversations with the brand's true next reply."""

    texts: Sequence[str] = ()
    truth: Sequence[str | None] = ()
    conversations: Sequence[Sequence[Spoken]] = ()
    true_replies: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the exported side may be from the trained one.

    `embedding` and `confidence`: largest absolute difference; `labels`, `candidates`, `replies`, `sentiments`: least
    share that must be equal, as far as the probe can tell (see CHANCE). What differs only because both sides stand on
    an edge (see export/ties) counts as equal.
    """

    embedding: float
    confidence: float
    labels: float
    candidates: float
    replies: float
    sentiments: float


FP32 = Limits(embedding=1e-4, confidence=1e-3, labels=1.0, candidates=1.0, replies=1.0, sentiments=1.0)
INT8 = Limits(embedding=1.0, confidence=1.0, labels=0.97, candidates=0.85, replies=0.95, sentiments=0.9)
"""What rounding alone explains; whether int8 is served hangs on the right answers that it costs (see MAX_COST)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what was found, what was allowed, and the first rows of the probe that differ."""

    name: CheckName
    value: float
    limit: float
    passed: bool
    rows: tuple[int, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": round(self.value, 7),
            "limit": self.limit,
            "passed": self.passed,
            "rows": list(self.rows),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All checks of one exported precision. `cost` is the share of right answers lost against the trained side:
    of labels or of replies, whichever lost more (negative: gained)."""

    precision: Precision
    texts: int
    conversations: int
    checks: tuple[Check, ...]
    cost: float

    @property
    def problems(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def to_wire(self) -> dict[str, Any]:
        """The verdict's `parity`."""
        return {
            "precision": self.precision,
            "texts": self.texts,
            "conversations": self.conversations,
            "passed": not self.problems,
            "cost": round(self.cost, 5),
            "checks": [check.to_wire() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """Which precision is served, and why in one sentence."""

    precision: Precision
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What a predictor makes of a probe, so that it is asked once however many it is compared with."""

    bars: Thresholds
    feels: bool
    embeddings: Embeddings | None
    understood: Sequence[Understanding]
    answered: Sequence[Prediction]

    @classmethod
    def of(cls, predictor: Predictor, probe: Probe) -> Side:
        parts = predictor.parts
        return cls(
            parts.thresholds,
            parts.sentiment is not None,
            predictor.embed(probe.texts[:EMBEDDED]),
            predictor.understand_many(probe.texts),
            predictor.reply_many(probe.conversations),
        )


def compare(trained: Side, exported: Side, probe: Probe, precision: Precision = "fp32") -> Comparison:
    """Run every check of `precision`'s limits over `probe`. Raises nothing: see `require`.

    Raises ValueError when the probe is empty or its parts do not match: nothing would have been compared.
    """
    _sound(probe)
    limits = FP32 if precision == "fp32" else INT8
    checks: list[Check] = []
    costs = [0.0]
    if probe.texts:
        found, cost = _compare_texts(trained, exported, probe.truth, limits)
        checks += found
        costs.append(cost)
    if probe.conversations:
        found, cost = _compare_conversations(trained, exported, probe.true_replies, limits)
        checks += found
        costs.append(cost)
    cost = max(costs[1:], default=0.0)
    return Comparison(precision, len(probe.texts), len(probe.conversations), tuple(checks), cost)


def require(comparison: Comparison) -> None:
    """Raise ParityFailed naming every check that did not pass."""
    if comparison.problems:
        told = "; ".join(
            f"{c.name} {c.value:.6g} where {c.limit:g} was allowed"
            + (f" (rows {', '.join(map(str, c.rows))})" if c.rows else "")
            for c in comparison.problems
        )
        raise ParityFailed(
            f"The exported {comparison.precision} model does not answer as the trained one: {told}.",
            remedy="Nothing was published. Export again; if it fails again, report the versions in the job's log.",
            checks=",".join(check.name for check in comparison.problems),
        )


def choose(int8: Comparison, max_cost: float = MAX_COST) -> Choice:
    """Whether int8 is served: only when it passes its own limits and costs at most `max_cost` of the right answers."""
    if int8.problems:
        names = ", ".join(check.name for check in int8.problems)
        return Choice("fp32", f"int8 differs too much from the trained model in {names}.")
    if int8.cost > max_cost + 1e-12:
        return Choice("fp32", f"int8 costs {100 * int8.cost:.2f} points, more than {100 * max_cost:.2f}.")
    return Choice("int8", f"int8 costs {100 * int8.cost:.2f} points, at most {100 * max_cost:.2f}.")


def _compare_texts(
    trained: Side, exported: Side, truth: Sequence[str | None], limits: Limits
) -> tuple[list[Check], float]:
    checks = [_embeddings(trained.embeddings, exported.embeddings, limits)]
    pairs = list(zip(trained.understood, exported.understood, strict=True))
    bars = trained.bars
    labels = [(label_of(a, bars), label_of(b, bars)) for a, b in pairs]
    flipped = [row for row, (a, b) in enumerate(labels) if a != b and not is_tie(*pairs[row], bars)]
    checks.append(_share("labels", flipped, len(pairs), limits.labels))
    gaps = np.array([abs(a.confidence - b.confidence) for a, b in pairs])
    checks.append(_gap("confidence", gaps, limits.confidence))
    if trained.feels or exported.feels:
        other = [row for row, (a, b) in enumerate(pairs) if not feel_alike(a.sentiment, b.sentiment)]
        checks.append(_share("sentiments", other, len(pairs), limits.sentiments))
    return checks, _cost(labels, truth)


def _compare_conversations(
    trained: Side, exported: Side, true_replies: Sequence[str | None], limits: Limits
) -> tuple[list[Check], float]:
    pairs = list(zip(trained.answered, exported.answered, strict=True))
    bars = trained.bars
    first = [(_first(a), _first(b)) for a, b in pairs]
    other_candidate = [row for row, (a, b) in enumerate(first) if a != b and not both(rivals, pairs[row])]
    other_reply = [
        row
        for row, (a, b) in enumerate(pairs)
        if (a.reply, a.source) != (b.reply, b.source) and not both(lambda side: on_edge(side, bars), (a, b))
    ]
    checks = [
        _share("candidates", other_candidate, len(pairs), limits.candidates),
        _share("replies", other_reply, len(pairs), limits.replies),
    ]
    return checks, _cost(first, true_replies)


def _embeddings(ours: Embeddings | None, theirs: Embeddings | None, limits: Limits) -> Check:
    if ours is None or theirs is None or ours.shape != theirs.shape:
        same = ours is None and theirs is None
        return Check("embeddings", 0.0 if same else float("inf"), limits.embedding, same)
    return _gap("embeddings", np.abs(ours - theirs).max(axis=1), limits.embedding)


def _gap(name: CheckName, gaps: np.ndarray[Any, np.dtype[Any]], limit: float) -> Check:
    wrong = ~(gaps <= limit)  # so that a value that is not a number is wrong, too
    value = float(gaps.max()) if len(gaps) else 0.0
    return Check(name, value, limit, not wrong.any(), tuple(int(row) for row in np.flatnonzero(wrong)[:NAMED]))


def _share(name: CheckName, different: Sequence[int], total: int, limit: float) -> Check:
    passed = _at_least(len(different), total, 1 - limit) >= CHANCE
    return Check(name, 1 - len(different) / total, limit, passed, tuple(different[:NAMED]))


def _at_least(found: int, total: int, rate: float) -> float:
    """The chance of `found` or more among `total` when each comes at `rate` (the upper tail of a binomial)."""
    if found == 0 or rate <= 0:
        return float(found == 0)
    ways = (math.lgamma(total + 1) - math.lgamma(n + 1) - math.lgamma(total - n + 1) for n in range(found))
    fewer = (math.exp(way + n * math.log(rate) + (total - n) * math.log1p(-rate)) for n, way in enumerate(ways))
    return max(1 - math.fsum(fewer), 0.0)


def _cost(pairs: Sequence[tuple[str | None, str | None]], truth: Sequence[str | None]) -> float:
    """Right answers lost, as a share. Where no truth is known, every difference counts as a loss."""
    known = [(a == t, b == t) for (a, b), t in zip(pairs, truth, strict=False) if t is not None]
    if not known:
        return sum(a != b for a, b in pairs) / len(pairs)
    return sum(a - b for a, b in known) / len(known)


def _first(side: Prediction) -> str | None:
    return side.candidates[0].text if side.candidates else None


def _sound(probe: Probe) -> None:
    if not probe.texts and not probe.conversations:
        raise ValueError("an empty probe compares nothing")
    for given, rows in ((probe.truth, probe.texts), (probe.true_replies, probe.conversations)):
        if given and len(given) != len(rows):
            raise ValueError(f"{len(rows)} rows of a probe came with {len(given)} truths")
