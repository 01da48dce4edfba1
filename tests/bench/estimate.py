"""How near the estimate of a training comes to what it takes: seconds and memory, by recipe and amount of data.

python -m tests.bench.estimate                           every case below (about 15 minutes on 2 cores)
python -m tests.bench.estimate frozen-3 top-10           those cases alone

Intents of Banking77, replies of STAR. Every training runs in a process of its own, so that the memory of one is not
that of the next. Time is that of one processor, which other work on the machine leaves alone. A ratio is what the
training took by what was foretold: 1 is right, 2 is twice as long.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.prepare import Preparer
from data.settings import Settings
from tests.bench.apart import alone
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.estimates import estimate
from trainer.estimates.dry_run import DryRun, without_trace
from trainer.experiments.reading import read_dialogues, read_labelled
from trainer.intents.train_intent import IntentData, Utterances, train_intent
from trainer.recipes import pick_intent, pick_reply
from trainer.replies.train_reply import pairs_of, train_reply

INTENTS = {"frozen-3": 3, "frozen-6": 6, "top-7": 7, "top-10": 10, "full-40": 40}
"""Rows of each label; the default recipe of that amount is of the method that the name says."""
REPLIES = {"reply-1000": 1_000}


def intents(corpora: Path, per_class: int) -> dict[str, Any]:
    (path,) = require(corpora, "banking77/train.jsonl.gz")
    settings, base = Settings(), find_base(DEFAULT)
    prepare, drawn = Preparer(settings.imports), read_labelled(path, settings.imports).per_class(per_class, 0)
    data = IntentData(Utterances([prepare(text) for text in drawn.texts], drawn.labels))
    recipe = pick_intent(drawn.labels)
    return _measured(
        recipe.name,
        lambda dry: estimate.for_intents(recipe, base, data, dry),
        lambda run: train_intent(recipe, base, data, run),
    )


def replies(corpora: Path, pairs: int) -> dict[str, Any]:
    (path,) = require(corpora, "star/train.jsonl.gz")
    base, found = find_base(DEFAULT), pairs_of(read_dialogues(path, Settings().imports))
    train, held = found.pick(range(pairs)), found.pick(range(pairs, pairs + pairs // 10))
    recipe = pick_reply(len(train))
    return _measured(
        recipe.name,
        lambda dry: estimate.for_replies(recipe, base, (train, held), dry),
        lambda run: train_reply(recipe, base, train, held, run),
    )


def _measured(
    name: str, foretell: Callable[[DryRun], estimate.Estimate], train: Callable[[RunFolder], object]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder), MemoryLedger(), threads=1, keep=False)
        clock = time.process_time
        started = clock()
        told = foretell(DryRun(run, clock))
        looked = clock() - started
        started = clock()
        _, peak = without_trace(lambda: train(run))
        taken = clock() - started
    return {
        "recipe": name, "rows": told.rows, "steps": told.steps, "dry run": looked,
        "foretold s": told.seconds, "taken s": taken, "ratio": taken / told.seconds,
        "foretold MB": told.memory_bytes / 1e6, "held MB": peak / 1e6, "memory ratio": peak / told.memory_bytes,
    }  # fmt: skip


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("cases", nargs="*", help=f"of {', '.join([*INTENTS, *REPLIES])}; all when none is named")
    given = options.parse_args()
    for case in given.cases or [*INTENTS, *REPLIES]:
        work, amount = (intents, INTENTS[case]) if case in INTENTS else (replies, REPLIES[case])
        found = alone(work, given.corpora, amount)
        cells = [
            f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items()
        ]
        print(f"{case}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
