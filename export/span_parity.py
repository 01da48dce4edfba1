"""Does the exported encoder of tokens find the spans that the trained one finds?

Full precision must find the very same spans (as far as the probe can tell, see `export.parity.CHANCE`); int8 may cost a
share of the F1 of spans, and no more. Write side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data.errors import ParityFailed
from export.encoders import Precision
from export.entities import EntityModel
from export.parity import MAX_COST, NAMED
from export.tagging import Place, places

EQUAL = {"fp32": 0.999, "int8": 0.9}
"""Least share of texts in which both sides find the same spans. Of full precision one in a thousand may stand on the
edge between two readings, which rounding settles either way."""


@dataclass(frozen=True, slots=True)
class SpanProbe:
    """Held-out texts with what the brand said before each, and their true spans where they are known."""

    asked: Sequence[tuple[str, str | None]]
    truth: Sequence[Sequence[Place]] = ()


@dataclass(frozen=True, slots=True)
class SpanParity:
    """`equal`: share of texts with the same spans; `cost`: F1 of spans lost; `rows`: the first that differ."""

    precision: Precision
    texts: int
    equal: float
    cost: float
    rows: tuple[int, ...] = field(default=())

    @property
    def passed(self) -> bool:
        # A single text that differs among few says nothing yet of one in a thousand.
        different = round((1 - self.equal) * self.texts)
        return different <= max((1 - EQUAL[self.precision]) * self.texts, 1 if self.texts >= 100 else 0)

    def to_wire(self) -> dict[str, Any]:
        return {
            "precision": self.precision,
            "texts": self.texts,
            "passed": self.passed,
            "cost": round(self.cost, 5),
            "equal": round(self.equal, 5),
            "rows": list(self.rows),
        }


def compare_spans(trained: EntityModel, exported: EntityModel, probe: SpanProbe, precision: Precision) -> SpanParity:
    """Raises ValueError for an empty probe: nothing would have been compared."""
    if not probe.asked:
        raise ValueError("an empty probe compares nothing")
    ours, theirs = ([places(spans) for spans in side.find_many(probe.asked)] for side in (trained, exported))
    differ = [row for row, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    truth = [set(spans) for spans in probe.truth] or ours
    cost = _f1(truth, ours) - _f1(truth, theirs)
    return SpanParity(precision, len(ours), 1 - len(differ) / len(ours), cost, tuple(differ[:NAMED]))


def require_spans(parity: SpanParity) -> None:
    """Raise ParityFailed unless the same spans are found."""
    if not parity.passed:
        raise ParityFailed(
            f"The exported {parity.precision} entity model does not find what the trained one finds: the same spans in "
            f"{parity.equal:.2%} of {parity.texts} texts.",
            remedy="Nothing was published. Export again; if it fails again, report the versions in the job's log.",
            checks="spans",
        )


def serves_int8(int8: SpanParity) -> tuple[Precision, str]:
    """Which precision is served, and why in one sentence."""
    if not int8.passed:
        return "fp32", f"int8 finds the same spans in only {100 * int8.equal:.1f} % of texts."
    if int8.cost > MAX_COST + 1e-12:
        return "fp32", f"int8 costs {100 * int8.cost:.2f} points of span F1, more than {100 * MAX_COST:.2f}."
    return "int8", f"int8 costs {100 * int8.cost:.2f} points of span F1, at most {100 * MAX_COST:.2f}."


def _f1(truth: Sequence[set[Place]], found: Sequence[set[Place]]) -> float:
    right = sum(len(one & other) for one, other in zip(truth, found, strict=True))
    whole = sum(map(len, truth)) + sum(map(len, found))
    return 2 * right / whole if whole else 1.0
