"""Reading pairs of source and target, or sources alone, line by line, packed or not, cleaned and redacted.

{"source": "...", "target": "..."}                             a text and what it becomes
{"messages": [{"role", "content"}, ...], "summary": "..."}     a conversation and what it becomes; "turns" as well

A target may also be called "summary" or "translation", a source "text", "document" or "dialogue". Source and target are
redacted together: what is `[order 1]` in a conversation is `[order 1]` in its summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.clean import clean
from data.errors import DatasetError
from data.importers import detect, jsonl
from data.importers.container import open_container
from data.importers.lines import read_lines
from data.importers.nouns import Reason
from data.pair_render import Source
from data.redact import Memory, Redactor
from data.schema import Conversation, SetAside
from data.settings import ImportSettings

Reader = Callable[[dict[str, Any], int, ImportSettings], "Pair | Reason"]
SOURCES = ("source", "text", "document", "dialogue")
TARGETS = ("target", "summary", "translation")
REMEDY = 'Write one {"source": ..., "target": ...} or {"messages": [...], "summary": ...} per line.'


@dataclass(frozen=True, slots=True)
class Pair:
    """What is read, and what shall be written of it."""

    source: Source
    target: str

    @property
    def said(self) -> str:
        """The source as people read it."""
        return as_read(self.source)


@dataclass(frozen=True, slots=True)
class PairFile:
    """Rows of a file, prepared; `set_aside` counts what could not be read, by reason."""

    rows: Sequence[Pair]
    set_aside: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Sources of a file, prepared, in its order; `set_aside` as of pairs."""

    rows: Sequence[Source]
    set_aside: dict[str, int] = field(default_factory=dict)


def as_read(source: Source) -> str:
    """A source as people read it."""
    return "\n".join(text if role is None else f"{role}: {text}" for role, text in source)


def read_pairs(path: Path, limits: ImportSettings) -> PairFile:
    """The pairs of `path`. Raises ImportRefused, or DatasetError when it holds none."""
    rows, aside = _sorted(_rows(path, limits, _pair), Redactor(limits))
    if not rows:
        raise DatasetError(f"{path.name} holds no pair of a source and a target.", remedy=REMEDY)
    return PairFile(rows, aside)


def read_sources(path: Path, limits: ImportSettings) -> SourceFile:
    """What there is in `path` to write something of; targets need not be there, and are not read. Raises
    ImportRefused, or DatasetError when it holds nothing."""
    rows, aside = _sorted(_rows(path, limits, _alone), Redactor(limits))
    if not rows:
        raise DatasetError(f"{path.name} holds no source.", remedy=REMEDY)
    return SourceFile([row.source for row in rows], aside)


def _sorted(rows: Iterator[Pair | Reason], redactor: Redactor) -> tuple[list[Pair], dict[str, int]]:
    """What can be used, prepared; and how much cannot, by reason."""
    kept: list[Pair] = []
    aside: Counter[str] = Counter()
    for found in rows:
        ready = _prepared(found, redactor) if isinstance(found, Pair) else found
        if isinstance(ready, Pair):
            kept.append(ready)
        else:
            aside[str(ready)] += 1
    return kept, dict(aside)


def _rows(path: Path, limits: ImportSettings, read: Reader) -> Iterator[Pair | Reason]:
    """What each row of the file is, or why it is none."""
    detection = detect(path, path.name, limits=limits)
    if detection.format != "jsonl":
        raise DatasetError(f"{path.name} is {detection.format}; pairs of texts come as JSON Lines.", remedy=REMEDY)
    with open_container(path, detection.name, limits) as container:
        for member in container.members:
            lines = read_lines(member.chunks(), detection, limits.max_line_bytes)
            for number, body, _ in jsonl.bodies(lines):
                yield body if isinstance(body, Reason) else read(body, number, limits)


def _pair(body: dict[str, Any], number: int, limits: ImportSettings) -> Pair | Reason:
    target = _first(body, TARGETS)
    if target is None:
        return Reason.MISSING_FIELD
    if not isinstance(target, str):
        return Reason.WRONG_TYPE
    if not target:
        return Reason.EMPTY_MESSAGE
    if len(target) > limits.max_cell_chars:
        return Reason.TOO_LONG
    found = _alone(body, number, limits)
    return found if isinstance(found, Reason) else Pair(found.source, target)


def _alone(body: dict[str, Any], number: int, limits: ImportSettings) -> Pair | Reason:
    """A source whose target is empty."""
    if "messages" in body or "turns" in body:
        told = {name: value for name, value in body.items() if name not in TARGETS}
        source = _conversation(told, number, limits)
    else:
        text = _first(body, SOURCES)
        if text is None:
            return Reason.MISSING_FIELD
        source = ((None, text),) if isinstance(text, str) else Reason.WRONG_TYPE
    if isinstance(source, Reason):
        return source
    return Reason.TOO_LONG if max(len(text) for _, text in source) > limits.max_cell_chars else Pair(source, "")


def _conversation(body: dict[str, Any], number: int, limits: ImportSettings) -> Source | Reason:
    for item in jsonl.items(body, number, limits):
        if isinstance(item, Conversation):
            return tuple((turn.role, turn.text) for turn in item.turns)
        if isinstance(item, SetAside):
            return Reason(item.reason)
    return Reason.EMPTY_CONVERSATION


def _prepared(pair: Pair, redactor: Redactor) -> Pair | Reason:
    memory = Memory()
    cleaned = [(role, clean(text).text) for role, text in pair.source]
    target = clean(pair.target).text
    for text in (target, *(text for _, text in cleaned)):
        memory.reserve(text)
    source = tuple((role, redactor.redact(text, memory).text) for role, text in cleaned if text)
    if not source or (pair.target and not target):
        return Reason.EMPTY_MESSAGE
    return Pair(source, redactor.redact(target, memory).text)


def _first(body: dict[str, Any], names: Sequence[str]) -> object:
    return next((body[name] for name in names if body.get(name) is not None), None)
