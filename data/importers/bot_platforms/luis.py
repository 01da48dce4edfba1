"""LUIS and what came after it (conversational language understanding): an app as JSON, all versions, and test batches.

LUIS marks an entity by the places of its first and last character, its successor by place and length; both count
UTF-16 units. The intent `None` collects what the app is not for. Patterns are filled with the values of lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.patterns import pattern_pieces
from data.importers.bot_platforms.phrases import Filler, Marked, Phrase
from data.importers.documents import entries, table, tables, text, texts
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import SetAside

OUT_OF_SCOPE_NAMES = frozenset({"none"})
_SAID = ("utterances.item", "assets.utterances.item", "LabeledTestSetUtterances.item", "item")
_PATTERNS = ("patterns.item",)
_NAMES = ("intents.item", "assets.intents.item")
_LISTS = ("closedLists.item", "assets.entities.item")
_CULTURES = ("culture", "metadata.language")
_IGNORED = (
    "phraselists.item", "model_features.item", "regex_entities.item", "regex_features.item", "composites.item",
    "hierarchicals.item", "patternAnyEntities.item",
)  # fmt: skip


def sniff(sample: Sample) -> float:
    has = sample.has
    if has("luis_schema_version"):
        return 0.97
    if has("projectFileVersion", "assets") or has("assets.utterances.item.text", "assets.utterances.item.intent"):
        return 0.95 if sample.paths & {"assets.intents", "assets.utterances"} else 0.0
    if has("utterances.item.text", "utterances.item.intent") and sample.paths & {
        "culture",
        "closedLists",
        "bing_entities",
    }:
        return 0.9
    for place in ("item", "LabeledTestSetUtterances.item"):
        if has(f"{place}.text") and sample.paths & {f"{place}.intent", f"{place}.intentName", f"{place}.intentLabel"}:
            marks = {f"{place}.entities.item.startPos", f"{place}.entityLabels.item.startCharIndex"}
            return 0.9 if sample.paths & marks or place != "item" else 0.0
    return 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The utterances as labelled texts, the names of intents for the profile. Raises ImportRefused without either."""
    yield from phrases.or_refused(_items(source), "a LUIS app")


def _items(source: Source) -> Iterator[Item]:
    filler = Filler()
    cultures: list[str] = []
    for member in source.members:
        for found in entries(source, member, (*_LISTS, *_NAMES, *_CULTURES, *_IGNORED)):
            if isinstance(found, Reason):
                continue
            path, value = found
            if path in _CULTURES:
                cultures.append(text(value))
            elif path in _LISTS:
                _learn(table(value), filler)
            elif path in _NAMES:
                yield from _named(value)
            else:
                yield Remark("parts_ignored", 0, f"{path.split('.')[0]}: {text(table(value).get('name'))}")
    known = [code for code in map(records.language_of, cultures) if code]
    if known:
        yield ProfileHint(languages=tuple(dict.fromkeys(known)))
    yield from _rows(source, cultures[0] if len(set(cultures)) == 1 else "", filler)


def _named(value: Any) -> Iterator[Item]:
    body = table(value)
    name = text(value) or text(body.get("name")) or text(body.get("category"))
    if name and phrases.intent_of(name, OUT_OF_SCOPE_NAMES) == name:
        yield ProfileHint(intents=(IntentHint(name, description=text(body.get("description"))),))


def _learn(body: dict[str, Any], filler: Filler) -> None:
    """The values of a list entity: LUIS' closed lists, and its successor's entities with a list."""
    name = text(body.get("name")) or text(body.get("category"))
    for entry in tables(body.get("subLists")):
        filler.learn(name, [*texts(entry.get("canonicalForm")), *texts(entry.get("list"))])
    for entry in tables(table(body.get("list")).get("sublists")):
        said = [word for one in tables(entry.get("synonyms")) for word in texts(one.get("values"))]
        filler.learn(name, [*texts(entry.get("listKey")), *said])


def _rows(source: Source, culture: str, filler: Filler) -> Iterator[Item]:
    rows = count(1)
    for member in source.members:
        for found in entries(source, member, (*_SAID, *_PATTERNS)):
            row = next(rows)
            if isinstance(found, Reason):
                yield SetAside(row, found, member.name)
                continue
            path, body = found
            if not isinstance(body, dict):
                yield SetAside(row, Reason.WRONG_TYPE)
            elif path in _PATTERNS:
                yield from _pattern(body, row, culture, filler, source)
            else:
                yield from phrases.taught(_phrase(body, culture), row, source.limits)


def _phrase(body: dict[str, Any], culture: str) -> Phrase:
    intent = next((body[name] for name in ("intent", "intentName", "intentLabel") if body.get(name) is not None), None)
    marked = [_marked(one) for name in ("entities", "entityLabels") for one in tables(body.get(name))]
    label = phrases.intent_of(intent, OUT_OF_SCOPE_NAMES)
    return Phrase(text(body.get("text")), label, text(body.get("language")) or culture, tuple(marked))


def _marked(body: dict[str, Any]) -> Marked:
    kind = next((body[name] for name in ("entity", "category", "entityName") if body.get(name)), None)
    if text(body.get("role")) and isinstance(kind, str):
        kind = f"{kind}:{body['role']}"
    if "offset" in body:
        start, length = body["offset"], body.get("length")
        end = start + length if isinstance(start, int) and isinstance(length, int) else None
        return Marked(start, end, kind, utf16=True)
    if "startCharIndex" in body:
        return Marked(body["startCharIndex"], body.get("endCharIndex"), kind, inclusive=True, utf16=True)
    return Marked(body.get("startPos"), body.get("endPos"), kind, inclusive=True, utf16=True)


def _pattern(body: dict[str, Any], row: int, culture: str, filler: Filler, source: Source) -> Iterator[Item]:
    words = text(body.get("pattern"))
    if len(words) > source.limits.max_cell_chars:
        yield SetAside(row, Reason.TOO_LONG, words[: phrases.SAMPLE_CHARS])
        return
    like = Phrase(words, phrases.intent_of(body.get("intent"), OUT_OF_SCOPE_NAMES), culture)
    phrase = phrases.filled(pattern_pieces(words), like, filler)
    if isinstance(phrase, Reason):
        yield SetAside(row, phrase, words[: phrases.SAMPLE_CHARS])
        return
    yield Remark("placeholders_filled", row, words)
    yield from phrases.taught(phrase, row, source.limits)


KINDS: tuple[Kind, ...] = (Kind("luis", "a LUIS app", read, sniff),)
