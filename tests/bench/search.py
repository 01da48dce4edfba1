"""What a search for a recipe gains over the default, on rows that neither has seen, over several seeds.

python -m tests.bench.search                            a brand's bot (SOFMattress) and Banking77 at 10 per class
python -m tests.bench.search sofmattress --seeds 1 --trials 8

A fifth of SOFMattress's training file is held out, by groups of like rows; Banking77 has a dev file. No test file is
read.
Both recipes are trained from the same rows and seed; told are accuracies on the held-out rows, with the standard
deviation between seeds, and what the search says of itself.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data.prepare import Preparer
from data.settings import Settings
from export import confidence
from export.trained import torch_channel
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_labelled
from trainer.intents import folds
from trainer.intents.intent_data import Utterances
from trainer.intents.train_intent import IntentData, train_intent
from trainer.recipes import IntentRecipe, pick_intent
from trainer.search.budget import TRIALS, Budget
from trainer.search.grouping import groups_of
from trainer.search.rehearsal import Rehearsal
from trainer.search.search import Found, Search
from trainer.search.space import space_of
from trainer.tasks.task import layer_count

SETS = {
    "banking77": ("banking77/train.jsonl.gz", "banking77/dev.jsonl.gz", 10),
    "sofmattress": ("hint3/sofmattress.train.jsonl.gz", None, None),
}
HELD = 5
"""Of so many parts of a training file without a dev file, one is held out."""


def parted(corpora: Path, name: str, seed: int) -> tuple[Utterances, Utterances]:
    """(rows to learn from, rows to measure on), prepared as a training prepares them."""
    train_name, dev_name, per_class = SETS[name]
    settings = Settings()
    prepare = Preparer(settings.imports)
    paths = require(corpora, *(one for one in (train_name, dev_name) if one))
    files = [read_labelled(path, settings.imports) for path in paths]
    if per_class:
        files[0] = files[0].per_class(per_class, seed)
    rows = [Utterances([prepare(text) for text in one.texts], one.labels, sources=one.sources) for one in files]
    if len(rows) > 1:
        return rows[0], rows[1]
    fold = folds.grouped(rows[0].labels, groups_of(rows[0]), HELD, seed)[0]
    return rows[0].pick(fold.learn), rows[0].pick(fold.score)


def searched(rows: Utterances, start: IntentRecipe, budget: Budget, folder: Path) -> Found:
    base, run = find_base(DEFAULT), RunFolder(folder, MemoryLedger(), keep=False)
    space = space_of(start, rows.labels, layer_count(base.encoder()), asked=False)
    return Search(
        space, Rehearsal.of(base, IntentData(rows), run), budget, folder / "search", lambda _event: None
    ).found()


def accuracy(recipe: IntentRecipe, rows: Utterances, held: Utterances, folder: Path) -> float:
    """In percent, over all labels the training rows have."""
    run = RunFolder(folder, MemoryLedger(), keep=False)
    model = train_intent(recipe, find_base(DEFAULT), IntentData(rows), run)
    channel = torch_channel(model.encoder, model.renderer)
    found = confidence.score(model.head, channel.read(held.texts))
    best = [model.head.labels[at] for at in found.probabilities.argmax(axis=1)]
    return 100 * sum(a == b for a, b in zip(best, held.labels, strict=True)) / len(held)


def measure(corpora: Path, name: str, seeds: int, budget: Budget) -> None:
    pairs: list[tuple[float, float]] = []
    for seed in range(seeds):
        rows, held = parted(corpora, name, seed)
        start = pick_intent(rows.labels, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            found = searched(rows, start, budget, Path(scratch))
            plain = accuracy(start, rows, held, Path(scratch))
            better = accuracy(found.recipe, rows, held, Path(scratch)) if found.report["accepted"] else plain
        pairs.append((plain, better))
        said = found.report
        print(
            f"{name}, seed {seed}, {len(rows)} rows, {len(held)} held out: default {plain:.1f}, searched {better:.1f}"
        )
        took = f"{said['trials']} trials, {said['pruned']} pruned, {said['seconds']:.0f} s."
        print(f"  {took} {said['why']}", flush=True)
    print(f"{name}: default {spread([a for a, _ in pairs])}, searched {spread([b for _, b in pairs])}, "
          f"gain {spread([b - a for a, b in pairs])}", flush=True)  # fmt: skip


def spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f} (sd {statistics.stdev(values) if len(values) > 1 else 0:.2f})"


def main() -> None:
    options = parser(str(__doc__).split("\n", maxsplit=1)[0])
    options.add_argument("sets", nargs="*", help=f"of {', '.join(SETS)}; all by default")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--trials", type=int, default=TRIALS)
    options.add_argument("--minutes", type=float, default=None)
    asked = options.parse_args()
    for name in asked.sets or SETS:
        measure(asked.corpora, name, asked.seeds, Budget.of(asked.trials, asked.minutes))


if __name__ == "__main__":
    main()
