"""A text with its marked spans, changes to it, and chances that follow from a seed and a row, never from an order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from data.schema import Entity
from data.spans import Edit, Edited, Exact

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says; `entities` count code points, `language` is an ISO 639 code."""

    text: str
    entities: tuple[Entity, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an entity type, and the numbers of the rows that it was seen in."""

    type: str
    text: str
    value: str | None = None
    rows: frozenset[int] = frozenset()


class Change(NamedTuple):
    """`text[start:end]` becomes `by`; `marks` says that what stands there now is a value of an entity."""

    start: int
    end: int
    by: str
    marks: Value | None = None


def changed(said: Said, changes: Sequence[Change]) -> Said:
    """`said` with all `changes`, which must not overlap; its spans move along, exact to the code point."""
    ordered = sorted(changes, key=lambda change: (change.start, change.end))
    parts, at = [], 0
    for change in ordered:
        parts += [said.text[at : change.start], change.by]
        at = change.end
    text = "".join([*parts, said.text[at:]])
    edits = tuple(Edit(change.start, change.end, len(change.by)) for change in ordered)
    moved = Edited(text, (Exact(edits),)).move(said.entities)
    return replace(said, text=text, entities=_marked(moved, ordered))


def _marked(entities: tuple[Entity, ...], ordered: Sequence[Change]) -> tuple[Entity, ...]:
    """`entities` with those that the changes brought, in the order of the text."""
    found = {(one.start, one.end, one.type): one for one in entities}
    shift = 0
    for change in ordered:
        start = change.start + shift
        shift += len(change.by) - (change.end - change.start)
        if change.marks is not None:
            end, kind = start + len(change.by), change.marks.type
            found[start, end, kind] = Entity(start, end, kind, change.marks.value)
    return tuple(sorted(found.values(), key=lambda one: (one.start, one.end)))


class Draw:
    """A row of chances that follows from what it is given alone: the same in every process and on every machine."""

    def __init__(self, *given: object) -> None:
        self._key = hashlib.sha256("\x1f".join(map(str, given)).encode("utf-8", "surrogatepass")).digest()
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        self._drawn += 1
        digest = hashlib.blake2b(self._drawn.to_bytes(8, "big"), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "big") % limit

    def one(self, things: Sequence[_T]) -> _T:
        return things[self.below(len(things))]

    def mixed(self, things: Sequence[_T]) -> list[_T]:
        """All of `things` in a drawn order."""
        rest = list(things)
        return [rest.pop(self.below(len(rest))) for _ in range(len(rest))]
