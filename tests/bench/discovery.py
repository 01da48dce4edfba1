"""Intents found with their labels hidden, beside k-means that is given the true number of them.

python -m tests.bench.discovery                   five public sets, 3 seeds (about 15 minutes on 2 cores)
python -m tests.bench.discovery banking77         one of them
python -m tests.bench.discovery snips bitext      sets that no choice was made on

Every row counts, outliers too, with the group they are nearest to. Accuracy is that of the best one-to-one alignment.
"""

from __future__ import annotations

import gzip
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from data.prepare import Preparer
from data.schema import OUT_OF_SCOPE
from data.settings import Settings
from tests.bench.corpora import parser, require
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.embedding import embed
from trainer.core.fit import set_threads
from trainer.insight.clusters import NOWHERE, Vectors, group

SEEDS = (0, 1, 2)
STARTS = 3
"""Beginnings of k-means, of which the tightest counts."""
SETS = {
    "banking77": ("banking77/train", "banking77/dev"),
    "clinc150": ("clinc150/train", "clinc150/dev"),
    "insurance": ("dstc11_intents/insurance.train", "dstc11_intents/insurance.test"),
    "banking": ("dstc11_intents/banking.train", "dstc11_intents/banking.test"),
    "finance": ("dstc11_intents/finance.train", "dstc11_intents/finance.test"),
}
OTHERS = {"snips": ("snips/dev", "snips/test"), "bitext": ("bitext_customer_support/intents.train",)}
Numbers = npt.NDArray[np.int64]


def read(paths: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Texts and labels in scope."""
    rows = [json.loads(line) for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    kept = [(str(row["text"]), str(row["label"])) for row in rows if row["label"] != OUT_OF_SCOPE]
    return [text for text, _ in kept], [label for _, label in kept]


def embedded(texts: Sequence[str]) -> Vectors:
    base, prepare = find_base(DEFAULT), Preparer(Settings().imports)
    renderer = base.renderer()
    return embed(base.encoder(), renderer, renderer.utterances([prepare(text) for text in texts]))


def figures(true: Numbers, found: Numbers) -> tuple[float, float, float]:
    """NMI, ARI and accuracy in percent."""
    table = np.zeros((found.max() + 1, true.max() + 1))
    np.add.at(table, (found, true), 1)
    rows, columns = linear_sum_assignment(-table)
    accuracy = table[rows, columns].sum() / len(true)
    nmi, ari = normalized_mutual_info_score(true, found), adjusted_rand_score(true, found)
    return 100 * float(nmi), 100 * float(ari), 100 * float(accuracy)


def shown(rows: Sequence[tuple[float, float, float]]) -> str:
    means = [f"{statistics.mean(column):.1f}" for column in zip(*rows, strict=True)]
    return "NMI {}, ARI {}, accuracy {}".format(*means)


def measure(corpora: Path, name: str) -> None:
    paths = require(corpora, *(f"{file}.jsonl.gz" for file in {**SETS, **OTHERS}[name]))
    texts, labels = read(paths)
    names, true = np.unique(np.array(labels), return_inverse=True)
    started = time.monotonic()
    vectors = embedded(texts)
    embedding = time.monotonic() - started
    ours, peer, counts, covered, seconds = [], [], [], [], []
    for seed in SEEDS:
        started = time.monotonic()
        found = group(vectors, seed, lambda: None)
        seconds.append(time.monotonic() - started)
        ours.append(figures(true, found.nearest))
        counts.append(found.count)
        covered.append(float((found.of != NOWHERE).mean()))
        means = KMeans(len(names), n_init=STARTS, random_state=seed).fit_predict(vectors).astype(np.int64)
        peer.append(figures(true, means))
    print(f"{name}: {len(texts)} texts, {len(names)} intents, embedded in {embedding:.0f} s")
    print(f"  attune    {shown(ours)}; found {counts}; covers {100 * statistics.mean(covered):.1f} %; "
          f"{statistics.mean(seconds):.0f} s")  # fmt: skip
    print(f"  k-means   {shown(peer)}; given {len(names)}", flush=True)


if __name__ == "__main__":
    asked = parser(__doc__ or "")
    asked.add_argument("sets", nargs="*", choices=[*SETS, *OTHERS, []], default=[])
    options = asked.parse_args()
    set_threads(0)
    for one in options.sets or SETS:
        measure(options.corpora, one)
