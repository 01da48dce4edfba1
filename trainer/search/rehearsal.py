"""What a recipe is worth on rows that its model has not learned from, without calibration or variations: one fold at
a time, for the search of a recipe and for cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from data.errors import DatasetError
from data.schema import OUT_OF_SCOPE
from export import confidence
from export.confidence import FEATURES
from export.heads import IntentHead
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import Embedder
from trainer.core.run_folder import RunFolder
from trainer.intents import folds
from trainer.intents.folds import Fold
from trainer.intents.intent_data import IntentData, Utterances, joined
from trainer.intents.intent_work import Work
from trainer.intents.linear import Floats, Labelled, head_of, thin
from trainer.intents.tuning import Taught, tune
from trainer.judgement.metrics import auroc
from trainer.recipes import IntentRecipe

NEAREST = FEATURES.index("nearest")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a fold's model said of `rows`, those scored whose label it had learned; and how near these, and what it is
    not for (`outside`: labels it did not know, messages out of scope, general utterances), lie to what it had."""

    rows: tuple[int, ...]
    truth: Sequence[str]
    predicted: Sequence[str]
    inside: npt.NDArray[np.float64]
    outside: npt.NDArray[np.float64]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        return np.array([a == b for a, b in zip(self.truth, self.predicted, strict=True)], dtype=bool)

    def apart(self) -> float:
        """How well messages in scope are told from the others: the area under the ROC curve."""
        scores = np.concatenate([self.inside, self.outside])
        return auroc(scores, np.arange(len(scores)) < len(self.inside))


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """Rows that score each other's models. Vectors of an untouched base are made once, by text and length."""

    base: LocalBase
    rows: Utterances
    run: RunFolder
    descriptions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    vectors: dict[tuple[int, str], Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, base: LocalBase, data: IntentData, run: RunFolder) -> Rehearsal:
        """Over the rows of train and validation; nothing of a fit is kept, nor told."""
        rows = data.train if data.validation is None else joined(data.train, data.validation)
        quiet = replace(run, keep=False, report=lambda _event: None)
        return cls(base, rows, quiet, data.descriptions)

    def hear(self, recipe: IntentRecipe, fold: Fold) -> Heard:
        """Fit `recipe` on what the fold learns and ask it about the rest.

        Raises Diverged or Collapsed where the recipe is no use, DatasetError where the fold learns one label only.
        """
        learned, scored = self.rows.pick(fold.learn), self.rows.pick(fold.score)
        if len(set(learned.labels)) < 2:
            raise DatasetError(
                "The rows cannot be parted: some part would learn one label only.",
                remedy="Label more messages that differ from each other, or ask for fewer folds.",
            )
        self.run.check()
        work = Work.of(recipe, self.base, IntentData(learned, None, self.descriptions), self.run)
        encoder, head = self._fitted(work, learned)
        vectors = self._embedded(work, encoder, scored.texts)
        far = self._embedded(work, encoder, work.background_texts())
        return _heard(head, fold, (learned, scored), vectors, far)

    def _fitted(self, work: Work, learned: Utterances) -> tuple[Embedder, IntentHead]:
        recipe = work.recipe
        if recipe.method in ("frozen", "ngrams"):
            encoder = work.untrained()
            rows = joined(learned, work.beside(sorted(set(learned.labels))))
            taught = Labelled(self._embedded(work, encoder, rows.texts), rows.labels, rows.weight())
            labels, weight, bias = work.head_weights(taught)
            return encoder, head_of(labels, weight, bias, thin(taught, recipe.neighbours, recipe.seed))
        held = None
        if recipe.method == "full":
            kept, out = folds.hold_out(learned.labels, recipe.validation_share, recipe.seed)
            learned, held = learned.pick(kept), learned.pick(out)
        taught_rows = joined(learned, work.beside(sorted(set(learned.labels))))
        encoder, head, _ = tune(work, Taught(taught_rows, Utterances([], [])), held, "rehearsal")
        return encoder, head

    def _embedded(self, work: Work, encoder: Embedder, texts: Sequence[str]) -> Floats:
        if work.recipe.method != "frozen":
            return work.embed(encoder, texts)
        length = work.recipe.max_length
        new = list(dict.fromkeys(text for text in texts if (length, text) not in self.vectors))
        if new:
            self.vectors.update(zip([(length, text) for text in new], work.embed(encoder, new), strict=True))
        return np.stack([self.vectors[length, text] for text in texts])


def _heard(head: IntentHead, fold: Fold, parts: tuple[Utterances, Utterances], vectors: Floats, far: Floats) -> Heard:
    learned, scored = parts
    known = set(learned.labels)
    asked = [at for at, label in enumerate(scored.labels) if label in known]
    columns = [at for at, label in enumerate(head.labels) if label in known]
    logits = vectors[asked] @ head.weight[columns].T + head.bias[columns]
    predicted = [head.labels[columns[best]] for best in logits.argmax(axis=1)]
    near, strange = (confidence.features(head, part)[1][:, NEAREST] for part in (vectors, far))
    inside = np.array([label in known and label != OUT_OF_SCOPE for label in scored.labels], dtype=bool)
    return Heard(
        rows=tuple(fold.score[at] for at in asked),
        truth=[scored.labels[at] for at in asked],
        predicted=predicted,
        inside=near[inside],
        outside=np.concatenate([near[~inside], strange]),
    )
