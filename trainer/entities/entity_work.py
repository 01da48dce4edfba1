"""Entities in a retraining: which rows are marked, whether they suffice, and the model behind its export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import finding_of
from data.schema import BRAND_ROLES, Example, Finding
from export.encoders import Precision
from export.entities import EntityModel
from export.parts import Parts
from export.release import running_versions
from export.span_parity import SpanProbe, compare_spans, require_spans, serves_int8
from export.tagging import places
from trainer.bases.catalogue import LocalBase
from trainer.entities.entity_data import (
    KINDS,
    SPANS_LOST,
    EntityData,
    Marked,
    is_markable,
    span_counts,
    too_few_spans,
)
from trainer.entities.span_metrics import counted, counted_f1
from trainer.entities.train_entities import TrainedEntities
from trainer.judgement.comparison import CHANCE, Beside, ModelName
from trainer.judgement.intervals import Difference, bootstrap, mcnemar, paired_bootstrap
from trainer.package import Packed, pack

METRIC = "span_f1"


@dataclass(frozen=True, slots=True)
class MarkedSplits:
    """The marked rows of a dataset, by split."""

    train: list[Marked]
    validation: list[Marked]
    test: list[Marked]

    @property
    def data(self) -> EntityData:
        return EntityData(self.train, self.validation or None)

    @property
    def suffices(self) -> bool:
        """Whether a type has spans enough to be learned."""
        return is_markable(self.train)

    def findings(self) -> tuple[Finding, ...]:
        """Why nothing is learned from spans there are."""
        return () if self.suffices else tuple(too_few_spans(span_counts(self.train)))

    def probe(self) -> SpanProbe:
        """Raw text for the parity of the export: held-out rows, or where there are none the learned ones."""
        return probe_of([*self.test, *self.validation] or self.train)


def probe_of(rows: Sequence[Marked]) -> SpanProbe:
    return SpanProbe([row.asked for row in rows], [sorted(places(row.spans)) for row in rows])


def marked_splits(train: Sequence[Example], validation: Sequence[Example], test: Sequence[Example]) -> MarkedSplits:
    """Rows of the uploads that mark spans: there a message without one names nothing; elsewhere nobody looked."""
    marking = {row.upload for part in (train, validation, test) for row in part if row.entities}
    return MarkedSplits(*(_marked(row for row in part if row.upload in marking) for part in (train, validation, test)))


def _marked(rows: Iterable[Example]) -> list[Marked]:
    found = []
    for row in rows:
        role, said = row.context[-1] if row.context else ("user", "")
        found.append(Marked(row.text, row.entities, said if role in BRAND_ROLES else None))
    return found


def exported_entities(
    trained: TrainedEntities, base: LocalBase, probe: SpanProbe, work: Path
) -> tuple[EntityModel, tuple[Packed, Precision], dict[str, Any]]:
    """What would be served, its encoder with the precision chosen, and the parity that allowed it.

    Raises ParityFailed when the full-precision export does not find what the trained model finds.
    """
    packed = pack(trained.encoder, base, trained.renderer.max_length, work, running_versions())
    sides = {precision: EntityModel(packed.tokens(precision), trained.head) for precision in packed.folders}
    own = trained.model()
    parity = {precision: compare_spans(own, side, probe, precision) for precision, side in sides.items()}
    require_spans(parity["fp32"])
    precision, why = serves_int8(parity["int8"])
    told: dict[str, Any] = {str(name): found.to_wire() for name, found in parity.items()}
    told |= {"served": precision, "why": why}
    return sides[precision], (packed, precision), told


def span_scores_of(rows: Sequence[Marked], candidate: Parts, live: Parts | None, seed: int) -> Beside:
    """Nothing where no test row is marked, or the candidate has no entity model."""
    models: dict[ModelName, EntityModel] = {}
    if candidate.entities is not None:
        models["candidate"] = candidate.entities
    if live is not None and live.entities is not None:
        models["live"] = live.entities
    if "candidate" not in models or not any(row.spans for row in rows):
        return Beside(METRIC)
    truth = [places(row.spans) for row in rows]
    asked = [row.asked for row in rows]
    found = {name: [places(own) for own in model.find_many(asked)] for name, model in models.items()}
    said = {name: counted(truth, spans) for name, spans in found.items()}
    scores = {name: bootstrap(counted_f1, there, counts, seed=seed) for name, (there, counts) in said.items()}
    if "live" not in said:
        return Beside(METRIC, scores)
    there, counts = said["candidate"]
    gap = paired_bootstrap(counted_f1, there, (said["live"][1], counts), seed=seed)
    right = {name: np.array([a == b for a, b in zip(spans, truth, strict=True)]) for name, spans in found.items()}
    return Beside(METRIC, scores, tuple(_lost(gap, mcnemar(right["live"], right["candidate"]))))


def _lost(gap: Difference, chance: float) -> Iterator[Finding]:
    if gap.high < 0 and chance < CHANCE:  # an interval drawn from a handful of rows has no width
        said = f"The candidate finds entities worse than the live release: {gap.points} in span F1."
        yield finding_of(KINDS, SPANS_LOST, 1, said)
