"""What a Rasa bot was taught: the examples of its intents, as labelled texts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from data.importers import records
from data.importers.documents import items, table, text
from data.importers.entries import SAMPLE_CHARS
from data.importers.nouns import Item, Reason, Remark
from data.importers.rasa import clicks
from data.importers.rasa.annotations import Annotated, annotated, placed
from data.importers.rasa.definition import Definition
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

_VALUES = ("synonym", "regex", "lookup")


def taught(entry: Any, rows: count[int], bot: Definition, limits: ImportSettings) -> Iterator[Item]:
    """The examples of an entry of `nlu`; what it says of entities alone is no row."""
    body = table(entry)
    if "intent" not in body:
        kind = next((one for one in _VALUES if one in body), "")
        if not kind:
            yield SetAside(next(rows), Reason.UNKNOWN_SHAPE, str(entry)[:SAMPLE_CHARS])
        elif kind != "synonym":
            yield Remark("parts_ignored", 0, f"{kind}: {text(body[kind])}")
        return
    sentiment = table(body.get("metadata")).get("sentiment")
    for one in examples_of(body.get("examples")):
        row = next(rows)
        if isinstance(one, Reason):
            yield SetAside(row, one, f"{text(body['intent'])}: {str(body.get('examples'))[:SAMPLE_CHARS]}")
            continue
        mood = table(one.get("metadata")).get("sentiment", sentiment)
        if one.get("flaw"):
            yield SetAside(row, one["flaw"], text(one.get("text"))[:SAMPLE_CHARS])
        else:
            said = annotated(text(one.get("text")), bot.synonyms)
            yield from example(said, (body["intent"], mood), row, bot, limits)


def marked(entry: Any, rows: count[int], bot: Definition, limits: ImportSettings) -> Iterator[Item]:
    """An example of the JSON of old, its entities beside it."""
    body, row = table(entry), next(rows)
    if not isinstance(body.get("text"), str):
        yield SetAside(row, Reason.MISSING_FIELD if body else Reason.NOT_AN_OBJECT)
        return
    if len(body["text"]) > limits.max_cell_chars:
        yield SetAside(row, Reason.TOO_LONG, body["text"][:SAMPLE_CHARS])
        return
    intent = body.get("intent")
    key = text(table(body.get("metadata")).get("response_key")) or text(body.get("intent_response_key"))
    if isinstance(intent, str) and key and "/" not in intent:
        intent = key if key.startswith(f"{intent}/") else f"{intent}/{key}"
    said = placed(body["text"], items(body.get("entities")), bot.synonyms)
    yield from example(said, (intent, None), row, bot, limits)


def example(
    said: Annotated, labels: tuple[Any, Any], row: int, bot: Definition, limits: ImportSettings
) -> Iterator[Item]:
    """One example; `labels` are its intent and its sentiment, as the source has them."""
    turn = turn_of(said, labels, limits)
    if isinstance(turn, Reason):
        yield SetAside(row, turn, said.text[:SAMPLE_CHARS])
        return
    if said.dropped:
        yield Remark("entities_dropped", row, said.text[:SAMPLE_CHARS])
    yield Conversation(f"example-{row}", (turn,), language=records.language_of(bot.language), row=row)


def turn_of(said: Annotated, labels: tuple[Any, Any], limits: ImportSettings) -> Turn | Reason:
    """A user's turn, or why there is none."""
    words = records.text_of(said.text, limits.max_cell_chars)
    intent = records.label_of(labels[0])
    sentiment = records.label_of(labels[1]) if isinstance(labels[1], str) else None
    for one in (words, intent, sentiment):
        if isinstance(one, Reason):
            return one
    name = clicks.label(intent) if intent else None
    return Turn("user", str(words), intent=name, sentiment=sentiment, entities=said.entities)


def examples_of(raw: Any) -> Iterator[dict[str, Any] | Reason]:
    """The examples that stand here: a text with one on each line after a dash, or a list of texts or objects."""
    if isinstance(raw, str):
        for line in raw.split("\n"):
            words = line.strip()
            if words.startswith("-"):
                yield {"text": words[1:].strip()}
            elif words:
                yield {"text": words, "flaw": Reason.UNKNOWN_SHAPE}
    elif isinstance(raw, list):
        for one in raw:
            body = {"text": one} if isinstance(one, str) else one
            yield body if isinstance(body, dict) and isinstance(body.get("text"), str) else _flawed(one)
    elif raw is not None:
        yield Reason.WRONG_TYPE


def _flawed(one: Any) -> dict[str, Any] | Reason:
    return Reason.EMPTY_MESSAGE if one is None else _joined(one) or Reason.WRONG_TYPE


def _joined(one: Any) -> dict[str, Any] | None:
    """`- hi: there`, which YAML takes for a key with a value."""
    if isinstance(one, dict) and len(one) == 1 and "text" not in one:
        key, value = next(iter(one.items()))
        return {"text": f"{key}: {value}"} if isinstance(value, str) else None
    return None
