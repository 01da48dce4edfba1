"""An experiment with texts that have any number of labels: trained, exported, measured on TEST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.appraise import too_few
from data.prepare import Preparer
from data.settings import Settings
from export.label_head import LabelHead
from export.parts import Channel
from export.release import running_versions
from export.trained import torch_channel
from trainer.bases.catalogue import base_for
from trainer.core.health import Scoring, Signs, diagnose
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import sufficiency
from trainer.estimates.fitting import for_labels
from trainer.experiments.experiment_report import history_row
from trainer.experiments.precision import AGREEING, THREADS, agreement, kept_precision
from trainer.experiments.question import Outcome, Settled, common
from trainer.hyperparameters import sized
from trainer.labels.label_rows import LabelRows, together
from trainer.labels.several import f1_figures
from trainer.labels.train_labels import TrainedLabels, check_labels, train_labels
from trainer.package import median_ms, pack
from trainer.recipes import LabelRecipe, pick_labels


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What a head says of some texts: `probabilities` [n, labels] and which labels they have."""

    probabilities: npt.NDArray[Any]
    has: npt.NDArray[np.bool_]


def several_labels(
    question: Settled, settings: Settings, run: RunFolder, files: tuple[LabelRows, LabelRows]
) -> Outcome:
    """Train on the first of `files` and measure on the second."""
    train, test = files
    if question.per_class is not None:
        train = train.per_class(question.per_class, question.seed)
    base = base_for(settings, question.base)
    picked = pick_labels(len(train), task=question.task, base=question.base, seed=question.seed)
    recipe = question.recipe or sized(picked, base.configuration())
    assert isinstance(recipe, LabelRecipe)  # experiment() has compared the tasks
    prepare = Preparer(settings.imports)
    learned = LabelRows([prepare(text) for text in train.texts], train.labels)
    run.report({"type": "phase", "phase": "train"})
    check_labels(learned)
    told = for_labels(recipe, base, learned, DryRun(run)).to_wire()
    counts = learned.targets(learned.names).sum(axis=0).astype(int).tolist()
    foretold = {**told, **sufficiency(too_few(counts, question.task), [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = train_labels(recipe, base, learned, run)
    run.report({"type": "phase", "phase": "export"})
    packed = pack(trained.encoder, base, recipe.max_length, run.folder, running_versions())
    run.report({"type": "phase", "phase": "evaluate"})
    texts = [prepare(text) for text in test.texts]
    said = {name: _say(trained.head, packed.channel(name, THREADS), texts) for name in packed.folders}
    in_torch = _say(trained.head, torch_channel(trained.encoder, trained.renderer), texts)
    some = learned.texts[:AGREEING]
    precision = kept_precision(packed, lambda channel: _say(trained.head, channel, some).has)
    names = tuple(sorted({*trained.head.labels, *test.names}))
    served = packed.channel(precision)
    result = {
        **common(question, recipe, (len(train), len(test)), trained.seconds),
        **_figures(said["fp32"], trained, test, names),
        "thresholds": dict(zip(trained.head.labels, trained.head.thresholds.tolist(), strict=True)),
        "latency_ms": round(median_ms(lambda text: _say(trained.head, served, [prepare(text)]), test.texts), 3),
        "size_bytes": packed.size_bytes(precision) + trained.head.size_bytes,
        "precision": precision,
        "int8_macro_f1": _figures(said["int8"], trained, test, names)["macro_f1"],
        "fp32_agreement": agreement(in_torch.has, said["fp32"].has),
        "int8_agreement": agreement(in_torch.has, said["int8"].has),
        "estimate": foretold,
        "held_out_macro_f1": trained.held_out,
        "set_aside": {"train": dict(train.set_aside), "test": dict(test.set_aside)},
        "findings": (*trained.findings, *diagnose(Signs((), (_scoring(said["fp32"], trained, test),)))),
        "history": [history_row(row) for row in trained.history],
    }
    return result, _predictions(said["fp32"], trained.head.labels, test)


def _say(head: LabelHead, channel: Channel, texts: Sequence[str]) -> _Said:
    probabilities = head.probabilities(channel.read(texts))
    return _Said(probabilities, head.chosen(probabilities))


def _figures(said: _Said, trained: TrainedLabels, test: LabelRows, names: tuple[str, ...]) -> dict[str, Any]:
    """Over the labels of both files: a label that TRAIN lacks is never given, and each of its rows is a miss."""
    predicted = np.zeros((len(test), len(names)), dtype=np.float32)
    predicted[:, [names.index(label) for label in trained.head.labels]] = said.has
    return f1_figures(test.targets(names), predicted, names)


def _scoring(said: _Said, trained: TrainedLabels, test: LabelRows) -> Scoring:
    labels = trained.head.labels
    truth = test.targets(labels) > 0
    return Scoring(together(truth, labels), together(said.has, labels))


def _predictions(said: _Said, labels: Sequence[str], test: LabelRows) -> list[dict[str, Any]]:
    return [
        {
            "text": text,
            "labels": list(true),
            "predicted": [label for label, yes in zip(labels, has, strict=True) if yes],
            "scores": {label: round(float(score), 6) for label, score in zip(labels, scores, strict=True)},
        }
        for text, true, has, scores in zip(test.texts, test.labels, said.has, said.probabilities, strict=True)
    ]
