"""How many wrong labels does a check of data find, and how many of its doubts are right? A program, not a test.

    python -m tests.bench.label_errors [CORPORA]

A twentieth of the labels is exchanged for others, drawn by a seed; the texts and all else stay. What was wrong in the
corpus before counts as a false alarm, so that the precision is a lower bound. Prints one line per corpus: rows, labels
exchanged, doubted, precision, recall, the learning curve, seconds. Ends with 0 when the folder is not there.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from data.curve import fitted
from data.schema import Example
from data.settings import ImportSettings
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.experiments.reading import read_labelled
from trainer.insight.evidence import Look, gather

CORPORA = Path("../shared/corpora")
SHARE = 0.05
ASKED = (
    ("banking77/train.jsonl.gz", 10),
    ("banking77/train.jsonl.gz", 40),
    ("snips/train.jsonl.gz", 100),
    ("hint3/sofmattress.train.jsonl.gz", 1000),
)
"""File, and rows of each label at most."""


def main(corpora: Path) -> int:
    if not corpora.is_dir():
        print("The corpora folder is not there: nothing was measured. Name it as the first argument.")
        return 0
    base = find_base(DEFAULT)
    for name, per_class in ASKED:
        file = read_labelled(corpora / name, ImportSettings()).per_class(per_class, seed=0)
        rows, wrong = _exchanged(file.texts, file.labels)
        started = time.monotonic()
        found = gather(Look(base, lambda: None), rows)
        seconds = time.monotonic() - started
        doubted = {suspect.row for suspect in found.suspects}
        right = len(doubted & wrong)
        curve = fitted(found.points)
        twice = f", {curve.accuracy(2 * curve.last.rows):.3f} expected of twice as many" if curve else ""
        points = ", ".join(f"{point.accuracy:.3f} of {point.rows}" for point in found.points)
        print(
            f"{name}, at most {per_class} a label: {len(rows)} rows, {len(wrong)} exchanged, {len(doubted)} doubted; "
            f"precision {right / max(1, len(doubted)):.2f}, recall {right / max(1, len(wrong)):.2f}; "
            f"curve {points}{twice}; {seconds:.1f} s"
        )
    return 0


def _exchanged(texts: list[str], labels: list[str]) -> tuple[list[Example], set[int]]:
    """The rows, and the numbers of those that bear a wrong label now."""
    dice = random.Random(1)
    names = sorted(set(labels))
    rows, wrong = [], set()
    for number, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        if dice.random() < SHARE:
            label = dice.choice([name for name in names if name != label])
            wrong.add(number)
        rows.append(Example(str(number), str(number), "bench", "train", text, intent=label))
    return rows, wrong


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPORA))
