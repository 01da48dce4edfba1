"""Conversation Learner: `.cl` files, dialogs that somebody taught a bot, turn by turn.

Each round is what the user says (in several wordings, with entities) and the actions that the bot answers with. A
dialog is a conversation by its first wordings; the others are single examples of their entities. Logged dialogs are
read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from data.importers import records, strict_json
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.phrases import Marked, Phrase
from data.importers.documents import entries, items, table, tables, text
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

_DIALOGS = ("trainDialogs.item", "logDialogs.item")
_ACTIONS, _ENTITIES = "actions.item", "entities.item"
_SPOKEN = ("TEXT", "CARD", "END_SESSION")
MAX_PIECES = 2_000


def sniff(sample: Sample) -> float:
    rounds = {"trainDialogs.item.rounds", "logDialogs.item.rounds"}
    if sample.paths & rounds or sample.has("trainDialogs", "actions"):
        return 0.97
    return 0.9 if sample.has("actions.item.actionId", "actions.item.payload") else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The dialogs as conversations. Raises ImportRefused where there are none."""
    yield from phrases.or_refused(_items(source), "a Conversation Learner model")


@dataclass(frozen=True, slots=True)
class _Model:
    """What dialogs refer to by id: actions, and the names of entities."""

    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)


def _items(source: Source) -> Iterator[Item]:
    rows = count(1)
    for member in source.members:
        model = _Model()
        for found in entries(source, member, (_ACTIONS, _ENTITIES)):
            if isinstance(found, tuple) and isinstance(found[1], dict):
                if found[0] == _ACTIONS:
                    model.actions[text(found[1].get("actionId"))] = found[1]
                else:
                    model.entities[text(found[1].get("entityId"))] = text(found[1].get("entityName"))
        for found in entries(source, member, _DIALOGS):
            if isinstance(found, Reason):
                yield SetAside(next(rows), found, member.name)
            elif not isinstance(found[1], dict) or not isinstance(found[1].get("rounds"), list):
                yield SetAside(next(rows), Reason.WRONG_TYPE)
            else:
                yield from _dialog(found[1], rows, model, source.limits)


def _dialog(dialog: dict[str, Any], rows: count[int], model: _Model, limits: ImportSettings) -> Iterator[Item]:
    first = 0
    turns: list[Turn] = []
    others: list[tuple[int, Phrase]] = []
    for one in tables(dialog["rounds"]):
        wordings = [_wording(body, model) for body in _wordings(table(one.get("extractorStep")))]
        for place, phrase in enumerate(wordings):
            row = next(rows)
            first = first or row
            if place:
                others.append((row, phrase))
                continue
            for item in phrases.taught(phrase, row, limits):
                turns += item.turns if isinstance(item, Conversation) else ()
                if not isinstance(item, Conversation):
                    yield item
        for step in tables(one.get("scorerSteps")):
            row = next(rows)
            first = first or row
            said = _said(step, model, limits)
            if isinstance(said, Turn):
                turns.append(said)
            else:
                yield SetAside(row, said)
    if not first:
        yield SetAside(next(rows), Reason.EMPTY_CONVERSATION)
    elif len(turns) > limits.max_turns:
        yield SetAside(first, Reason.TOO_MANY_TURNS, rows=len(turns))
    elif turns:
        yield Conversation(f"dialog-{first}", tuple(turns), tags=records.tags_of(dialog.get("tags")), row=first)
    if text(dialog.get("description")).strip():
        yield Remark("parts_ignored", first, "a dialog's description")
    for row, phrase in others:
        yield from phrases.taught(phrase, row, limits)


def _wordings(step: dict[str, Any]) -> list[dict[str, Any]]:
    """What the user may say here, as it was taught, or said, as it was logged."""
    return tables(step.get("textVariations")) or ([step] if isinstance(step.get("text"), str) else [])


def _wording(body: dict[str, Any], model: _Model) -> Phrase:
    marked = []
    for one in tables(body.get("labelEntities")):
        kind = model.entities.get(text(one.get("entityId"))) or text(one.get("entityName"))
        start, end = one.get("startCharIndex"), one.get("endCharIndex")
        marked.append(Marked(start, end, kind, text(one.get("entityText")), inclusive=True, utf16=True))
    return Phrase(text(body.get("text")), marked=tuple(marked))


def _said(step: dict[str, Any], model: _Model, limits: ImportSettings) -> Turn | Reason:
    """What the bot says in a step, or why it says nothing that can be learned."""
    action = model.actions.get(text(step.get("labelAction")) or text(step.get("predictedAction")))
    words = text(step.get("importText"))
    if not words and action is not None:
        if text(action.get("actionType")).upper() not in _SPOKEN:
            return Reason.SYSTEM_NOTICE
        filled = tables(table(step.get("input")).get("filledEntities"))
        found = _words(text(action.get("payload")), {**_values(filled), **_by_name(filled, model)})
        if isinstance(found, Reason):
            return found
        words = found
    if not words.strip():
        return Reason.MISSING_FIELD if action is None else Reason.EMPTY_MESSAGE
    flaw = records.text_of(words, limits.max_cell_chars)
    return flaw if isinstance(flaw, Reason) else Turn("assistant", words)


def _values(filled: list[dict[str, Any]]) -> dict[str, str]:
    """What the memory held for each entity, by its id."""
    known = {}
    for one in filled:
        words = [text(value.get("displayText")) or text(value.get("userText")) for value in tables(one.get("values"))]
        if text(one.get("entityId")) and any(words):
            known[one["entityId"]] = ", ".join(filter(None, words))
    return known


def _by_name(filled: list[dict[str, Any]], model: _Model) -> dict[str, str]:
    return {model.entities[key]: words for key, words in _values(filled).items() if key in model.entities}


def _words(payload: str, values: Mapping[str, str]) -> str | Reason:
    """The text of an action: plain, or a document whose pieces may be entities; those of a card, its arguments."""
    try:
        body = strict_json.loads(payload)
    except strict_json.JsonError:
        return payload
    if not isinstance(body, dict):
        return payload
    documents = [body.get("json")] if "json" in body else []
    documents += [table(one.get("value")).get("json") for one in tables(body.get("arguments"))]
    said = []
    for document in documents:
        pieces = list(_pieces(document, values))[:MAX_PIECES]
        if Reason.PLACEHOLDER_TEXT in pieces:
            return Reason.PLACEHOLDER_TEXT
        said.append("".join(pieces))
    return "\n".join(filter(str.strip, said)) or text(body.get("text"))


def _pieces(node: Any, values: Mapping[str, str]) -> Iterator[str]:
    """The text of a rich-text document, its entities filled. Bounded by the depth of JSON."""
    body = table(node)
    if body.get("type") == "mention-inline-node":
        data = table(body.get("data"))
        option = table(data.get("option"))
        keys = (text(option.get("id")), text(option.get("name")))
        yield next((values[key] for key in keys if key in values), Reason.PLACEHOLDER_TEXT)
        return
    if body.get("kind") == "text" or "leaves" in body:
        yield from (text(leaf.get("text")) for leaf in tables(body.get("leaves")))
    for name in ("document", "nodes"):
        inner = body.get(name)
        for place, one in enumerate(items(inner) if isinstance(inner, list) else [inner] if inner else []):
            if place and table(one).get("kind") == "block":
                yield "\n"
            yield from _pieces(one, values)


KINDS: tuple[Kind, ...] = (Kind("conversation_learner", "a Conversation Learner model (.cl)", read, sniff),)
