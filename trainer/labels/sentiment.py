"""The sentiment head of a release: learned from what the brand has labelled, else handed on from the default one.

It always reads the embedding that the intent is read from, so that a message goes through one encoder once. Where that
encoder is the default base as it is, the default head fits as it is. Where it was tuned, or is another, the default
head teaches: what it thinks of the general utterances is shipped with it, and a linear model of the other encoder's
embeddings learns to think so too (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from data.catalogue import finding_of
from data.errors import IntegrityError
from data.render import Renderer
from data.schema import Finding
from export.label_head import LabelHead
from export.ngrams import Ngrams
from export.sealed import file_hash
from export.trained import torch_channel
from trainer.bases.catalogue import LocalBase
from trainer.bases.known import DEFAULT
from trainer.core.embedding import Embedder
from trainer.core.health import COLLAPSED, KINDS, SENTIMENT_COLLAPSED, Scoring, Signs, diagnose
from trainer.intents import folds
from trainer.intents.calibrate import background_utterances
from trainer.intents.intent_data import Utterances
from trainer.intents.linear import Labelled, linear_weights, mean_loss
from trainer.judgement.metrics import accuracy, macro_f1
from trainer.labels.several import Scale, scale_of, sigmoid

FILE = "default_sentiment.safetensors"
JUDGED = "default_sentiment_judged.safetensors"
CARD = "default_sentiment.md"
DIGESTS = {
    FILE: "23b2a6d1b188702dc89d255e5bfabd7cc3444ec3c21a3914fd5d9f245be67a5d",
    JUDGED: "4460352b7a6a922a79d36f276f560deaae7a7dc89a4490b41a89c8a108462e55",
}
LANGUAGES = ("en",)

ENOUGH = 100
"""Labelled messages from which a brand has a sentiment of its own."""
ENOUGH_OF_EACH = 10
"""A sentiment with fewer is left out of it."""
FOLDS = 5
REGULARISATION = 5.0
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Ridge strengths among which the one is taken that comes closest to the teacher on rows left out."""
TEMPERATURES = tuple(np.geomspace(0.2, 5.0, 41).tolist())

Floats = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedSentiment:
    """A head over the encoder that reads single messages. `rows` it has learned from; `held_out`: macro-F1 on rows not
    learned (labels), or the share of decisions in which it agrees with its teacher (distilled), None where it is the
    default head itself; `findings`: what its answers on those rows say of it."""

    head: LabelHead
    rows: int
    held_out: float | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether a release may have it: one that says the same of every message is left out."""
        return all(finding.code != SENTIMENT_COLLAPSED for finding in self.findings)

    def to_wire(self) -> dict[str, Any]:
        """`source` is None where it does not serve."""
        return {
            "source": self.head.source if self.serves else None,
            "labels": list(self.head.labels),
            "languages": list(self.head.languages),
            "rows": self.rows,
            "held_out": self.held_out,
        }


@dataclass(frozen=True, slots=True)
class Reader:
    """The encoder that reads single messages: how it embeds them, and whether it is the default base as it is, or one
    of n-grams, which no general utterance can teach."""

    embed: Embed
    is_default: bool
    is_ngrams: bool
    seed: int = 0


class Model(Protocol):
    """A trained model of intents or replies."""

    @property
    def encoder(self) -> Embedder: ...
    @property
    def renderer(self) -> Renderer: ...
    @property
    def encoder_is_base(self) -> bool: ...


def reader_of(model: Model, base: LocalBase, seed: int) -> Reader:
    """The encoder of `model`, which was trained from `base`."""
    return Reader(
        embed=torch_channel(model.encoder, model.renderer).read,
        is_default=model.encoder_is_base and base.name == DEFAULT,
        is_ngrams=isinstance(model.encoder, Ngrams),
        seed=seed,
    )


def sentiment_for(rows: Utterances, languages: Sequence[str], reader: Reader) -> TrainedSentiment | None:
    """The head over `reader` of a bot that speaks `languages` and has labelled `rows`. None where the brand has too few
    and the default head does not hold for any of its languages."""
    own = own_labels(rows)
    if own is not None:
        return learn(own, reader.embed, reader.seed)
    if reader.is_ngrams or not set(languages) & set(LANGUAGES):
        return None
    head = default_head()
    return (
        TrainedSentiment(head, 0)
        if reader.is_default
        else hand_on(head, default_judgement(), reader.embed, reader.seed)
    )


def default_head() -> LabelHead:
    """The head that is shipped. Raises IntegrityError when it is not the one it should be."""
    return LabelHead.load(_shipped(FILE))


def default_judgement() -> Floats:
    """What it thinks of each of the general utterances, in log odds [n, labels]."""
    with safe_open(_shipped(JUDGED), framework="numpy") as file:
        return np.asarray(file.get_tensor("judged"), dtype=np.float32)


def _shipped(name: str) -> Path:
    path = Path(__file__).parent / name
    if not path.exists() or file_hash(path) != DIGESTS[name]:
        raise IntegrityError("The default sentiment head is not the one that was shipped.", remedy="Install it again.")
    return path


def own_labels(rows: Utterances) -> Utterances | None:
    """The rows a brand's own sentiment is learned from; None where they are too few, or all of one kind."""
    counts = Counter(rows.labels)
    kept = [at for at, label in enumerate(rows.labels) if counts[label] >= ENOUGH_OF_EACH]
    usable = rows.pick(kept)
    return usable if len(kept) >= ENOUGH and len(set(usable.labels)) >= 2 else None


