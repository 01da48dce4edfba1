"""Whether replies sound like the brand, by a classifier that learnt to tell its replies from other texts.

Character n-grams within words and a linear model, cross-fitted: each row of the training is judged by a model that has
read neither it nor any text that reads the same. A generated reply is judged by the mean of all models; one that
repeats a row by the model that has not read it. How well held-out rows are told apart (`auroc`) says what a score is
worth. The classifier learns whatever differs, subjects as well as manners: give as `others` what is about the same
things. It is for evaluation; what serves is `data.voice`, which says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.redact import PLACEHOLDER
from export.banned import fold
from trainer.judgement.intervals import Array, Interval, bootstrap
from trainer.judgement.metrics import auroc, share

FOLDS = 5
FEWEST = 50
"""Different texts that each side needs."""
MOST = 5_000
"""Texts of each side that are read, drawn with the seed."""
NGRAMS, FEATURES = (1, 4), 1 << 16


@dataclass(frozen=True, slots=True)
class VoiceScore:
    """The mean probability that replies are the brand's, beside that of its real ones, and what the judge is worth."""

    replies: Interval
    own: float
    others: float
    auroc: Interval
    rows: int

    def to_wire(self) -> dict[str, Any]:
        return {
            "brand_voice": self.replies.to_wire(),
            "own": self.own,
            "others": self.others,
            "auroc": self.auroc.to_wire(),
            "rows": self.rows,
        }


class BrandVoice:
    """A judge of texts; `BrandVoice.fit` makes one, or none where there is too little to learn from."""

    def __init__(self, models: Sequence[Any], fold_of: dict[str, int], held_out: tuple[Array, Array]) -> None:
        self._models, self._fold_of = models, fold_of
        self._scores, self._truth = held_out

    @classmethod
    def fit(cls, own: Sequence[str], others: Sequence[str], *, seed: int) -> BrandVoice | None:
        """Learn to tell `own` from `others`; None where a side has too few different texts, or none that is its own."""
        generator = np.random.default_rng(seed)
        mine, theirs = _different(own), _different(others)
        both = mine.keys() & theirs.keys()  # what both say tells nobody
        sides = [_drawn([text for key, text in side.items() if key not in both], generator) for side in (mine, theirs)]
        if min(map(len, sides)) < FEWEST:
            return None
        texts = [text for side in sides for text in side]
        truth = np.array([True] * len(sides[0]) + [False] * len(sides[1]))
        folds = np.concatenate([generator.permutation(len(side)) % FOLDS for side in sides])
        models, scores = [], np.zeros(len(texts))
        for number in range(FOLDS):
            read, held = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
            models.append(_fitted([texts[at] for at in read], truth[read], seed))
            scores[held] = _likely(models[-1], [texts[at] for at in held])
        fold_of = {fold(text): int(number) for text, number in zip(texts, folds, strict=True)}
        return cls(models, fold_of, (scores, truth))

    def scores(self, texts: Sequence[str]) -> Array:
        """For each text the probability, at even odds, that it is the brand's; half for one that says nothing."""
        if not len(texts):
            return np.zeros(0)
        every = np.stack([_likely(model, texts) for model in self._models])
        found = every.mean(axis=0)
        for at, text in enumerate(texts):
            number = self._fold_of.get(fold(text))
            if number is not None:
                found[at] = every[number, at]
            elif not text.strip():
                found[at] = 0.5
        return np.asarray(found)

    def auroc(self, *, seed: int = 0) -> Interval:
        """How often a held-out reply of the brand's gets more than another text."""
        return bootstrap(auroc, self._scores, self._truth, seed=seed)

    def judged(self, replies: Sequence[str], *, seed: int = 0) -> VoiceScore:
        """Generated replies beside the brand's own and the others', both held out."""
        own, others = self._scores[self._truth], self._scores[~self._truth]
        score = bootstrap(share, self.scores(replies), seed=seed)
        return VoiceScore(score, share(own), share(others), self.auroc(seed=seed), len(self._truth))


def _different(texts: Sequence[str]) -> dict[str, str]:
    """One text for all that read the same."""
    found: dict[str, str] = {}
    for text in texts:
        if key := fold(text):
            found.setdefault(key, text)
    return found


def _drawn(texts: Sequence[str], generator: np.random.Generator) -> list[str]:
    if len(texts) <= MOST:
        return list(texts)
    return [texts[at] for at in sorted(generator.choice(len(texts), MOST, replace=False))]


def _fitted(texts: Sequence[str], truth: Array, seed: int) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    hashing = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=NGRAMS,
        n_features=FEATURES,
        preprocessor=_readable,
        alternate_sign=False,
        norm=None,
    )
    linear = LogisticRegression(C=10.0, class_weight="balanced", max_iter=300, random_state=seed)
    return make_pipeline(hashing, TfidfTransformer(sublinear_tf=True), linear).fit(list(texts), truth)


def _likely(model: Any, texts: Sequence[str]) -> Array:
    return np.asarray(model.predict_proba(list(texts))[:, 1])


def _readable(text: str) -> str:
    """Case and punctuation are manners, and stay; what was redacted is the same for all."""
    return PLACEHOLDER.sub("\ufffc", text)
