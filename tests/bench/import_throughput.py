"""How fast an import runs, storing included, and in how much memory. A program, not a test: nothing here is asserted.

    python -m tests.bench.import_throughput [--messages 100000] [--format jsonl|csv] [--profile]

Prints one JSON object: messages per second of processor time (one core) and of wall-clock time, and the peak resident
memory of the process in MB. The logs are drawn from a seeded grammar: greetings, order numbers, e-mail addresses,
phone numbers, accents, repeats, so that every station of an import has something to do.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import io
import json
import pstats
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

OPENERS = ["hi", "hello there", "good morning", "hey", "Hi,", "hello,", "", "", ""]
WANTS = [
    ("order_status", "where is my {thing}, it should have been here on {day}"),
    ("return_item", "I would like to send back the {thing} I bought on {day}, it does not fit"),
    ("refund_status", "my refund for the {thing} has not arrived and it is {day} already"),
    ("change_address", "can you deliver the {thing} to my office instead, if it leaves on {day}?"),
    ("stock", "is the {thing} in {colour} back in stock before {day}?"),
    ("oos", "what do you think about the {colour} clouds on {day} mornings"),
]
DETAILS = [
    "",
    "",
    "",
    " My order is OB-{number}.",
    " Reach me at {name}@example.com.",
    " Call 07700 900{digits}.",
    " Café né à {day}…",
]
REPLIES = [
    "Thanks for writing. The {thing} left our warehouse on {day}; please allow two more days.",
    "We are sorry about the {thing}. Could you tell us the order number and your postcode?",
    "Yes, the {colour} {thing} is back on {day}. Shall we put one aside for you?",
    "I am passing you to a colleague who knows about the {thing}.",
]
THINGS = ["rain jacket", "two-person tent", "sleeping bag", "stove", "head torch", "rucksack", "water filter", "rope"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
COLOURS = ["green", "blue", "rust red", "grey", "yellow", "black"]


def conversations(messages: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Conversations that together hold `messages` messages."""
    chance = random.Random(seed)
    written = number = 0
    while written < messages:
        number += 1
        turns: list[dict[str, Any]] = []
        for _ in range(chance.randint(1, 4)):
            intent, want = chance.choice(WANTS)
            opener = chance.choice(OPENERS)
            if opener and chance.random() < 0.2:
                turns.append({"role": "user", "content": opener})
            text = f"{opener} {want}{chance.choice(DETAILS)}".strip()
            turns.append({"role": "user", "content": _fill(text, chance), "intent": intent})
            turns.append({"role": "assistant", "content": _fill(chance.choice(REPLIES), chance)})
        turns = turns[: messages - written]
        written += len(turns)
        yield {"id": f"c-{number}", "customer": f"u-{number % 9000}", "messages": turns}


def _fill(text: str, chance: random.Random) -> str:
    words = {"thing": chance.choice(THINGS), "day": chance.choice(DAYS), "colour": chance.choice(COLOURS)}
    number, digits = chance.randint(10_000, 999_999), f"{chance.randint(0, 999):03}"
    filler = chance.choice(
        ["please", "thanks a lot", "it is urgent", "no hurry", f"for {chance.randint(2, 40)} people"]
    )
    return text.format(**words, number=number, digits=digits, name=f"kim{number}") + f" ({filler} {number % 977})"


def written(form: str, messages: int, folder: Path) -> Path:
    """The log file."""
    path = folder / f"logs.{form}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if form == "jsonl":
            file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in conversations(messages))
        else:
            table = csv.writer(file)
            table.writerow(["conversation", "role", "text", "intent"])
            for one in conversations(messages):
                for turn in one["messages"]:
                    table.writerow([one["id"], turn["role"], turn["content"], turn.get("intent", "")])
    return path


def imported(path: Path, home: Path) -> dict[str, Any]:
    """Import `path` into a home, through the job queue; the report. What was killed in this home is taken up again."""
    from data.files import Blobs
    from data.ingest import KIND, request_import, run_import
    from data.jobs import run_job
    from data.profile import BotProfile
    from data.settings import load_settings
    from data.store import bots, jobs, open_store
    from data.store.uploads import NewUpload

    settings = load_settings(home, environ={})
    later = timedelta(hours=1) if home.exists() else timedelta()  # by then the lease of who was killed has run out
    clock = lambda: datetime.now(UTC) + later  # noqa: E731
    with open_store(settings.store_url, home=settings.home, clock=clock) as store, path.open("rb") as stream:
        blob = Blobs(settings.home).put(stream, max_bytes=settings.imports.max_bytes)
        with store.begin() as tx:
            bot = bots.find(tx, "bench") or bots.create(tx, "bench", BotProfile(name="bench"))
            request_import(tx, bot.id, NewUpload(path.name, blob.digest, blob.size))
        with store.begin() as tx:
            job = jobs.claim(tx, "bench", lease_seconds=settings.jobs.lease_seconds, kinds=[KIND])
        assert job is not None
        done = run_job(store, settings, job, lambda context: run_import(context, settings))
        assert done.result is not None, done.error
        return done.result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = written(chosen.format, chosen.messages, Path(folder))
        profiler = cProfile.Profile()
        wall, processor = time.perf_counter(), time.process_time()
        if chosen.profile:
            report = profiler.runcall(imported, path, Path(folder) / "home")
        else:
            report = imported(path, Path(folder) / "home")
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if chosen.profile:
        out = io.StringIO()
        pstats.Stats(profiler, stream=out).sort_stats("tottime").print_stats(35)
        print(out.getvalue())
    figures = {
        "messages": report["rows_in"],
        "used": report["rows_used"],
        "set_aside": report["set_aside"],
        "seconds": round(wall, 2),
        "messages_per_second": round(report["rows_in"] / wall),
        "messages_per_core_second": round(report["rows_in"] / processor),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
