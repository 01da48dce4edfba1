"""Reading files of texts with typed spans for an experiment, line by line, packed or not.

{"text", "spans": [{"start", "end", "type"}]} or "spans": [[start, end, type]]     offsets are code points
{"tokens", "tags"}, with "text" or without                                         BIO tags
{"messages": [{"role", "content", "entities"}]}                                    conversations with marked turns

`requested` names the slots that the text was asked for; it stands for the question of the brand before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from data.clean import clean
from data.errors import DatasetError
from data.importers import detect, jsonl, records
from data.importers.container import open_container
from data.importers.lines import read_lines
from data.importers.nouns import Reason
from data.schema import Conversation, Entity, SetAside
from data.settings import ImportSettings
from trainer.entities.entity_data import OUTSIDE_TEXT, UNALIGNED, Marked


@dataclass(frozen=True, slots=True)
class SpanFile:
    """Rows of a file as they stand in it, cleaned; `set_aside` counts what could not be read, by reason."""

    rows: Sequence[Marked]
    set_aside: dict[str, int] = field(default_factory=dict)


def read_spans(path: Path, limits: ImportSettings) -> SpanFile:
    """The marked texts of `path`. Raises ImportRefused, or DatasetError when nothing in it is marked."""
    rows: list[Marked] = []
    aside: Counter[str] = Counter()
    for found in _found(path, limits):
        if isinstance(found, Marked):
            rows.append(found)
        else:
            aside[found] += 1
    if not any(row.spans for row in rows):
        raise DatasetError(
            f"{path.name} holds no text with marked spans.",
            remedy='Give lines of {"text": ..., "spans": [{"start", "end", "type"}]} or {"tokens": [], "tags": []}.',
        )
    return SpanFile(rows, dict(aside))


def _found(path: Path, limits: ImportSettings) -> Iterator[Marked | str]:
    """What each row of the file is, or why it is none."""
    detection = detect(path, path.name, limits=limits)
    if detection.format != "jsonl":
        raise DatasetError(
            f"{path.name} is {detection.format}; texts with spans come as JSON Lines.",
            remedy='Write one {"text": ..., "spans": [...]} or {"tokens": [...], "tags": [...]} per line.',
        )
    with open_container(path, detection.name, limits) as container:
        for member in container.members:
            lines = read_lines(member.chunks(), detection, limits.max_line_bytes)
            for number, body, _ in jsonl.bodies(lines):
                yield from [str(body)] if isinstance(body, Reason) else _rows(body, number, limits)


def _rows(body: dict[str, Any], number: int, limits: ImportSettings) -> Iterator[Marked | str]:
    if "messages" in body or "turns" in body:
        for item in jsonl.items(body, number, limits):
            if isinstance(item, SetAside):
                yield item.reason
            elif isinstance(item, Conversation):
                yield from _turns(item)
        return
    row = _tagged(body) if "tags" in body and "spans" not in body else _spanned(body)
    if isinstance(row, str):
        yield row
        return
    asked = body.get("requested")
    before = ", ".join(name.replace("_", " ") for name in asked if isinstance(name, str)) if _is_list(asked) else None
    yield _cleaned(Marked(*row, before or None))


def _turns(conversation: Conversation) -> Iterator[Marked]:
    """What users said, with what the brand said just before."""
    before = None
    for turn in conversation.turns:
        if turn.role == "user":
            yield _cleaned(Marked(turn.text, turn.entities, before))
        before = turn.text if turn.is_brand else None


def _spanned(body: dict[str, Any]) -> tuple[str, tuple[Entity, ...]] | str:
    text, given = body.get("text"), body.get("spans", body.get("entities"))
    if not isinstance(text, str) or not _is_list(given):
        return Reason.MISSING_FIELD
    spans = [_span(one) for one in given]
    if None in spans:
        return Reason.WRONG_TYPE
    if any(not 0 <= span.start < span.end <= len(text) for span in spans if span is not None):
        return OUTSIDE_TEXT
    return text, tuple(span for span in spans if span is not None)


def _span(given: object) -> Entity | None:
    if isinstance(given, dict):
        given = [given.get("start"), given.get("end"), given.get("type", given.get("label"))]
    if not isinstance(given, list) or len(given) < 3:
        return None
    start, end, name = given[:3]
    if not all(isinstance(at, int) and not isinstance(at, bool) for at in (start, end)):
        return None
    return Entity(start, end, name) if isinstance(name, str) and name else None


def _tagged(body: dict[str, Any]) -> tuple[str, tuple[Entity, ...]] | str:
    tokens, tags, text = body.get("tokens"), body.get("tags"), body.get("text")
    if not _are_texts(tokens) or not _are_texts(tags) or len(tokens) != len(tags):
        return Reason.WRONG_TYPE
    if any(tag != "O" and (tag[:2] not in ("B-", "I-") or len(tag) < 3) for tag in tags):
        return Reason.LABEL_INVALID
    joined = " ".join(tokens)
    spans = records.bio_entities(tokens, tags)
    if not isinstance(text, str) or text == joined:
        return joined, spans
    starts, at = [], 0
    for token in tokens:
        at = text.find(token, at)
        if at < 0:
            return UNALIGNED
        starts.append(at)
        at += len(token)
    return text, tuple(_moved(span, tokens, starts) for span in spans)


def _moved(span: Entity, tokens: Sequence[str], starts: Sequence[int]) -> Entity:
    """A span over the joined tokens, as a span of the text in which each token begins at its own place."""
    first = last = at = 0
    for row, token in enumerate(tokens):
        if at == span.start:
            first = row
        if at + len(token) == span.end:
            last = row
        at += len(token) + 1
    return Entity(starts[first], starts[last] + len(tokens[last]), span.type)


def _cleaned(row: Marked) -> Marked:
    edited = clean(row.text)
    before = clean(row.before).text if row.before else None
    return Marked(edited.text, edited.move(row.spans), before) if edited.stages else Marked(row.text, row.spans, before)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
