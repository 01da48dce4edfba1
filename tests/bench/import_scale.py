"""What importing a million messages costs, stage by stage, and what a kill in its middle leaves. Nothing is asserted.

    python -m tests.bench.import_scale [--rows 100000 1000000] [--drill-rows 100000] [--corpora CORPORA]

The input is made of public dialogues in several languages, Chinese among them; each time a dialogue comes round again
its messages carry other noise, so that no two messages are equal; some hold an e-mail address, a phone or an order
number. Each import runs in a process of its own. Costs are seconds of processor time, timers included.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.bench import corpora

DIALOGUES = ("crosswoz/dialogues.dev", "crosswoz/dialogues.test", "kdconv/dev", "taskmaster4/train", "star/train",
             "korean_chatbot/train", "bitext_customer_support/dialogues.train", "topical_chat/valid_freq")  # fmt: skip
TEXTS = ("goemotions/dev", "multidogo/airline.train", "multidogo/software.train", "banking77/train",
         *(f"xsid/{code}.test" for code in ("ar", "da", "id", "lt", "nl", "sr", "tr", "zh")))  # fmt: skip
MOST_CHARS = 600
SYLLABLES = ("ba", "ke", "ni", "so", "tu", "ra", "mel", "dor", "vin", "pal", "gri", "zan", "lo", "fe", "hu", "ty")
CHINESE = "春夏秋冬山水云月星河红蓝绿白黑金木火土天东西南北高低远近新旧"
PERSONAL = (" {name}@example.com", " +44 7700 900{digits}", " order OB-{number}", " 订单号{number}")


def dialogues(paths: list[Path]) -> list[list[dict[str, Any]]]:
    """The messages of every dialogue; texts that stand alone are dialogues of one message."""
    found = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                body = json.loads(line)
                told = [(turn["role"], turn["text"]) for turn in body.get("turns", ())] or [("user", body["text"])]
                found.append([{"role": role, "content": text[:MOST_CHARS]} for role, text in told if text.strip()])
    random.Random(5).shuffle(found)
    return [one for one in found if one]


def conversations(known: list[list[dict[str, Any]]], rows: int) -> Iterator[dict[str, Any]]:
    """Conversations that together hold `rows` messages, no two of them equal."""
    chance, written, number = random.Random(9), 0, 0
    while written < rows:
        messages = [_noisy(one, written + place, chance) for place, one in enumerate(known[number % len(known)])]
        messages = messages[: rows - written]
        written += len(messages)
        number += 1
        yield {"id": f"c-{number}", "customer": f"u-{number % 50_000}", "messages": messages}


def _noisy(message: dict[str, Any], row: int, chance: random.Random) -> dict[str, Any]:
    text = message["content"]
    if any("\u4e00" <= char <= "\u9fff" for char in text):
        noise = "".join(chance.choices(CHINESE, k=chance.randint(2, 8)))
    else:
        noise = " " + " ".join("".join(chance.choices(SYLLABLES, k=3)) for _ in range(chance.randint(1, 4)))
    personal = ""
    if chance.random() < 0.08:
        number = chance.randint(100_000, 9_999_999)
        personal = chance.choice(PERSONAL).format(name=f"kim{number}", number=number, digits=f"{number % 1000:03}")
    return {**message, "content": f"{text}{noise}{personal} {_letters(row)}"}


def _letters(row: int) -> str:
    """A word of its own for every row."""
    return "".join(SYLLABLES[row >> shift & 15] for shift in (0, 4, 8, 12, 16, 20))


class Stages:
    """Processor time of named functions, each less what it spends in others that are watched."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._open: list[float] = []

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **more: Any) -> Any:
            self._open.append(0.0)
            start = time.thread_time()
            try:
                return call(*args, **more)
            finally:
                whole = time.thread_time() - start
                self.spent[name] += whole - self._open.pop()
                if self._open:
                    self._open[-1] += whole

        return run

    def iterated(self, name: str, call: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def run(*args: Any, **more: Any) -> Iterator[Any]:
            step = self.timed(name, call(*args, **more).__next__)
            while True:
                try:
                    yield step()
                except StopIteration:
                    return

        return run

    def watch(self, stack: ExitStack) -> None:
        """Put timers around every station of an import until `stack` ends."""
        from data import dedupe, examine, figures, ingest, prepare, quality, redact
        from data.store import conversations as rows

        seams: list[tuple[str, Any, str]] = [
            ("clean", prepare, "clean"), ("merge", prepare, "merge"), ("redact", redact.Redactor, "redact"),
            ("redact", redact.Redactor, "is_personal"), ("language", examine, "languages_of"),
            ("dedupe", dedupe.NearIndex, "assign"), ("dedupe", examine, "fingerprint"),
            ("dedupe", examine.Examination, "_without_duplicates"), ("findings", quality.Tally, "watch"),
            ("findings", figures.Figures, "watch"), ("findings", examine.Examination, "report"),
            ("store", rows, "add_many"), ("store", rows, "existing"), ("store", ingest, "_stored"),
        ]  # fmt: skip
        for name, holder, attribute in seams:
            stack.enter_context(patch.object(holder, attribute, self.timed(name, getattr(holder, attribute))))
        stack.enter_context(patch.object(examine, "read", self.iterated("parse", examine.read)))


def import_here(path: Path, home: Path) -> dict[str, Any]:
    """Import `path` in this process and tell what it cost. An import that was killed in this home is taken up again."""
    from tests.bench.import_throughput import imported

    stages = Stages()
    wall, processor = time.perf_counter(), time.process_time()
    with ExitStack() as stack:
        stages.watch(stack)
        report = imported(path, home)
    processor = time.process_time() - processor
    rows = report["rows_in"]
    each = {name: round(1e6 * spent / rows, 1) for name, spent in sorted(stages.spent.items())}
    each["the rest"] = round(1e6 * processor / rows - sum(each.values()), 1)
    return {
        "rows": rows,
        "used": report["rows_used"],
        "languages": len(report["languages"]),
        "redacted": sum(report["redacted"].values()),
        "seconds": round(time.perf_counter() - wall, 1),
        "messages_per_core_second": round(rows / processor),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "microseconds": each,
    }


def started(path: Path, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.import_scale", "--child", str(path), str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def child(path: Path, home: Path) -> dict[str, Any]:
    """Import in a process of its own, whose peak memory is its own."""
    process = started(path, home)
    told, _ = process.communicate()
    if process.returncode:
        sys.exit(f"The import ended with {process.returncode}.")
    return dict(json.loads(told))


def rows_so_far(home: Path) -> int:
    """How many conversations are committed by now; 0 while there is no table."""
    if not (home / "attune.db").exists():
        return 0
    try:
        with closing(sqlite3.connect(home / "attune.db", timeout=60)) as database:
            return int(database.execute("SELECT count(*) FROM conversations").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def kept(home: Path) -> tuple[int, str]:
    """How many conversations a home keeps, and a digest of all of them with their clusters, in their order."""
    digest, count = hashlib.sha256(), 0
    if not (home / "attune.db").exists():
        return 0, ""
    with closing(sqlite3.connect(home / "attune.db", timeout=60)) as database:
        rows = database.execute("SELECT fingerprint, body, near, languages FROM conversations ORDER BY position")
        for row in rows:
            digest.update(repr(row).encode())
            count += 1
    return count, digest.hexdigest()[:16]


def drill(path: Path, folder: Path, whole: tuple[int, str]) -> dict[str, Any]:
    """Kill an import in its middle and start it again: what is kept must be what the undisturbed one kept."""
    home = folder / "killed"
    process = started(path, home)
    while process.poll() is None and rows_so_far(home) < whole[0] // 2:
        time.sleep(0.1)
    process.kill()
    process.communicate()
    at = rows_so_far(home)
    again = child(path, home)
    return {
        "killed_at_conversations": at,
        "signal": -process.returncode,
        "conversations": whole[0],
        "same": kept(home) == whole,
        "rows_used": again["used"],
    }


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(import_here(Path(sys.argv[2]), Path(sys.argv[3]))))
        return
    asked = corpora.parser((__doc__ or "").partition("\n")[0])
    asked.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    asked.add_argument("--drill-rows", type=int, default=100_000, help="0: no drill")
    chosen = asked.parse_args()
    known = dialogues(corpora.require(chosen.corpora, *(f"{name}.jsonl.gz" for name in (*DIALOGUES, *TEXTS))))
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in chosen.rows:
            figures.append(child(written(known, rows, folder), folder / f"home-{rows}"))
            print(json.dumps(figures[-1]), flush=True)
        growth = figures[0]["messages_per_core_second"] / figures[-1]["messages_per_core_second"] - 1
        print(json.dumps({"growth_of_time_per_message": round(growth, 3)}), flush=True)
        if chosen.drill_rows:
            path, home = written(known, chosen.drill_rows, folder), folder / f"home-{chosen.drill_rows}"
            if not home.exists():
                child(path, home)
            print(json.dumps(drill(path, folder, kept(home))), flush=True)


def written(known: list[list[dict[str, Any]]], rows: int, folder: Path) -> Path:
    path = folder / f"logs-{rows}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in conversations(known, rows))
    return path


if __name__ == "__main__":
    main()
