"""Intent accuracy of the default recipes on Banking77 and HINT3, beside their peers in the same run.

python -m tests.bench.intents                     everything (about 25 minutes on 2 cores)
python -m tests.bench.intents few                 10 per class of Banking77, 3 seeds, and frozen + logistic regression
python -m tests.bench.intents full                all of Banking77
python -m tests.bench.intents sofmattress         a real brand's bot with out-of-scope traffic
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from data.prepare import Preparer
from data.settings import Settings
from tests.bench.corpora import measure, require
from trainer.bases.catalogue import DEFAULT, find_base
from trainer.core.embedding import embed
from trainer.core.fit import set_threads
from trainer.experiments.experiment import Question, experiment
from trainer.experiments.reading import read_labelled

SEEDS = (0, 1, 2)
PER_CLASS = 10


def frozen_peer(train: Path, test: Path, seed: int) -> tuple[float, float]:
    """(accuracy, seconds) of the frozen base with scikit-learn's logistic regression on the same drawn rows."""
    from sklearn.linear_model import LogisticRegression

    settings = Settings()
    prepare, base = Preparer(settings.imports), find_base(DEFAULT)
    encoder, renderer = base.encoder(), base.renderer()
    drawn, measured = (
        read_labelled(train, settings.imports).per_class(PER_CLASS, seed),
        read_labelled(test, settings.imports),
    )
    started = time.monotonic()
    set_threads(0)
    vectors = embed(encoder, renderer, renderer.utterances([prepare(text) for text in drawn.texts]))
    model = LogisticRegression(C=10, max_iter=300).fit(vectors, np.array(drawn.labels))
    seconds = time.monotonic() - started
    seen = embed(encoder, renderer, renderer.utterances([prepare(text) for text in measured.texts]))
    return float(np.mean(model.predict(seen) == np.array(measured.labels))), seconds


def ours(train: Path, test: Path, seed: int, per_class: int | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        question = Question(train, test, "intent", Path(out), seed=seed, per_class=per_class)
        return experiment(question, Settings(), lambda _event: None)


def few(corpora: Path) -> None:
    train, test = require(corpora, "banking77/train.jsonl.gz", "banking77/dev.jsonl.gz")
    mine, peer = [], []
    for seed in SEEDS:
        result = ours(train, test, seed, PER_CLASS)
        accuracy, seconds = frozen_peer(train, test, seed)
        mine.append(result["accuracy"])
        peer.append(accuracy)
        print(
            f"banking77, {PER_CLASS} per class, seed {seed}: {100 * mine[-1]:.2f} % in {result['train_seconds']:.0f} s "
            f"(fp32 = torch: {100 * result['fp32_agreement']:.1f} %); frozen {100 * accuracy:.2f} % in {seconds:.0f} s"
        )
    print(
        f"  mean {100 * statistics.mean(mine):.2f} (spread {100 * statistics.stdev(mine):.2f}), "
        f"frozen {100 * statistics.mean(peer):.2f} (spread {100 * statistics.stdev(peer):.2f})"
    )


def full(corpora: Path) -> None:
    train, test = require(corpora, "banking77/train.jsonl.gz", "banking77/dev.jsonl.gz")
    report(ours(train, test, 0), "banking77, all rows")


def sofmattress(corpora: Path) -> None:
    train, test = require(corpora, "hint3/sofmattress.train.jsonl.gz", "hint3/sofmattress.test.jsonl.gz")
    report(ours(train, test, 0), "SOFMattress")


def report(result: dict[str, Any], name: str) -> None:
    shown = (
        "accuracy",
        "in_scope_accuracy",
        "auroc",
        "coverage_at_precision_90",
        "realised_precision",
        "realised_coverage",
    )
    figures = ", ".join(f"{key} {result[key]:.4f}" for key in shown if result[key] is not None)
    print(f"{name}: {figures}; trained in {result['train_seconds']:.0f} s by {result['recipe']['name']}")
    print(
        f"  export: {result['precision']}, {result['latency_ms']:.2f} ms a text, {result['size_bytes'] / 1e6:.0f} MB; "
        f"labels as in torch: fp32 {100 * result['fp32_agreement']:.2f} %, int8 {100 * result['int8_agreement']:.2f} %"
    )


if __name__ == "__main__":
    measure(__doc__ or "", {"few": few, "full": full, "sofmattress": sofmattress})
