"""What a score is worth: temperature, the two logistic models of confidence, and the two thresholds.

All are fitted on rows that the scoring head had not learned from. Three kinds stand for what live traffic holds:

- in scope: held-out rows of labels the head knows;
- out of scope, near: rows of labels that the head was kept from (leave-labels-out), and rows labelled `oos`;
- out of scope, far: general utterances (background.txt) that are least like the brand's own.

Real out-of-scope traffic is a mix of near and far, and nobody has labelled it before the bot exists; weighing both
gave a higher AUROC on real traffic than either alone (docs/recipes.md). The promise of precision is kept beside near
ones alone: who writes to a brand asks about what it does, and far ones, which are easily told, would make it cheap.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from data.schema import OUT_OF_SCOPE
from export import confidence
from export.confidence import FEATURES
from export.heads import IntentHead
from export.thresholds import Thresholds
from trainer.core.health import Scoring
from trainer.intents.thresholds import (
    ANSWERS_NOTHING,
    breaks_promise,
    choose_answer_threshold,
    choose_oos_threshold,
)

FAR_SHARE = 0.7
"""Share of far rows among the out-of-scope rows when no message is labelled `oos`."""
NEAREST_BACKGROUND = 0.2
"""The background utterances most like the brand's own, which may well be in scope, are left out: this share of them."""
LEAST_OF_LANGUAGE = 50
"""Held-out rows in scope from which a language may have a bar of its own."""
LEAST_NEAR = 30
"""Rows nearly in scope from which the promise is kept beside them alone; fewer would make it hang on one or two."""
SCOPE_COLUMNS = ("nearest", "nearest_of_class")
CORRECT_COLUMNS = ("logit",)

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows `head` has not learned from: embeddings [n, hidden], true labels (perhaps none of the head's), and
    general utterances [m, hidden] embedded by the same encoder. `languages` [n] of the rows, or nothing."""

    head: IntentHead
    embeddings: npt.NDArray[np.float32]
    labels: Sequence[str]
    background: npt.NDArray[np.float32]
    languages: Sequence[str | None] = ()

    def scoring(self) -> Scoring:
        """What the head says by its own weights, before any threshold; its neighbours are rows it has learned from."""
        head = self.head
        known = [row for row, label in enumerate(self.labels) if label in set(head.labels)]
        said = (self.embeddings[known] @ head.weight.T + head.bias).argmax(axis=1).tolist() if known else []
        learned = (head.neighbours @ head.weight.T + head.bias).argmax(axis=1) == head.neighbour_labels
        return Scoring(
            [self.labels[row] for row in known],
            [head.labels[at] for at in said],
            float(learned.mean()) if len(learned) else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Fitted numbers, and the held-out rows' confidence and outcome, near and far ones as they were fitted on; `answer`
    was chosen among other near rows, too, and no far ones. `by_language`: what stands in place of `answer` in languages
    where that would break the promise."""

    temperature: float
    scope: npt.NDArray[np.float32]
    correct: npt.NDArray[np.float32]
    answer: float | None
    oos: float
    confidence: Doubles
    right: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    accuracy: float
    by_language: Mapping[str, float | None] = field(default_factory=dict)

    def thresholds(self) -> Thresholds:
        return Thresholds(answer=self.answer, oos=self.oos, by_language=self.by_language)

    def apply(self, head: IntentHead) -> IntentHead:
        return replace(head, temperature=self.temperature, scope=self.scope, correct=self.correct)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Features [n, 5] of all held-out rows; `near` marks left-out labels and `oos`, `far` the background; `languages`
    [n], empty where nobody knows."""

    columns: Doubles
    right: npt.NDArray[np.bool_]
    near: npt.NDArray[np.bool_]
    far: npt.NDArray[np.bool_]
    languages: npt.NDArray[np.str_]

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        return np.asarray(~(self.near | self.far))

    def pick(self, kept: npt.NDArray[np.bool_]) -> _Rows:
        return _Rows(*(getattr(self, name)[kept] for name in self.__slots__))


@lru_cache(maxsize=1)
def background_utterances() -> tuple[str, ...]:
    """General utterances that no business's bot is for: the lines of background.txt, its subjects mixed."""
    lines = files("trainer.intents").joinpath("background.txt").read_text(encoding="utf-8").splitlines()
    random.Random(0).shuffle(lines)
    return tuple(lines)


def calibrate(held: Sequence[HeldOut], *, target_precision: float, oos_share: float, seed: int) -> Calibration:
    """Fit everything a head needs beyond its weights, from what it did on rows it had not seen."""
    temperature = fit_temperature(held)
    warm = [replace(part, head=replace(part.head, temperature=temperature)) for part in held]
    everything = _gather(warm)
    rows = _thin_near(everything, seed)
    outside = ~rows.inside
    scope_weights = _traffic(outside, oos_share)
    scope = _logistic(rows.columns, rows.inside, scope_weights, SCOPE_COLUMNS)
    inside = rows.inside
    correct = _logistic(rows.columns[inside], rows.right[inside], np.ones(int(inside.sum())), CORRECT_COLUMNS)
    in_scope = confidence.logistic(rows.columns, scope)
    hard = everything.pick(~everything.far) if everything.near.sum() >= LEAST_NEAR else everything
    sure = confidence.logistic(hard.columns, scope) * confidence.logistic(hard.columns, correct)
    answer = _bar(sure, hard, target_precision, oos_share)
    return Calibration(
        temperature=temperature,
        scope=scope,
        correct=correct,
        answer=answer,
        oos=choose_oos_threshold(in_scope, rows.right, outside),
        confidence=in_scope * confidence.logistic(rows.columns, correct),
        right=rows.right,
        outside=outside,
        accuracy=float(rows.right[inside].mean()) if inside.any() else float("nan"),
        by_language=_by_language(sure, hard, answer, (target_precision, oos_share)),
    )


def _bar(sure: Doubles, rows: _Rows, target_precision: float, oos_share: float) -> float | None:
    bar = choose_answer_threshold(sure, rows.right, ~rows.inside, target_precision, oos_share)
    return None if bar >= ANSWERS_NOTHING else bar


def _by_language(
    sure: Doubles, rows: _Rows, answer: float | None, promise: tuple[float, float]
) -> dict[str, float | None]:
    """Bars of the languages in which the common one, `answer`, breaks the promise by more than chance: those that the
    encoder knows badly, among others that it knows well. Where they leave no common bar, each has the one it can keep
    the promise at. Out of scope, all languages stand for each."""
    found: dict[str, float | None] = {}
    inside = rows.inside
    counted = Counter(rows.languages[inside].tolist())
    for code, number in sorted(counted.items()):
        if not code or number < LEAST_OF_LANGUAGE or number == inside.sum():
            continue
        own = ~inside | (rows.languages == code)
        part, scores = rows.pick(own), sure[own]
        if answer is None or breaks_promise((scores, part.right, ~part.inside), answer, *promise):
            bar = _bar(scores, part, *promise)
            found[code] = bar if bar is None or answer is None else max(bar, answer)
    return found if answer is not None or any(bar is not None for bar in found.values()) else {}


def fit_temperature(held: Sequence[HeldOut]) -> float:
    """The temperature of least log-loss on in-scope held-out rows (Guo et al. 2017), by golden-section search."""
    cases: list[tuple[Doubles, npt.NDArray[np.int64]]] = []
    for part in held:
        column = {label: at for at, label in enumerate(part.head.labels)}
        known = [row for row, label in enumerate(part.labels) if label in column]
        if known:
            logits = part.embeddings[known] @ part.head.weight.T + part.head.bias
            cases.append((logits.astype(np.float64), np.array([column[part.labels[row]] for row in known])))

    def loss(log_temperature: float) -> float:
        total = 0.0
        for logits, truth in cases:
            scaled = logits / np.exp(log_temperature)
            scaled -= scaled.max(axis=1, keepdims=True)
            total += float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]).sum())
        return total

    low, high, ratio = np.log(0.05), np.log(20.0), (np.sqrt(5) - 1) / 2
    while cases and high - low > 1e-3:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2)) if cases else 1.0


