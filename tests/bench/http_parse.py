"""`/parse` over HTTP: attune with a real release against the transformers pipeline of the same encoder behind Flask.

    attune demo --no-serve --home HOME      makes the release
    python -m tests.bench.http_parse [--home HOME] [--json FILE]

Both run under gunicorn's threaded worker with equal threads, one process each, in one run, turn by turn; each is sent a
text once, so that no cache can help. The pipeline has one thread of torch or two, whichever is faster. attune does all
that it does: key, rate limit, log line, cleaning, redaction, head, neighbours, confidence, scope.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data.settings import load_settings
from data.store import bots, keys, open_store, releases
from data.store.keys import NewKey
from tests.bench.http_client import Server, free_port, milliseconds, per_second, post, resident_mb, serving

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
LEFT_OUT = ("runs", "datasets", "blobs", "logs", "backups", "tmp")
HIGH = "100000"
"""A rate that limits nobody; the limiter itself stays in the way of each request."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one server; medians over the rounds."""

    ready_seconds: float
    p50_ms: float
    per_second: float
    rss_mb: float
    pss_mb: float


def texts() -> list[str]:
    """What customers of the sample brand wrote, in no order; no text twice."""
    found = [json.loads(line)["text"] for line in _lines("test.jsonl")]
    for line in _lines("chats.jsonl"):
        found += [one["content"] for one in json.loads(line)["messages"] if one["role"] == "user"]
    found += [row["message"] for row in csv.DictReader(_lines("helpdesk.csv")) if row["author"] == "customer"]
    kept = sorted({text for text in found if isinstance(text, str) and 3 < len(text) < 300})
    random.Random(0).shuffle(kept)
    return kept


def distinct(words: list[str], count: int) -> list[str]:
    """`count` texts, none of them twice: where there are fewer, the later ones carry a number."""
    return [words[n % len(words)] + (f" {n}" if n >= len(words) else "") for n in range(count)]


def _lines(name: str) -> list[str]:
    return (SAMPLES / name).read_text(encoding="utf-8").splitlines()


def copied(home: Path, bot: str, work: Path) -> tuple[Path, str, int]:
    """A copy of the home to serve from, a key, and how many intents the live release knows."""
    copy = work / "home"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    with open_store(load_settings(copy, environ={}).store_url, home=copy) as store, store.begin() as tx:
        live = releases.live(tx, bots.get(tx, bot).id).release
        if live is None:
            sys.exit(f"Not measured: no release of {bot} is live in {home}; promote one.")
        return copy, keys.create(tx, NewKey("bench", ["read"]))[1], len((live.manifest or {})["labels"])


def attune(copy: Path, port: int, threads: int, *, worker: bool = False) -> list[str]:
    settings = {
        "SERVE__METRICS_PORT": "0",
        "SERVE__WEB_THREADS": str(threads),
        **{f"LIMITS__{whom}_PER_SECOND": HIGH for whom in ("KEY", "VISITOR", "NETWORK")},
        **{f"LIMITS__{whom}_BURST": HIGH for whom in ("KEY", "VISITOR", "NETWORK")},
    }
    given = [f"ATTUNE_{name}={value}" for name, value in settings.items()]
    verb = ["serve", "--home", str(copy), "--port", str(port), "--json", *([] if worker else ["--no-worker"])]
    return ["env", *given, sys.executable, "-P", "-m", "service.cli", *verb]


def peer(labels: int, port: int, threads: int, torch_threads: int) -> list[str]:
    given = [f"PEER_LABELS={labels}", f"PEER_THREADS={torch_threads}", f"OMP_NUM_THREADS={torch_threads}"]
    server = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", str(threads)]
    return ["env", *given, *server, "-b", f"127.0.0.1:{port}", "--chdir", str(ROOT), "tests.bench.http_peer:app"]


def measured(options: argparse.Namespace, work: Path) -> dict[str, Figures]:
    """Start all, then measure them turn by turn: a machine that slows down slows all of them down."""
    copy, key, labels = copied(options.home, options.bot, work)
    words, path = distinct(texts(), 3 * options.requests * options.rounds), f"/v1/bots/{options.bot}/parse"
    made = {"attune": (path, key), **{f"pipeline, {n} torch threads": ("/parse", "") for n in (1, 2)}}
    taken: dict[str, list[float]] = {name: [] for name in made}
    rates: dict[str, list[float]] = {name: [] for name in made}
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for number, name in enumerate(made):
            port = free_port()
            command = (
                attune(copy, port, options.threads) if name == "attune" else peer(labels, port, options.threads, number)
            )
            log = work / f"{number}.log"
            first = post(made[name][0], {"text": "hello"}, made[name][1])
            servers[name] = stack.enter_context(serving(name, command, f"http://127.0.0.1:{port}", log, first))
        for turn in range(options.rounds):
            mine = words[turn * 3 * options.requests :][: 3 * options.requests]
            for name, server in servers.items():
                asked = [post(made[name][0], {"text": text}, made[name][1]) for text in mine]
                taken[name] += milliseconds(server, asked[: options.requests])
                rates[name].append(per_second(server, asked[options.requests :], options.clients))
        sizes = {name: resident_mb(server.process.pid) for name, server in servers.items()}
        return {
            name: Figures(
                server.ready_seconds, statistics.median(taken[name]), statistics.median(rates[name]), *sizes[name]
            )
            for name, server in servers.items()
        }


def report(found: dict[str, Figures]) -> dict[str, Any]:
    mine = found["attune"]
    peers = [figures for name, figures in found.items() if name != "attune"]
    return {
        "figures": {name: {k: round(v, 2) for k, v in asdict(one).items()} for name, one in found.items()},
        "times_as_fast_at_p50": round(min(one.p50_ms for one in peers) / mine.p50_ms, 2),
        "times_the_requests_per_second": round(mine.per_second / max(one.per_second for one in peers), 2),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--home", type=Path, default=Path("demo-home"), help="a home with a live release")
    asked.add_argument("--bot", default="otterbrook")
    asked.add_argument("--threads", type=int, default=32, help="threads of each server")
    asked.add_argument("--clients", type=int, default=8)
    asked.add_argument("--requests", type=int, default=60, help="requests of a round")
    asked.add_argument("--rounds", type=int, default=10)
    asked.add_argument("--json", type=Path, help="write the figures to this file too")
    options = asked.parse_args()
    if not (options.home / "attune.db").is_file():
        print(f"Not measured: there is no home {options.home}. `attune demo --no-serve --home HOME` makes one.")
        return
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with tempfile.TemporaryDirectory() as work:
        found = measured(options, Path(work))
    for name, one in found.items():
        print(
            f"{name}: p50 {one.p50_ms:.2f} ms, {one.per_second:.0f} requests a second with {options.clients} clients, "
            f"ready in {one.ready_seconds:.2f} s, {one.rss_mb:.0f} MB resident, {one.pss_mb:.0f} MB of its own"
        )
    told = report(found)
    print(
        f"attune beside the pipeline at its best: {told['times_as_fast_at_p50']:.1f} times as fast at p50, "
        f"{told['times_the_requests_per_second']:.1f} times the requests a second"
    )
    print(json.dumps(told))
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
