"""The operators together: variations of rows that keep their label, and rows perturbed to be measured on.

A variation follows from the seed, the row and what all rows know, not from their order or from the process. It is
thrown away when it changed anything of `kept.essence`; when it says what a held-out row says; when it says what another
row says, whatever its label; and when two labels came to the same words, for both of them. What two texts say is
compared without case, punctuation and numbers (`dedupe.normal_form`), so that a near miss counts as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.augment.contractions import contractions
from data.augment.kept import Guard, essence
from data.augment.known import Known
from data.augment.said import Change, Draw, Said, changed
from data.augment.surface import casing, punctuation_added, punctuation_dropped
from data.augment.synonyms import synonyms
from data.augment.typing_errors import typing_errors
from data.augment.values import TEMPLATE, entity_swap, template_fill
from data.dedupe import normal_form

LONGEST = 2_000
"""Code points. A longer text is a letter, not a message: it stays as it is."""
TRIES = 3
"""Draws that a row has, until one of them leaves a variation that may stand."""

Proposal = Callable[[Said, Known, Draw], list[Change]]


@dataclass(frozen=True, slots=True)
class Operator:
    """A named way to change a text. `opens`: places it may touch that are closed to others (see `Guard`)."""

    name: str
    propose: Proposal
    opens: frozenset[str] = frozenset()

    def __call__(self, said: Said, known: Known, draw: Draw) -> Said | None:
        """`said` changed; None when there is nothing to change, or when what is to be kept was not."""
        if len(said.text) > LONGEST:
            return None
        guard = Guard.of(said)
        changes = [change for change in self.propose(said, known, draw) if guard.allows(change, self.opens)]
        if not changes:
            return None
        new = changed(said, changes)
        before = TEMPLATE.sub(" ", said.text) if any(TEMPLATE.fullmatch(_old(said, c)) for c in changes) else said.text
        return new if new.text != said.text and essence(new.text) == essence(before) else None


def _old(said: Said, change: Change) -> str:
    return said.text[change.start : change.end]


OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("typing_errors", typing_errors),
        Operator("casing", casing, frozenset({"entities", "weighty"})),
        Operator("punctuation_dropped", punctuation_dropped),
        Operator("punctuation_added", punctuation_added),
        Operator("contractions", contractions, frozenset({"weighty"})),
        Operator("synonyms", synonyms),
        Operator("entity_swap", entity_swap, frozenset({"entities", "weighty"})),
        Operator("template_fill", template_fill, frozenset({"exact", "entities"})),
    )
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that may be varied."""

    said: Said
    label: str


@dataclass(frozen=True, slots=True)
class Variation:
    """`said` anew: row `origin` said it, `operators` changed it, and each of `donors` (row numbers) lent it a value."""

    origin: int
    said: Said
    operators: tuple[str, ...]
    donors: tuple[frozenset[int], ...] = ()

    def comes_of(self, rows: frozenset[int]) -> bool:
        """Whether nothing but these rows had a part in it."""
        return self.origin in rows and all(donor & rows for donor in self.donors)


class Varying:
    """Varies the rows of one brand. `held_out` are texts that must not be met in training."""

    def __init__(self, rows: Sequence[Row], held_out: Iterable[str] = (), own: Iterable[Sequence[str]] = ()) -> None:
        self.rows = rows
        self._known = Known.of([row.said for row in rows], own)
        self._held_out = frozenset(map(normal_form, held_out))
        self._forms: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            self._forms[normal_form(row.said.text)].add(row.label)
        self._texts = frozenset(row.said.text for row in rows)

    def more(self, seed: int, most: int, leave_out: frozenset[str] = frozenset()) -> list[Variation]:
        """At most one variation a row and at most `most` in all, in the order of their rows, none saying what another
        says. Which rows are taken follows from the seed."""
        operators = [one for name, one in OPERATORS.items() if name not in leave_out]
        made: dict[str, list[Variation]] = defaultdict(list)
        for at, row in enumerate(self.rows):
            found = self._one(at, row, seed, operators)
            if found is not None:
                made[found.said.text].append(found)
        clashing = self._clashing(one for same in made.values() for one in same)
        firsts = (min(same, key=lambda one: self.rows[one.origin].said.text) for same in made.values())
        kept = [one for one in firsts if normal_form(one.said.text) not in clashing]
        kept.sort(key=lambda one: Draw(seed, "taken", one.said.text).below(1 << 62))
        return sorted(kept[:most], key=lambda one: one.origin)

    def perturbed(self, rows: Sequence[Row], seed: int) -> list[Variation]:
        """Variations of `rows`, to measure on: none of those that no operator can change, and never a text of another
        label. `origin` counts in `rows`; unlike in `more`, a text may have been held out."""
        operators = list(OPERATORS.values())
        found = []
        for at, row in enumerate(rows):
            for attempt in range(TRIES):
                one = self._vary(at, row, Draw(seed, "perturbed", attempt, row.label, row.said.text), operators)
                if one is not None and not self._forms.get(normal_form(one.said.text), set()) - {row.label}:
                    found.append(one)
                    break
        return found

    def _one(self, at: int, row: Row, seed: int, operators: Sequence[Operator]) -> Variation | None:
        own = normal_form(row.said.text)
        for attempt in range(TRIES):
            draw = Draw(seed, "more", attempt, row.label, row.said.text)
            found = self._vary(at, row, draw, operators)
            if found is not None and self._may_stand(found.said.text, own):
                return found
        return None

    def _may_stand(self, text: str, own: str) -> bool:
        """`own` is the form of the row it comes of: to say the same as that one alone is no fault."""
        form = normal_form(text)
        if form in self._held_out or text in self._texts:
            return False
        return form not in self._forms or (form == own and len(self._forms[form]) == 1)

    def _vary(self, at: int, row: Row, draw: Draw, operators: Sequence[Operator]) -> Variation | None:
        """One or two operators, in a drawn order, of those that find something to change."""
        said, used = row.said, []
        wanted = 1 + draw.below(2)
        for operator in draw.mixed(operators):
            new = operator(said, self._known, draw)
            if new is not None:
                said = new
                used.append(operator.name)
            if len(used) == wanted:
                break
        if said.text == row.said.text:
            return None
        return Variation(at, said, tuple(used), self._lent(row.said, said))

    def _lent(self, before: Said, after: Said) -> tuple[frozenset[int], ...]:
        """The rows behind every value in `after` that did not stand in `before`."""
        stood = {(one.type, before.text[one.start : one.end].casefold()) for one in before.entities}
        lent = []
        for one in after.entities:
            key = (one.type, after.text[one.start : one.end].casefold())
            if key not in stood:
                rows = [v.rows for v in self._known.values.get(one.type, ()) if v.text.casefold() == key[1]]
                lent.append(frozenset().union(*rows))
        return tuple(lent)

    def _clashing(self, made: Iterable[Variation]) -> frozenset[str]:
        """The forms to which variations of more than one label came."""
        labels: dict[str, set[str]] = defaultdict(set)
        for one in made:
            labels[normal_form(one.said.text)].add(self.rows[one.origin].label)
        return frozenset(form for form, names in labels.items() if len(names) > 1)
