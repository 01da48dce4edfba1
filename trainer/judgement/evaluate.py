"""Floor, base, live and candidate over one frozen test set: the numbers a verdict and a model card are made of.

Pure: predictions in, Comparison out; the same seed gives the same intervals. Reply selection is judged beside intents;
there the floor's scores are those of BM25.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from data.chance import chance_of
from data.errors import DatasetError
from data.schema import OUT_OF_SCOPE
from trainer.judgement import metrics
from trainer.judgement.comparison import (
    MODELS,
    Against,
    ClassRow,
    Comparison,
    Flip,
    Judged,
    ModelName,
    TestSet,
)
from trainer.judgement.intervals import DRAWS, Interval, bootstrap, exchanged, paired_bootstrap
from trainer.judgement.slices import slices_of

Array = npt.NDArray[Any]
CANDIDATE: ModelName = "candidate"


@dataclass(frozen=True, slots=True)
class _Read:
    """One model's predictions in the codes all models share. `right`: rows it would answer right."""

    judged: Judged
    predicted: list[str]
    codes: Array
    confidence: Array
    right: Array


@dataclass(frozen=True, slots=True)
class _Draws:
    seed: int
    draws: int

    def of(self, metric: Any, *arrays: Array) -> Interval:
        return bootstrap(metric, *arrays, seed=self.seed, draws=self.draws)


def compare(test: TestSet, judged: Sequence[Judged], *, seed: int = 0, draws: int = DRAWS) -> Comparison:
    """Judge every model on `test`. Exactly one must be the candidate, and none may be given twice.

    Raises DatasetError when a model's rows are not those of the test set, or models are missing or doubled.
    """
    _check(test, judged)
    truth, models = _read(test, judged)
    drawing = _Draws(seed, draws)
    candidate = models[CANDIDATE]
    in_scope = np.array([label != OUT_OF_SCOPE for label in test.labels], dtype=bool)
    reference = next((name for name in ("live", "base", "floor") if name in models), None)
    return Comparison(
        rows=len(test.texts),
        in_scope_rows=int(in_scope.sum()),
        target_precision=test.target_precision,
        models={name: _metrics(model, truth, in_scope, test, drawing) for name, model in models.items()},
        against={
            name: _against(truth, other, candidate, test, drawing)
            for name, other in models.items()
            if name != CANDIDATE
        },
        per_class=_per_class(test.labels, models),
        reference=reference,
        flips=_flips(test, models[reference], candidate) if reference else (),
        slices=slices_of(test, {name: read.codes == truth for name, read in models.items()}, reference),
        calibration=metrics.calibration_bins(candidate.confidence, candidate.right),
        confusion=_confusion(test.labels, candidate.predicted),
        diverged=not candidate.judged.is_finite,
        collapsed=len(set(candidate.predicted)) == 1 and len(set(test.labels)) > 1,
    )


def _check(test: TestSet, judged: Sequence[Judged]) -> None:
    names = [one.model for one in judged]
    if names.count(CANDIDATE) != 1 or len(set(names)) != len(names):
        raise DatasetError(
            f"A comparison needs one candidate and no model twice; it was given: {', '.join(names) or 'none'}.",
            remedy="Give each model once.",
        )
    rows = len(test.texts)
    columns = [
        test.labels,
        test.languages,
        *([] if test.new is None else [test.new]),
        *(part for one in judged for part in _columns(one)),
    ]
    if any(len(column) != rows for column in columns):
        raise DatasetError(
            f"The test set has {rows} rows; a model or column has another number.", remedy="Predict the same rows."
        )


def _columns(one: Judged) -> Iterable[Any]:
    yield one.probabilities
    yield one.confidence
    yield from (column for column in (one.predicted, one.answered) if column is not None)


def _read(test: TestSet, judged: Sequence[Judged]) -> tuple[Array, dict[str, _Read]]:
    by_name = {one.model: one for one in judged}
    ordered = [by_name[name] for name in MODELS if name in by_name]
    guesses, answers = [], []
    for one in ordered:
        # What is no number must not win: NaN would be everybody's maximum.
        table = np.nan_to_num(np.asarray(one.probabilities, dtype=float), nan=0.0, posinf=0.0, neginf=0.0)
        scores = metrics.IntentScores(one.labels, table, one.confidence, one.confidence)
        guesses.append(list(one.predicted) if one.predicted is not None else scores.predicted)
        answers.append(scores.answers)
    _, (truth, *codes) = metrics.encode(test.labels, *guesses)
    return truth, {
        one.model: _Read(
            judged=one,
            predicted=guess,
            codes=code,
            confidence=np.nan_to_num(np.asarray(one.confidence, dtype=float), nan=0.0, posinf=0.0, neginf=0.0),
            right=metrics.answered_right(test.labels, answer),
        )
        for one, guess, code, answer in zip(ordered, guesses, codes, answers, strict=True)
    }


