"""How large do groups get, and what do train and test share, under different rules of what connects conversations?

    python -m tests.bench.split_groups [CORPORA]

The measurements behind docs/decisions/0003-splits.md. For the sample brand and for public corpora of dialogues under
CORPORA (`../shared/corpora` when it is not named; left out, saying so, when it is not there): the number of groups, the
share of conversations in the largest, the share that falls into test, and of the test rows how many are copies of a
train row (`seen`), how many of those are long enough to connect, and how many are near-duplicates of one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import data.split as splitting
from data.dedupe import NearIndex, normal_form
from data.split import Member, assign, connects

MOST = 6_000
Log = list[list[str]]


def lines(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def dialogues(folder: Path, pattern: str) -> Log:
    """The user's texts of each dialogue."""
    found = []
    for body in lines(folder, pattern):
        turns = body.get("turns", body.get("messages"))
        found.append([turn.get("text", turn.get("content")) for turn in turns if turn["role"] == "user"])
    return [texts for texts in found if texts][:MOST]


def regrouped(folder: Path, pattern: str) -> Log:
    """Customer turns that stand one per line, by conversation."""
    found: dict[str, list[str]] = defaultdict(list)
    for body in lines(folder, pattern):
        found[body["conversation"]].append(body["text"])
    return list(found.values())[:MOST]


def measure(log: Log, near: list[list[str]], rule: Callable[[str], bool], span: int) -> str:
    splitting.MAX_SPAN = span
    members = [
        Member(
            str(number),
            number,
            near=tuple(key for key, text in zip(keys, texts, strict=True) if rule(text)),
            mark=hashlib.sha256(f"{number}".encode()).hexdigest(),
        )
        for number, (texts, keys) in enumerate(zip(log, near, strict=True))
    ]
    result = assign(members)
    sizes, splits = Counter(result.groups.values()), Counter(result.splits.values())
    train = [number for number in range(len(log)) if result.splits[str(number)] == "train"]
    forms = {normal_form(text) for number in train for text in log[number]}
    clusters = {key for number in train for key in near[number]}
    rows = [
        (text, key)
        for number in range(len(log))
        if result.splits[str(number)] == "test"
        for text, key in zip(log[number], near[number], strict=True)
    ]
    seen = [text for text, _ in rows if normal_form(text) in forms]
    alike = sum(key in clusters and normal_form(text) not in forms for text, key in rows)
    return (
        f"{len(sizes):6} groups, largest {max(sizes.values()) / len(log):6.1%}, test {splits['test'] / len(log):6.1%}, "
        f"{len(rows):5} test rows: {len(seen):5} seen ({sum(map(connects, seen)):4} long), {alike:4} near"
    )


def main(corpora: Path) -> None:
    logs = {"sample brand": dialogues(Path("data/samples"), "chats.jsonl")}
    if corpora.is_dir():
        logs["multidogo"] = regrouped(corpora / "multidogo", "*.jsonl.gz")
        for name in ("bitext_customer_support", "star", "taskmaster4"):
            logs[name] = dialogues(corpora / name, "dialogues*" if name.startswith("bitext") else "*.jsonl.gz")
    else:
        print("The corpora folder is not there: only the sample brand is measured.")
    for name, log in logs.items():
        index = NearIndex()
        near = [index.assign(texts) for texts in log]
        print(f"{name}: {len(log)} conversations, {sum(map(len, log))} user turns")
        for label, rule in (("every utterance", lambda _: True), ("long ones only", connects)):
            for span in (2, 5, 10, 10**9):
                print(f"  {label}, span {'any' if span > 99 else span:>3}: {measure(log, near, rule, span)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/corpora"))
