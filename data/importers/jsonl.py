"""JSON Lines: one conversation, dialogue or labelled text per line. Each line is read for itself, whatever its shape.

{"id", "messages": [{"role", "content", ...}], ...}     a conversation
{"id", "turns": [{"role", "text"}]}                     a dialogue
{"text", "label" | "labels": [one]} or {"text"}         a labelled text, or one without a label
{"text", "spans": [{"start", "end", "type"}]}           a text with entities
{"tokens", "tags"}                                      the same, in BIO tags
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from data.importers import records, strict_json
from data.importers.lines import Line
from data.importers.nouns import Item, Reason, Remark
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

SAMPLE_CHARS = 400
"""Longer than what is shown: samples are redacted before they are cut."""
_KNOWN = {
    "conversation": {"id", "customer", "language", "started_at", "rating", "tags", "messages", "turns"},
    "text": {"id", "customer", "language", "text", "label", "labels", "intent", "sentiment", "spans", "entities", "ts"},
    "tokens": {"id", "tokens", "tags", "label", "language"},
}


def read(lines: Iterable[Line], limits: ImportSettings) -> Iterator[Item]:
    """What the lines hold. Blank lines are no rows."""
    for line in lines:
        if line.flaw is not None:
            yield SetAside(line.number, line.flaw, _sample(line.text))
        elif line.text and not line.text.isspace():
            yield from _line(line, limits)


def _line(line: Line, limits: ImportSettings) -> Iterator[Item]:
    try:
        body = strict_json.loads(line.text)
    except strict_json.JsonError as error:
        yield SetAside(line.number, error.reason, _sample(line.text))
        return
    if not isinstance(body, dict):
        yield SetAside(line.number, Reason.NOT_AN_OBJECT, _sample(line.text))
        return
    shape = next((shape for shape in ("messages", "turns", "text", "tokens") if shape in body), None)
    known = _KNOWN.get("conversation" if shape in ("messages", "turns") else shape or "", set())
    if shape is None:
        yield SetAside(line.number, Reason.UNKNOWN_SHAPE, _sample(line.text))
        return
    if not known.issuperset(body):
        yield Remark("fields_ignored", line.number, ", ".join(sorted(set(body) - known))[:SAMPLE_CHARS])
    if shape in ("messages", "turns"):
        yield from _conversation(body, body[shape], line.number, limits)
    else:
        yield from _utterance(body, line.number, limits)


def _conversation(body: dict[str, Any], messages: Any, row: int, limits: ImportSettings) -> Iterator[Item]:
    if not isinstance(messages, list):
        yield SetAside(row, Reason.WRONG_TYPE)
        return
    if not messages:
        yield SetAside(row, Reason.EMPTY_CONVERSATION)
        return
    if len(messages) > limits.max_turns:
        yield SetAside(row, Reason.TOO_MANY_TURNS, rows=len(messages))
        return
    remarks: list[Remark] = []
    turns: list[Turn] = []
    for message in messages:
        turn = _message(message, row, limits, remarks)
        if isinstance(turn, Reason):
            yield SetAside(row, turn, _message_sample(message))
        else:
            turns.append(turn)
    if turns:
        yield Conversation(
            records.identifier_of(body.get("id")) or f"line-{row}",
            tuple(turns),
            customer=records.identifier_of(body.get("customer")),
            language=records.language_of(body.get("language")),
            started_at=records.time_of(body.get("started_at"), row, remarks),
            rating=records.number_among(body.get("rating"), range(1, 6), row, remarks),
            tags=records.tags_of(body.get("tags")),
            row=row,
        )
    yield from remarks


def _message(message: Any, row: int, limits: ImportSettings, remarks: list[Remark]) -> Turn | Reason:
    if not isinstance(message, dict):
        return Reason.WRONG_TYPE
    return records.turn_of(message, row, limits.max_cell_chars, remarks)


def _utterance(body: dict[str, Any], row: int, limits: ImportSettings) -> Iterator[Item]:
    remarks: list[Remark] = []
    turn = _labelled(body, row, limits, remarks)
    if isinstance(turn, Reason):
        yield SetAside(row, turn, _message_sample(body))
        return
    yield Conversation(
        records.identifier_of(body.get("id")) or f"line-{row}",
        (turn,),
        customer=records.identifier_of(body.get("customer")),
        language=records.language_of(body.get("language")),
        row=row,
    )
    yield from remarks


def _labelled(body: dict[str, Any], row: int, limits: ImportSettings, remarks: list[Remark]) -> Turn | Reason:
    raw = {name: body.get(name) for name in ("text", "sentiment", "ts")}
    labels = body.get("labels", [])
    if not isinstance(labels, list):
        return Reason.WRONG_TYPE
    if len(labels) > 1:
        return Reason.SEVERAL_LABELS
    intent = body.get("label", body.get("intent", labels[0] if labels else None))
    entities = body.get("spans", body.get("entities"))
    if "tokens" in body:
        tokens, tags = body["tokens"], body.get("tags")
        if not _texts(tokens) or not _texts(tags) or len(tokens) != len(tags):
            return Reason.WRONG_TYPE
        raw["text"] = " ".join(tokens)
        entities = [entity.to_wire() for entity in records.bio_entities(tokens, tags)]
    message = {**raw, "role": "user", "intent": intent, "entities": entities}
    return records.turn_of(message, row, limits.max_cell_chars, remarks)


def _texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _message_sample(message: Any) -> str:
    text = message.get("content", message.get("text")) if isinstance(message, dict) else None
    return _sample(text) if isinstance(text, str) else ""


def _sample(text: str) -> str:
    return text[:SAMPLE_CHARS]
