"""Every hyperparameter of a run, in one frozen value; picked by the amount of data, checked as a whole.

What the amount of data decides (figures in docs/recipes.md):

- `frozen`     too few examples to move an encoder: it stays as it is, a linear head learns.
- `top`        enough to move its upper layers, starting from the linear head (linear probing, then fine-tuning: Kumar
               et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution").
               Thresholds come from models that did not see the rows; then the model is fitted again on all of them.
- `full`       enough to move every layer, with a validation split held out for early stopping and thresholds.

And `ngrams` where the base does not know the language: n-grams of characters and words, and a linear head (languages).
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from data.errors import RecipeError
from trainer.bases.known import DEFAULT
from trainer.generation.recipe import GenerateRecipe, PreferenceRecipe
from trainer.hyperparameters import Hyperparameters, made
from trainer.replies.recipe import LENGTH, ReplyRecipe, reply_hyperparameters


class LayeredRecipe(Hyperparameters):
    """What recipes have in common that tune the layers of an encoder under a head."""

    layer_decay: float = Field(1.0, gt=0, le=1, description="Rate of a layer as a share of the one above it; 1: alike.")


class IntentRecipe(LayeredRecipe):
    task: Literal["intent"] = "intent"
    method: Literal["frozen", "top", "full", "ngrams"]
    folds: int = Field(5, ge=0, le=20, description="Models trained on parts, for thresholds; 0 holds out validation.")
    regularisation: float = Field(20.0, gt=0, description="Inverse L2 strength of the linear head.")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    describe_labels: bool = Field(True, description="Readable label names and descriptions are examples too.")
    keep_base: float = Field(
        0.0, ge=0, lt=1, description="Share of the starting weights in the final ones (WiSE-FT): steadier out of scope."
    )
    exposure: int = Field(0, ge=0, description="General utterances learned as out of scope (outlier exposure).")
    exposure_weight: float = Field(0.3, ge=0, le=1, description="How much each of them counts.")
    neighbours: int = Field(4096, ge=1, description="Most training embeddings kept for the nearest-neighbour score.")
    augment: Literal["auto", "off", "on"] = Field("auto", description="More ways to say each row: only where it helps.")
    oos_share: float = Field(0.3, ge=0, lt=1, description="Assumed share of out-of-scope traffic.")
    refit: bool = Field(False, description="Learn all rows again, validation too, for the epochs that it chose.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.refit and self.method != "full":
            raise ValueError(f"method {self.method!r} learns from all rows at the end anyway: refit must be false")
        if self.method == "full" and self.folds:
            raise ValueError("method 'full' holds out a validation split: folds must be 0")
        if self.method != "full" and self.folds < 2:
            raise ValueError(f"method {self.method!r} needs at least 2 folds for its thresholds")
        return self

    @property
    def is_folded(self) -> bool:
        return self.folds > 0


class LabelRecipe(LayeredRecipe):
    """Any number of labels a text: a logistic model each, over one encoder."""

    task: Literal["labels", "sentiment"] = "labels"
    method: Literal["frozen", "top", "full"]
    folds: int = Field(5, ge=0, le=20, description="Models trained on parts, for thresholds; 0 holds out validation.")
    regularisation: float = Field(20.0, gt=0, description="Inverse L2 strength of the linear head.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.method == "full") != (self.folds == 0) or self.folds == 1:
            raise ValueError("method 'full' holds out a validation split (folds 0); the others need at least 2 folds")
        return self

    @property
    def is_folded(self) -> bool:
        return self.folds > 0


class EntityRecipe(LayeredRecipe):
    """Typed spans: a tag a token, by its state in the encoder and what the text around it looks like."""

    task: Literal["entities"] = "entities"
    inner: int = Field(128, ge=8, le=1024, description="Size in which states and signs of the surface meet.")
    sign_dropout: float = Field(0.2, ge=0, lt=1, description="Share of the surface's signs that a step forgets.")


class Seq2SeqRecipe(Hyperparameters):
    """From a text or a conversation to another text, or to the reply: an encoder reads, a decoder writes, all layers
    learn."""

    task: Literal["summarise", "translate", "generate"]
    max_length: int = Field(256, ge=8, le=1024, description="Longest source, in tokens.")
    target_length: int = Field(96, ge=4, le=512, description="Longest target, in tokens.")
    instruction: str = Field("", max_length=100, description="Stands before every source, as a T5 was taught.")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    beams: int = Field(1, ge=1, le=8, description="Candidates that are followed at once; 1 takes the likeliest token.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.frozen_layers:
            raise ValueError("a sequence-to-sequence model learns in all of its layers: frozen_layers must be 0")
        return self


Recipe = IntentRecipe | ReplyRecipe | LabelRecipe | EntityRecipe | Seq2SeqRecipe | GenerateRecipe | PreferenceRecipe
_R = TypeVar("_R", bound=Hyperparameters)
CHAT_ONLY = set(GenerateRecipe.model_fields) - set(Seq2SeqRecipe.model_fields)
"""Fields that tell the recipe of a chat model from that of a base that rewrites: `method`, without which it is none,
and others."""

TOP_ROWS = 500
"""Below this many rows the frozen encoder is steadier: it tells what is out of scope better than a tuned one."""
TOP_ROWS_PER_CLASS = 6
"""Nor is it moved for fewer examples in the median class."""
TOP_PASSES = 4_700
"""Rows times epochs of a `top` fit: more examples need fewer looks at each."""
FULL_ROWS = 3_000
"""From this many rows a validation split costs less than it tells."""

ENTITY_PASSES = 24_000
"""Rows times epochs of a training on spans: more examples need fewer looks at each."""

SEQ2SEQ_PASSES = 30_000
"""Rows times epochs of a training from text to text."""

_ENTITIES: dict[str, Any] = {
    "learning_rate": 2e-4,
    "head_learning_rate": 2e-3,
    "max_length": 96,
    "validation_share": 0.05,
}

_FULL: dict[str, Any] = {
    "method": "full",
    "folds": 0,
    "epochs": 4,
    # A head that fits the training rows perfectly from the start would leave the encoder nothing to learn from.
    "regularisation": 1.0,
    "label_smoothing": 0.1,
    "validation_share": 0.03,
}

_TOP: dict[str, Any] = {
    "method": "top",
    "folds": 2,
    "frozen_layers": 3,
    "learning_rate": 2e-4,
    "keep_base": 0.3,
}

LABELS_TOP_ROWS = 150
"""Below this many texts with any number of labels the encoder stays as it is."""
LABELS_PASSES = 12_000
"""Rows times epochs of a `top` fit of such texts."""
LABELS_HELD = 2_000
"""Texts held out from a `full` fit: so many are enough for thresholds, and the others had better be learned."""

_LABELS_FULL: dict[str, Any] = {
    "method": "full",
    "folds": 0,
    "epochs": 2,
    "regularisation": 1.0,
    # The look-up of words and the lowest layer stay: most of the weights, whose update takes a tenth of the time.
    "frozen_layers": 1,
    "batch_size": 64,
    "learning_rate": 1.5e-4,
}
_LABELS_TOP: dict[str, Any] = {"method": "top", "folds": 2, "frozen_layers": 0, "learning_rate": 2e-4}


def pick_intent(labels: Sequence[str], *, base: str = DEFAULT, seed: int = 0) -> IntentRecipe:
    """The recipe for these training labels. Raises RecipeError below two labels, or for a seed out of range."""
    counts = sorted(Counter(labels).values())
    if len(counts) < 2:
        raise RecipeError(
            f"A classifier needs at least two labels; the data has {len(counts)}.",
            remedy="Label messages of another intent, or messages no intent covers as 'oos'.",
        )
    median = counts[len(counts) // 2]
    if len(labels) >= FULL_ROWS:
        return intent_by("full", len(labels), base=base, seed=seed)
    moves = median >= TOP_ROWS_PER_CLASS and len(labels) >= TOP_ROWS
    return intent_by("top" if moves else "frozen", len(labels), base=base, seed=seed)


def intent_by(method: str, rows: int, *, base: str = DEFAULT, seed: int = 0) -> IntentRecipe:
    """The recipe of this method (not `ngrams`) for so many rows, whether or not they are those it is picked for."""
    own = {
        "frozen": {"method": "frozen", "folds": 5},
        "top": {"epochs": min(max(round(TOP_PASSES / max(rows, 1)), 5), 8), **_TOP},
        "full": _FULL,
    }[method]
    return made(IntentRecipe, {"name": f"intent-{method}", **own, "base": base, "seed": seed})


def pick_labels(rows: int, *, task: str = "labels", base: str = DEFAULT, seed: int = 0) -> LabelRecipe:
    """The recipe for this many texts with any number of labels. Raises RecipeError for a seed out of range."""
    body: dict[str, Any] = {"task": task, "base": base, "seed": seed}
    if rows >= FULL_ROWS:
        body |= {"name": f"{task}-full", **_LABELS_FULL, "validation_share": min(0.1, LABELS_HELD / rows)}
    elif rows >= LABELS_TOP_ROWS:
        epochs = min(max(round(LABELS_PASSES / rows), 5), 15)
        body |= {"name": f"{task}-top", "epochs": epochs, **_LABELS_TOP}
    else:
        body |= {"name": f"{task}-frozen", "method": "frozen", "folds": 5}
    return made(LabelRecipe, body)


def instead_of_base(recipe: IntentRecipe) -> IntentRecipe:
    """The recipe for the same labels where the base does not know the language they are told by."""
    body = {"name": "intent-ngrams", "method": "ngrams", "folds": 5, "regularisation": 3.0}
    return made(IntentRecipe, {**body, "base": recipe.base, "seed": recipe.seed})


def pick_reply(pairs: int, length: float = LENGTH, *, base: str = DEFAULT, seed: int = 0) -> ReplyRecipe:
    """The recipe for this many (context, reply) pairs of `length` tokens in the mean. Raises RecipeError for a seed out
    of range."""
    return made(ReplyRecipe, {**reply_hyperparameters(pairs, length), "base": base, "seed": seed})


def pick_entities(rows: int, *, base: str = DEFAULT, seed: int = 0) -> EntityRecipe:
    """The recipe for this many texts with marked spans. Raises RecipeError for a seed out of range."""
    epochs = min(max(round(ENTITY_PASSES / max(rows, 1)), 4), 12)
    body: dict[str, Any] = {"name": "entities-full", "epochs": epochs, "base": base, "seed": seed}
    return made(EntityRecipe, {**body, **_ENTITIES})


def pick_seq2seq(rows: int, task: str, *, base: str, seed: int = 0) -> Seq2SeqRecipe:
    """The recipe for this many pairs of source and target. Raises RecipeError for a seed out of range."""
    epochs = min(max(round(SEQ2SEQ_PASSES / max(rows, 1)), 3), 12)
    body: dict[str, Any] = {"name": f"{task}-full", "task": task, "epochs": epochs, "batch_size": 16}
    return made(Seq2SeqRecipe, {**body, "learning_rate": 2e-4, "base": base, "seed": seed})


def parse_recipe(body: dict[str, Any]) -> Recipe:
    """The recipe in `body`. Raises RecipeError with every problem at once."""
    kinds: dict[str, type[Recipe]] = {
        "intent": IntentRecipe,
        "reply": ReplyRecipe,
        "labels": LabelRecipe,
        "sentiment": LabelRecipe,
        "entities": EntityRecipe,
        "summarise": Seq2SeqRecipe,
        "translate": Seq2SeqRecipe,
        "generate": GenerateRecipe if CHAT_ONLY & set(body) else Seq2SeqRecipe,
        "prefer": PreferenceRecipe,
    }
    kind = kinds.get(str(body.get("task")))
    if kind is None:
        raise RecipeError(
            f"A recipe names its task, one of {', '.join(kinds)}; it came as {body.get('task')!r}.",
            remedy="Add task = 'intent', or another of these.",
        )
    return made(kind, body)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file."""
    try:
        return parse_recipe(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(
            f"The recipe {path.name!r} cannot be read: {type(error).__name__}.", remedy="Give a TOML file in UTF-8."
        ) from None
