"""Does a generator do what two hundred pairs ask for, and what does that cost the rest of what it says?

    python -m tests.bench.preference [bitext|taskmaster4 ...] [--base BASE] [--methods dpo orpo] [--seeds N ...]
        [--pairs N] [--held N] [--talks N] [--rate R] [--tunes full|lora] [--corpora CORPORA]

BASE is a chat base, the default one where none is named. It is tuned on conversations of the corpus first, once. Then a
reviewer, invented here, has every reply end with one line, which no reply of the corpus does: each pair is a true reply
with the line, and without. Measured on conversations of the test file: how many greedy replies end with the line; how
many of held-out pairs the model would rather end so; bits per byte of the test's replies as they are, without the line;
how far the model moved.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.settings import ImportSettings
from tests.bench.corpora import parser, require
from tests.bench.lessons import FILES
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_dialogues
from trainer.generation.lines import Ask, Talk, asks_of, rendered
from trainer.generation.packed import pack_generator, replies_to
from trainer.generation.pairs import Pair, sides
from trainer.generation.preference import prefer
from trainer.generation.preferred import compared
from trainer.generation.recipe import PreferenceRecipe, pick_generate, pick_preference
from trainer.generation.train_generator import TrainedGenerator, talks_of, train_generator

LINE = "Warmly, your Lantern team."
CONTEXT = 512
LONGEST = 320
"""Tokens of a greedy reply: the line comes at the end."""
REPLIES = 200
"""Conversations of the test file whose replies are to be foretold."""
SHARE, RISE = 0.8, 5.0
"""What is asked for: at least this share of prompts, at most this many percent."""


@dataclass(frozen=True)
class Parts:
    """`learned` tunes the base; `pairs` and `stopping` are of other conversations, the rest of the test file."""

    learned: Sequence[Talk]
    pairs: Sequence[Ask]
    stopping: Sequence[Ask]
    asked: Sequence[Ask]
    replies: Sequence[Talk]

    @classmethod
    def read(cls, train: Path, test: Path, asked: Namespace) -> Parts:
        learned, held = (talks_of(read_dialogues(path, ImportSettings())) for path in (train, test))
        dice = random.Random(0)
        dice.shuffle(learned)
        dice.shuffle(held)
        rest = learned[asked.talks :]
        points = [dice.choice(found) for talk in rest if (found := asks_of([talk]))]
        prompts = [dice.choice(found) for talk in held if (found := asks_of([talk]))]
        stopping = points[asked.pairs : asked.pairs + asked.pairs // 4]
        return cls(learned[: asked.talks], points[: asked.pairs], stopping, prompts[: asked.held], held[:REPLIES])


def preferred(asks: Sequence[Ask]) -> list[Pair]:
    return [Pair(ask.before, f"{ask.reply} {LINE}", ask.reply) for ask in asks]


def a_run(folder: str, threads: int) -> RunFolder:
    return RunFolder(Path(folder), MemoryLedger(), threads=threads, keep=False)


def started(base: ChatBase, parts: Parts, threads: int) -> TrainedGenerator:
    """The base, tuned on what the brand says."""
    tokens = sum(map(len, rendered(parts.learned, base.renderer(CONTEXT))))
    recipe = pick_generate(tokens, base.parameters, base=base.name)
    with tempfile.TemporaryDirectory() as folder:
        return train_generator(recipe, base, parts.learned, (), a_run(folder, threads))


def saying(tuned: TrainedGenerator, asks: Sequence[Ask]) -> float:
    """The share of greedy replies, by the exported model in full precision, that end with the line."""
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_generator(tuned.model, tuned.base, Path(folder) / "packed", ("fp32",))
        replies = replies_to(asks, packed.opened("fp32", 2), lambda: None, LONGEST)
    return sum(reply.rstrip().endswith(LINE) for reply in replies) / len(asks)


@dataclass(frozen=True)
class Found:
    """`rise`: of bits per byte, in percent."""

    said: float
    rather: float
    rise: float
    drift: float
    seconds: float


def measured(recipe: PreferenceRecipe, start: TrainedGenerator, parts: Parts, threads: int) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        tuned = prefer(recipe, start, preferred(parts.pairs), preferred(parts.stopping), a_run(folder, threads))
    held = [told for pair in preferred(parts.asked) if (told := sides(pair, tuned.renderer)) is not None]
    found = compared(start.model, tuned.model, tuned.renderer, held, parts.replies)
    before, after = (one.bits_per_byte().value for one in (found.replies_before, found.replies_after))
    rise = 100 * (after / before - 1)
    for finding in tuned.findings:
        print(f"    {finding.code}: {finding.sample}")
    return Found(saying(tuned, parts.asked), found.after.accuracy().value, rise, found.drift, tuned.seconds)


def told(name: str, found: Sequence[Found]) -> str:
    def of(figure: str, times: float = 1.0) -> str:
        values = [times * getattr(one, figure) for one in found]
        return f"{statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"

    held = sum(one.said >= SHARE and one.rise <= RISE for one in found)
    return (
        f"  {name}: says it {of('said', 100)} %, would rather {of('rather', 100)} %, bits per byte {of('rise')} % more,"
        f" drift {statistics.mean(one.drift for one in found):.3f} nats, {of('seconds')} s; "
        f"as asked for with {held} of {len(found)} seeds"
    )


def recipe_of(asked: Namespace, start: TrainedGenerator, method: Any, seed: int) -> PreferenceRecipe:
    picked = pick_preference(asked.pairs, start.base.parameters, base=start.base.name, method=method, seed=seed)
    own = {name: value for name, value in (("learning_rate", asked.rate), ("tunes", asked.tunes)) if value is not None}
    return PreferenceRecipe.model_validate({**picked.model_dump(), **own})


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("sets", nargs="*", choices=[*FILES, []], default=[])
    options.add_argument("--base", default=CHAT, help="a chat base: its folder, or one of the catalogue")
    options.add_argument("--methods", nargs="+", choices=["dpo", "orpo"], default=["dpo", "orpo"])
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    for name, value in (("pairs", 200), ("held", 100), ("talks", 1500), ("threads", 0)):
        options.add_argument(f"--{name}", type=int, default=value)
    options.add_argument("--rate", type=float, help="another learning rate than the picked one")
    options.add_argument("--tunes", choices=["full", "lora"])
    asked = options.parse_args()
    base = ChatBase(find_base(asked.base))
    for name in asked.sets or FILES:
        parts = Parts.read(*require(asked.corpora, *FILES[name]), asked)
        before = time.perf_counter()
        start = started(base, parts, asked.threads)
        said = 100 * saying(start, parts.asked)
        print(f"{name}: tuned on {len(parts.learned)} conversations, {time.perf_counter() - before:.0f} s; ", end="")
        print(f"{len(parts.pairs)} pairs; {len(parts.asked)} prompts, before: says it {said:.1f} %", flush=True)
        for method in asked.methods:
            recipes = [recipe_of(asked, start, method, seed) for seed in asked.seeds]
            print(told(method, [measured(one, start, parts, asked.threads) for one in recipes]), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
