"""An experiment: a labelled file to learn from, another to measure on, the default recipe, no database.

Nothing but TRAIN is read to train, to choose thresholds, recipe or precision; TEST is only measured on.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.appraise import too_few
from data.errors import DatasetError, UsageError
from data.prepare import Preparer
from data.profile import BotProfile
from data.settings import Settings
from export import confidence
from export.predict import Channel, IntentModel, Parts, Predictor
from export.release import running_versions
from export.thresholds import Thresholds
from export.trained import torch_channel
from trainer.bases.catalogue import base_for
from trainer.bases.known import CATALOGUE
from trainer.bases.seq2seq_base import is_seq2seq
from trainer.core.health import Scoring, Signs, diagnose, refuse
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import for_intents, sufficiency
from trainer.experiments.entity_experiment import entity_experiment
from trainer.experiments.experiment_labels import several_labels
from trainer.experiments.experiment_recipe import suited_recipe
from trainer.experiments.experiment_report import history_row, intent_predictions, sayable, write
from trainer.experiments.generate_experiment import generate_experiment
from trainer.experiments.precision import AGREEING, THREADS, agreement, kept_precision
from trainer.experiments.question import Outcome, Question, Settled, common, refuse_nonsense, refuse_parting
from trainer.experiments.reading import LabelledFile, read_labelled
from trainer.experiments.reply_experiment import reply_experiment
from trainer.experiments.seq2seq_experiment import seq2seq_experiment
from trainer.intents.train_intent import IntentData, TrainedIntent, Utterances, check_trainable, train_intent
from trainer.judgement.metrics import IntentScores, experiment_intent_metrics
from trainer.labels.label_rows import LabelRows, read_label_rows
from trainer.order import SEEDS
from trainer.package import median_latency_ms, pack
from trainer.search.cross_validation import over_seeds

__all__ = ["Question", "experiment"]


def experiment(question: Question, settings: Settings, report: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Run it; returns the report, also written to `report.json` beside `predictions.jsonl` in `question.out`.

    Raises Collapsed, with all of it written, when every message of TEST gets one answer, or as good as.
    """
    settled = question.settled()
    refuse_nonsense(settled)
    question.out.mkdir(parents=True, exist_ok=True)
    runs = [_once(one, settings, report) for one in _by_seed(settled)]
    result, predictions = runs[0]
    found = result["findings"]
    if len(runs) > 1:
        result["over_seeds"] = over_seeds([told for told, _ in runs])
    result = sayable({**result, "findings": [finding.to_wire() for finding in found]})
    write(question.out, result, sayable(predictions))
    for told, _ in runs:
        refuse(told["findings"])
    return dict(result)


def _by_seed(question: Settled) -> Iterator[Settled]:
    """The question from one seed after the other; what is told of TRAIN alone is told once."""
    yield question
    for more in range(1, question.seeds):
        seed = (question.seed + more) % SEEDS
        recipe = None if question.recipe is None else question.recipe.model_copy(update={"seed": seed})
        yield replace(question, seed=seed, recipe=recipe, folds=None, keeps=False)


def _once(question: Settled, settings: Settings, report: Callable[[Mapping[str, Any]], None]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="attune-experiment-") as scratch:
        run = RunFolder(
            Path(scratch),
            MemoryLedger(),
            report=report,
            threads=settings.train.threads,
            accelerator=settings.train.accelerator,
            keep=False,
        )
        return WAYS.get(question.task, _labels)(question, settings, run)


