"""Objects of JSON Lines: a conversation, a dialogue or a labelled text each, read for itself, whatever its shape.

The shapes of files to train language models on (`data.importers.ai_chats.shapes`) are read too.

{"id", "messages": [{"role", "content", ...}], ...}     a conversation
{"id", "turns": [{"role", "text"}]}                     a dialogue
{"text", "label" | "labels": [one]} or {"text"}         a labelled text, or one without a label
{"text", "spans": [{"start", "end", "type"}]}           a text with entities
{"tokens", "tags"}                                      the same, in BIO tags
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, TypeGuard

from data.importers import dialogs, messages, records, strict_json
from data.importers.ai_chats import shapes
from data.importers.dialogs import Dialog
from data.importers.lines import Line
from data.importers.messages import SAMPLE_CHARS
from data.importers.nouns import Item, Reason, Remark
from data.schema import ROLES, Conversation, SetAside, Turn
from data.settings import ImportSettings

_KNOWN = {
    "text": {"id", "customer", "language", "text", "label", "labels", "intent", "sentiment", "spans", "entities", "ts"},
    "tokens": {"id", "tokens", "tags", "label", "language"},
}


def bodies(lines: Iterable[Line]) -> Iterator[tuple[int, dict[str, Any] | Reason, str]]:
    """(line, its object or why there is none, a sample). Blank lines are no rows."""
    for line in lines:
        sample = line.text[:SAMPLE_CHARS]
        if line.flaw is not None:
            yield line.number, line.flaw, sample
        elif line.text and not line.text.isspace():
            yield line.number, _object(line.text), sample


def _object(text: str) -> dict[str, Any] | Reason:
    try:
        body = strict_json.loads(text)
    except strict_json.JsonError as error:
        return error.reason
    return body if isinstance(body, dict) else Reason.NOT_AN_OBJECT


def items(body: dict[str, Any], row: int, limits: ImportSettings) -> Iterator[Item]:
    """What one object holds, by its shape."""
    dialog = _dialog(body)
    if dialog is not None:
        yield from dialogs.items(dialog, body, repeat(row), limits)
    elif "messages" in body or "turns" in body:
        yield SetAside(row, Reason.WRONG_TYPE)
    elif "text" in body or "tokens" in body:
        yield from _utterance(body, row, limits)
    else:
        yield SetAside(row, Reason.UNKNOWN_SHAPE, str(body)[:SAMPLE_CHARS])


def _dialog(body: dict[str, Any]) -> Dialog | None:
    if isinstance(body.get("turns"), list) and shapes.shape_of(body) != "preference":
        return Dialog(body["turns"], known=frozenset(("turns",)))
    return shapes.read(body)


def _utterance(body: dict[str, Any], row: int, limits: ImportSettings) -> Iterator[Item]:
    known = _KNOWN["tokens" if "tokens" in body else "text"]
    if not known.issuperset(body):
        yield Remark("fields_ignored", row, ", ".join(sorted(set(body) - known))[:SAMPLE_CHARS])
    remarks: list[Remark] = []
    turn = Reason.MISSING_FIELD if _is_of_a_conversation(body) else _labelled(body, row, limits, remarks)
    if isinstance(turn, Reason):
        yield SetAside(row, turn, messages.sample_of(body))
        return
    yield Conversation(
        records.identifier_of(body.get("id")) or f"line-{row}",
        (turn,),
        customer=records.identifier_of(body.get("customer")),
        language=records.language_of(body.get("language")),
        row=row,
    )
    yield from remarks


def _is_of_a_conversation(body: dict[str, Any]) -> bool:
    """Whether somebody other than a customer says this: then it means nothing by itself."""
    roles = (records.role_of(body.get(name)) for name in messages.ROLE_KEYS)
    return any(role in ROLES and role != "user" for role in roles)


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