def _metrics(model: _Read, truth: Array, in_scope: Array, test: TestSet, drawing: _Draws) -> dict[str, Interval]:
    coverage = partial(metrics.coverage_at_precision, precision=test.target_precision)
    found = {
        "accuracy": drawing.of(metrics.accuracy, truth, model.codes),
        "macro_f1": drawing.of(metrics.macro_f1, truth, model.codes),
        "in_scope_accuracy": drawing.of(metrics.share, model.right[in_scope]),
        "ece": drawing.of(metrics.ece, model.confidence, model.right),
        "auroc": drawing.of(metrics.auroc, model.confidence, in_scope),
        "coverage_at_target_precision": drawing.of(coverage, model.confidence, model.right),
    }
    answered = model.judged.answered
    if answered is not None:
        found["realised_precision"] = drawing.of(_precision, answered, model.right)
        found["realised_coverage"] = drawing.of(metrics.share, answered)
        found["in_scope_coverage"] = drawing.of(metrics.share, answered[in_scope])
    for k in (1, 5):
        hits = _hits(test, model.judged, k)
        if hits is not None:
            found[f"recall_at_{k}"] = drawing.of(metrics.share, hits)
    found["latency_ms"] = Interval.exactly(model.judged.latency_ms)
    found["size_bytes"] = Interval.exactly(model.judged.size_bytes)
    return found


def _precision(answered: Array, right: Array) -> float:
    return metrics.share(right[answered])


def _hits(test: TestSet, one: Judged, k: int) -> Array | None:
    if test.reply_truth is None or one.reply_scores is None:
        return None
    return metrics.hits_at(one.reply_scores, test.reply_truth, k)


def _against(truth: Array, other: _Read, candidate: _Read, test: TestSet, drawing: _Draws) -> Against:
    pair = (other.codes, candidate.codes)
    before, after = _hits(test, other.judged, 1), _hits(test, candidate.judged, 1)
    recall = None
    if before is not None and after is not None:
        recall = paired_bootstrap(_mean_of, before, (before, after), seed=drawing.seed, draws=drawing.draws)
    won, lost = exchanged(other.codes == truth, candidate.codes == truth)
    return Against(
        macro_f1=paired_bootstrap(metrics.macro_f1, truth, pair, seed=drawing.seed, draws=drawing.draws),
        accuracy=paired_bootstrap(metrics.accuracy, truth, pair, seed=drawing.seed, draws=drawing.draws),
        p_value=chance_of(won, lost),
        recall_at_1=recall,
        won=won,
        lost=lost,
    )


def _mean_of(_truth: Array, hits: Array) -> float:
    return metrics.share(hits)


def _per_class(labels: Sequence[str], models: Mapping[str, _Read]) -> list[ClassRow]:
    tables = {name: metrics.per_label(labels, model.predicted) for name, model in models.items()}
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    candidate = tables[CANDIDATE]
    rows = []
    for label in sorted({*labels, *candidate}):
        own = candidate.get(label, nothing)
        f1 = {name: float(table.get(label, nothing)["f1"]) for name, table in tables.items()}
        rows.append(ClassRow(label, int(own["support"]), own["precision"], own["recall"], own["f1"], f1))
    return rows


def _flips(test: TestSet, reference: _Read, candidate: _Read) -> list[Flip]:
    """Every row whose label changed: first those made worse, then those made better, then wrong both times."""
    order = {"worse": 0, "better": 1, "different": 2}
    flips = []
    for text, label, before, after in zip(
        test.texts, test.labels, reference.predicted, candidate.predicted, strict=True
    ):
        if before == label != after:
            flips.append(Flip(text, label, before, after, "worse"))
        elif after == label != before:
            flips.append(Flip(text, label, before, after, "better"))
        elif before != after:
            flips.append(Flip(text, label, before, after, "different"))
    return sorted(flips, key=lambda flip: order[flip.change])


def _confusion(labels: Sequence[str], predicted: Sequence[str]) -> list[tuple[str, str, int]]:
    counted = Counter(zip(labels, predicted, strict=True))
    return [(true, guess, rows) for (true, guess), rows in sorted(counted.items())]
