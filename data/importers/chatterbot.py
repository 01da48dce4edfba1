"""ChatterBot: corpora as YAML or JSON, lists of statements that answer each other.

A conversation begins with what a customer says; each next statement answers the one before. Where a list stands in the
place of a statement, its texts are answers of equal right: the first goes on with the talk, each other one is a talk of
its own with what it answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from data.importers import records, yaml_text
from data.importers.container import Member
from data.importers.documents import items
from data.importers.entries import SAMPLE_CHARS, Flaw
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.strict_json import JsonError
from data.importers.yaml_text import Entries, YamlError
from data.schema import Conversation, Role, SetAside, Turn
from data.settings import ImportSettings

_TALKS = re.compile(r"^[\"']?conversations[\"']?\s*:", re.MULTILINE)
_CATEGORIES = re.compile(r"^[\"']?categories[\"']?\s*:", re.MULTILINE)
_SHOWN = 1 << 14


def sniff(sample: Sample) -> float:
    """Lists of texts under `conversations`, and hardly anything beside them."""
    if sample.paths:
        return 0.85 if sample.has("conversations.item.item") and _is_alone(sample.paths) else 0.0
    if not sample.is_text or _TALKS.search(sample.text) is None:
        return 0.0
    shown = yaml_text.paths_of(sample.text[:_SHOWN])
    if not {"conversations.item.item", "conversations.item"} & shown or not _is_alone(shown):
        return 0.0
    return 0.95 if _CATEGORIES.search(sample.text) else 0.85 if "conversations.item.item" in shown else 0.0


def _is_alone(paths: frozenset[str]) -> bool:
    return {path.split(".")[0] for path in paths} <= {"categories", "conversations"}


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """Every list of statements as a conversation, its categories as tags."""
    rows = count(1)
    for member in source.members:
        tags = tuple(tag for tag in _tags(source, member) if tag)
        for found in _entries(source, member):
            if isinstance(found, Remark):
                yield found
            elif isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
            elif found[0] != "categories":
                yield from _talk(found[1], rows, tags, source.limits)


def _entries(source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw | Remark]:
    """(key, entry) of what stands at the top; last a flaw, where the file cannot be read on."""
    try:
        if Sample(member, source.written(member).encoding).paths:
            for path, value in source.values(member, ("categories.item", "conversations.item")):
                yield path.removesuffix(".item"), value
            return
        text = source.text(member)
        if isinstance(text, Reason):
            yield Flaw(text, member.name)
            return
        entries = Entries(text)
        yield from entries
        for key, line in entries.repeated:
            yield Remark("keys_repeated", 0, f"{key}: {member.name}, line {line}")
    except YamlError as error:
        yield Flaw(error.reason, f"{member.name}, line {error.line}")
    except JsonError as error:
        yield Flaw(error.reason, member.name)


def _tags(source: Source, member: Member) -> Iterator[str]:
    for found in _entries(source, member):
        if isinstance(found, tuple) and found[0] == "categories":
            label = records.label_of(found[1]) if isinstance(found[1], str) else None
            yield label if isinstance(label, str) and not isinstance(label, Reason) else ""


def _talk(raw: Any, rows: count[int], tags: tuple[str, ...], limits: ImportSettings) -> Iterator[Item]:
    """One list of statements, each of them a row."""
    if not isinstance(raw, list) or not raw:
        yield SetAside(next(rows), Reason.WRONG_TYPE if raw else Reason.EMPTY_CONVERSATION, _shown(raw))
        return
    turns: list[tuple[int, Turn]] = []
    others: list[tuple[Turn, tuple[int, Turn]]] = []
    for place, statement in enumerate(raw):
        role: Role = "assistant" if place % 2 else "user"
        before = turns[-1][1] if turns else None
        for number, one in enumerate(items(statement) or [statement]):
            row = next(rows)
            words = records.text_of(_written(one), limits.max_cell_chars)
            if isinstance(words, Reason):
                yield SetAside(row, words, _shown(one))
            elif number == 0 or before is None:
                turns.append((row, Turn(role, words)))
            else:
                others.append((before, (row, Turn(role, words))))
    if len(turns) > limits.max_turns:
        yield SetAside(turns[0][0], Reason.TOO_MANY_TURNS, rows=len(turns))
    elif turns:
        yield Conversation(f"talk-{turns[0][0]}", tuple(turn for _, turn in turns), tags=tags, row=turns[0][0])
    yield from _alternatives(others, tags)


def _alternatives(others: list[tuple[Turn, tuple[int, Turn]]], tags: tuple[str, ...]) -> Iterator[Item]:
    """Other answers of equal right: what they answer is a row of the talk it stands in, and none here."""
    for before, (row, turn) in others:
        asked = Turn(before.role, before.text, rows=0)
        yield Conversation(f"talk-{row}", (asked, turn), tags=tags, row=row)


def _written(statement: Any) -> Any:
    """A statement as it was meant: `Note: this`, which YAML takes for a key with a value."""
    if isinstance(statement, dict) and len(statement) == 1:
        key, value = next(iter(statement.items()))
        return f"{key}: {value}" if isinstance(value, str) else f"{key}:" if value is None else value
    return statement


def _shown(value: Any) -> str:
    return str(value)[:SAMPLE_CHARS] if value else ""


KINDS: tuple[Kind, ...] = (Kind("chatterbot", "a ChatterBot corpus", read, sniff),)
