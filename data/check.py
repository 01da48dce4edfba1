"""Does a test file hold what a model was trained on? Compares labelled files or logs; keeps nothing.

An exact duplicate is a distinct test text that stands in train after lower-casing and collapsing white space; a near-
duplicate one that does not, but resembles a train text as `data.dedupe` understands it. The test texts are held in
memory, the train texts stream by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.dedupe import BANDS, SIMILAR, Signatures, normal_form, signatures
from data.errors import NotFound, UsageError
from data.importers import ImportOptions, Reason, detect, read
from data.importers.lines import Line, read_lines
from data.importers.packed import open_plain
from data.importers.records import role_of
from data.importers.strict_json import JsonError, loads
from data.quality import MAX_ROWS, catalogued, worst_first
from data.schema import Conversation, Finding, SetAside
from data.settings import ImportSettings

BATCH = 512
MOST_ROWS = 10_000
"""Rows a report lists; it always counts all."""
SAMPLE_CHARS = 80


class Place(NamedTuple):
    """Where a text stands: the file (1 is the first that was named) and its row there (1-based)."""

    file: int
    row: int


@dataclass(slots=True)
class _Read:
    """What reading some files came to."""

    rows: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)


def leakage(
    train_paths: Sequence[Path], test_paths: Sequence[Path], limits: ImportSettings | None = None
) -> dict[str, Any]:
    """The report of `attune data check`: the files of each side are pooled.

    A row is one text of a user. Raises NotFound for a file that is not there, ImportRefused for one that is no log,
    UsageError when a side has no file.
    """
    if not train_paths or not test_paths:
        raise UsageError("A check needs files to train on and files to test on.", remedy="Name at least one of each.")
    limits = limits or ImportSettings()
    test, train = _Read(), _Read()
    tested = _Tested(_texts(test_paths, test, limits))
    texts = _texts(train_paths, train, limits)
    while batch := list(islice(texts, BATCH)):
        tested.meet(batch)
    rows = tested.rows()
    return {
        "train_rows": train.rows,
        "test_rows": test.rows,
        "distinct_test_texts": len(tested.places),
        "exact_duplicates": len(tested.exact),
        "near_duplicates": len(tested.near),
        "rows": rows[:MOST_ROWS],
        "rows_left_out": max(0, len(rows) - MOST_ROWS),
        "findings": [finding.to_wire() for finding in leak_findings(rows)],
        "set_aside": {"train": dict(sorted(train.set_aside.items())), "test": dict(sorted(test.set_aside.items()))},
    }


def leak_findings(rows: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """What is to be said of the test texts that train holds, by their `kind`."""
    found = []
    for kind, code in (("exact", "leakage"), ("near", "near_leakage")):
        alike = [row for row in rows if row["kind"] == kind]
        if alike:
            first = tuple(int(row["test_row"]) for row in alike[:MAX_ROWS])
            found.append(catalogued(code, len(alike), first, str(alike[0]["text"])))
    return worst_first(found)


def plain(text: str) -> str:
    """The form in which exact duplicates are equal."""
    return " ".join(text.lower().split())


class _Tested:
    """The distinct test texts, the first place of each, and what train was found to hold of them."""

    def __init__(self, texts: Iterable[tuple[Place, str]]) -> None:
        self.places: dict[str, Place] = {}
        self.exact: dict[str, Place] = {}
        self.near: dict[str, Place] = {}
        for place, text in texts:
            self.places.setdefault(plain(text), place)
        self._texts = list(self.places)
        self._signatures = _signed(self._texts)
        self._bands: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        for number, signature in enumerate(self._signatures):
            for band in _bands(signature):
                self._bands[band].append(number)
        self._met: set[str] = set()

    def meet(self, batch: Sequence[tuple[Place, str]]) -> None:
        """Compare some train texts with all of test."""
        fresh: dict[str, Place] = {}
        for place, text in batch:
            form = plain(text)
            if form in self.places:
                self.exact.setdefault(form, place)
                self.near.pop(form, None)
            if form not in self._met and form not in fresh:
                fresh[form] = place
        if len(self._met) < _MEMORY:
            self._met.update(fresh)
        for (_, place), signature in zip(fresh.items(), _signed(list(fresh)), strict=True):
            for number in self._resembling(signature):
                self.near.setdefault(self._texts[number], place)

    def rows(self) -> list[dict[str, Any]]:
        """Every test text that stands in train or resembles one that does, in the order of test."""
        found = []
        for text, place in self.places.items():
            kind = "exact" if text in self.exact else "near"
            origin = self.exact.get(text) or self.near.get(text)
            if origin is not None:
                where = {"test_file": place.file, "test_row": place.row}
                found.append(
                    {"kind": kind, **where, "train_file": origin.file, "train_row": origin.row}
                    | {"text": text[:SAMPLE_CHARS]}
                )
        return found

    def _resembling(self, signature: Signatures) -> list[int]:
        """Numbers of the test texts, not found yet, that are near-duplicates of a train text."""
        numbers = {number for band in _bands(signature) for number in self._bands.get(band, ())}
        open_numbers = [
            number
            for number in sorted(numbers)
            if self._texts[number] not in self.exact and self._texts[number] not in self.near
        ]
        if not open_numbers:
            return []
        agreement = (self._signatures[open_numbers] == signature).mean(axis=1)
        return [number for number, share in zip(open_numbers, agreement, strict=True) if share >= SIMILAR]


_MEMORY = 1_000_000
"""Distinct train texts remembered so that their repeats need no second look."""


def _signed(texts: Sequence[str]) -> Signatures:
    parts = [signatures([normal_form(text) for text in texts[at : at + BATCH]]) for at in range(0, len(texts), BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, BANDS), dtype=np.uint32)


def _bands(signature: Signatures) -> Iterator[tuple[int, bytes]]:
    width = len(signature) // BANDS * signature.itemsize
    raw = signature.tobytes()
    return ((band, raw[band * width : (band + 1) * width]) for band in range(BANDS))


def _texts(paths: Sequence[Path], so_far: _Read, limits: ImportSettings) -> Iterator[tuple[Place, str]]:
    """Every text of a user in the files, with its place."""
    for number, path in enumerate(paths, start=1):
        if not path.is_file():
            raise NotFound(f"There is no file {path.name}.", remedy="Check its name and folder.")
        for row, text in _file(path, limits):
            if isinstance(text, Reason):
                so_far.set_aside[text] += 1
            else:
                so_far.rows += 1
                yield Place(number, row), text


def _file(path: Path, limits: ImportSettings) -> Iterator[tuple[int, str | Reason]]:
    """The texts of one file by row. JSON Lines are read here: a row with several labels has a text all the same."""
    detection = detect(path, path.name, None, limits)
    if detection.format == "jsonl" and detection.packing != "zip":
        with open_plain(path, limits) as unpacked:
            for line in read_lines(unpacked.chunks(), detection, limits.max_line_bytes):
                for text in _line(line):
                    yield line.number, text
        return
    for item in read(path, detection, ImportOptions(), limits):
        if isinstance(item, SetAside):
            yield item.row, Reason(item.reason)
        elif isinstance(item, Conversation):
            yield from ((item.row, turn.text) for turn in item.turns if turn.role == "user")


def _line(line: Line) -> Iterator[str | Reason]:
    if line.flaw is not None:
        yield line.flaw
    elif line.text.strip():
        try:
            body = loads(line.text)
        except JsonError as error:
            yield error.reason
            return
        yield from _body(body) if isinstance(body, dict) else [Reason.NOT_AN_OBJECT]


def _body(body: dict[str, Any]) -> Iterator[str | Reason]:
    turns = body.get("messages", body.get("turns"))
    if isinstance(turns, list):
        for turn in turns:
            said = turn if isinstance(turn, dict) else {}
            if role_of(said.get("role")) == "user":
                yield _text(said.get("content", said.get("text")))
    elif "text" in body:
        yield _text(body["text"])
    elif isinstance(body.get("tokens"), list):
        tokens = body["tokens"]
        yield _text(" ".join(tokens) if all(isinstance(token, str) for token in tokens) else None)
    else:
        yield Reason.UNKNOWN_SHAPE


def _text(value: Any) -> str | Reason:
    if not isinstance(value, str):
        return Reason.WRONG_TYPE
    return value if value.strip() else Reason.EMPTY_MESSAGE
