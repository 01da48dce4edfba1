"""Intents in languages that the default base does not know: the default recipe beside words and a linear classifier.

python -m tests.bench.languages                   every language of xSID, CrossWOZ, ChnSentiCorp (about 25 minutes)
python -m tests.bench.languages xsid crosswoz     those alone

Recipe, strength and thresholds come from the training rows. The peer is scikit-learn's TfidfVectorizer as it comes,
with LogisticRegression or LinearSVC as they come, whichever is better on the test rows. The interval is that of the
difference, by a paired bootstrap over the test rows.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.corpora import measure, require
from tests.bench.intent_sides import better_words, ours
from tests.bench.side import Work
from trainer.judgement import metrics
from trainer.judgement.intervals import paired_bootstrap

XSID = ("ar", "da", "en", "id", "ja", "kk", "lt", "nl", "sr", "tr", "zh")
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Measured:
    """The same test rows, right or wrong by ours (a row of each seed's) and by the peer."""

    name: str
    ours: Sequence[np.ndarray[Any, Any]]
    peer: np.ndarray[Any, Any]
    report: Mapping[str, Any]

    def line(self) -> str:
        mine = [100 * metrics.share(right) for right in self.ours]
        gap = paired_bootstrap(lambda _, right: metrics.share(right), self.peer, (self.peer, self.ours[0]), seed=0)
        spread = f" (spread {statistics.stdev(mine):.1f})" if len(mine) > 1 else ""
        above = "above" if min(mine) > 100 * metrics.share(self.peer) else "NOT ABOVE"
        return (
            f"{self.name:4} {self.report['recipe']['name']}: {statistics.mean(mine):.1f}{spread} of {len(self.peer)}, "
            f"words {100 * metrics.share(self.peer):.1f}, {above}; seed 0 less words {100 * gap.value:+.1f} "
            f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]; held out {100 * self.report['held_out_accuracy']:.1f}; "
            f"{self.report['latency_ms']:.2f} ms, {self.report['size_bytes'] / 1e6:.1f} MB, "
            f"{self.report['train_seconds']:.0f} s, as trained {100 * self.report['fp32_agreement']:.0f} %"
        )


def measured(name: str, train: Path, test: Path, seeds: Sequence[int] = SEEDS) -> Measured:
    learned, asked = Work(train, test).rows()
    truth = np.array(asked.labels)
    runs = [ours(Work(train, test, seed)) for seed in seeds]
    words = better_words(learned, asked).predict(asked.texts) == truth
    return Measured(name, [np.array(run.said) == truth for run in runs], words, runs[0].report)


def xsid(corpora: Path) -> None:
    for code in XSID:
        train, test = require(corpora, f"xsid/{code}.dev.jsonl.gz", f"xsid/{code}.test.jsonl.gz")
        print(measured(code, train, test).line(), flush=True)


def crosswoz(corpora: Path) -> None:
    train, test = require(corpora, "crosswoz/intents.train.jsonl.gz", "crosswoz/intents.test.jsonl.gz")
    print(measured("CrossWOZ", train, test).line(), flush=True)


def chnsenticorp(corpora: Path) -> None:
    train, test = require(corpora, "nc/chnsenticorp/train.jsonl.gz", "nc/chnsenticorp/test.jsonl.gz")
    print(measured("ChnSentiCorp", train, test, (0,)).line(), flush=True)


if __name__ == "__main__":
    measure(__doc__ or "", {"xsid": xsid, "crosswoz": crosswoz, "chnsenticorp": chnsenticorp})
