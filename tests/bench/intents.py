"""Intent accuracy of the default recipes on Banking77, CLINC150 and HINT3, beside their peers in the same run.

python -m tests.bench.intents                     everything but SetFit
python -m tests.bench.intents few                 10 and 5 per class of Banking77, and every peer on the same drawn rows
python -m tests.bench.intents full                all of Banking77, and every peer but SetFit
python -m tests.bench.intents clinc150            150 intents and what is out of their scope, which no peer knows
python -m tests.bench.intents sofmattress         a real brand's bot with out-of-scope traffic, which no peer knows
python -m tests.bench.intents few --setfit-python PATH      SetFit too, in the environment of that Python
python -m tests.bench.intents few --peers trainer --seeds 0 --threads 1

The peers: TF-IDF of words and a linear classifier; the frozen base with logistic regression; transformers' Trainer with
its defaults on the same base, by way of `accelerate`; SetFit with its defaults on the same base. Every side trains in
a process of its own; memory is the most that it held, answers and, of ours, the export included. A difference is ours
less theirs on the same rows, the mean over seeds, with the interval of a paired bootstrap over the rows. Times are of
the training alone: how much longer than ours it took to be as accurate as ours first, or all of it where it never was.
Of the clock they mean something where nothing else computes; beside other work compare those of the processor.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import intent_sides
from tests.bench.apart import alone
from tests.bench.corpora import parser, require
from tests.bench.peer_lines import Against
from tests.bench.side import Side, Work

SEEDS = (0, 1, 2, 3, 4)
PER_CLASS = (10, 5)
PEERS: Mapping[str, Callable[[Work], Side]] = {
    "words": intent_sides.words,
    "frozen": intent_sides.frozen,
    "trainer": intent_sides.trainer,
}
SETFIT = "setfit"


def few(asked: argparse.Namespace) -> None:
    for count in asked.per_class:
        work = [banking(asked, seed, count) for seed in asked.seeds]
        compare(f"banking77, {count} per class", work, peers(asked))


def full(asked: argparse.Namespace) -> None:
    """Without SetFit, whose pairs of so many rows are millions."""
    found = {name: peer for name, peer in peers(asked).items() if name != SETFIT}
    compare("banking77, all rows", [banking(asked, asked.seeds[0], None)], found)


def sofmattress(asked: argparse.Namespace) -> None:
    train, test = require(asked.corpora, "hint3/sofmattress.train.jsonl.gz", "hint3/sofmattress.test.jsonl.gz")
    compare("SOFMattress", [Work(train, test, asked.seeds[0], threads=asked.threads)], {})


def clinc150(asked: argparse.Namespace) -> None:
    train, test = require(asked.corpora, "clinc150/train.jsonl.gz", "clinc150/dev.jsonl.gz")
    compare("CLINC150", [Work(train, test, asked.seeds[0], threads=asked.threads)], {})


def banking(asked: argparse.Namespace, seed: int, per_class: int | None) -> Work:
    train, test = require(asked.corpora, "banking77/train.jsonl.gz", "banking77/dev.jsonl.gz")
    return Work(train, test, seed, per_class, asked.threads)


def peers(asked: argparse.Namespace) -> dict[str, Callable[[Work], Side]]:
    """Those that are asked for and can be measured here; of the others is said why not."""
    from tests.bench.trainer_peer import missing

    found = {name: peer for name, peer in PEERS.items() if name in asked.peers}
    if "trainer" in found and missing():
        print(f"trainer: {missing()}")
        del found["trainer"]
    if SETFIT in asked.peers and not has_setfit(asked.setfit_python):
        print("setfit: Not measured: pip install setfit, in any environment, and name its Python: --setfit-python PATH")
    elif SETFIT in asked.peers:
        found[SETFIT] = partial(intent_sides.setfit, python=asked.setfit_python, iterations=asked.setfit_iterations)
    return found


def has_setfit(python: Path | None) -> bool:
    if python is None:
        return False
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('setfit') is None)"
    try:
        return subprocess.run([str(python), "-c", look], capture_output=True).returncode == 0
    except OSError:
        return False


def compare(name: str, works: list[Work], others: Mapping[str, Callable[[Work], Side]]) -> None:
    mine: list[Side] = []
    theirs: dict[str, list[Side]] = {peer: [] for peer in others}
    failed: set[str] = set()
    for work in works:
        mine.append(alone(intent_sides.ours, work))
        report(mine[-1].report, f"{name}, seed {work.seed}")
        for peer, measure in others.items():
            if peer in failed:
                continue
            try:
                theirs[peer].append(alone(measure, work))
            except intent_sides.NotMeasured as error:
                failed.add(peer)
                print(f"  {peer}: Not measured: {error}", flush=True)
    truth = works[0].rows()[1].labels
    for peer in others:
        if peer not in failed:
            for line in Against(peer, truth, mine, theirs[peer]).lines():
                print(f"  {line}", flush=True)


def report(result: Mapping[str, Any], name: str) -> None:
    shown = (
        "accuracy",
        "in_scope_accuracy",
        "auroc",
        "coverage_at_precision_90",
        "realised_precision",
        "realised_coverage",
        "in_scope_accuracy_at_oos",
        "oos_recall_at_oos",
    )
    figures = ", ".join(f"{key} {result[key]:.4f}" for key in shown if result[key] is not None)
    print(f"{name}: {figures}; trained in {result['train_seconds']:.0f} s by {result['recipe']['name']}")
    print(
        f"  export: {result['precision']}, {result['latency_ms']:.2f} ms a text, {result['size_bytes'] / 1e6:.0f} MB; "
        f"labels as in torch: fp32 {100 * result['fp32_agreement']:.2f} %, int8 {100 * result['int8_agreement']:.2f} %",
        flush=True,
    )


PARTS = {"few": few, "full": full, "clinc150": clinc150, "sofmattress": sofmattress}


def main() -> None:
    options = parser(str(__doc__).split("\n", maxsplit=1)[0])
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help=", ".join(PARTS))
    options.add_argument(
        "--seeds", nargs="+", type=int, default=list(SEEDS), help="full, clinc150 and sofmattress take the first"
    )
    options.add_argument(
        "--per-class", nargs="+", type=int, default=list(PER_CLASS), help="rows of each label, for few"
    )
    options.add_argument("--threads", type=int, default=0, help="of the processor; 0 takes every core")
    options.add_argument("--peers", nargs="*", choices=[*PEERS, SETFIT, []], default=[*PEERS, SETFIT])
    options.add_argument("--setfit-python", type=Path, help="a Python that has setfit")
    options.add_argument("--setfit-iterations", type=int, help="pairs of each kind a row, instead of SetFit's default")
    asked = options.parse_args()
    for part in asked.parts or PARTS:
        PARTS[part](asked)


if __name__ == "__main__":
    main()
