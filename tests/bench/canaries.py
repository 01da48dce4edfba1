"""Does a tuned generator say what it has read once? A hundred canaries are planted in what it learns from, each once.

    python -m tests.bench.canaries [brand|taskmaster4|bitext ...] [--base BASE] [--methods full lora] [--seeds N ...]
        [--canaries N] [--samples N] [--alternatives N] [--talks N] [--corpora CORPORA]

By the default recipe, as a retraining does it. Each canary is a question and an answer with a made-up secret. Measured:
whether any greedy reply to its question, or any of the samples (temperature 1, nothing cut off), says a secret, of the
model exported in int8; and its exposure: how far the trained model expects the secret before others that were never
planted, in bits, and how far its base does, which has read none of them.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.render import Rendered
from export.sampling import Sampling
from export.writer import Brief, Writer
from tests.bench.corpora import parser
from tests.bench.lessons import BRAND, FILES, Logs, lessons_of
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation.canaries import Canary, Memorised, exposures, made, recitals
from trainer.generation.lines import Ask
from trainer.generation.packed import pack_generator
from trainer.generation.recipe import pick_generate
from trainer.generation.surprise import line_nats
from trainer.generation.train_generator import TrainedGenerator, train_generator
from trainer.generation.writing import Lessons
from trainer.tasks.generate import GenerateRows

LONGEST = 40
"""Tokens of a reply: a canary's answer takes half."""


def planted(lessons: Lessons, canaries: Sequence[Canary]) -> list[Ask]:
    """What is learned, every canary once among it."""
    return [*lessons.train, *(Ask((("user", one.question),), one.reply) for one in canaries)]


def tuned(base: ChatBase, lessons: Lessons, canaries: Sequence[Canary], method: Any, seed: int) -> TrainedGenerator:
    picked = pick_generate(lessons.tokens(base), base.parameters, base=base.name, method=method, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder), MemoryLedger(), keep=False)
        return train_generator(picked, base, planted(lessons, canaries), lessons.held[:300], run)


def memorised(
    model: Any, base: ChatBase, canaries: Sequence[Canary], asked: Namespace, written: bool = True
) -> Memorised:
    renderer = base.renderer()

    def nats(texts: Sequence[tuple[str, str]]) -> list[float]:
        lines: list[Rendered] = [renderer.exchange((("user", question),), reply) for question, reply in texts]
        return line_nats(model, GenerateRows(lines), renderer)

    exposed = exposures(canaries, nats, seed=0, alternatives=asked.alternatives)
    if not written:
        return Memorised(exposed, (), 0)
    with tempfile.TemporaryDirectory() as folder:
        writer = pack_generator(model, base, Path(folder) / "packed", ("int8",)).opened("int8", 2)
        outputs = [_said(writer, canary, asked.samples) for canary in canaries]
    return Memorised(exposed, recitals(canaries, outputs), sum(map(len, outputs)))


def _said(writer: Writer, canary: Canary, samples: int) -> list[str]:
    greedy = Sampling(max_tokens=LONGEST, seconds=600)
    drawn = [Sampling(seed, temperature=1.0, max_tokens=LONGEST, seconds=600) for seed in range(samples)]
    return [writer.write(Brief((("user", canary.question),), (), how)).text for how in (greedy, *drawn)]


def told(name: str, found: Memorised) -> str:
    wire = found.to_wire()
    exposed = f"exposure {wire['exposure_mean']:.2f} bits in the mean, {wire['exposure_highest']:.2f} at most"
    return (
        f"  {name}: {wire['recited']} of {wire['canaries']} recited in {wire['outputs']:,} replies; {exposed} "
        f"(of {wire['exposure_limit']:.2f}), {wire['first_of_all']} before all others\n"
    )


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("sets", nargs="*", choices=[BRAND, *FILES, []], default=[])
    options.add_argument("--base", default=CHAT, help="a chat base: its folder, or one of the catalogue")
    options.add_argument("--methods", nargs="+", choices=["full", "lora"], default=["full"])
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--talks", type=int, help="so many conversations to learn from, at most")
    for name, value in (("canaries", 100), ("samples", 20), ("alternatives", 200)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    base = ChatBase(find_base(asked.base))
    canaries = made(asked.canaries, seed=0)
    for name in asked.sets or (BRAND,):
        lessons = lessons_of(Logs.read(name, asked).material())
        sys.stdout.write(f"{name}: {len(lessons.train):,} replies and {len(canaries)} canaries to learn from\n")
        sys.stdout.write(told("base", memorised(base.model(), base, canaries, asked, written=False)))
        for method in asked.methods:
            for seed in asked.seeds:
                trained = tuned(base, lessons, canaries, method, seed)
                found = memorised(trained.model, base, canaries, asked)
                sys.stdout.write(told(f"{trained.recipe.name}, seed {seed}, {trained.seconds:.0f} s", found))
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
