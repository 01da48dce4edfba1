"""The nouns of an evaluation: what is judged, on what, and what came out. Values only; `evaluate` fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.intervals import Difference, Interval

Array = npt.NDArray[Any]
ModelName = Literal["floor", "base", "live", "candidate"]
MODELS: tuple[ModelName, ...] = ("floor", "base", "live", "candidate")
Change = Literal["worse", "better", "different"]


@dataclass(frozen=True, slots=True)
class TestSet:
    """The frozen rows all models are judged on. `texts` are redacted already; `labels` are true, `oos` among them.

    `train_counts` says how many training rows each label had. `reply_truth` [queries] is the true candidate of each
    query of reply selection, None when replies are not judged.
    """

    __test__ = False  # a noun, not a test for pytest to collect

    texts: Sequence[str]
    labels: Sequence[str]
    languages: Sequence[str | None]
    train_counts: Mapping[str, int]
    target_precision: float = 0.9
    reply_truth: Array | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What one model says of the n rows of a test set.

    `probabilities` [n, labels] over its own `labels`; `confidence` [n] that answering with its best in-scope label is
    right; `latency_ms` of one text, median; `size_bytes` on disk. `answer_threshold` is its own, chosen without the
    test set; None where it has none. `predicted` [n] overrides the most probable label, for a model that calls rows
    out of scope by a threshold. `reply_scores` [queries, candidates] rank replies.
    """

    model: ModelName
    labels: Sequence[str]
    probabilities: Array
    confidence: Array
    latency_ms: float
    size_bytes: int
    answer_threshold: float | None = None
    predicted: Sequence[str] | None = None
    reply_scores: Array | None = None

    @property
    def is_finite(self) -> bool:
        """Whether every number it gave is one. A diverged training gives others."""
        return bool(np.isfinite(self.probabilities).all() and np.isfinite(self.confidence).all())


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One label: its true rows, the candidate's figures, and the F1 of every model."""

    label: str
    support: int
    precision: float
    recall: float
    f1: float
    f1_by_model: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Flip:
    """A message whose label changed between the reference model and the candidate."""

    text: str
    label: str
    before: str
    after: str
    change: Change

    def to_wire(self) -> dict[str, str]:
        return {
            "text": self.text,
            "label": self.label,
            "before": self.before,
            "after": self.after,
            "change": self.change,
        }


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of the test set (`name`: language, length or class size) and the accuracy of every model on it."""

    name: str
    value: str
    rows: int
    accuracy: Mapping[str, float]

    def to_wire(self) -> dict[str, Any]:
        rounded = {model: round(value, 4) for model, value in self.accuracy.items()}
        return {"slice": self.name, "value": self.value, "rows": self.rows, "accuracy": rounded}


@dataclass(frozen=True, slots=True)
class Against:
    """The candidate less one reference on the same rows; `p_value` is McNemar's on accuracy."""

    macro_f1: Difference
    accuracy: Difference
    p_value: float
    recall_at_1: Difference | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All models over one test set. `models[model][metric]` holds what could be computed; NaN where it is undefined.

    `reference` is what flips are counted from: live, else base, else floor. `confusion` holds (true, predicted, rows)
    of the candidate for every pair that occurs; `calibration` the bins of its confidence. `diverged`: it gave numbers
    that are none; `collapsed`: it gives one label to everything.
    """

    rows: int
    in_scope_rows: int
    target_precision: float
    models: Mapping[str, Mapping[str, Interval]]
    against: Mapping[str, Against]
    per_class: Sequence[ClassRow] = ()
    reference: str | None = None
    flips: Sequence[Flip] = ()
    slices: Sequence[Slice] = ()
    calibration: Sequence[Mapping[str, float]] = ()
    confusion: Sequence[tuple[str, str, int]] = ()
    diverged: bool = False
    collapsed: bool = False

    @property
    def oos_rows(self) -> int:
        return self.rows - self.in_scope_rows

    def metric(self, model: str, name: str) -> Interval | None:
        """The interval of one metric of one model; None when it was not judged."""
        return self.models.get(model, {}).get(name)

    def confused(self, limit: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent confusions, (true, predicted, rows), most frequent first."""
        wrong = [pair for pair in self.confusion if pair[0] != pair[1]]
        return sorted(wrong, key=lambda pair: (-pair[2], pair[0], pair[1]))[:limit]

    def models_to_wire(self) -> dict[str, dict[str, dict[str, float | None]]]:
        return {
            model: {name: interval.to_wire() for name, interval in metrics.items()}
            for model, metrics in self.models.items()
        }
