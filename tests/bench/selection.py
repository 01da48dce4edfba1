"""Reply selection by the default recipe on three corpora, beside BM25 and the untuned encoder in the same run.

    python -m tests.bench.selection [star|taskmaster4|bitext ...] [--seeds N ...] [--change FIELD=VALUE ...]
        [--corpora CORPORA]

`--change` alters fields of the default recipe, values as JSON: `--change hard_negatives=4 epochs=2`.

Recall at 1 of 100: for every reply of the test file, how often the true one comes first among it and 99 others drawn
from the distinct replies of that file. A difference is the tuned selector's less the other's on the same queries, with
the interval of a paired bootstrap over them. Times are of the training alone, on as many cores as there are.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.settings import load_settings
from tests.bench.corpora import parser, require
from tests.bench.lessons import FILES as DIALOGUES
from trainer.bases.catalogue import base_for
from trainer.experiments.experiment import Question, experiment
from trainer.experiments.reply_experiment import dialogue_pairs, recipe_for
from trainer.judgement.intervals import Difference, Interval
from trainer.recipes import parse_recipe

RECALL = "recall_at_1_of_100"
FILES = {"star": ("star/train.jsonl.gz", "star/test.jsonl.gz"), **DIALOGUES}


def measured(train: Path, test: Path, seed: int, changes: Sequence[str]) -> dict[str, Any]:
    settings = load_settings()
    with tempfile.TemporaryDirectory() as out:
        question = Question(train, test, "reply", Path(out), seed=seed)
        if changes:
            base = base_for(settings, question.base)
            default = recipe_for(question, dialogue_pairs(train, settings), base).model_dump()
            given = {name: json.loads(value) for name, value in (one.split("=", 1) for one in changes)}
            question = replace(question, recipe=parse_recipe({**default, **given}))
        return experiment(question, settings, lambda _: None)


def lines(report: Mapping[str, Any]) -> list[str]:
    rows = report["test_rows"]

    def share(part: Mapping[str, Any]) -> str:
        found = Interval.of_share(round(part[RECALL] * rows), rows)
        return f"{found.value * 100:.1f} % ({found.low * 100:.1f} to {found.high * 100:.1f})"

    recipe, epochs = report["recipe"], len(report["history"])
    learned = min(report["train_rows"], recipe["most_pairs"] or report["train_rows"])
    took = f"{report['train_seconds'] / 60:.1f} minutes, foretold {report['estimate']['seconds'] / 60:.1f}"
    mined = [
        f"epoch {one['epoch']}: {one['negatives']:.1f} in {one['seconds']:.0f} s" for one in report["hard_negatives"]
    ]
    return [
        f"{RECALL}: {share(report)}, by the cosine alone {share(report['by_cosine'])}; mrr {report['mrr']:.3f}",
        f"  BM25 {share(report['bm25'])}: {Difference(**report['over_bm25']).points}",
        f"  untuned {share(report['base'])}: {Difference(**report['over_base']).points}",
        f"  {recipe['name']}, {learned:,} of {report['train_rows']:,} pairs, {epochs} epochs: {took}",
        *([f"  hard negatives a pair, {'; '.join(mined)}"] if mined else []),
    ]


def main() -> int:
    asked = parser(__doc__ or "")
    asked.add_argument("sets", nargs="*", choices=[*FILES, []], default=[])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked.add_argument("--change", nargs="+", default=[], metavar="FIELD=VALUE")
    options = asked.parse_args()
    for name in options.sets or FILES:
        train, test = require(options.corpora, *FILES[name])
        for seed in options.seeds:
            found = measured(train, test, seed, options.change)
            sys.stdout.write("\n".join([f"{name}, seed {seed}, {found['test_rows']:,} queries", *lines(found)]) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
