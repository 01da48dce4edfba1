"""The nouns of an evaluation: what is judged, on what, and what came out. Values only; `evaluate` fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data.schema import Finding
from trainer.judgement import metrics
from trainer.judgement.forgetting import Forgetting
from trainer.judgement.intervals import Difference, Interval

Array = npt.NDArray[Any]
ModelName = Literal["floor", "base", "live", "candidate"]
MODELS: tuple[ModelName, ...] = ("floor", "base", "live", "candidate")
Change = Literal["worse", "better", "different"]
CHANCE = 0.05
"""What comes less often by chance alone is taken for more than chance."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """The frozen rows all models are judged on. `texts` are redacted already; `labels` are true, `oos` among them.

    `train_counts` says how many training rows each label had. `reply_truth` [queries] is the true candidate of each
    query of reply selection, None when replies are not judged. `new` says of each row whether it came after what is
    live was made; None where that is unknown, or nothing is live.
    """

    __test__ = False  # a noun, not a test for pytest to collect

    texts: Sequence[str]
    labels: Sequence[str]
    languages: Sequence[str | None]
    train_counts: Mapping[str, int]
    target_precision: float = 0.9
    reply_truth: Array | None = None
    new: Sequence[bool] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What one model says of the n rows of a test set.

    `probabilities` [n, labels] over its own `labels`; `confidence` [n] that answering with its best in-scope label is
    right; `latency_ms` of one text, median; `size_bytes` on disk. `answered` [n]: whether its confidence reaches a
    threshold of its own, chosen without the test set; None where it has none. `predicted` [n] overrides the most
    probable label, for a model that calls rows out of scope by a threshold. `reply_scores` [queries, candidates] rank
    replies.
    """

    model: ModelName
    labels: Sequence[str]
    probabilities: Array
    confidence: Array
    latency_ms: float
    size_bytes: int
    answered: Array | None = None
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
class Exchange:
    """What became of the rows of a slice that just one of two models gets right: the candidate (`won`), or the model it
    is compared with (`lost`). `p_value` is McNemar's, `corrected` Holm's for all slices that were looked at."""

    model: str
    won: int
    lost: int
    p_value: float
    corrected: float

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is worse, by more than chance."""
        return self.lost > self.won and self.corrected < CHANCE

    def to_wire(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "won": self.won,
            "lost": self.lost,
            "p_value": self.p_value,
            "p_corrected": self.corrected,
        }


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of the test set (`name`: language, length, class or data), the accuracy of every model on it, and how the
    candidate does beside the reference; no `exchange` where there is no reference, or the part is the whole."""

    name: str
    value: str
    rows: int
    accuracy: Mapping[str, Interval]
    exchange: Exchange | None = None

    def to_wire(self) -> dict[str, Any]:
        return {
            "slice": self.name,
            "value": self.value,
            "rows": self.rows,
            "accuracy": {model: metrics.finite(round(share.value, 4)) for model, share in self.accuracy.items()},
            "intervals": {model: share.to_wire() for model, share in self.accuracy.items()},
            "exchange": self.exchange and self.exchange.to_wire(),
        }


@dataclass(frozen=True, slots=True)
class Against:
    """The candidate less one reference on the same rows. `won` and `lost` count those that only the candidate, or only
    the reference, gets right; `p_value` is McNemar's of the two."""

    macro_f1: Difference
    accuracy: Difference
    p_value: float
    recall_at_1: Difference | None = None
    won: int = 0
    lost: int = 0

    def to_wire(self) -> dict[str, Any]:
        gaps = {"accuracy": self.accuracy, "macro_f1": self.macro_f1, "recall_at_1": self.recall_at_1}
        told = {name: gap.to_wire() for name, gap in gaps.items() if gap is not None}
        return {**told, "won": self.won, "lost": self.lost, "p_value": metrics.finite(self.p_value)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """All models over one test set. `models[model][metric]` holds what could be computed; NaN where it is undefined.

    `reference` is what flips are counted from: live, else base, else floor. `confusion` holds (true, predicted, rows)
    of the candidate for every pair that occurs; `calibration` the bins of its confidence. `diverged`: it gave numbers
    that are none; `collapsed`: it gives one label to everything; `forgetting`: by task, what its encoder forgot.
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
    forgetting: Mapping[str, Forgetting] = field(default_factory=dict)

    @property
    def oos_rows(self) -> int:
        return self.rows - self.in_scope_rows

    def with_metric(self, name: str, scores: Mapping[ModelName, Interval]) -> Comparison:
        """The same with one more metric of the models in `scores`."""
        models = {model: dict(figures) for model, figures in self.models.items()}
        for model, score in scores.items():
            models.setdefault(model, {})[name] = score
        return replace(self, models=models)

    def metric(self, model: str, name: str) -> Interval | None:
        """The interval of one metric of one model; None when it was not judged."""
        return self.models.get(model, {}).get(name)

    def confused(self, limit: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent confusions, (true, predicted, rows), most frequent first."""
        wrong = [pair for pair in self.confusion if pair[0] != pair[1]]
        return sorted(wrong, key=lambda pair: (-pair[2], pair[0], pair[1]))[:limit]

    def against_to_wire(self) -> dict[str, dict[str, Any]]:
        return {model: {"rows": self.rows, **against.to_wire()} for model, against in self.against.items()}

    def models_to_wire(self) -> dict[str, dict[str, dict[str, float | None]]]:
        return {
            model: {name: interval.to_wire() for name, interval in metrics.items()}
            for model, metrics in self.models.items()
        }


@dataclass(frozen=True, slots=True)
class Beside:
    """One more figure, `metric`, of the models that have it, and what there is to say about them: spans, sentiments,
    written replies. No scores: it was not judged."""

    metric: str
    scores: Mapping[ModelName, Interval] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def into(self, comparison: Comparison) -> Comparison:
        """The comparison with these figures among those of its models."""
        return comparison.with_metric(self.metric, self.scores)
