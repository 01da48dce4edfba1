"""What an intent training learns from: labelled utterances, and what the labels mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from data.augment.said import Said
from data.augment.vary import Row
from data.errors import DatasetError
from data.schema import OUT_OF_SCOPE, Entity


@dataclass(frozen=True, slots=True)
class Utterances:
    """Labelled texts, already prepared (cleaned, redacted), and how much each counts. `entities`, `languages` and
    `sources` (whose customer's or conversation's they are) are one a row, or nothing."""

    texts: Sequence[str]
    labels: Sequence[str]
    weights: Sequence[float] = ()
    entities: Sequence[tuple[Entity, ...]] = ()
    languages: Sequence[str | None] = ()
    sources: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def weight(self) -> npt.NDArray[np.float32]:
        return np.array(self.weights or [1.0] * len(self.texts), dtype=np.float32)

    def pick(self, rows: Sequence[int]) -> Utterances:
        weight = self.weight()
        return Utterances(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            [float(weight[row]) for row in rows],
            [self.entities[row] for row in rows] if self.entities else (),
            [self.languages[row] for row in rows] if self.languages else (),
            [self.sources[row] for row in rows] if self.sources else (),
        )

    def varied(self, language: str | None) -> list[Row]:
        """The rows as they are varied; `language` is that of those whose own nobody knows."""
        entities = self.entities or [()] * len(self)
        languages = self.languages or [None] * len(self)
        said = zip(self.texts, self.labels, entities, languages, strict=True)
        return [Row(Said(text, marked, own or language), label) for text, label, marked, own in said]


@dataclass(frozen=True, slots=True)
class IntentData:
    """What a training may read. `validation` is used by recipes that hold rows out; others learn from it too.

    `descriptions` are readable names and sentences of a label, from the bot's profile: they are examples as well.
    `synonyms` are the brand's own groups of words. Nothing that is made up for learning may say what a text of
    `held_out` says.
    """

    train: Utterances
    validation: Utterances | None = None
    descriptions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    target_precision: float = 0.9
    held_out: Sequence[str] = ()
    synonyms: Sequence[Sequence[str]] = ()


def joined(first: Utterances, second: Utterances) -> Utterances:
    weights = [*first.weight().tolist(), *second.weight().tolist()]
    pair = (first, second)
    entities = [one for part in pair for one in part.entities or [()] * len(part)]
    languages = [one for part in pair for one in part.languages or [None] * len(part)]
    sources = [one for part in pair for one in part.sources or [None] * len(part)]
    texts, labels = [*first.texts, *second.texts], [*first.labels, *second.labels]
    return Utterances(texts, labels, weights, entities, languages, sources)


def readable(label: str, descriptions: Mapping[str, Sequence[str]]) -> list[str]:
    """Sentences that say what a label is: the profile's, else its name with separators made spaces."""
    if label == OUT_OF_SCOPE:
        return []
    given = [text for text in descriptions.get(label, ()) if text.strip()]
    plain = " ".join(label.replace("_", " ").replace("-", " ").replace(".", " ").split()).lower()
    return given or [plain]


def is_trainable(labels: Sequence[str]) -> bool:
    """Whether these labels can train a classifier at all."""
    return _usable(labels) >= 2


def check_trainable(labels: Sequence[str]) -> None:
    """Raise DatasetError when these labels cannot train a classifier at all, saying how much more is needed."""
    if not is_trainable(labels):
        raise DatasetError(
            f"An intent model needs two intents with at least two labelled messages each; the data has "
            f"{_usable(labels)}.",
            remedy="Label more messages, at least five per intent for a useful model, and import again.",
        )


def _usable(labels: Sequence[str]) -> int:
    """Intents with at least two labelled messages."""
    counts = Counter(label for label in labels if label != OUT_OF_SCOPE)
    return sum(rows >= 2 for rows in counts.values())
