"""Words with entities marked in them, as Rasa writes them: `[Rome](city)`, `[Rome]{"entity": "city", "role": "to"}`.

A role becomes part of the type (`city:to`). The value is what the mark says, or what the synonyms say of the words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from data.importers import records, strict_json
from data.importers.bot_platforms.phrases import MAX_MARKED, Marked
from data.importers.documents import table, tables, text
from data.importers.nouns import Reason
from data.schema import Entity

_MARK = re.compile(r"\[([^\[\]]+)\](?:\(([^()]+)\)|(\{[^{}\[\]]*\})|(\[\{[^\[\]]*\}\]))")
_LINK = re.compile(r"(?:https?|ftp|mailto|tel):|www\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Annotated:
    """The words without marks, their entities, and whether a mark or two could not be kept."""

    text: str
    entities: tuple[Entity, ...] = ()
    dropped: bool = False


def annotated(raw: str, synonyms: Mapping[str, str]) -> Annotated:
    """What a text with marks says. Links stay as they are written."""
    words: list[str] = []
    found: list[Entity] = []
    length = place = 0
    dropped = False
    for mark in _MARK.finditer(raw):
        if mark[2] is not None and _LINK.match(mark[2]):
            continue
        before, surface = raw[place : mark.start()], mark[1]
        start = length + len(before)
        kind, value, is_single = _meaning(mark)
        one = _entity(start, surface, kind, value or synonyms.get(surface.casefold()))
        dropped = dropped or one is None or not is_single
        found += [one] if one is not None else []
        words += [before, surface]
        length, place = start + len(surface), mark.end()
    words.append(raw[place:])
    return _trimmed("".join(words), found, dropped=dropped)


def placed(raw: str, marks: list[Any], synonyms: Mapping[str, str]) -> Annotated:
    """A text whose entities stand beside it, with places: the JSON of old."""
    found: list[Entity] = []
    for mark in tables(marks)[:MAX_MARKED]:
        value = text(mark.get("value"))
        surface = value if value and value.casefold() in raw.casefold() else ""
        one = Marked(mark.get("start"), mark.get("end"), _kind(mark), surface).within(raw)
        if one is not None and all(one.end <= other.start or one.start >= other.end for other in found):
            words = raw[one.start : one.end]
            said = value if value != words else ""
            found.append(replace(one, value=said or synonyms.get(words.casefold())))
    return Annotated(raw, tuple(sorted(found, key=lambda one: one.start)), dropped=len(found) < len(marks))


def _meaning(mark: re.Match[str]) -> tuple[str, str, bool]:
    """The type and value that a mark gives, and whether they are all it says."""
    if mark[2] is not None:
        kind, _, value = mark[2].partition(":")
        return kind.strip(), value.strip(), True
    try:
        body = strict_json.loads(mark[3] or mark[4])
    except strict_json.JsonError:
        return "", "", False
    first = table(body[0] if isinstance(body, list) else body)
    value = first.get("value")
    return _kind(first), str(value) if isinstance(value, str | int) else "", not isinstance(body, list) or len(body) < 2


def _kind(mark: Mapping[str, Any]) -> str:
    kind, role = text(mark.get("entity")), text(mark.get("role"))
    return f"{kind}:{role}" if kind and role else kind


def _entity(start: int, surface: str, kind: str, value: str | None) -> Entity | None:
    label = records.label_of(kind)
    if not label or isinstance(label, Reason):
        return None
    return Entity(start, start + len(surface), label, value)


def _trimmed(words: str, entities: list[Entity], *, dropped: bool) -> Annotated:
    """Without the white space around the words."""
    trimmed = words.strip()
    shift = len(words) - len(words.lstrip())
    kept = [replace(one, start=max(0, one.start - shift), end=min(len(trimmed), one.end - shift)) for one in entities]
    return Annotated(trimmed, tuple(one for one in kept if one.start < one.end), dropped)
