"""Edits of a text, kept so that spans marked in the old text can be found in the new one.

A rewriting is a chain of stages; each stage can say which pieces of its input it replaced. Nothing is computed until a
span asks, because most utterances carry no entities.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Protocol, TypeVar

from data.schema import Entity

_Stretch = TypeVar("_Stretch", bound="Stretch")
MAX_ALIGNED = 4_000
"""Longest stretch, in code points, that two versions of a text are aligned over; alignment is quadratic at worst."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`source[start:end]` became `length` code points."""

    start: int
    end: int
    length: int


class Stage(Protocol):
    """One step of a rewriting."""

    def edits(self) -> tuple[Edit, ...] | None:
        """The edits in the order of the source, without overlaps; None when they cannot be told."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A step whose edits are known."""

    known: tuple[Edit, ...]

    def edits(self) -> tuple[Edit, ...]:
        return self.known


@dataclass(frozen=True, slots=True)
class Substituted:
    """A step that replaced every match of a pattern by one text."""

    before: str
    pattern: re.Pattern[str]
    by: str

    def edits(self) -> tuple[Edit, ...]:
        return tuple(Edit(m.start(), m.end(), len(self.by)) for m in self.pattern.finditer(self.before))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A step of which only input and output are known (a repaired encoding, a normal form): aligned on demand."""

    before: str
    after: str

    def edits(self) -> tuple[Edit, ...] | None:
        old, new = self.before, self.after
        head = _common(old, new)
        tail = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - head)
        old, new = old[head : len(old) - tail], new[head : len(new) - tail]
        if max(len(old), len(new)) > MAX_ALIGNED:
            return None
        codes = SequenceMatcher(None, old, new, autojunk=len(old) > 400).get_opcodes()
        return tuple(Edit(head + i, head + j, n - m) for tag, i, j, m, n in codes if tag != "equal")


@dataclass(frozen=True, slots=True)
class Edited:
    """A rewritten text and how it came about."""

    text: str
    stages: tuple[Stage, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Where `[start, end)` of the source lies now (code points); None when nothing of it is left."""
        for stage in self.stages:
            edits = stage.edits()
            if edits is None:
                return None
            start, end = _place(edits, start, is_end=False), _place(edits, end, is_end=True)
        return (start, end) if start < end else None

    def back(self, start: int, end: int) -> tuple[int, int] | None:
        """Where in the source `[start, end)` of the text comes from; None when that cannot be told, or from nothing."""
        for stage in reversed(self.stages):
            edits = stage.edits()
            if edits is None:
                return None
            undone = _undone(edits)
            start, end = _place(undone, start, is_end=False), _place(undone, end, is_end=True)
        return (start, end) if start < end else None

    def move(self, entities: Iterable[Entity]) -> tuple[Entity, ...]:
        """The entities at their new places; those of which nothing is left are missing."""
        if not self.stages:
            return tuple(entities)
        places = [(entity, self.span(entity.start, entity.end)) for entity in entities]
        return tuple(replace(entity, start=place[0], end=place[1]) for entity, place in places if place is not None)


class Stretch(Protocol):
    """Whatever stands at `[start, end)` of a text."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def apart(found: Iterable[_Stretch]) -> list[_Stretch]:
    """Those named first stay, where two share text; in the order of the text."""
    kept: list[_Stretch] = []
    for one in found:
        if not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def substitute(pattern: re.Pattern[str], by: str, text: str) -> tuple[str, tuple[Stage, ...]]:
    """`text` with every match replaced, and the stage that says so (none when nothing matched)."""
    after, count = pattern.subn(by, text)
    return (after, (Substituted(text, pattern, by),)) if count else (text, ())


def rewrite(step: Callable[[str], str], text: str) -> tuple[str, tuple[Stage, ...]]:
    """`step(text)` and the stage that says so (none when nothing changed)."""
    after = step(text)
    return (after, (Rewritten(text, after),)) if after != text else (text, ())


def _undone(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits that would make the source of the text again."""
    undone, delta = [], 0
    for edit in edits:
        start = edit.start + delta
        undone.append(Edit(start, start + edit.length, edit.end - edit.start))
        delta += edit.length - (edit.end - edit.start)
    return tuple(undone)


def _place(edits: tuple[Edit, ...], position: int, *, is_end: bool) -> int:
    """A boundary inside an edit moves to the near edge of what replaced it, so that a span keeps what it touched."""
    delta = 0
    for edit in edits:
        if edit.start >= position and (is_end or edit.end > position):
            break
        if edit.end > position:
            return edit.start + delta + (edit.length if is_end else 0)
        delta += edit.length - (edit.end - edit.start)
    return position + delta


def _common(one: str, other: str) -> int:
    """Length of the common head of two texts, by bisection: slices compare at the speed of C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
