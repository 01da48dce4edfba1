"""What variations of the rows gain, on the test file as it is and perturbed, beside a training without them.

python -m tests.bench.augmentation                       Banking77 at 10 per class and SOFMattress, 3 seeds
python -m tests.bench.augmentation sofmattress --seeds 1

Three trainings a seed: `off` never makes variations, `on` always learns them, `auto` (the default) keeps them where
they helped on held-out rows. The test file is perturbed by the operators of data.augment with a seed of its own; what
is told of it is the accuracy in scope of the trained model, before export. Time is that of all processors together.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from data.augment.said import Said
from data.augment.vary import Row, Varying
from data.prepare import Preparer
from data.schema import OUT_OF_SCOPE
from data.settings import Settings
from export import confidence
from export.trained import torch_channel
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import LabelledFile, read_labelled
from trainer.intents.train_intent import IntentData, TrainedIntent, Utterances, train_intent
from trainer.judgement.metrics import best_in_scope
from trainer.recipes import pick_intent

SETS = {
    "banking77": ("banking77/train.jsonl.gz", "banking77/dev.jsonl.gz", 10),
    "sofmattress": ("hint3/sofmattress.train.jsonl.gz", "hint3/sofmattress.test.jsonl.gz", None),
}
MODES = ("off", "on", "auto")
PERTURBED_SEED = 1_000


def trained(rows: Utterances, seed: int, mode: str) -> tuple[TrainedIntent, float]:
    """(the model, processor seconds) of the recipe that the amount of data picks."""
    recipe = pick_intent(rows.labels, seed=seed).model_copy(update={"augment": mode})
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder), MemoryLedger(), keep=False)
        started = time.process_time()
        return train_intent(recipe, find_base(DEFAULT), IntentData(rows), run), time.process_time() - started


def accuracy(model: TrainedIntent, texts: Sequence[str], labels: Sequence[str]) -> float:
    """Share of the rows in scope whose best label in scope is the true one, in percent."""
    channel = torch_channel(model.encoder, model.renderer)
    found = confidence.score(model.head, channel.read(texts))
    best = best_in_scope(model.head.labels, found.probabilities)
    rows = [(one, label) for one, label in zip(best, labels, strict=True) if label != OUT_OF_SCOPE]
    return 100 * sum(one == label for one, label in rows) / len(rows)


def perturbed(rows: Utterances, test: LabelledFile, texts: Sequence[str], seed: int) -> list[str]:
    """The test texts, those that any operator can change changed."""
    learned = [Row(Said(text, (), "en"), label) for text, label in zip(rows.texts, rows.labels, strict=True)]
    asked = [Row(Said(text, (), "en"), label) for text, label in zip(texts, test.labels, strict=True)]
    changed = {one.origin: one.said.text for one in Varying(learned).perturbed(asked, PERTURBED_SEED + seed)}
    return [changed.get(at, text) for at, text in enumerate(texts)]


def measure(corpora: Path, name: str, seeds: int) -> None:
    train_name, test_name, per_class = SETS[name]
    settings = Settings()
    prepare = Preparer(settings.imports)
    train, test = (read_labelled(path, settings.imports) for path in require(corpora, train_name, test_name))
    texts = [prepare(text) for text in test.texts]
    figures: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in MODES}
    for seed in range(seeds):
        drawn = train.per_class(per_class, seed) if per_class else train
        rows = Utterances([prepare(text) for text in drawn.texts], drawn.labels)
        shaken = perturbed(rows, test, texts, seed)
        for mode in MODES:
            model, seconds = trained(rows, seed, mode)
            clean, mistyped = accuracy(model, texts, test.labels), accuracy(model, shaken, test.labels)
            figures[mode].append((clean, mistyped, seconds))
            told = model.augmentation
            print(f"{name}, seed {seed}, {mode}: {clean:.2f} %, perturbed {mistyped:.2f} %, {seconds:.0f} s of "
                  f"processors, {told.rows} variations {told.decision}")  # fmt: skip
            if told.clean is not None and told.perturbed is not None:
                gains = [
                    f"{100 * gain.value:+.2f} points (p {gain.p_value:.3f})" for gain in (told.clean, told.perturbed)
                ]
                print(f"  trial: held-out rows {gains[0]}, perturbed {gains[1]}", flush=True)
    for mode, found in figures.items():
        clean, mistyped, seconds = (statistics.mean(column) for column in zip(*found, strict=True))
        print(
            f"  {name}, {mode}, mean of {seeds}: {clean:.2f} %, perturbed {mistyped:.2f} %, {seconds:.0f} s", flush=True
        )


if __name__ == "__main__":
    asked = parser(__doc__ or "")
    asked.add_argument("sets", nargs="*", choices=[*SETS, []], default=[])
    asked.add_argument("--seeds", type=int, default=3)
    options = asked.parse_args()
    for one in options.sets or SETS:
        measure(options.corpora, one, options.seeds)
