"""What searching very many replies costs, when all are compared and through cells (extra `index`), and what cells miss.

    python -m tests.bench.reply_cells [--replies N ...] [--hidden SIZE] [--queries N]

The vectors are made up, so that there are as many as are asked for: topics that overlap in a space of 20 dimensions,
wordings around them, and noise in every dimension, so much of each that cells miss as much as among the 4,349 replies
of Taskmaster-4's train file, read by the default base. Queries lie between two replies each. One thread, one query at a
time, as a message of a visitor is; recall is the share of the truly best ten that cells find as well.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from export.replies import Reply, ReplyIndex
from export.reply_scores import Scoring

TOPICS, DIMENSIONS = 300, 20
BEST = 10
Vectors = npt.NDArray[np.float32]


def made(rows: int, hidden: int) -> ReplyIndex:
    generator = np.random.default_rng(0)
    topics = generator.normal(size=(TOPICS, DIMENSIONS)).astype(np.float32)
    spread = generator.normal(size=(DIMENSIONS, hidden)).astype(np.float32) / np.float32(DIMENSIONS**0.5)
    vectors = np.empty((rows, hidden), dtype=np.float16)
    for start in range(0, rows, 10_000):
        size = min(10_000, rows - start)
        words = topics[generator.integers(TOPICS, size=size)] + 0.5 * generator.normal(size=(size, DIMENSIONS))
        block = words @ spread + 0.2 * generator.normal(size=(size, hidden))
        vectors[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    counts = generator.zipf(1.6, size=rows).clip(1, 5_000).tolist()
    return ReplyIndex(vectors, [Reply(str(at), count=count) for at, count in enumerate(counts)], Scoring(0.045))


def asked(index: ReplyIndex, count: int) -> Vectors:
    pairs = np.random.default_rng(1).integers(len(index), size=(2, count))
    middle = index.vectors[pairs[0]].astype(np.float32) + index.vectors[pairs[1]].astype(np.float32)
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True), dtype=np.float32)


def took(search: Callable[[Vectors], object], queries: Vectors) -> float:
    """Median milliseconds of one."""
    times = []
    for query in queries:
        started = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def measure(rows: int, hidden: int, count: int) -> str:
    exact = made(rows, hidden)
    queries = asked(exact, count)
    plain = took(lambda query: exact.search(query, BEST), queries)
    started = time.perf_counter()
    cells = exact.in_cells(0)
    seconds = time.perf_counter() - started
    said = f"{rows:,} replies: all compared {plain:.2f} ms, {exact.size_bytes / 1e6:.0f} MB"
    if cells.is_exact:
        return f"{said}; no cells, after {seconds:.1f} s (is the extra `index` installed?)"
    pairs = zip(exact.search_many(queries, BEST), cells.search_many(queries, BEST), strict=True)
    hits = sum(len({hit.reply.text for hit in one} & {hit.reply.text for hit in other}) for one, other in pairs)
    quick = took(lambda query: cells.search(query, BEST), queries)
    return (
        f"{said}; through cells {quick:.2f} ms, {cells.size_bytes / 1e6:.0f} MB, recall at {BEST} "
        f"{hits / (BEST * count) * 100:.1f} %, made and tried in {seconds:.1f} s"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replies", type=int, nargs="+", default=[20_000, 50_000, 100_000, 300_000])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    with threadpool_limits(1):
        for rows in options.replies:
            sys.stdout.write(measure(rows, options.hidden, options.queries) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
