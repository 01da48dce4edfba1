"""A chat base, tuned on what a brand says: what that gains, what it costs, and what export costs beside it.

    python -m tests.bench.generation [brand|taskmaster4|bitext ...] [--base BASE] [--methods full lora] [--rate R]
        [--seeds N ...] [--talks N] [--precisions int8 int4] [--corpora CORPORA]

By the default recipe, and by adapters of low rank in its place. Measured on conversations that were held out (of the
sample brand: those whose split is not train): bits per byte of the brand's replies and chrF2 of greedy ones, for the
base and for what came of it, exported; how much of Topical-Chat's test conversations was forgotten; and, for the first
method and seed, whether full precision writes token by token what the trained model writes, on as many held-out
prompts, and what fewer bits cost. A difference comes with the interval of a paired bootstrap. Times are of the training
alone, on as many cores as there are.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.settings import ImportSettings
from data.split import split_of
from export.decoders import Precision
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_dialogues
from trainer.generation.lines import Ask, Talk, asks_of, rendered, said
from trainer.generation.packed import compared, pack_generator, replies_to
from trainer.generation.recipe import GenerateRecipe, pick_generate
from trainer.generation.surprise import surprise
from trainer.generation.train_generator import TrainedGenerator, talks_of, train_generator
from trainer.judgement.intervals import Difference
from trainer.judgement.likelihood import Likelihood
from trainer.judgement.text_metrics import MeasuredReplies, TextScores, differences, measured
from trainer.judgement.variety import Known

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "chats.jsonl"
FILES: Mapping[str, tuple[str, str]] = {
    "taskmaster4": ("taskmaster4/train.jsonl.gz", "taskmaster4/dev.jsonl.gz"),
    "bitext": (
        "bitext_customer_support/dialogues.train.jsonl.gz",
        "bitext_customer_support/dialogues.test.jsonl.gz",
    ),
}
BRAND = "brand"
OTHER = "topical_chat/test_freq.jsonl.gz"
MEASURED, WRITTEN, REMEMBERED = 500, 200, 200
"""Conversations whose replies are to be foretold; replies that are written; conversations of Topical-Chat."""
HELD = 300
LONGEST = 64


@dataclass(frozen=True)
class Parts:
    """`stopping` tells when to stop; `told` and `asked` are of the test file; `other` is about anything else."""

    train: Sequence[Talk]
    stopping: Sequence[Talk]
    told: Sequence[Talk]
    asked: Sequence[Ask]
    other: Sequence[Talk]

    @classmethod
    def of(cls, name: str, asked: Namespace) -> Parts:
        (other,) = require(asked.corpora, OTHER)
        learned, held = _brand() if name == BRAND else [_talks(path) for path in require(asked.corpora, *FILES[name])]
        dice = random.Random(0)
        for part in (learned, held):
            dice.shuffle(part)
        learned, stopping = learned[len(learned) // 10 :], learned[: len(learned) // 10]
        points = asks_of(held)
        prompts = dice.sample(points, min(WRITTEN, len(points)))
        return cls(
            learned[: asked.talks], stopping[:HELD], held[:MEASURED], prompts, _talks(other)[:REMEMBERED]
        )  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What a model makes of a test: its replies are of its exported self."""

    likely: Likelihood
    texts: MeasuredReplies
    remembers: Likelihood

    @property
    def bits(self) -> float:
        return self.likely.bits_per_byte().value

    @property
    def chrf(self) -> float:
        return 100 * TextScores.of(self.texts).chrf.value


def _talks(path: Path) -> list[Talk]:
    prepare = ConversationPreparer(Redactor(ImportSettings()))
    return talks_of(prepare(one).conversation for one in read_dialogues(path, ImportSettings()))


def _brand() -> tuple[list[Talk], list[Talk]]:
    """The sample brand's chats, split by the customer as datasets are."""
    prepare = ConversationPreparer(Redactor(ImportSettings()))
    found: dict[bool, list[Any]] = {True: [], False: []}
    for one in read_dialogues(SAMPLE, ImportSettings()):
        found[split_of(one.customer or one.id) == "train"].append(prepare(one).conversation)
    return talks_of(found[True]), talks_of(found[False])


def run_in(folder: Path) -> RunFolder:
    return RunFolder(folder, MemoryLedger(), keep=False)


def side(model: Any, base: ChatBase, parts: Parts) -> Side:
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_generator(model, base, Path(folder) / "packed", ("fp32",))
        texts = _written(packed.opened("fp32", 2), parts)
    renderer = base.renderer()
    return Side(surprise(model, renderer, parts.told), texts, surprise(model, renderer, parts.other))


