"""What operators know of the brand: the words its customers use, the values of its entities, its synonyms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data.augment.kept import essence, words
from data.augment.said import Said, Value

Groups = tuple[tuple[str, ...], ...]
NOTHING_KEPT = essence("")


@dataclass(frozen=True, slots=True)
class Known:
    """`vocabulary` in lower case; `values` by entity type, in the order of their texts; `synonyms`: the brand's own
    groups of words that mean the same to it."""

    vocabulary: frozenset[str] = frozenset()
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    synonyms: Groups = ()

    @classmethod
    def of(cls, rows: Sequence[Said], synonyms: Iterable[Sequence[str]] = ()) -> Known:
        """What the rows that may be learned from say. Values that hold a number or the like are none to exchange."""
        vocabulary = frozenset(match.group().lower() for said in rows for match in words(said.text))
        seen: dict[tuple[str, str], set[int]] = defaultdict(set)
        meant: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row, said in enumerate(rows):
            for one in said.entities:
                text = said.text[one.start : one.end]
                if text.strip() and essence(text) == NOTHING_KEPT:
                    seen[one.type, text].add(row)
                    if one.value is not None:
                        meant[one.type, text].add(one.value)
        values: dict[str, list[Value]] = defaultdict(list)
        for kind, text in sorted(seen):
            meaning = min(meant[kind, text], default=None)
            values[kind].append(Value(kind, text, meaning, frozenset(seen[kind, text])))
        groups = tuple(tuple(group) for group in synonyms)
        return cls(vocabulary, {kind: tuple(found) for kind, found in values.items()}, groups)
