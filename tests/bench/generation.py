"""A chat base, tuned on what a brand says: what that gains, what it costs, and what export costs beside it.

    python -m tests.bench.generation [brand|taskmaster4|bitext ...] [--base BASE] [--methods full lora] [--rate R]
        [--epochs N] [--seeds N ...] [--talks N] [--precisions int8 int4] [--show N] [--corpora CORPORA]

By the default recipe, and by adapters of low rank in its place, as a retraining does it: every model, the base too, is
told what a trained selector finds among the brand's earlier replies. Measured on conversations that were held out (of
the sample brand: those whose split is test): bits per byte of the brand's replies and chrF2 of greedy ones, for the
base and for what came of it, exported; how much of Topical-Chat's test conversations was forgotten; and, for the first
method and seed, whether full precision writes token by token what the trained model writes, on as many held-out
prompts, and what fewer bits cost. A difference comes with the interval of a paired bootstrap. The reply that was found
first is measured beside what is written. Times are of the training alone, on as many cores as there are.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.settings import ImportSettings
from export.decoders import Precision
from export.drafts import HINT
from tests.bench.corpora import parser, require
from tests.bench.lessons import BRAND, FILES, Logs, lessons_of
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_dialogues
from trainer.generation.lines import Ask, Talk
from trainer.generation.packed import compared, pack_generator, pack_tuned, replies_to
from trainer.generation.recipe import GenerateRecipe, pick_generate
from trainer.generation.surprise import surprise
from trainer.generation.train_generator import TrainedGenerator, talks_of, train_generator
from trainer.generation.writing import Lessons
from trainer.judgement.intervals import Difference
from trainer.judgement.likelihood import Likelihood
from trainer.judgement.text_metrics import MeasuredReplies, TextScores, differences, measured
from trainer.judgement.variety import Known

OTHER = "topical_chat/test_freq.jsonl.gz"
MEASURED, WRITTEN, REMEMBERED = 1_000, 200, 200
"""Replies that are to be foretold; replies that are written; conversations of Topical-Chat."""
HELD = 300
LONGEST = 96


@dataclass(frozen=True)
class Parts:
    """`told` and `asked` are of the test; `other` is about anything else."""

    lessons: Lessons
    told: Sequence[Ask]
    asked: Sequence[Ask]
    other: Sequence[Talk]

    @classmethod
    def of(cls, name: str, asked: Namespace) -> Parts:
        (other,) = require(asked.corpora, OTHER)
        lessons = lessons_of(Logs.read(name, asked).material())
        dice = random.Random(0)
        tested = dice.sample(lessons.tested, min(MEASURED, len(lessons.tested)))
        talks = talks_of(read_dialogues(other, ImportSettings()))[:REMEMBERED]
        return cls(lessons, tested, tested[:WRITTEN], talks)


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


def run_in(folder: Path) -> RunFolder:
    return RunFolder(folder, MemoryLedger(), keep=False)


def side(model: Any, base: ChatBase, parts: Parts) -> Side:
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_generator(model, base, Path(folder) / "packed", ("fp32",))
        texts = _written(packed.opened("fp32", 2), parts)
    renderer = base.renderer()
    return Side(surprise(model, renderer, parts.told), texts, surprise(model, renderer, parts.other))


def _written(writer: Any, parts: Parts) -> MeasuredReplies:
    return _beside(replies_to(parts.asked, writer, lambda: None, LONGEST), parts)


def _beside(replies: Sequence[str], parts: Parts) -> MeasuredReplies:
    return measured(replies, [ask.reply for ask in parts.asked], Known([ask.reply for ask in parts.lessons.train]))


def found_first(parts: Parts) -> float:
    """chrF2 of saying what the selector found."""
    begin = len(HINT.format(reply=""))
    replies = [ask.told[0][begin:] if ask.told else "" for ask in parts.asked]
    return 100 * TextScores.of(_beside(replies, parts)).chrf.value


def recipe_of(asked: Namespace, base: ChatBase, parts: Parts, method: Any, seed: int) -> GenerateRecipe:
    tokens = parts.lessons.tokens(base)
    picked = pick_generate(tokens, base.parameters, base=base.name, method=method, seed=seed)
    own = {"learning_rate": asked.rate, "epochs": asked.epochs}
    return picked.model_copy(update={name: value for name, value in own.items() if value is not None})


def tuned(recipe: GenerateRecipe, base: ChatBase, parts: Parts) -> TrainedGenerator:
    with tempfile.TemporaryDirectory() as folder:
        return train_generator(recipe, base, parts.lessons.train, parts.lessons.held[:HELD], run_in(Path(folder)))


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
        packed = pack_tuned(trained, Path(folder) / "packed", ("fp32", *precisions))
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
    _say(f"{name}: {len(parts.lessons.train):,} replies to learn from, {len(parts.told)} held out")
    _say(f"  {len(parts.asked)} replies written; base: {plain.bits:.4f} bits per byte, chrF {plain.chrf:.1f}")
    _say(f"  what was found first: chrF {found_first(parts):.1f}")
    for at, (method, seed) in enumerate((method, seed) for method in asked.methods for seed in asked.seeds):
        recipe = recipe_of(asked, base, parts, method, seed)
        trained = tuned(recipe, base, parts)
        ours = side(trained.model, base, parts)
        _say(*lines(recipe, trained, plain, ours))
        _say(*shown(ours, parts, asked.show))
        if at == 0:
            _say(*exported(trained, parts, asked.precisions))


def shown(ours: Side, parts: Parts, most: int) -> list[str]:
    told = zip(parts.asked[:most], ours.texts.replies, strict=False)
    return [f"    {ask.before[-1][1]!r} -> {reply!r}; the brand: {ask.reply!r}; told {ask.told}" for ask, reply in told]


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("sets", nargs="*", choices=[BRAND, *FILES, []], default=[])
    options.add_argument("--base", default=CHAT, help="a chat base: its folder, or one of the catalogue")
    options.add_argument("--methods", nargs="+", choices=["full", "lora"], default=["full", "lora"])
    options.add_argument("--rate", type=float, help="another learning rate than the picked one")
    options.add_argument("--epochs", type=int, help="another number of epochs than the picked one")
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--talks", type=int, help="so many conversations to learn from, at most")
    options.add_argument("--show", type=int, default=0, help="so many written replies")
    options.add_argument("--precisions", nargs="+", choices=["int8", "int4"], default=["int8", "int4"])
    asked = options.parse_args()
    base = ChatBase(find_base(asked.base))
    for name in asked.sets or (BRAND, *FILES):
        report(name, asked, base)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
