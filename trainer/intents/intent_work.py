"""What all steps of an intent training share: its rows, what is learned beside them, their variations, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.augment.said import Draw
from data.augment.vary import Variation, Varying
from data.language import languages_of
from data.ngrams import NgramRenderer
from data.render import Renderer
from data.schema import OUT_OF_SCOPE
from export.heads import IntentHead
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import Embedder, embed_texts
from trainer.core.run_folder import RunFolder
from trainer.intents import robustness
from trainer.intents.calibrate import Calibration, HeldOut, background_utterances, calibrate
from trainer.intents.intent_data import IntentData, Utterances, joined, readable
from trainer.intents.linear import Floats, Labelled, linear_weights
from trainer.intents.margin import margin_weights
from trainer.intents.ngrams import make_ngrams
from trainer.intents.robustness import Answers
from trainer.recipes import IntentRecipe

MOST_BACKGROUND = 300
"""General utterances that calibration looks at: it takes a sample, and embedding them costs time in every fold."""
MOST_PERTURBED = 1_000
"""Held-out rows that are perturbed: the standard error of a share of them is below a point and a half."""
_PERTURBED_SEED = 1
"""Added to the recipe's seed, so that no row is perturbed as it was varied to be learned from."""


@dataclass(frozen=True, slots=True)
class Work:
    """One training: recipe, base, data and where it leaves its traces."""

    recipe: IntentRecipe
    base: LocalBase
    renderer: Renderer
    data: IntentData
    run: RunFolder

    @classmethod
    def of(cls, recipe: IntentRecipe, base: LocalBase, data: IntentData, run: RunFolder) -> Work:
        renderer = NgramRenderer() if recipe.method == "ngrams" else base.renderer(recipe.max_length)
        return cls(recipe, base, renderer, data, run)

    def rows(self) -> Utterances:
        """All rows a fold recipe learns from."""
        if self.data.validation is None:
            return self.data.train
        return joined(self.data.train, self.data.validation)

    def names(self, labels: Sequence[str]) -> Utterances:
        """The labels' names and descriptions as examples of themselves."""
        if not self.recipe.describe_labels:
            return Utterances([], [])
        pairs = [(text, label) for label in labels for text in readable(label, self.data.descriptions)]
        return Utterances([text for text, _ in pairs], [label for _, label in pairs])

    def untrained(self) -> Embedder:
        """What vectors are made with where only a head learns: the base as it is, or n-grams, which are counted in the
        rows and in what their labels are called."""
        if self.recipe.method != "ngrams":
            return self.base.encoder()
        rows = joined(self.rows(), self.names(sorted(set(self.rows().labels))))
        return make_ngrams(self.renderer.utterances(rows.texts), rows.labels, self.recipe.seed)

    def head_weights(self, rows: Labelled) -> tuple[tuple[str, ...], Floats, Floats]:
        """(labels, weight, bias) of the linear head that learns `rows`."""
        fitted = margin_weights if self.recipe.method == "ngrams" else linear_weights
        return fitted(rows, self.recipe.regularisation)

    def embed(self, encoder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return embed_texts(encoder, self.renderer, texts, self.run.check)

    def labelled(self, encoder: Embedder, rows: Utterances) -> Labelled:
        return Labelled(self.embed(encoder, rows.texts), rows.labels, rows.weight())

    def beside(self, labels: Sequence[str]) -> Utterances:
        """What is learned besides the data: what the labels mean, and what no bot is for."""
        return joined(self.names(labels), self.exposure())

    def exposure(self) -> Utterances:
        """General utterances to learn as out of scope (Hendrycks et al. 2019, "Deep Anomaly Detection with Outlier
        Exposure"); never one of those that calibration looks at."""
        texts = background_utterances()[: self.recipe.exposure]
        return Utterances(texts, [OUT_OF_SCOPE] * len(texts), [self.recipe.exposure_weight] * len(texts))

    def background_texts(self) -> Sequence[str]:
        """General utterances that nothing was learned from."""
        return background_utterances()[self.recipe.exposure :][:MOST_BACKGROUND]

    def background(self, encoder: Embedder) -> npt.NDArray[np.float32]:
        return self.embed(encoder, self.background_texts())

    def calibrated(self, held: Sequence[HeldOut]) -> Calibration:
        return calibrate(
            held,
            target_precision=self.data.target_precision,
            oos_share=self.recipe.oos_share,
            seed=self.recipe.seed,
        )


@dataclass(frozen=True, slots=True)
class Varied:
    """The rows to learn from and to score (the same ones, for recipes with folds), with `more` of the former to learn
    and `perturbed` ones of the latter to measure on."""

    rows: Utterances
    scored: Utterances
    more: Sequence[Variation]
    perturbed: Sequence[Variation]

    @classmethod
    def of(cls, work: Work, rows: Utterances, scored: Utterances, most: int) -> Varied:
        """`most` variations at most. What is scored and not learned from is held out of them, with what the data
        holds out anyway."""
        language = _language(rows)
        given = work.data.validation
        apart = [] if scored is rows else [*scored.texts, *(given.texts if given is not None else ())]
        varying = Varying(rows.varied(language), [*work.data.held_out, *apart], work.data.synonyms)
        blind = work.renderer.utterance("Aa").ids == work.renderer.utterance("aa").ids  # to casing
        seed = work.recipe.seed
        more = varying.more(seed, most, frozenset({"casing"} if blind else ())) if most else []
        perturbed = varying.perturbed(scored.varied(language), seed + _PERTURBED_SEED)
        perturbed.sort(key=lambda one: Draw(seed, "measured", one.said.text).below(1 << 62))
        return cls(rows, scored, more, sorted(perturbed[:MOST_PERTURBED], key=lambda one: one.origin))

    def learned(self, rows: Sequence[int] | None = None) -> Utterances:
        """The variations to learn beside these rows (all when not given): those that come of nothing else."""
        return self.taught(self.coming_of(rows))

    def coming_of(self, rows: Sequence[int] | None) -> list[int]:
        own = frozenset(range(len(self.rows)) if rows is None else rows)
        return [at for at, one in enumerate(self.more) if one.comes_of(own)]

    def taught(self, chosen: Sequence[int]) -> Utterances:
        weight = self.rows.weight()
        origins = [self.more[at].origin for at in chosen]
        return Utterances(
            [self.more[at].said.text for at in chosen],
            [self.rows.labels[row] for row in origins],
            [float(weight[row]) for row in origins],
        )

    def shaken(self) -> list[str]:
        return [one.said.text for one in self.perturbed]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What one encoder makes of the scored rows and of their perturbed versions."""

    rows: Floats
    perturbed: Floats


def answers(
    varied: Varied, score: Sequence[int], head: IntentHead, own: Vectors, base: tuple[Vectors, Labelled]
) -> Answers:
    """What a head answers right of the rows `score` whose label it knows, beside the untuned base, which knows the
    rows that come with its vectors."""
    plain, taught = base
    known = set(taught.labels) - {OUT_OF_SCOPE}
    rows = [row for row in score if varied.scored.labels[row] in known]
    counted = set(rows)
    shaken = [at for at, one in enumerate(varied.perturbed) if one.origin in counted]
    origins = [varied.perturbed[at].origin for at in shaken]
    labels = [varied.scored.labels[row] for row in origins]
    near = (taught.embeddings, taught.labels)
    return Answers(
        clean=robustness.right(head, own.rows[rows], [varied.scored.labels[row] for row in rows]),
        before=robustness.right(head, own.rows[origins], labels),
        perturbed=robustness.right(head, own.perturbed[shaken], labels),
        base_before=robustness.nearest_right(near, plain.rows[origins], labels),
        base_perturbed=robustness.nearest_right(near, plain.perturbed[shaken], labels),
    )


def _language(rows: Utterances) -> str | None:
    """The language of rows that say none: that of all their words together, as far as they tell one."""
    if any(rows.languages):
        return None
    told = languages_of(sorted(set(rows.texts))[:100])
    counted = [code for code in told if code]
    return max(sorted(set(counted)), key=counted.count, default=None)
