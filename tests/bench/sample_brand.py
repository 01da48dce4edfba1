"""The sample brand's blind test file against a release trained on its logs: floor, base and candidate, with intervals.

    attune demo --no-serve --home HOME      makes the release
    python -m tests.bench.sample_brand --home HOME

The file was written from the intent descriptions alone; no step of training or of choosing thresholds has read it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from data.build import open_dataset
from data.profile import load_profile
from data.schema import OUT_OF_SCOPE
from data.settings import Settings
from export.predict import Predictor
from export.release import open_release
from export.runtime import EncoderPool
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.experiments.reading import read_labelled
from trainer.judgement.comparison import TestSet
from trainer.judgement.evaluate import compare
from trainer.judgement.judging import judge_base, judge_floor, judge_served
from trainer.material import Material

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
SHOWN = ("macro_f1", "accuracy", "in_scope_accuracy", "auroc", "realised_precision", "in_scope_coverage", "latency_ms")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, required=True)
    asked.add_argument("--bot", default="otterbrook")
    asked.add_argument("--release", default="1")
    options = asked.parse_args()
    folder = options.home / "releases" / options.bot / options.release
    dataset = open_dataset(options.home / "datasets" / open_release(folder).facts.lineage["dataset"])
    material = Material.read(dataset, load_profile(SAMPLES / "profile.toml"))
    learned = [row for row in (*material.train, *material.validation) if row.intent is not None]
    rows = read_labelled(SAMPLES / "test.jsonl", Settings().imports)
    test = TestSet(rows.texts, rows.labels, [None] * len(rows.texts), material.train_counts())
    with Predictor.load(folder, EncoderPool(options.home / "encoders")) as predictor:
        judged = [
            judge_floor(test, learned, None),
            judge_base(test, learned, find_base(DEFAULT), None),
            judge_served("candidate", test, predictor, 0, None),
        ]
    found = compare(test, judged)
    outside = sum(label == OUT_OF_SCOPE for label in rows.labels)
    print(f"{len(rows.labels)} test messages, {outside} of them out of scope")
    for model, metrics in found.models.items():
        figures = [f"{n} {m.value:.3f} [{m.low:.3f}, {m.high:.3f}]" for n in SHOWN if (m := metrics.get(n)) is not None]
        print(f"{model}: {', '.join(figures)}")
    for model, gap in found.against.items():
        gain = gap.macro_f1
        print(f"macro-F1 over {model}: {100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] points")


if __name__ == "__main__":
    main()