def _written(writer: Any, parts: Parts) -> MeasuredReplies:
    replies = replies_to(parts.asked, writer, lambda: None, LONGEST)
    known = Known([text for talk in parts.train for text in said(talk)])
    return measured(replies, [ask.reply for ask in parts.asked], known)


def recipe_of(asked: Namespace, base: ChatBase, parts: Parts, method: Any, seed: int) -> GenerateRecipe:
    tokens = sum(map(len, rendered(parts.train, base.renderer())))
    picked = pick_generate(tokens, base.parameters, base=base.name, method=method, seed=seed)
    return picked if asked.rate is None else picked.model_copy(update={"learning_rate": asked.rate})


def tuned(recipe: GenerateRecipe, base: ChatBase, parts: Parts) -> TrainedGenerator:
    with tempfile.TemporaryDirectory() as folder:
        return train_generator(recipe, base, parts.train, parts.stopping, run_in(Path(folder)))


def lines(recipe: GenerateRecipe, trained: TrainedGenerator, plain: Side, ours: Side) -> list[str]:
    less, more = 100 * (1 - ours.bits / plain.bits), ours.chrf / plain.chrf
    apart: Difference = ours.likely.less(plain.likely)
    gained = differences(plain.texts, ours.texts)["chrf"]
    bits = f"{ours.bits:.4f} bits per byte, {less:.1f} % less ({apart.low:+.3f} to {apart.high:+.3f})"
    chrf = f"chrF {ours.chrf:.1f}, {more:.2f} times ({100 * gained.low:+.1f} to {100 * gained.high:+.1f})"
    before, after = (one.remembers.bits_per_byte().value for one in (plain, ours))
    took = f"{len(trained.history)} epochs, {trained.seconds:.0f} s"
    return [
        f"  {recipe.name}, seed {recipe.seed}, {took}: {bits}; {chrf}",
        f"    Topical-Chat: {after:.4f} bits per byte, {before:.4f} before",
    ]


def exported(trained: TrainedGenerator, parts: Parts, precisions: Sequence[Precision]) -> list[str]:
    """Token by token in full precision, and what fewer bits cost of bits per byte and chrF."""
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_generator(trained.model, trained.base, Path(folder) / "packed", ("fp32", *precisions))
        found = compared(trained.model, packed, parts.asked, lambda: None)
        scores = {one: 100 * TextScores.of(_written(packed.opened(one, 2), parts)).chrf.value for one in found}
    size = sum(len(ask.reply.encode()) for ask in parts.asked)
    tokens = sum(len(trained.renderer.reply(ask.reply)) for ask in parts.asked)
    costs = {name: (one.drift or 0.0) * tokens / size / math.log(2) for name, one in found.items()}
    told = []
    for name, one in found.items():
        equal = f"{100 * one.equal:.1f} % of {one.contexts} replies equal, {one.ties} of them by a tie"
        told.append(f"    {name}: {equal}; {costs[name]:+.4f} bits per byte; chrF {scores[name]:.1f}")
    return told


def report(name: str, asked: Namespace, base: ChatBase) -> None:
    parts = Parts.of(name, asked)
    plain = side(base.model(), base, parts)
    replies = sum(len(said(talk)) for talk in parts.train)
    _say(
        f"{name}: {len(parts.train):,} conversations with {replies:,} replies to learn from, {len(parts.told)} held out"
    )
    _say(f"  {len(parts.asked)} replies written; base: {plain.bits:.4f} bits per byte, chrF {plain.chrf:.1f}")
    for at, (method, seed) in enumerate((method, seed) for method in asked.methods for seed in asked.seeds):
        recipe = recipe_of(asked, base, parts, method, seed)
        trained = tuned(recipe, base, parts)
        _say(*lines(recipe, trained, plain, side(trained.model, base, parts)))
        if at == 0:
            _say(*exported(trained, parts, asked.precisions))


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("sets", nargs="*", choices=[BRAND, *FILES, []], default=[])
    options.add_argument("--base", default=CHAT, help="a chat base: its folder, or one of the catalogue")
    options.add_argument("--methods", nargs="+", choices=["full", "lora"], default=["full", "lora"])
    options.add_argument("--rate", type=float, help="another learning rate than the picked one")
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--talks", type=int, help="so many conversations to learn from, at most")
    options.add_argument("--precisions", nargs="+", choices=["int8", "int4"], default=["int8", "int4"])
    asked = options.parse_args()
    base = ChatBase(find_base(asked.base))
    for name in asked.sets or (BRAND, *FILES):
        report(name, asked, base)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
