"""Whatever bytes are uploaded, an import ends soon: in rows that are accounted for, or refused with what to do.

    python -m tests.fuzz.importers [--engine mutations|atheris] [--runs 100000] [--seed 0] [--keep FOLDER]

Two engines. `mutations` takes small files of every kind (those of the tests), changes them at random and reads each
result as what it is and as a kind named at random; a case is known by its number, so that it can be run again alone
(`--only N`). `atheris` (package `atheris`, not part of the set-up) is libFuzzer, guided by what code a case reaches.

A case fails when anything but a refusal is raised, rows are missing, it takes more than 2 s of processor time, or the
process grows by more than 256 MB. Failing bytes are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
FIXTURES = HERE / "unit" / "data" / "importers"
MODULES = "tests.unit.data.importers"
CPU_SECONDS = 2.0
GROWTH_MB = 256.0
BIGGEST = 20_000
"""Bytes of a case, more or less."""
NOISE: tuple[bytes, ...] = (
    *(bytes([one]) for one in b"{}[]\"':,\n\r\t\\\xff\x00<>&;=-#|*"),
    *(b"null", b"true", b"NaN", b"-1", b"1e999", b"9" * 30, b"[]", b"{}", b'"\\ud800"', b"\\u0000", b"\xe2\x80\xa8"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"PK\x03\x04", b"\x1f\x8b", b"&a *a", b"!!python/object", b"---\n", b"- ", b"```"),
    *("\u202e".encode(), "\U0001f469\u200d\U0001f469".encode(), b"2024-02-30T25:61:00Z", b"0001-01-01", b"<script>"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is uploaded, and the kind its owner names."""

    content: bytes
    format: str | None


class Failed(Exception):
    """A case that did not end as it should."""


def seeds() -> list[bytes]:
    """Small files of every kind: fixtures of the tests, and what their builders make."""
    found = [path.read_bytes() for path in sorted((FIXTURES / "fixtures").rglob("*")) if path.is_file()]
    for module in sorted(FIXTURES.glob("*_files.py")):
        made = vars(import_module(f"{MODULES}.{module.stem}"))
        found += [content for name, value in made.items() if name.isupper() for content in _contents(value)]
    found += [b"conversation,role,text\n1,user,hello\n1,agent,hi\n", b'{"text": "hello", "label": "greeting"}\n' * 2]
    return [content for content in found if len(content) <= BIGGEST]


