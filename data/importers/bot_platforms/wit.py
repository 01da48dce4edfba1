"""Wit.ai: the backup of an app (a zip), lists of utterances as its API gives them, and the older expressions.

Older files hold the intent as an entity whose value is JSON inside a text. A trait is a label of the whole utterance:
sentiment becomes the sentiment, any other a tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from data.importers import records, strict_json
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.phrases import Marked, Phrase
from data.importers.documents import documents, entries, table, tables, text
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason
from data.schema import OUT_OF_SCOPE, SetAside

_SAID = ("utterances.item", "data.item", "item")
_SENTIMENTS = ("wit$sentiment", "wit/sentiment", "sentiment")
_MARKS = ("start", "end", "entity")


def sniff(sample: Sample) -> float:
    has = sample.has
    if has("data.item.text", *(f"data.item.entities.item.{name}" for name in _MARKS)):
        return 0.9
    if has("data.item.text", "data.item.entities.item.entity", "data.item.entities.item.value"):
        return 0.85
    if has("utterances.item.text", "utterances.item.traits") or has(
        "utterances.item.text", "utterances.item.entities.item.body"
    ):
        return 0.95
    if has("item.text", "item.traits") and sample.paths & {"item.intent", "item.entities", "item.intent.name"}:
        return 0.9
    return 0.0


def sniff_folder(samples: Sequence[Sample]) -> float:
    """Utterances beside what describes the app."""
    found = 0.0
    for sample in samples:
        found = max(found, sniff(sample))
        sample.forget()
    is_backup = any(sample.name.rpartition("/")[2] == "app.json" for sample in samples)
    return 0.97 if found and is_backup else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The utterances as labelled texts. Raises ImportRefused where there are none."""
    yield from phrases.or_refused(_items(source), "a Wit.ai app")


def _items(source: Source) -> Iterator[Item]:
    rows = count(1)
    language = ""
    for member in source.members:
        name = member.name.rpartition("/")[2]
        if source.packing == "zip" and ("/intents/" in f"/{member.name}" or name == "app.json"):
            for document in documents(source, member):
                body = table(document)
                language = text(body.get("lang")) or language
                yield from _defined(body, is_app=name == "app.json")
    for member in source.members:
        for found in entries(source, member, _SAID):
            row = next(rows)
            if isinstance(found, Reason):
                yield SetAside(row, found, member.name)
            elif not isinstance(found[1], dict):
                yield SetAside(row, Reason.WRONG_TYPE)
            else:
                yield from phrases.taught(_phrase(found[1], language), row, source.limits)


def _defined(body: dict[str, Any], *, is_app: bool) -> Iterator[Item]:
    """The app's language, or the name of an intent."""
    code = records.language_of(body.get("lang"))
    if is_app and code:
        yield ProfileHint(languages=(code,))
    elif not is_app and text(body.get("name")):
        yield ProfileHint(intents=(IntentHint(body["name"]),))


def _phrase(body: dict[str, Any], language: str) -> Phrase:
    intent = body.get("intent")
    label = OUT_OF_SCOPE if body.get("out_of_scope") is True else table(intent).get("name") or intent
    marked = []
    for one in tables(body.get("entities")):
        kind = text(one.get("entity")) or text(one.get("name"))
        if kind == "intent":
            label = label or _unquoted(one.get("value"))
        elif kind.partition(":")[0] in _SENTIMENTS and one.get("start") is None:
            continue
        else:
            marked.append(Marked(one.get("start"), one.get("end"), _typed(one, kind), text(one.get("body"))))
    sentiment, tags = None, []
    for one in tables(body.get("traits")):
        name, value = text(one.get("trait")) or text(one.get("name")), one.get("value")
        if name in _SENTIMENTS and text(value):
            sentiment = text(value)
        elif name:
            tags.append(f"{name}={value}")
    fitting = records.label_of(sentiment)
    return Phrase(
        text(body.get("text")),
        label if isinstance(label, str) else None,
        language,
        tuple(marked),
        None if isinstance(fitting, Reason) else fitting,
        records.tags_of(tags),
    )


def _typed(entity: dict[str, Any], name: str) -> str:
    """`city:from`: the entity and its role, which newer files write in one."""
    role = text(entity.get("role"))
    name, _, inner = name.partition(":")
    role = role or inner
    return f"{name}:{role}" if role and role != name.rpartition("$")[2] and role != name else name


def _unquoted(value: Any) -> str:
    """`"\\"greet\\""` and `greet` alike."""
    if not isinstance(value, str):
        return ""
    try:
        inner = strict_json.loads(value)
    except strict_json.JsonError:
        return value
    return inner if isinstance(inner, str) else value


KINDS: tuple[Kind, ...] = (Kind("wit", "a Wit.ai app", read, sniff, sniff_folder),)