def _labels(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """Any number of labels a text, or one: as TRAIN has it. Raises DatasetError where TEST then cannot be scored."""
    train, test = (read_label_rows(path, settings.imports, question.task) for path in (question.train, question.test))
    single = train.exclusive
    if question.recipe is not None and (question.recipe.task == "intent") != single:
        wanted = "intent" if single else question.task
        raise UsageError(
            f"The recipe is for {question.recipe.task!r}; {question.train.name} asks for one for {wanted!r}."
        )
    if not single:
        refuse_parting(question)
        return several_labels(question, settings, run, (train, test))
    _check_single(question, test)
    return _one_label(question, settings, run, (_single(train), _single(test)))


def _check_single(question: Settled, test: LabelRows) -> None:
    """Who has learned one label a text gives one: half right and half wrong where TEST has two, and it has no score."""
    others = sum(len(labels) != 1 for labels in test.labels)
    if others:
        raise DatasetError(
            f"Every text of {question.train.name} has exactly one label; {others} of {question.test.name} have none or "
            "several, which who learned from the former cannot say.",
            remedy="Label TRAIN as TEST is labelled, with texts of none or several labels, or leave these out of TEST.",
        )


def _single(rows: LabelRows) -> LabelledFile:
    """Rows that have exactly one label each."""
    return LabelledFile(rows.texts, [label for (label,) in rows.labels], dict(rows.set_aside), rows.sources)


def _intent(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    train, test = (read_labelled(path, settings.imports) for path in (question.train, question.test))
    return _one_label(question, settings, run, (train, test))


def _one_label(
    question: Settled, settings: Settings, run: RunFolder, files: tuple[LabelledFile, LabelledFile]
) -> Outcome:
    train, test = files
    if question.per_class is not None:
        train = train.per_class(question.per_class, question.seed)
    check_trainable(train.labels)
    prepare = Preparer(settings.imports)
    learned = Utterances([prepare(text) for text in train.texts], train.labels, sources=train.sources)
    fitting, steadiness = suited_recipe(question, settings, learned, run)
    recipe, base = fitting.recipe, base_for(settings, fitting.recipe.base)
    told = for_intents(recipe, base, IntentData(learned), DryRun(run)).to_wire()
    foretold = {**told, **sufficiency(too_few(list(Counter(train.labels).values()), question.task), [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = fitting.told(train_intent(recipe, base, IntentData(learned), run))
    run.report({"type": "phase", "phase": "export"})
    packed = pack(trained.encoder, base, recipe.max_length, run.folder, running_versions())
    run.report({"type": "phase", "phase": "evaluate"})
    texts = [prepare(text) for text in test.texts]
    thresholds = trained.calibration.thresholds()
    scored = {p: _scores(trained, packed.channel(p, THREADS), texts) for p in packed.folders}
    in_torch = _scores(trained, torch_channel(trained.encoder, trained.renderer), texts)
    scores = scored["fp32"]
    some = learned.texts[:AGREEING]
    precision = kept_precision(packed, lambda channel: _answers(_scores(trained, channel, some)))
    metrics = {p: experiment_intent_metrics(test.labels, found, thresholds) for p, found in scored.items()}
    served = _predictor(trained, packed.channel(precision), thresholds, settings)
    result = {
        **common(question, recipe, (len(train.texts), len(test.texts)), trained.seconds),
        **metrics["fp32"],
        "latency_ms": round(median_latency_ms(served, test.texts), 3),
        "size_bytes": packed.size_bytes(precision) + trained.head.size_bytes,
        "precision": precision,
        **{f"{p}_agreement": agreement(_answers(in_torch), _answers(found)) for p, found in scored.items()},
        **({"int8_accuracy": metrics["int8"]["accuracy"]} if "int8" in metrics else {}),
        **steadiness,
        "estimate": foretold,
        "held_out_accuracy": trained.calibration.accuracy,
        "augmentation": trained.augmentation.to_wire(),
        "robustness": trained.robustness.to_wire(),
        "set_aside": {"train": train.set_aside, "test": test.set_aside},
        "findings": (*trained.findings, *diagnose(Signs((), (_scoring(trained, test, scores),)))),
        "history": [history_row(row) for row in trained.history],
    }
    return result, intent_predictions(test, scores)


def _scores(trained: TrainedIntent, channel: Channel, texts: Sequence[str]) -> IntentScores:
    """What the head says of `texts`, over the labels TRAIN has: what was learned beside it is no answer."""
    found = confidence.score(trained.head, channel.read(texts))
    kept = [at for at, label in enumerate(trained.head.labels) if label in trained.known_labels]
    labels = [trained.head.labels[at] for at in kept]
    return IntentScores(labels, found.probabilities[:, kept], found.confidence, found.in_scope)


def _answers(scores: IntentScores) -> npt.NDArray[Any]:
    return np.array(scores.predicted)


def _scoring(trained: TrainedIntent, test: LabelledFile, scores: IntentScores) -> Scoring:
    """The rows of TEST whose label TRAIN has, and what became of them."""
    said = [(t, p) for t, p in zip(test.labels, scores.predicted, strict=True) if t in trained.known_labels]
    return Scoring([true for true, _ in said], [predicted for _, predicted in said])


def _predictor(trained: TrainedIntent, channel: Channel, thresholds: Thresholds, settings: Settings) -> Predictor:
    parts = Parts(
        release="experiment",
        profile=BotProfile(name="experiment"),
        thresholds=thresholds,
        imports=settings.imports,
        intent=IntentModel(channel, trained.head),
    )
    return Predictor(parts)


def _generate(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """By a chat model, or by an encoder and a decoder, as the base is."""
    rewrites = question.base not in CATALOGUE and is_seq2seq(base_for(settings, question.base))
    return (seq2seq_experiment if rewrites else generate_experiment)(question, settings, run)


WAYS: Mapping[str, Callable[[Settled, Settings, RunFolder], Outcome]] = {
    "intent": _intent,
    "reply": reply_experiment,
    "entities": entity_experiment,
    "summarise": seq2seq_experiment,
    "translate": seq2seq_experiment,
    "generate": _generate,
}
"""How an experiment with a task goes; all others have labels."""
