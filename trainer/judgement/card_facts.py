"""All that a model card says, as one frozen value. `card` and `plots` only write it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer.intents.augmentation import Augmentation
from trainer.intents.robustness import Robustness
from trainer.judgement.comparison import Comparison
from trainer.judgement.verdict import Verdict

if TYPE_CHECKING:  # writing a card down needs no torch
    from trainer.labels.sentiment import TrainedSentiment


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """A model the release came from. `id`: its name on the hub; `licence`: SPDX, lower case; `digest`: SHA-256."""

    id: str
    licence: str
    digest: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The frozen dataset: rows per split, and what the import of its sources set aside and redacted."""

    fingerprint: str
    splits: Mapping[str, int]
    conversations: int
    uploads: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    redacted: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One validation during training. `epoch` may be a fraction; None: not measured at that point."""

    epoch: float
    step: int
    training_loss: float | None = None
    validation_loss: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """One task of the run: `name` (intent, reply), its recipe, what was measured on the way and what `score` is."""

    name: str
    recipe: Mapping[str, Any]
    history: Sequence[Epoch] = ()
    score_name: str = "F1"
    augmentation: Augmentation | None = None
    robustness: Robustness | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    """What the release says of its generator; empty for other tasks."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """`release` reads `acme@7`; `bases`: the one that reads, then the one that writes, if any does; `languages` are
    codes; `thresholds` by name, None where none was found; `reproduce` holds the commands, in order; `plots` the file
    names that lie beside the card."""

    release: str
    languages: Sequence[str]
    created_at: str
    bases: Sequence[BaseFacts]
    data: DataFacts
    tasks: Sequence[TaskFacts]
    comparison: Comparison
    verdict: Verdict
    thresholds: Mapping[str, float | None]
    reproduce: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    plots: Sequence[str] = ()
    sentiment: TrainedSentiment | None = None
