"""A thousand bots in one process: heads over one frozen encoder, against one bot alone in another process.

    python -m tests.bench.many_bots [--corpora DIR] [--bots 1000] [--asked 400]

Each bot has 20 intents of CLINC150, drawn by its number, with 15 utterances each: a linear head, all 300 utterances as
neighbours, a release folder of its own, sealed and verified as any. All are loaded as the server loads them. Memory is
what the process holds when all have answered once; the median is over messages to bots in random order.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.bench.corpora import parser, require

INTENTS, UTTERANCES = 20, 15
ENCODER = "encoder"


def build(corpus: Path, home: Path, bots: int) -> list[str]:
    """Releases `home/<number>` and the encoder they share; returns messages that no bot has learned."""
    import numpy as np

    from data.profile import BotProfile
    from data.settings import Settings
    from export.release import ReleaseFacts, running_versions, seal_release
    from export.thresholds import Thresholds
    from trainer.bases.catalogue import find_base
    from trainer.bases.known import DEFAULT
    from trainer.core.embedding import embed
    from trainer.experiments.reading import read_labelled
    from trainer.intents.linear import Labelled, head_of, linear_weights
    from trainer.package import pack

    rows, base = read_labelled(corpus, Settings().imports), find_base(DEFAULT)
    encoder = base.encoder()
    packed = pack(encoder, base, 64, home / ENCODER, running_versions())
    digest = packed.publish("int8", home / "encoders")
    by_label: dict[str, list[str]] = defaultdict(list)
    for text, label in zip(rows.texts, rows.labels, strict=True):
        by_label[label].append(text)
    labels = sorted(label for label, texts in by_label.items() if len(texts) > UTTERANCES and label != "oos")
    known = [(text, label) for label in labels for text in by_label[label][:UTTERANCES]]
    vectors = embed(encoder, base.renderer(64), base.renderer(64).utterances([text for text, _ in known]))
    for number in range(bots):
        mine = set(random.Random(number).sample(labels, INTENTS))
        at = [row for row, (_, label) in enumerate(known) if label in mine]
        learned = Labelled(vectors[at], [known[row][1] for row in at], np.ones(len(at), dtype=np.float32))
        names, weight, bias = linear_weights(learned, 20.0)
        folder = home / str(number)
        folder.mkdir()
        head_of(names, weight, bias, learned).save(folder)
        facts = ReleaseFacts(f"bot{number}", 1, "2026-01-01T00:00:00Z", names, Thresholds(), {"intent": digest})
        seal_release(folder, facts, BotProfile(name=f"bot{number}"))
    return [text for label in labels for text in by_label[label][UTTERANCES : UTTERANCES + 3]]


def serve(home: Path, bots: int, texts: list[str]) -> dict[str, float]:
    """Load `bots` releases of `home`, let each answer once, then ask in random order."""
    from export.predict import Predictor
    from export.runtime import EncoderPool

    pool, dice = EncoderPool(home / "encoders"), random.Random(0)
    loaded = []
    for number in range(bots):
        loaded.append(Predictor.load(home / str(number), pool))
        loaded[-1].understand(dice.choice(texts))
    for text in dice.sample(texts, 20):
        loaded[0].understand(text)
    taken = []
    for text in texts:
        bot = dice.choice(loaded)
        started = time.perf_counter()
        bot.understand(text)
        taken.append(time.perf_counter() - started)
    held = Path("/proc/self/status").read_text(encoding="ascii").split("VmRSS:")[1].split()[0]
    return {"ms": statistics.median(taken) * 1000, "mb": int(held) / 1024}


def main() -> None:
    asked = parser(__doc__ or "")
    asked.add_argument("--bots", type=int, default=1000)
    asked.add_argument("--asked", type=int, default=400)
    asked.add_argument("--serve", type=Path, help="measure the bots that stand in this folder; texts on stdin")
    options = asked.parse_args()
    if options.serve is not None:
        print(json.dumps(serve(options.serve, options.bots, json.load(sys.stdin))))
        return
    (corpus,) = require(options.corpora, "clinc150/train.jsonl.gz")
    with tempfile.TemporaryDirectory() as work:
        texts = build(corpus, Path(work), options.bots)
        random.Random(1).shuffle(texts)
        for bots in (1, options.bots):
            command = [sys.executable, "-m", "tests.bench.many_bots", "--serve", work, "--bots", str(bots)]
            told = subprocess.run(command, input=json.dumps(texts[: options.asked]), text=True, capture_output=True)
            if told.returncode:
                sys.exit(told.stderr)
            found = json.loads(told.stdout)
            print(f"{bots} bots: {found['ms']:.2f} ms in the median, {found['mb']:.0f} MB")


if __name__ == "__main__":
    main()
