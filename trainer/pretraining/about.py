"""What is said of a base that was made here: its card, and the curve of its training."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.markdown import front_matter, table
from trainer.core.fit import Fitted
from trainer.pretraining.corpus import Corpus
from trainer.pretraining.plan import Plan
from trainer.pretraining.worth import Worth

CARD, CURVE = "README.md", "training.csv"
HEAD = ("epoch", "step", "training_loss", "validation_loss")


@dataclass(frozen=True, slots=True)
class Made:
    """A finished base: by which plan, of what, how it went and what it is worth."""

    plan: Plan
    corpus: Corpus
    fitted: Fitted
    worth: Worth

    def to_wire(self) -> dict[str, Any]:
        return {
            "base": self.plan.name,
            "corpus": {"digest": self.corpus.digest, "documents": self.corpus.counts, "held": len(self.corpus.held)},
            "epochs": len(self.fitted.history),
            "seconds": round(self.fitted.seconds, 1),
            "worth": self.worth.to_wire(),
        }


def write_about(made: Made, folder: Path) -> None:
    with (folder / CURVE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for row in made.fitted.history:
            held = "" if row.validation_loss is None else f"{row.validation_loss:.5f}"
            table.writerow([row.epoch, row.step, f"{row.training_loss:.5f}", held])
    (folder / CARD).write_text(card(made), encoding="utf-8")


def card(made: Made) -> str:
    plan, sizes = made.plan, made.plan.sizes
    parts = [
        front_matter({"license": plan.licence, "language": list(plan.languages)}),
        f"# {plan.name}",
        (
            "A small chat model from scratch: a base to tune, compare, export and serve where no other is at hand. "
            "It writes fluent short turns and knows nothing; what it says is to be grounded in what a brand has said."
        ),
        (
            f"A decoder in the shape of Llama: {sizes.layers} layers of {sizes.hidden}, {sizes.heads} heads, "
            f"{sizes.vocabulary} pieces (SentencePiece, cased, bytes for what is unknown), {sizes.context} tokens of "
            "context; weights in float16."
        ),
        *_worth(made.worth),
        *_training(made),
        "## Made of",
        table(
            [("corpus", "documents", "licence", "by")]
            + [(one.name, made.corpus.counts[one.name], one.licence, one.attribution) for one in plan.sources],
            right=False,
        ),
        "Personal data were replaced by placeholders, as in every import; equal documents were read once.",
        *_samples(made.worth),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _worth(worth: Worth) -> Iterator[str]:
    yield "## What it is worth"
    yield table(
        [
            ("on held-out conversations", "bits per byte"),
            ("this model", f"{worth.bits_per_byte:.4f}"),
            ("Kneser-Ney 5-grams of the same tokens", f"{worth.ngram_bits_per_byte:.4f}"),
        ]
    )
    yield (
        f"{100 * worth.gain:.1f} % less than the n-grams, over {worth.held_bytes:,} bytes; a perplexity of "
        f"{worth.perplexity:.2f} a token."
    )


def _training(made: Made) -> Iterator[str]:
    yield "## Training"
    yield f"`attune pretrain` by `plan.toml`; {made.fitted.seconds / 3600:.2f} hours in its last process."
    yield table(
        [tuple(name.replace("_", " ") for name in HEAD)]
        + [
            (f"{row.epoch:g}", row.step, f"{row.training_loss:.4f}", _number(row.validation_loss))
            for row in made.fitted.history
        ]
    )


def _samples(worth: Worth) -> Iterator[str]:
    yield "## What it says"
    yield "Its likeliest answers in held-out conversations, drawn blindly, beside what people answered there."
    rows = [(" / ".join(one.context), one.truth, one.said) for one in worth.samples]
    yield table([("so far", "people", "the model"), *rows], right=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
