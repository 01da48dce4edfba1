"""Values of entities: one exchanged for another of its type, and templates such as "to {city}" filled in.

A value comes from the rows that may be learned from, of the same brand; which rows, it carries along, so that nobody
learns by way of a value from a row that he is scored on.
"""

from __future__ import annotations

import re

from data.augment.kept import exact_places
from data.augment.known import Known
from data.augment.said import Change, Draw, Said
from data.schema import Entity

TEMPLATE = re.compile(r"\{([^{}\n]{1,60})\}")


def entity_swap(said: Said, known: Known, draw: Draw) -> list[Change]:
    """Another value in the place of one of the marked ones."""
    kept = exact_places(said.text)
    for one in draw.mixed(said.entities):
        text = said.text[one.start : one.end]
        touching = [o for o in said.entities if o.start < one.end and o.end > one.start]
        others = [value for value in known.values.get(one.type, ()) if value.text.casefold() != text.casefold()]
        if others and len(touching) == 1 and not any(s < one.end and e > one.start for s, e in kept):
            value = draw.one(others)
            return [Change(one.start, one.end, value.text, value)]
    return []


def template_fill(said: Said, known: Known, draw: Draw) -> list[Change]:
    """Every `{type}` filled with a value of that type; all of them or none. A span that holds part of one stops it."""
    by_name = {kind.casefold(): kind for kind in sorted(known.values)}
    changes = []
    for match in TEMPLATE.finditer(said.text):
        kind = by_name.get(match.group(1).strip().casefold())
        if kind is None or any(_parts(one, match.span()) for one in said.entities):
            return []
        value = draw.one(known.values[kind])
        changes.append(Change(*match.span(), value.text, value))
    return changes


def _parts(entity: Entity, place: tuple[int, int]) -> bool:
    """Whether the entity shares a code point with this place without standing in it exactly."""
    return entity.start < place[1] and entity.end > place[0] and (entity.start, entity.end) != place