def learn(rows: Utterances, embed: Embed, seed: int) -> TrainedSentiment:
    """A head of the labels of `rows`, which exclude each other; probabilities are fitted on rows left out."""
    vectors = Labelled(embed(rows.texts), rows.labels, rows.weight())
    names = tuple(sorted(set(rows.labels)))
    truth = np.array([names.index(label) for label in rows.labels])
    part = folds.spread(rows.labels, FOLDS, np.random.default_rng(seed))
    logits = np.full((len(rows), len(names)), -30.0)
    for fold in range(FOLDS):
        known, weight, bias = linear_weights(vectors.pick(part != fold), REGULARISATION)
        at = np.flatnonzero(part == fold)
        columns = np.array([names.index(label) for label in known])
        logits[np.ix_(at, columns)] = vectors.embeddings[at] @ weight.T + bias
    temperature = min(TEMPERATURES, key=lambda one: mean_loss(logits / one, truth))
    labels, weight, bias = linear_weights(vectors, REGULARISATION)
    by_heart = [labels[at] for at in (vectors.embeddings @ weight.T + bias).argmax(axis=1)]
    said = [names[at] for at in logits.argmax(axis=1)]
    findings = _findings(Scoring(rows.labels, said, accuracy(rows.labels, by_heart)), by_heart)
    languages = tuple(sorted({language for language in rows.languages if language}))
    head = LabelHead(
        labels=labels,
        weight=(weight / temperature).astype(np.float32),
        bias=(bias / temperature).astype(np.float32),
        thresholds=np.full(len(labels), 1 / len(labels), dtype=np.float32),
        exclusive=True,
        languages=languages,
        source="labels",
    )
    return TrainedSentiment(head, len(rows), macro_f1(rows.labels, said), findings)


def hand_on(teacher: LabelHead, wanted: Floats, embed: Embed, seed: int) -> TrainedSentiment:
    """The teacher's judgement on the general utterances, `wanted` [n, labels] in log odds, learned over the embeddings
    of `embed`."""
    vectors = embed(background_utterances()).astype(np.float64)
    part = np.random.default_rng(seed).permutation(len(vectors)) % FOLDS
    tried = [(strength, _left_out(vectors, wanted, part, strength)) for strength in STRENGTHS]
    strength, logits = min(tried, key=lambda one: float(((one[1] - wanted) ** 2).mean()))
    judged = sigmoid(wanted)
    scale: Scale = scale_of(logits, judged)
    weight, bias = _ridge(vectors, wanted, strength)
    head = replace(
        teacher,
        weight=(weight * scale.slope[:, None]).astype(np.float32),
        bias=(bias * scale.slope + scale.shift).astype(np.float32),
        thresholds=scale.thresholds.astype(np.float32),
        source="distilled",
    )
    learned = scale.probabilities(logits)
    agreed = head.chosen(learned) == teacher.chosen(judged)
    scoring = Scoring(_strongest(teacher, judged), _strongest(head, learned))
    findings = _findings(scoring, _strongest(head, head.probabilities(vectors)))
    return TrainedSentiment(head, len(vectors), float(agreed.mean()), findings)


def _strongest(head: LabelHead, probabilities: Any) -> list[str]:
    """The label that each text would be given."""
    return [head.labels[at] for at in head.standing(probabilities).argmax(axis=1)]


def _findings(scoring: Scoring, known: Sequence[str]) -> tuple[Finding, ...]:
    """What answers on rows not learned say of a head, and `known`, what the head that was learned from all of them says
    of each. Whatever it is, the other tasks of the release can do without."""
    # Where nothing tells the rows apart, the models of the parts may each have another answer to everything.
    found = diagnose(Signs((), [scoring if len(set(known)) > 1 else Scoring(scoring.truth, known)]))
    codes = [SENTIMENT_COLLAPSED if one.code == COLLAPSED else one.code for one in found]
    said = zip(codes, found, strict=True)
    return tuple(finding_of(KINDS, code, one.count, f"sentiment: {one.sample}") for code, one in said)


def _left_out(vectors: Any, wanted: Any, part: npt.NDArray[np.int64], strength: float) -> npt.NDArray[np.float64]:
    logits = np.zeros(wanted.shape)
    for fold in range(FOLDS):
        weight, bias = _ridge(vectors[part != fold], wanted[part != fold], strength)
        logits[part == fold] = vectors[part == fold] @ weight.T + bias
    return logits


def _ridge(vectors: Any, wanted: Any, strength: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(weight [labels, hidden], bias [labels]) that come closest to `wanted`; the bias is not held back."""
    middle, level = vectors.mean(axis=0), wanted.mean(axis=0)
    rows = vectors - middle
    weight = np.linalg.solve(rows.T @ rows + strength * np.eye(rows.shape[1]), rows.T @ (wanted - level)).T
    return weight, level - weight @ middle
