"""How well is personal data found, what is taken for it by mistake, and what does looking cost?

    python -m tests.bench.personal_data [CORPORA] [--samples N]

F1 by kind and language, on `tests/data/personal.jsonl`, on the blind sets beside it and on the hard lines of
the tests, each apart: a mark is found when something of its kind covers it, whatever else is found is a false alarm.
Then what is found in public corpora under CORPORA (`../shared/corpora` when it is not named; left out, saying so, when
it is not there), and the time that redacting them takes, everything on. Apart from invented customers, and hotels and
restaurants with their numbers and streets, they hold next to nothing personal: `--samples` shows N finds of each kind,
so that somebody can tell.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.personal.found import KINDS, Found
from data.redact import Memory, Redactor
from data.settings import ImportSettings
from tests.personal import Line, by_language, hard_lines, score, the_set

REGIONS = {
    "banking77": "GB", "clinc150": "US", "goemotions": "US", "topical_chat": "US", "snips": "US", "xsid": "US",
    "multidogo": "US", "star": "US", "hint3": "IN", "restaurants8k": "GB", "multiwoz21": "GB", "sgd": "US",
    "bitext_customer_support": "US", "crosswoz": "CN", "kdconv": "CN",
}  # fmt: skip
"""The corpora, and the region of phone numbers that a brand with such customers would set."""
MOST = 20_000
TIMED = 6_000
REPEATS = 3


def texts_of(folder: Path) -> list[str]:
    """Up to MOST texts of a corpus, drawn with a fixed seed."""
    found = [text for path in sorted(folder.rglob("*.jsonl.gz")) for text in _texts(path)]
    random.Random(0).shuffle(found)
    return found[:MOST]


def _texts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for body in map(json.loads, file):
            turns: list[dict[str, Any]] = body.get("turns") or body.get("messages") or [body]
            yield from (str(turn.get("text", turn.get("content", ""))) for turn in turns)


def accuracy(title: str, lines: list[Line]) -> None:
    print(f"{title}: {len(lines)} lines")
    groups = by_language(lines)
    scores = {language: score(group, KINDS) for language, group in groups.items()}
    print(
        f"  {'':10}{'F1':>7}{'found':>7}{'missed':>8}{'false':>7}{'exact':>7}   "
        + " ".join(f"{one:>5}" for one in groups)
    )
    for kind, one in score(lines, KINDS).items():
        parts = " ".join(f"{scores[language][kind].f1:5.3f}" for language in groups)
        exact = one.exact / max(1, one.found)
        print(f"  {kind:10}{one.f1:7.3f}{one.found:7}{len(one.missed):8}{len(one.false):7}{exact:7.2f}   {parts}")


def alarms(folder: Path, samples: int) -> None:
    """What is found in corpora, by kind."""
    print(f"  {'':26}{'texts':>7} " + " ".join(f"{kind:>7}" for kind in KINDS) + f"{'µs each':>9}")
    for name, region in REGIONS.items():
        texts = texts_of(folder / name)
        redactor = Redactor(ImportSettings(phone_region=region))
        shown: dict[str, list[str]] = defaultdict(list)
        for text in texts:
            for one in redactor.find(text):
                shown[one.kind].append(_shown(text, one))
        numbers = " ".join(f"{len(shown[kind]) or '-':>7}" for kind in KINDS)
        print(f"  {name:26}{len(texts):7} {numbers}{microseconds(redactor, texts[:TIMED]):9.1f}")
        for kind in KINDS if samples else ():
            print("".join(f"      {kind:8} {line}\n" for line in shown[kind][:samples]), end="")


def microseconds(redactor: Redactor, texts: Iterable[str]) -> float:
    """Processor time of redacting one text, the best of some rounds."""
    texts, best = list(texts), float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for text in texts:
            redactor.redact(text, Memory())
        best = min(best, time.process_time() - began)
    return best / max(1, len(texts)) * 1e6


def _shown(text: str, one: Found) -> str:
    around = f"{text[max(0, one.start - 40) : one.start]}<<{text[one.start : one.end]}>>{text[one.end : one.end + 30]}"
    return around.replace("\n", " ")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpora", nargs="?", type=Path, default=Path("../shared/corpora"))
    arguments.add_argument("--samples", type=int, default=0)
    chosen = arguments.parse_args()
    accuracy("the set of tests/data/personal.jsonl", the_set())
    accuracy("the blind set, tests/data/personal_blind.jsonl", the_set("personal_blind"))
    accuracy("fresh lines, tests/data/personal_fresh.jsonl", the_set("personal_fresh"))
    accuracy("hard lines, written before the recognisers", hard_lines("hard_lines"))
    accuracy("more lines, written after them", hard_lines("more_lines"))
    if chosen.corpora.is_dir():
        print(f"found in public corpora, up to {MOST} texts of each:")
        alarms(chosen.corpora, chosen.samples)
    else:
        print(f"No corpora in {chosen.corpora}: false alarms and time are left out.")


if __name__ == "__main__":
    main()
