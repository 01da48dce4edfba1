"""The sentiment that every English bot has until its brand labels its own: made here, from public data, by anybody.

    python -m trainer.labels.default_sentiment --corpora DIR

learns from `DIR/goemotions/train.jsonl.gz`, measures on `test.jsonl.gz` beside it, writes
`default_sentiment.safetensors`, what it thinks of the general utterances and its card next to this module, and says the
digests that `trainer.labels.sentiment` holds them to. Another machine may round otherwise, and so get
another digest of an equally good head.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from data.prepare import Preparer
from data.settings import Settings
from export.label_head import LabelHead
from export.sealed import file_hash
from export.trained import torch_channel
from trainer.bases.catalogue import LocalBase, find_base
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.intents.calibrate import background_utterances
from trainer.labels.label_rows import LabelRows, read_label_rows
from trainer.labels.sentiment import CARD, FILE, JUDGED, LANGUAGES
from trainer.labels.several import f1_figures
from trainer.labels.train_labels import TrainedLabels, train_labels
from trainer.recipes import LabelRecipe

HERE = Path(__file__).parent
RECIPE = LabelRecipe(name="default-sentiment", task="sentiment", method="frozen", folds=5, regularisation=20.0)


def make(train: LabelRows, base: LocalBase, run: RunFolder, recipe: LabelRecipe = RECIPE) -> TrainedLabels:
    """The head, over the base as it is."""
    trained = train_labels(recipe, base, train, run)
    return replace(trained, head=replace(trained.head, languages=LANGUAGES, source="default"))


def figures(trained: TrainedLabels, test: LabelRows) -> dict[str, Any]:
    """F1 on rows that nothing was chosen on."""
    channel, head = torch_channel(trained.encoder, trained.renderer), trained.head
    has = head.chosen(head.probabilities(channel.read(test.texts)))
    return f1_figures(test.targets(head.labels), has, head.labels)


def judgement(trained: TrainedLabels) -> npt.NDArray[np.float32]:
    """What the head thinks of the general utterances, in log odds: by it other encoders are taught."""
    channel = torch_channel(trained.encoder, trained.renderer)
    vectors = channel.read(background_utterances())
    return np.ascontiguousarray(vectors @ trained.head.weight.T + trained.head.bias, dtype=np.float32)


def card(head: LabelHead, found: dict[str, Any], rows: tuple[int, int]) -> str:
    """What is said of the head to whoever uses it."""
    table = "\n".join(
        f"| {label} | {one['support']} | {one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {bar:.3f} |"
        for (label, one), bar in zip(found["per_label"].items(), head.thresholds.tolist(), strict=True)
    )
    return f"""# The default sentiment head

A logistic model for each of {len(head.labels)} sentiments over the untuned embedding of all-MiniLM-L6-v2. A bot has it
until its brand labels its own messages.

- **Learned from** the {rows[0]:,} training comments of GoEmotions (Demszky et al. 2020, "GoEmotions: A Dataset of
  Fine-Grained Emotions", Apache-2.0), in its groups positive, negative, ambiguous and neutral; a comment may have
  several.
- **Holds for** English. In another language nothing is said.
- **Not for** decisions about people. The comments are from a public forum, coarse language included; customers of a
  shop write otherwise, and irony is lost on it.
- **Recipe**: {RECIPE.folds} folds score each other; probabilities (Platt) and thresholds (best F1) come from those
  scores; inverse L2 strength {RECIPE.regularisation:g}.
  `python -m trainer.labels.default_sentiment --corpora DIR` makes it again.

On the {rows[1]:,} test comments: macro-F1 {found["macro_f1"]:.3f}, micro-F1 {found["micro_f1"]:.3f}.

| sentiment | comments | precision | recall | F1 | threshold |
|---|---|---|---|---|---|
{table}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.labels.default_sentiment", description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    limits = Settings().imports
    prepare = Preparer(limits)
    parts = []
    for name in ("train", "test"):
        rows = read_label_rows(options.corpora / "goemotions" / f"{name}.jsonl.gz", limits, "sentiment")
        parts.append(LabelRows([prepare(text) for text in rows.texts], rows.labels))
    with tempfile.TemporaryDirectory() as scratch:
        trained = make(parts[0], find_base(DEFAULT), RunFolder(Path(scratch), MemoryLedger(), keep=False))
    found = figures(trained, parts[1])
    trained.head.save(options.out / FILE)
    save_file({"judged": judgement(trained)}, options.out / JUDGED)
    (options.out / CARD).write_text(card(trained.head, found, (len(parts[0]), len(parts[1]))), encoding="utf-8")
    sys.stdout.write(f"macro-F1 {found['macro_f1']:.4f}\n")
    for name in (FILE, JUDGED):
        sys.stdout.write(f"{name} {file_hash(options.out / name)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
