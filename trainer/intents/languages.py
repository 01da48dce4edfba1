"""Whether a base knows the language of a brand's messages, and what learns from them where it does not.

Two signs ask the question. A tokenizer meets a foreign language either with tokens it does not know, or by splitting
words into pieces that it does know and that mean nothing. Signs alone do not settle it: names and jargon are split as
well, and a base may have seen more than its makers say. So where they are there, rows that were not learned from do:
n-grams take the base's place when a head on them answers at least as many right as one on the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.catalogue import finding_of
from data.ngrams import NgramRenderer, terms
from data.render import Renderer
from data.schema import Finding
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import Check, embed_texts
from trainer.core.health import FOREIGN_LANGUAGE, KINDS
from trainer.hyperparameters import sized
from trainer.intents import folds
from trainer.intents.intent_data import Utterances
from trainer.intents.linear import Labelled, linear_weights, thin_rows
from trainer.intents.margin import margin_weights
from trainer.intents.ngrams import make_ngrams
from trainer.intents.train_intent import TrainedIntent
from trainer.recipes import IntentRecipe, instead_of_base

UNKNOWN = 0.05
"""Share of unknown tokens from which a language is strange to a base."""
PIECES = 1.5
"""Tokens for each word from which it is. English has 1.1 to 1.3 of the default base, Danish 1.8, Turkish 2.4."""
TRIED = 1_000
"""Rows that the trial looks at; of more, as many are drawn evenly from the labels."""
FOLDS = 5
HEAD_ON_BASE = 20.0
"""Inverse L2 strength of the linear head on the base: that of `frozen`, whatever the recipe would do after it."""


@dataclass(frozen=True, slots=True)
class Tokenised:
    """What a tokenizer makes of texts: tokens, how many of them it does not know, and words as people count them."""

    tokens: int
    unknown: int
    words: int

    @classmethod
    def of(cls, renderer: Renderer, texts: Sequence[str]) -> Tokenised:
        counted = [renderer.counts(text) for text in texts]
        words = sum(len(terms(text)) for text in texts)
        return cls(sum(tokens for tokens, _ in counted), sum(unknown for _, unknown in counted), words)

    @property
    def unknown_share(self) -> float:
        return self.unknown / max(self.tokens, 1)

    @property
    def pieces(self) -> float:
        return self.tokens / max(self.words, 1)

    @property
    def strange(self) -> bool:
        return self.unknown_share >= UNKNOWN or self.pieces >= PIECES


@dataclass(frozen=True, slots=True)
class Trial:
    """Shares of the same rows, not learned from, that a linear head answers right: on the base, and on n-grams."""

    rows: int
    base: float
    ngrams: float

    @property
    def ngrams_win(self) -> bool:
        return self.ngrams >= self.base


@dataclass(frozen=True, slots=True)
class Suited:
    """The recipe for these rows, and what is to be said of their language and the base."""

    recipe: IntentRecipe
    findings: tuple[Finding, ...] = ()

    def told(self, trained: TrainedIntent) -> TrainedIntent:
        """`trained`, which says it too."""
        return replace(trained, findings=(*self.findings, *trained.findings))


def suited(recipe: IntentRecipe, base: LocalBase, rows: Utterances, check: Check | None = None) -> Suited:
    """`recipe`, which was picked, at the rate for a base of this size; or n-grams in its place where the base does not
    know the language of `rows`. `check` may raise."""
    recipe = sized(recipe, base.configuration())
    told = Tokenised.of(base.renderer(), rows.texts)
    if not told.strange:
        return Suited(recipe)
    found = trial(recipe, base, rows, check)
    said = (
        f"The base {base.name} does not know {told.unknown_share:.0%} of the tokens and splits a word into "
        f"{told.pieces:.1f} pieces; of {found.rows} messages that were not learned from, a linear head on it answers "
        f"{found.base:.1%} right, one on n-grams {found.ngrams:.1%}: "
        + ("n-grams take its place." if found.ngrams_win else "it is kept.")
    )
    finding = finding_of(KINDS, FOREIGN_LANGUAGE, len(rows), said)
    return Suited(instead_of_base(recipe) if found.ngrams_win else recipe, (finding,))


def trial(recipe: IntentRecipe, base: LocalBase, rows: Utterances, check: Check | None = None) -> Trial:
    """Let both score each other's parts of the same rows. What n-grams are counted in holds no label."""
    some = rows.pick(thin_rows(rows.labels, TRIED, recipe.seed).tolist())
    renderer, ngram = base.renderer(recipe.max_length), NgramRenderer()
    counted = ngram.utterances(some.texts)
    ngrams = instead_of_base(recipe)
    right = np.zeros(2)
    scored = 0
    ways = (
        (linear_weights, HEAD_ON_BASE, embed_texts(base.encoder(), renderer, some.texts, check)),
        (margin_weights, ngrams.regularisation, make_ngrams(counted, some.labels, recipe.seed).embed(counted)),
    )
    for fold in folds.plan(some.labels, FOLDS, recipe.seed):
        learn, known = np.array(fold.learn, dtype=np.int64), {some.labels[row] for row in fold.learn}
        score = [row for row in fold.score if some.labels[row] in known]
        if len(known) < 2:
            continue
        scored += len(score)
        for at, (fitted, strength, vectors) in enumerate(ways):
            if check is not None:
                check()
            taught = Labelled(vectors[learn], [some.labels[row] for row in fold.learn], some.weight()[learn])
            labels, weight, bias = fitted(taught, strength)
            answers = (vectors[score] @ weight.T + bias).argmax(axis=1)
            right[at] += sum(labels[one] == some.labels[row] for one, row in zip(answers, score, strict=True))
    return Trial(scored, *(float(share) for share in right / max(scored, 1)))
