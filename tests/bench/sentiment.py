"""Sentiments of GoEmotions and many labels of NLU++: the default recipes beside words and a linear model.

    python -m tests.bench.sentiment --corpora DIR [--seeds 0 1 2] [--only goemotions|nlupp]

`goemotions`: the four groups, official splits, macro-F1 on test. `nlupp`: banking, several labels a text, by folds as
published (Casanueva et al. 2022): each of ten models learns from two of the twenty folds and is measured on the other
eighteen. The peer: TfidfVectorizer with its defaults and a logistic regression a label (scikit-learn), its thresholds
chosen on out-of-fold scores of the training rows, as ours are.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.settings import ImportSettings, load_settings
from tests.bench.corpora import parser, require
from trainer.experiments.experiment import Question, experiment
from trainer.intents import folds
from trainer.labels.label_rows import LabelRows, read_label_rows
from trainer.labels.several import f1_figures, scale_of

FOLDS = 20
LEARNED = 2
PEER_FOLDS = 5


def goemotions(corpora: Path, seed: int) -> dict[str, Any]:
    folder = corpora / "goemotions"
    return _both(folder / "train.jsonl.gz", folder / "test.jsonl.gz", "sentiment", seed)


def nlupp(corpora: Path, seed: int) -> dict[str, Any]:
    """The means of ten models, as the paper's 10-fold setting has them."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for at in range(FOLDS // LEARNED):
            train, test = _folds(corpora / "nlupp" / "banking.jsonl.gz", at, Path(scratch))
            found.append(_both(train, test, "labels", seed))
    return {key: statistics.mean(one[key] for one in found) for key in found[0]}


def _both(train: Path, test: Path, task: str, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        question = Question(train, test, task, Path(out), seed=seed)
        report = experiment(question, load_settings(), lambda _: None)
    started = time.monotonic()
    peer = words_and_linear(*(read_label_rows(path, ImportSettings(), task) for path in (train, test)), seed)
    return {
        "micro_f1": report["micro_f1"],
        "macro_f1": report["macro_f1"],
        "seconds": report["train_seconds"],
        "peer_micro_f1": peer["micro_f1"],
        "peer_macro_f1": peer["macro_f1"],
        "peer_seconds": round(time.monotonic() - started, 2),
    }


def words_and_linear(train: LabelRows, test: LabelRows, seed: int) -> dict[str, Any]:
    """The peer's figures on `test`."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    names = tuple(sorted({*train.names, *test.names}))
    truth, part = train.targets(names), folds.spread(train.rarest(), PEER_FOLDS, np.random.default_rng(seed))

    def logits(learn: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        words = TfidfVectorizer()
        rows, asked = words.fit_transform([train.texts[at] for at in learn]), words.transform(texts)
        made = np.full((len(texts), len(names)), -20.0)
        for at in range(len(names)):
            column = truth[learn, at]
            if 0 < column.sum() < len(column):
                made[:, at] = LogisticRegression(max_iter=300).fit(rows, column).decision_function(asked)
        return made

    held = np.zeros(truth.shape)
    for fold in range(PEER_FOLDS):
        out = np.flatnonzero(part == fold)
        if len(out):
            held[out] = logits(np.flatnonzero(part != fold), [train.texts[at] for at in out])
    scored = part >= 0
    scale = scale_of(held[scored], truth[scored])
    has = scale.probabilities(logits(np.arange(len(train)), test.texts)) >= scale.thresholds
    return f1_figures(test.targets(names), has, names)


def _folds(path: Path, number: int, scratch: Path) -> tuple[Path, Path]:
    """(file of the folds to learn from, file of the others)."""
    learned = range(number * LEARNED, (number + 1) * LEARNED)
    parts: dict[bool, list[str]] = {True: [], False: []}
    for row in _rows(path):
        parts[row["fold"] in learned].append(json.dumps({"text": row["text"], "labels": row["labels"]}))
    files = (scratch / f"train-{number}.jsonl", scratch / f"test-{number}.jsonl")
    for file, lines in zip(files, (parts[True], parts[False]), strict=True):
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def main() -> int:
    asked = parser(__doc__ or "")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked.add_argument("--only", choices=("goemotions", "nlupp"), default=None)
    options = asked.parse_args()
    files = {"goemotions": ("train", "test"), "nlupp": ("banking",)}
    for name, measure in (("goemotions", goemotions), ("nlupp", nlupp)):
        if options.only not in (None, name):
            continue
        require(options.corpora, *(f"{name}/{part}.jsonl.gz" for part in files[name]))
        for seed in options.seeds:
            sys.stdout.write(json.dumps({"set": name, "seed": seed, **measure(options.corpora, seed)}) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
