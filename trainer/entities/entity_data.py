"""What an entity training learns from: texts with typed spans, and which of them cannot be learned from, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from data.catalogue import Kind, finding_of
from data.errors import DatasetError
from data.render import Rendered, Renderer
from data.schema import Entity, Finding
from export.tagging import rendered_for

OVERLAPPING, OUTSIDE_TEXT, UNALIGNED, CUT_OFF = "overlapping_spans", "outside_text", "unaligned", "cut_off"
"""Why a row is set aside: its spans share text; one has no place in the text; two end up in one token, or one in none;
one lies in what a long text loses before a model reads it."""
TOO_FEW_SPANS, SPANS_SET_ASIDE, SPANS_LOST = "too_few_spans", "spans_set_aside", "spans_lost"
KINDS: Mapping[str, Kind] = {
    TOO_FEW_SPANS: Kind("warning", "Mark more spans of these types, at least fifty each for a useful model."),
    SPANS_SET_ASIDE: Kind("warning", "Mark whole words that lie in the text, each once."),
    SPANS_LOST: Kind("warning", "Look at what was marked since the live release was trained; mark more of it."),
}
"""The findings on marked texts, explained with examples in docs/recipes.md."""
FEWEST_SPANS = 10
"""Below this many spans of a type there is nothing to learn of it: its few words are learned by heart."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and its spans. `before`: what the brand said just before, such as the question this answers."""

    text: str
    spans: tuple[Entity, ...] = ()
    before: str | None = None

    @property
    def asked(self) -> tuple[str, str | None]:
        """What a model is asked."""
        return self.text, self.before

    @property
    def types(self) -> set[str]:
        return {span.type for span in self.spans}


@dataclass(frozen=True, slots=True)
class EntityData:
    """What a training may read; without `validation` it holds some of `train` out."""

    train: Sequence[Marked]
    validation: Sequence[Marked] | None = None


@dataclass(frozen=True, slots=True)
class Readable:
    """Rows as a model reads them, and how many could not be, by reason."""

    rows: list[Marked] = field(default_factory=list)
    rendered: list[Rendered] = field(default_factory=list)
    set_aside: Counter[str] = field(default_factory=Counter)


def span_counts(rows: Iterable[Marked]) -> Counter[str]:
    return Counter(span.type for row in rows for span in row.spans)


def is_markable(rows: Iterable[Marked]) -> bool:
    """Whether a type has spans enough to be learned."""
    return _most(rows) >= FEWEST_SPANS


def check_markable(rows: Sequence[Marked]) -> None:
    """Raise DatasetError when these rows cannot train at all, saying how much more is needed."""
    if not is_markable(rows):
        raise DatasetError(
            f"An entity model needs a type with at least {FEWEST_SPANS} marked spans; the most that a type has is "
            f"{_most(rows)}.",
            remedy="Mark more spans, at least fifty a type for a useful model, and import again.",
        )


def too_few_spans(counts: Mapping[str, int]) -> Iterator[Finding]:
    """What there is to say of types that are not learned, by how many spans each has."""
    few = {name: count for name, count in sorted(counts.items()) if count < FEWEST_SPANS}
    if few:
        told = ", ".join(f"{name} has {count}" for name, count in few.items())
        said = f"A type is learned from {FEWEST_SPANS} marked spans on; {told}."
        yield finding_of(KINDS, TOO_FEW_SPANS, len(few), said)


def readable_rows(rows: Iterable[Marked], renderer: Renderer) -> Readable:
    """`rows` rendered; those whose spans no tags can say are set aside and counted."""
    found = Readable()
    for row in rows:
        flaw = _flaw(row)
        rendered = rendered_for(renderer, row.text, row.before)
        flaw = flaw or _misfit(row, rendered)
        if flaw is not None:
            found.set_aside[flaw] += 1
            continue
        found.rows.append(row)
        found.rendered.append(rendered)
    return found


def _most(rows: Iterable[Marked]) -> int:
    return max(span_counts(rows).values(), default=0)


def _flaw(row: Marked) -> str | None:
    end = 0
    for span in sorted(row.spans, key=lambda one: (one.start, one.end)):
        if not 0 <= span.start < span.end <= len(row.text):
            return OUTSIDE_TEXT
        if span.start < end:
            return OVERLAPPING
        end = span.end
    return None


def _misfit(row: Marked, rendered: Rendered) -> str | None:
    """Why the tokens of this text cannot say its spans."""
    taken: set[int] = set()
    tokens = [(at, a, b) for at, (a, b) in enumerate(rendered.offsets) if a < b]
    for span in row.spans:
        touched = {at for at, a, b in tokens if a < span.end and b > span.start}
        if not touched:
            return UNALIGNED if not row.text[span.start : span.end].strip() else CUT_OFF
        if touched & taken:
            return UNALIGNED
        taken |= touched
    return None
