"""An experiment on typed spans: a file of marked texts to learn from, another to measure on, no database.

Texts are cleaned and, unlike a brand's logs, not redacted: a file of marked texts asks for names and numbers by their
marks, as a brand does that keeps these kinds (`imports.keep_kinds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.appraise import too_few_spans
from data.errors import UsageError
from data.settings import Settings
from export.encoders import Precision
from export.entities import EntityModel
from export.release import running_versions
from export.span_parity import compare_spans, serves_int8
from export.tagging import Span, places
from trainer.bases.catalogue import base_for
from trainer.core.run_folder import RunFolder
from trainer.entities.entity_data import EntityData, Marked, check_markable, span_counts
from trainer.entities.entity_work import probe_of
from trainer.entities.span_files import SpanFile, read_spans
from trainer.entities.span_metrics import SpanScores, span_scores
from trainer.entities.train_entities import TrainedEntities, train_entities
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import sufficiency
from trainer.estimates.fitting import for_entities
from trainer.experiments.experiment_report import history_row
from trainer.experiments.precision import AGREEING, THREADS
from trainer.experiments.question import Outcome, Settled, common
from trainer.hyperparameters import sized
from trainer.package import Packed, median_ms, pack
from trainer.recipes import EntityRecipe, pick_entities


def entity_experiment(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """Train on TRAIN, measure on TEST what the exported model finds; (report, predictions)."""
    if question.per_class is not None:
        raise UsageError("--per-class draws labelled rows; spans are no labels of rows.", remedy="Leave it out.")
    train, test = (read_spans(path, settings.imports) for path in (question.train, question.test))
    check_markable(train.rows)
    base = base_for(settings, question.base)
    picked = pick_entities(len(train.rows), base=question.base, seed=question.seed)
    recipe = question.recipe or sized(picked, base.configuration())
    assert isinstance(recipe, EntityRecipe)  # experiment() has compared the tasks
    run.report({"type": "phase", "phase": "train"})
    told = for_entities(recipe, base, EntityData(train.rows), DryRun(run)).to_wire()
    lacks = too_few_spans(list(span_counts(train.rows).values()))
    foretold = {**told, **sufficiency(lacks, [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = train_entities(recipe, base, EntityData(train.rows), run)
    run.report({"type": "phase", "phase": "export"})
    packed = pack(trained.encoder, base, recipe.max_length, run.folder, running_versions())
    run.report({"type": "phase", "phase": "evaluate"})
    scores, found = _measured(trained, packed, "fp32", test)
    small, _ = _measured(trained, packed, "int8", test)
    probe = probe_of(train.rows[:AGREEING])
    parity = {p: compare_spans(trained.model(), _served(trained, packed, p), probe, p) for p in packed.folders}
    precision, why = serves_int8(parity["int8"])
    served = _served(trained, packed, precision, threads=1)
    result = {
        **common(question, recipe, (len(train.rows), len(test.rows)), trained.seconds),
        **scores.to_wire(),
        "latency_ms": round(median_ms(served.find, [row.text for row in test.rows]), 3),
        "size_bytes": packed.size_bytes(precision) + trained.head.size_bytes,
        "precision": precision,
        "precision_why": why,
        "int8_span_f1": small.to_wire()["span_f1"],
        "fp32_agreement": parity["fp32"].equal,
        "int8_agreement": parity["int8"].equal,
        "estimate": foretold,
        "held_out": trained.held_out.to_wire(),
        "set_aside": {"train": train.set_aside, "test": test.set_aside, "learning": dict(trained.set_aside)},
        "findings": trained.findings,
        "history": [history_row(row) for row in trained.history],
    }
    return result, predictions(test.rows, found)


def predictions(rows: Sequence[Marked], found: Sequence[Sequence[Span]]) -> list[dict[str, Any]]:
    return [
        {
            "text": row.text,
            "spans": [{"start": one.start, "end": one.end, "type": one.type} for one in row.spans],
            "predicted": [
                {"start": one.start, "end": one.end, "type": one.type, "confidence": round(one.confidence, 6)}
                for one in spans
            ],
        }
        for row, spans in zip(rows, found, strict=True)
    ]


def _served(trained: TrainedEntities, packed: Packed, precision: Precision, threads: int = THREADS) -> EntityModel:
    return EntityModel(packed.tokens(precision, threads), trained.head)


def _measured(
    trained: TrainedEntities, packed: Packed, precision: Precision, test: SpanFile
) -> tuple[SpanScores, list[tuple[Span, ...]]]:
    found = _served(trained, packed, precision).find_many([row.asked for row in test.rows])
    return span_scores([places(row.spans) for row in test.rows], [places(spans) for spans in found]), found
