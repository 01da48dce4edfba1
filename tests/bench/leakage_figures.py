"""Do the leakage figures of public corpora come out as they were counted by hand? A program, not a test.

    python -m tests.bench.leakage_figures [CORPORA]

CORPORA is the folder of the corpora, `../shared/corpora` when it is not named. Prints one line per corpus: exact
duplicates found and expected, near-duplicates, seconds. Ends with 1 when a figure differs; says so, and ends with 0,
when the folder is not there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from data.check import leakage

DEFAULT = Path("../shared/corpora")
EXPECTED = {"goemotions": 37, "restaurants8k": 89, "snips": 10, "nc/chnsenticorp": 330, "multidogo": 3199}
"""Distinct test texts that stand in train, lower-cased and with white space collapsed."""
MULTIDOGO_TEXTS = 11_595


def main(corpora: Path) -> int:
    if not corpora.is_dir():
        print("The corpora folder is not there: nothing was compared. Name it as the first argument.")
        return 0
    wrong = 0
    for name, expected in EXPECTED.items():
        started = time.monotonic()
        train, test = (sorted((corpora / name).glob(f"*{side}.jsonl.gz")) for side in ("train", "test"))
        report = leakage(train, test)
        right = report["exact_duplicates"] == expected
        if name == "multidogo":
            right = right and report["distinct_test_texts"] == MULTIDOGO_TEXTS
        wrong += not right
        print(
            f"{name}: {report['exact_duplicates']} exact (expected {expected}), {report['near_duplicates']} near, of "
            f"{report['distinct_test_texts']} distinct test texts; {report['train_rows']} train rows, "
            f"{report['test_rows']} test rows, set aside {report['set_aside']}; {time.monotonic() - started:.1f} s"
            f"{'' if right else '  <- WRONG'}"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT))
