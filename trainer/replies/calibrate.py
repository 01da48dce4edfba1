"""What the score of a found reply is worth, fitted and measured on conversations that nothing had learned from.

A found reply counts as right when the untuned base finds that it means what the brand really said, or when it is the
profile's answer to what the customer wanted. Beside the held-out conversations stand general utterances that no brand
has replies for: whatever is found for them is wrong. How likely a reply is right is a logistic model of its signs
(export/reply_scores.py). The bar is chosen, and the error of calibration told, from models that had not seen the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from export.confidence import logistic
from export.replies import Hit, ReplyIndex
from export.reply_scores import SIGNS, Scoring, signs
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import embed_texts
from trainer.intents.calibrate import background_utterances
from trainer.intents.thresholds import ANSWERS_NOTHING, choose_answer_threshold
from trainer.judgement.metrics import ece, finite
from trainer.replies.train_reply import Context, Pairs, TrainedReply

SAME_MEANING = 0.75
"""Cosine, by the untuned base, from which an offered reply counts as saying what the brand said."""
FAR_CONTEXTS = 200
FAR_SHARE = 0.3
"""Share of traffic that no reply of the brand is for."""
LEAST = 20
"""Right replies, and wrong ones, that a model is fitted on."""
FOLDS = 5

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """The best reply for each of n conversations: its signs [n, 3], whether it is right, and whether the conversation
    is a strange one."""

    signs: Doubles
    right: Flags
    far: Flags

    def weight(self) -> Doubles:
        """So that strange conversations are FAR_SHARE of all."""
        far = int(self.far.sum())
        near = len(self.far) - far
        if not far or not near:
            return np.ones(len(self.far))
        return np.where(self.far, FAR_SHARE * near / (far * (1 - FAR_SHARE)), 1.0)

    def pick(self, rows: npt.NDArray[Any]) -> Found:
        return Found(self.signs[rows], self.right[rows], self.far[rows])


@dataclass(frozen=True, slots=True)
class Worth:
    """`scoring` says how likely a reply is right; `threshold` from where it may be said, None: never. `ece` is its
    calibration error on `rows` held-out conversations, `answered` the share of them that reach the bar and `precision`
    the share of these that are right; None where there is none."""

    scoring: Scoring
    threshold: float | None = None
    rows: int = 0
    ece: float | None = None
    answered: float | None = None
    precision: float | None = None

    def to_wire(self) -> dict[str, Any]:
        shown = ("threshold", "rows", "ece", "answered", "precision")
        return {"calibrated": bool(self.scoring.right), **{name: getattr(self, name) for name in shown}}


def worth(
    trained: TrainedReply, base: LocalBase, index: ReplyIndex, validation: Pairs, target_precision: float
) -> Worth:
    """What replies found in `index`, which holds none of `validation`, are worth. Few rows fit no model: then the bar
    is one of scores."""
    plain = Scoring(trained.frequency)
    if not len(validation) or not len(index):
        return Worth(plain)
    found = _found(trained, base, index.scored_by(plain), validation)
    if min(found.right.sum(), (~found.right).sum()) < LEAST:
        return _judged(found, found.signs[:, 0], plain, target_precision)
    held = np.empty(len(found.right))
    part = np.random.default_rng(0).permutation(len(held)) % FOLDS
    for fold in range(FOLDS):
        held[part == fold] = logistic(found.signs[part == fold], fitted(found.pick(part != fold)))
    return _judged(found, held, replace(plain, right=tuple(fitted(found).tolist())), target_precision)


def fitted(found: Found) -> Doubles:
    """The coefficients of a logistic model of `found`, its bias last; zeros but for the bias where all are alike."""
    from sklearn.linear_model import LogisticRegression

    weight = found.weight()
    share = float((weight * found.right).sum() / weight.sum())
    if share in (0.0, 1.0):
        return np.array([0.0] * len(SIGNS) + [np.log((share + 0.01) / (1.01 - share))])
    middle, spread = found.signs.mean(axis=0), found.signs.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0).fit((found.signs - middle) / spread, found.right, sample_weight=weight)
    slopes = model.coef_[0] / spread
    return np.append(slopes, model.intercept_[0] - slopes @ middle)


def _judged(found: Found, sure: Doubles, scoring: Scoring, target_precision: float) -> Worth:
    threshold = choose_answer_threshold(sure, found.right, found.far, target_precision, FAR_SHARE)
    near = ~found.far
    said = near & (sure >= threshold)
    return Worth(
        scoring=scoring,
        threshold=None if threshold >= ANSWERS_NOTHING else threshold,
        rows=int(near.sum()),
        ece=finite(ece(sure[near], found.right[near])) if scoring.right else None,
        answered=finite(float(said.sum() / near.sum())),
        precision=float(found.right[said].mean()) if said.any() else None,
    )


def _found(trained: TrainedReply, base: LocalBase, index: ReplyIndex, validation: Pairs) -> Found:
    meaning = meaning_by(base)
    strange: list[Context] = [(("user", text),) for text in background_utterances()[:FAR_CONTEXTS]]
    near = index.search_many(trained.contexts(validation.contexts), 2)
    far = index.search_many(trained.contexts(strange), 2)
    best = [hits[0].reply for hits in near]
    same = (meaning([reply.text for reply in best]) * meaning(validation.replies)).sum(axis=1) >= SAME_MEANING
    meant = validation.intents or [None] * len(best)
    listed = [
        reply.approved and reply.intent is not None and reply.intent == intent
        for reply, intent in zip(best, meant, strict=True)
    ]
    return Found(
        _signs((*near, *far)),
        np.concatenate([same | np.array(listed, dtype=bool), np.zeros(len(far), dtype=bool)]),
        np.concatenate([np.zeros(len(near), dtype=bool), np.ones(len(far), dtype=bool)]),
    )


def meaning_by(base: LocalBase) -> Callable[[Sequence[str]], npt.NDArray[np.float32]]:
    """What the untuned base makes of texts: unit vectors whose product says whether two mean the same."""
    untuned, renderer = base.encoder(), base.renderer()
    return lambda texts: embed_texts(untuned, renderer, texts)


def _signs(found: Iterable[Sequence[Hit]]) -> Doubles:
    best = [signs(np.array([hit.score for hit in hits]), [hit.reply.count for hit in hits])[0] for hits in found]
    return np.stack(best)
