"""One text at a time: the exported model against the transformers pipeline of the same encoder, in one run.

    python -m tests.bench.latency [--corpora DIR] [--texts N]

Distinct texts of Banking77, no cache. Ours is the whole way from the raw text: cleaning, redaction, tokenising,
the exported encoder on one thread, head, neighbours, confidence. The pipeline gets its fastest thread count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.prepare import Preparer
from data.profile import BotProfile
from data.settings import Settings
from export.encoders import Precision
from export.predict import IntentModel, Parts, Predictor
from export.thresholds import Thresholds
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_labelled
from trainer.intents.train_intent import IntentData, Utterances, train_intent
from trainer.package import pack
from trainer.recipes import IntentRecipe

WARM_UP = 20


def median_ms(answer: Callable[[str], object], texts: Sequence[str]) -> float:
    taken = []
    for at, text in enumerate(texts):
        started = time.perf_counter()
        answer(text)
        if at >= WARM_UP:
            taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def classifier(labels: int, threads: int) -> Callable[..., Any]:
    """The pipeline of the default encoder as a classifier; its weights do not matter to its speed."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification, pipeline

    torch.set_num_threads(threads)
    folder = find_base(DEFAULT).folder
    model = BertForSequenceClassification.from_pretrained(folder, num_labels=labels).eval()
    return pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))


def pipeline_ms(texts: Sequence[str], labels: int) -> dict[int, float]:
    """Median milliseconds by thread count."""
    import torch

    classify = classifier(labels, 1)
    found = {}
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        found[threads] = median_ms(lambda text: classify(text, padding=False), texts)
    return found


def ours_ms(train: Path, texts: Sequence[str]) -> dict[Precision, float]:
    settings = Settings()
    rows = read_labelled(train, settings.imports).per_class(10, 0)
    prepare, base = Preparer(settings.imports), find_base(DEFAULT)
    data = IntentData(Utterances([prepare(text) for text in rows.texts], rows.labels))
    with tempfile.TemporaryDirectory() as work:
        run = RunFolder(Path(work), MemoryLedger(), keep=False)
        trained = train_intent(IntentRecipe(name="frozen", method="frozen"), base, data, run)
        packed = pack(trained.encoder, base, trained.renderer.max_length, Path(work), {})
        found: dict[Precision, float] = {}
        for precision in packed.folders:
            intent = IntentModel(packed.channel(precision), trained.head)
            parts = Parts("bench", BotProfile(name="bench"), Thresholds(), settings.imports, intent)
            found[precision] = median_ms(Predictor(parts).understand, texts)
    return found


def main() -> None:
    asked = parser(__doc__ or "")
    asked.add_argument("--texts", type=int, default=400)
    options = asked.parse_args()
    train, test = require(options.corpora, "banking77/train.jsonl.gz", "banking77/dev.jsonl.gz")
    rows = read_labelled(test, Settings().imports)
    texts = list(dict.fromkeys(rows.texts))[: options.texts]
    mine = ours_ms(train, texts)
    peer = pipeline_ms(texts, len(set(rows.labels)))
    best = min(peer, key=lambda threads: peer[threads])
    print("transformers pipeline: " + ", ".join(f"{ms:.2f} ms with {t} threads" for t, ms in peer.items()))
    for precision, ms in mine.items():
        print(f"exported {precision}: {ms:.2f} ms, {peer[best] / ms:.1f} times as fast as the pipeline at its best")


if __name__ == "__main__":
    main()