def far_from(background: npt.NDArray[np.float32], brand: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Background embeddings without the `NEAREST_BACKGROUND` share that lies closest to the brand's own."""
    if not len(background) or not len(brand):
        return background
    closeness = (background @ brand.astype(np.float32).T).max(axis=1)
    kept = max(round(len(background) * (1 - NEAREST_BACKGROUND)), 1)
    return background[np.sort(np.argsort(closeness, kind="stable")[:kept])]


def _gather(held: Sequence[HeldOut]) -> _Rows:
    columns, right, near, far, languages = [], [], [], [], []
    for part in held:
        known = set(part.head.labels) - {OUT_OF_SCOPE}
        _, found, best = confidence.features(part.head, part.embeddings)
        answers = [part.head.labels[at] for at in best]
        columns.append(found)
        right.append(np.array([a == t for a, t in zip(answers, part.labels, strict=True)], dtype=bool))
        near.append(np.array([label not in known for label in part.labels], dtype=bool))
        far.append(np.zeros(len(found), dtype=bool))
        languages.append(np.array([code or "" for code in part.languages or [None] * len(found)], dtype=np.str_))
        if len(part.background):
            _, found, _ = confidence.features(part.head, far_from(part.background, part.head.neighbours))
            columns.append(found)
            right.append(np.zeros(len(found), dtype=bool))
            near.append(np.zeros(len(found), dtype=bool))
            far.append(np.ones(len(found), dtype=bool))
            languages.append(np.array([""] * len(found), dtype=np.str_))
    return _Rows(*map(np.concatenate, (columns, right, near, far, languages)))


def _thin_near(rows: _Rows, seed: int) -> _Rows:
    """Near rows drawn down to their share beside the far ones, so that every later step may count rows alike."""
    wanted = round(int(rows.far.sum()) * (1 - FAR_SHARE) / FAR_SHARE)
    near = np.flatnonzero(rows.near)
    if not wanted or len(near) <= wanted:
        return rows
    drawn = np.random.default_rng(seed).choice(near, size=wanted, replace=False)
    kept = ~rows.near
    kept[drawn] = True
    return rows.pick(kept)


def _traffic(outside: npt.NDArray[np.bool_], oos_share: float) -> Doubles:
    """Weights that make the outside rows `oos_share` of all, where both kinds are there."""
    rows, away = len(outside), int(outside.sum())
    if not away or away == rows:
        return np.ones(rows)
    return np.where(outside, oos_share * rows / away, (1 - oos_share) * rows / (rows - away))


def _logistic(
    columns: Doubles, truth: npt.NDArray[np.bool_], weights: Doubles, used: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Logistic coefficients over FEATURES (zero where not `used`) and a bias, by standardised, L2-regularised fit."""
    from sklearn.linear_model import LogisticRegression

    out = np.zeros(len(FEATURES) + 1, dtype=np.float32)
    if truth.all() or not truth.any():  # nothing to tell apart: a constant, kept off 0 and 1 by one row of doubt
        share = (truth.sum() + 0.5) / (len(truth) + 1)
        out[-1] = np.log(share / (1 - share))
        return out
    at = [FEATURES.index(name) for name in used]
    mean, spread = columns[:, at].mean(axis=0), np.maximum(columns[:, at].std(axis=0), 1e-6)
    model = LogisticRegression(C=1.0).fit((columns[:, at] - mean) / spread, truth, sample_weight=weights)
    coefficients = model.coef_[0] / spread
    out[at] = coefficients
    out[-1] = model.intercept_[0] - float(coefficients @ mean)
    return out
