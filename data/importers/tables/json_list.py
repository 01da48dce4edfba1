"""A JSON document that is a list of what JSON Lines hold on each line, or holds such a list.

Rows count the objects. What a more telling kind knows is read by that one; a list of any flat objects is read once its
format is named and its fields are mapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from data.importers import columns, objects
from data.importers.ai_chats.training import PLACES, is_json_lines
from data.importers.container import Member
from data.importers.entries import Flaw, below
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason
from data.importers.objects import Found
from data.importers.strict_json import JsonError
from data.importers.talk import SAMPLE_CHARS
from data.importers.usual_names import COLUMN_NAMES

_LISTS = tuple(place for place in PLACES if place)
_TEXTS = frozenset(("tokens", *COLUMN_NAMES["text"]))
_LABELS = frozenset(
    ("labels", "spans", "entities", "tags", *COLUMN_NAMES["intent"], *COLUMN_NAMES["role"], "sentiment")
)


def sniff(sample: Sample) -> float:
    if is_json_lines(sample) and not sample.text.lstrip().startswith("["):
        return 0.0
    for place in _LISTS:
        names = {columns.plain_name(path.removeprefix(f"{place}.")) for path in sample.paths if path.startswith(place)}
        if names & _TEXTS and names & _LABELS:
            return 0.55
        if below(place, "turns.item.text") in sample.paths:
            return 0.55
    return 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """What the objects of the lists hold. Raises ImportRefused for a field map that does not fit."""
    yield from objects.read(lambda: _objects(source), columns.Reading.of(options, source.limits))


def _objects(source: Source) -> Iterator[Found]:
    rows = count(1)
    for member in source.members:
        for found in _entries(source, member):
            if isinstance(found, Flaw):
                yield Found(next(rows), flaw=found.reason, sample=found.sample)
            elif isinstance(found[1], dict):
                yield Found(next(rows), found[1])
            else:
                yield Found(next(rows), flaw=Reason.NOT_AN_OBJECT, sample=str(found[1])[:SAMPLE_CHARS])


def _entries(source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw]:
    """The objects of the first list that there is; of a document without one, the document itself."""
    paths = Sample(member, source.written(member).encoding).paths
    place = next((place for place in _LISTS if any(path.startswith(f"{place}.") for path in paths)), "")
    try:
        yield from source.values(member, (place,))
    except JsonError as error:
        yield Flaw(error.reason, member.name)


KINDS: tuple[Kind, ...] = (Kind("json", "a JSON list of texts or messages", read, sniff),)
