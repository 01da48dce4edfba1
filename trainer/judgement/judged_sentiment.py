"""The sentiment of labelled messages of the test split, as floor, base, live and candidate tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from data.catalogue import finding_of
from data.schema import Finding
from export.predict import Predictor
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import embed_texts
from trainer.intents.intent_data import Utterances
from trainer.intents.linear import thin_rows
from trainer.judgement.comparison import CHANCE, Beside, ModelName, TestSet
from trainer.judgement.floor import IntentFloor
from trainer.judgement.intervals import Difference, bootstrap, mcnemar, paired_bootstrap
from trainer.judgement.judging import Nearest
from trainer.judgement.metrics import encode, macro_f1_of_true
from trainer.judgement.regressions import (
    KINDS,
    SENTIMENT_BELOW_FLOOR,
    SENTIMENT_GONE,
    SENTIMENT_LOST,
    in_words,
    worse_slices,
)
from trainer.judgement.slices import slices_of
from trainer.material import Material, felt

METRIC = "sentiment_f1"
SILENT = ""
"""What a model says that says nothing of a message, as one without a sentiment for its language does."""

LEARNED = 4_096
"""Labelled messages, at most, that floor and base know; drawn evenly from the labels."""

Said = Mapping[ModelName, Sequence[str]]
Codes = npt.NDArray[np.int64]


def sentiment_scores_of(
    material: Material, base: LocalBase, candidate: Predictor, live: Predictor | None, seed: int
) -> Beside:
    """Scores where the candidate tells a sentiment, and a test message has one that it or live knows."""
    head, before = candidate.parts.sentiment, live.parts.sentiment if live is not None else None
    if head is None:
        # It may be wanted: told, and nothing held back for it.
        sample = "the live release tells what messages sound like, the candidate does not."
        return Beside(METRIC, findings=() if before is None else (finding_of(KINDS, SENTIMENT_GONE, 1, sample),))
    # What live tells and the candidate no longer does is wrong of the candidate, not left out.
    known = {*head.labels, *(before.labels if before is not None else ())}
    learned, tested = _among(known, material.sentiments()), _among(known, felt(material.test))
    if not len(tested):
        return Beside(METRIC)
    learned = learned.pick(thin_rows(learned.labels, LEARNED, seed).tolist())
    said: dict[ModelName, Sequence[str]] = _without_training(learned, tested.texts, base) if len(learned) else {}
    said["candidate"] = _heard(candidate, tested.texts)
    if live is not None and before is not None:
        said["live"] = _heard(live, tested.texts)
    return compared(tested, learned, said, seed)


def compared(tested: Utterances, learned: Utterances, said: Said, seed: int) -> Beside:
    """What each model said of the texts of `tested`, held against their labels; `learned` tells which are rare. Words
    alone and the candidate are compared where the candidate says something, live and the candidate on all of them."""
    _, (truth, *codes) = encode(tested.labels, *said.values())
    answers = dict(zip(said, codes, strict=True))
    scores = {name: bootstrap(macro_f1_of_true, truth, code, seed=seed) for name, code in answers.items()}
    found: list[Finding] = []
    if "floor" in answers:
        spoken = np.array([one != SILENT for one in said["candidate"]])
        gap = _worse(truth[spoken], (answers["floor"][spoken], answers["candidate"][spoken]), seed)
        if gap is not None:
            sample = f"sentiment: the candidate tells it worse than words alone, {gap.points} in macro-F1."
            found.append(finding_of(KINDS, SENTIMENT_BELOW_FLOOR, int(spoken.sum()), sample))
    if "live" not in answers:
        return Beside(METRIC, scores, tuple(found))
    test = TestSet(tested.texts, tested.labels, tested.languages, Counter(learned.labels))
    parts = slices_of(test, {name: code == truth for name, code in answers.items()}, "live")
    lost = [(part.rows, in_words(part)) for part in worse_slices(parts)]
    gap = _worse(truth, (answers["live"], answers["candidate"]), seed)
    if gap is not None:
        whole = f"the candidate tells it worse than the live release, {gap.points} in macro-F1."
        lost = [(len(tested), whole), *lost]
    found += [finding_of(KINDS, SENTIMENT_LOST, rows, f"sentiment: {sentence}") for rows, sentence in lost]
    return Beside(METRIC, scores, tuple(found))


def _among(labels: Collection[str], rows: Utterances) -> Utterances:
    return rows.pick([at for at, label in enumerate(rows.labels) if label in labels])


def _without_training(learned: Utterances, texts: Sequence[str], base: LocalBase) -> dict[ModelName, Sequence[str]]:
    """Words alone, and the label of the nearest labelled message by the untuned base."""
    floor = IntentFloor.fit(learned.texts, learned.labels, learned.weight().tolist())
    encoder, renderer = base.encoder(), base.renderer()

    def vectors(some: Sequence[str]) -> npt.NDArray[np.float32]:
        return embed_texts(encoder, renderer, some)

    nearest = Nearest.of(learned, vectors)
    return {
        "floor": [floor.labels[at] for at in floor.probabilities(texts).argmax(axis=1)],
        "base": [nearest.labels[at] for at in nearest.said(texts)[0].argmax(axis=1)],
    }


def _heard(predictor: Predictor, texts: Sequence[str]) -> list[str]:
    found = (one.sentiment for one in predictor.understand_many(texts))
    return [SILENT if one is None else one.label for one in found]


def _worse(truth: Codes, pair: tuple[Codes, Codes], seed: int) -> Difference | None:
    """How far the second of `pair` is behind the first in macro-F1; None where it is not, or that may be chance."""
    if not len(truth):
        return None
    gap = paired_bootstrap(macro_f1_of_true, truth, pair, seed=seed)
    chance = mcnemar(*(code == truth for code in pair))
    # An interval drawn from a handful of rows has no width: McNemar's test does not take it for certainty.
    return gap if gap.high < 0 and chance < CHANCE else None
