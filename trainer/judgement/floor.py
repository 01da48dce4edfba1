"""The cheap baselines every run must beat: bags of n-grams for intents, BM25 for replies. Trained first, always.

A fine-tuned model that does not beat these is not worth its megabytes. scikit-learn and scipy are loaded on first use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import DatasetError
from data.ngrams import terms

__all__ = ["Bm25", "IntentFloor", "terms"]

Array = npt.NDArray[Any]

MANY_FEATURES = 60_000


class IntentFloor:
    """TF-IDF of words (1-2 grams) and characters within words (3-5 grams), and a multinomial logistic regression.

    `labels` is sorted; `probabilities` has its columns in that order. With one label, or without a single letter to
    learn from, it answers the share of each label in training.
    """

    def __init__(self, labels: Sequence[str], shares: Array, vectoriser: Any = None, model: Any = None) -> None:
        self.labels = list(labels)
        self._shares = shares
        self._vectoriser = vectoriser
        self._model = model

    @classmethod
    def fit(
        cls, texts: Sequence[str], labels: Sequence[str], weights: Sequence[float] | None = None, seed: int = 0
    ) -> IntentFloor:
        """Fit on one label per text. Raises DatasetError when there is nothing to fit on."""
        if not texts:
            raise DatasetError(
                "The floor needs at least one labelled message; none came.", remedy="Label messages first."
            )
        names, codes = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
        weight = np.ones(len(texts)) if weights is None else np.asarray(weights, dtype=float)
        shares = np.bincount(codes, weights=weight, minlength=len(names)) / weight.sum()
        if len(names) == 1 or not any(terms(text) for text in texts):
            return cls(names.tolist(), shares)
        from sklearn.linear_model import LogisticRegression

        vectoriser = _vectoriser()
        features = vectoriser.fit_transform(texts)
        model = LogisticRegression(C=50.0, max_iter=200, tol=3e-4, random_state=seed)
        model.fit(features, codes, sample_weight=weight)
        return cls(names.tolist(), shares, vectoriser, model)

    def probabilities(self, texts: Sequence[str]) -> Array:
        """The probability of each label, [texts, labels]; rows sum to 1."""
        if self._model is None or not texts:
            return np.tile(self._shares, (len(texts), 1))
        return np.asarray(self._model.predict_proba(self._vectoriser.transform(texts)), dtype=float)

    def size_bytes(self) -> int:
        """Roughly what it would take on disk: coefficients, and the n-grams with their weights."""
        if self._model is None:
            return int(self._shares.nbytes)
        grams = sum(len(name.encode()) + 12 for name in self._vectoriser.get_feature_names_out())
        return int(self._model.coef_.nbytes + self._model.intercept_.nbytes + grams)


def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    shared = {"sublinear_tf": True, "dtype": np.float32, "max_features": MANY_FEATURES // 2}
    words = TfidfVectorizer(tokenizer=terms, token_pattern=None, lowercase=False, ngram_range=(1, 2), **shared)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared)
    return FeatureUnion([("words", words), ("characters", characters)])


class Bm25:
    """Okapi BM25 over a fixed set of replies: Robertson & Zaragoza (2009), "The Probabilistic Relevance Framework".

    The inverse document frequency is log(1 + (N - n + 0.5) / (n + 0.5)), which never turns negative for terms that
    stand in more than half of the replies.
    """

    def __init__(self, replies: Sequence[str], k1: float = 1.2, b: float = 0.75) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        counted = [Counter(terms(reply)) for reply in replies]
        self._vocabulary = {term: column for column, term in enumerate(sorted(set().union(*counted)))}
        row, column, count = self._triples(counted)
        total = len(replies)
        length = np.bincount(row, weights=count, minlength=total)
        mean_length = max(float(length.mean()) if total else 0.0, 1.0)
        holding = np.bincount(column, minlength=len(self._vocabulary))
        rarity = np.log1p((total - holding + 0.5) / (holding + 0.5))
        saturated = count * (k1 + 1) / (count + k1 * (1 - b + b * length[row] / mean_length))
        shape = (len(self._vocabulary), total)
        self._weights = csr_matrix((rarity[column] * saturated, (column, row)), shape=shape, dtype=np.float32)

    def scores(self, queries: Sequence[str]) -> Array:
        """The score of every reply for every query, float32 [queries, replies]; 0 where they share no term."""
        from scipy.sparse import csr_matrix

        row, column, count = self._triples([Counter(terms(query)) for query in queries])
        shape = (len(queries), len(self._vocabulary))
        asked = csr_matrix((count, (row, column)), shape=shape, dtype=np.float32)
        return np.asarray((asked @ self._weights).toarray(), dtype=np.float32)

    def size_bytes(self) -> int:
        """Roughly what it would take on disk: the weights and the terms."""
        terms_bytes = sum(len(term.encode()) + 4 for term in self._vocabulary)
        matrix = self._weights
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes + terms_bytes)

    def _triples(self, counted: Sequence[Counter[str]]) -> tuple[Array, Array, Array]:
        """Row, term and count of every known term."""
        known = [
            (row, self._vocabulary[term], count)
            for row, counts in enumerate(counted)
            for term, count in counts.items()
            if term in self._vocabulary
        ]
        table = np.array(known, dtype=np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]