def _contents(value: Any) -> Iterator[bytes]:
    """The files a builder's constant stands for: bytes, a text, a JSON document, or a collection of bytes."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, Mapping) and any(isinstance(one, bytes | list) for one in value.values()):
        for one in value.values():
            yield from (part for part in (one if isinstance(one, list) else [one]) if isinstance(part, bytes))
        yield from _json(value)
    elif isinstance(value, Mapping | list | tuple):
        yield from _json(value)


def _json(value: Any) -> Iterator[bytes]:
    with suppress(TypeError, ValueError):
        yield json.dumps(value).encode()


def case(number: int, seed: int, files: Sequence[bytes], formats: Sequence[str]) -> Case:
    """The case of that number: always the same one for the same seed."""
    chance = random.Random(f"{seed}:{number}")
    content = bytearray(chance.choice(files))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 8))):
        place, length = chance.randrange(len(content) + 1), chance.choice((0, 0, 1, 2, 9, 60, 400))
        content[place : place + length] = _piece(chance, files)
    if chance.random() < 0.15:
        del content[chance.randrange(len(content) + 1) :]
    if chance.random() < 0.05:
        content += content[: BIGGEST - len(content)]
    named = chance.choice(formats) if chance.random() < 0.5 else None
    return Case(bytes(content[: 2 * BIGGEST]), named)


def _piece(chance: random.Random, files: Sequence[bytes]) -> bytes:
    what = chance.random()
    if what < 0.6:
        return chance.choice(NOISE) * chance.choice((1, 1, 1, 2, 40))
    if what < 0.8:
        return b""
    other = chance.choice(files)
    start = chance.randrange(len(other) + 1)
    return other[start : start + chance.choice((5, 50, 500))]


def read(one: Case, path: Path) -> str:
    """Import the case with nothing kept; how it ended: `imported` or the reason of the refusal. Raises Failed."""
    from data.errors import ImportRefused
    from data.importers import ImportOptions
    from data.ingest import dry_run
    from data.settings import ImportSettings

    path.write_bytes(one.content)
    began, before = time.process_time(), _peak_mb()
    try:
        report = dry_run(path, "logs", ImportOptions(format=one.format), ImportSettings())
        json.dumps(report.to_wire()).encode("ascii")
        ended = "imported"
        if report.rows_in != report.rows_used + sum(report.set_aside.values()):
            raise Failed(f"{report.rows_in} rows, {report.rows_used} used, {dict(report.set_aside)} set aside")
    except ImportRefused as refused:
        wire = refused.to_wire()
        if not wire.get("remedy"):
            raise Failed(f"refused without a remedy: {wire}") from None
        ended = str(wire.get("reason") or refused.ids.get("reason") or "refused")
    except Failed:
        raise
    except Exception as error:
        raise Failed(f"{type(error).__name__}: {str(error)[:200]}") from error
    taken, grown = time.process_time() - began, _peak_mb() - before
    if taken > CPU_SECONDS or grown > GROWTH_MB:
        raise Failed(f"{taken:.1f} s of processor time, {grown:.0f} MB more")
    return ended


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def mutations(numbers: Sequence[int], seed: int, keep: Path) -> Iterator[tuple[str, str | None]]:
    """(how it ended, kind named) of each case; a failing one ends as `FAILED`, its bytes are kept."""
    from data.importers.nouns import FORMATS

    files = seeds()
    with tempfile.TemporaryDirectory() as work:
        for number in numbers:
            one = case(number, seed, files, FORMATS)
            try:
                yield read(one, Path(work, "upload")), one.format
            except Failed as failed:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{number}").write_bytes(one.content)
                print(f"case {number} as {one.format}: {failed}", file=sys.stderr)
                yield "FAILED", one.format


def guided(runs: int, seed: int, keep: Path) -> None:
    """Hand over to libFuzzer, which ends the process."""
    try:
        import atheris  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        sys.exit("Not run: the package atheris is not installed. `pip install atheris` (Linux) installs it.")
    with atheris.instrument_imports(include=["data.importers", "data.examine", "data.clean", "data.personal"]):
        import_module("data.ingest")
    from data.importers.nouns import FORMATS

    with tempfile.TemporaryDirectory() as work:
        corpus = Path(work, "corpus")
        corpus.mkdir()
        for number, content in enumerate(seeds()):
            (corpus / str(number)).write_bytes(b"\xff" + content)

        def one(data: bytes) -> None:
            named = FORMATS[data[0]] if data and data[0] < len(FORMATS) else None
            read(Case(data[1:], named), Path(work, "upload"))

        keep.mkdir(parents=True, exist_ok=True)
        flags = [f"-runs={runs}", f"-seed={seed + 1}", f"-max_len={2 * BIGGEST}", f"-artifact_prefix={keep}/"]
        atheris.Setup([sys.argv[0], *flags, "-print_final_stats=1", str(corpus)], one)
        atheris.Fuzz()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--engine", choices=("mutations", "atheris"), default="mutations")
    asked.add_argument("--runs", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", type=int, help="one case of the mutations, by its number")
    asked.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    options = asked.parse_args()
    if options.engine == "atheris":
        guided(options.runs, options.seed, options.keep)
        return
    numbers = range(options.runs) if options.only is None else range(options.only, options.only + 1)
    ends: Counter[str] = Counter()
    began = time.monotonic()
    for count, (ended, _) in enumerate(mutations(numbers, options.seed, options.keep), start=1):
        ends[ended] += 1
        if count % 10_000 == 0:
            print(f"{count} cases, {ends['FAILED']} failed, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps({"cases": len(numbers), "failed": ends["FAILED"], "ends": dict(ends.most_common())}))
    sys.exit(1 if ends["FAILED"] else 0)


if __name__ == "__main__":
    main()
