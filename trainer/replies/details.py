"""What a reply says of one customer alone, so that it is said to nobody else.

Redaction takes out what it knows the form of. What it does not know (a name after "Hi", an address, a date somebody
agreed on, a number of the brand's own making) stays in the logs' replies. Such a detail gives itself away: the brand
says it in one conversation and never again. What is said in several, as opening hours are, is nobody's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from data.schema import BRAND_ROLES, Example
from export.banned import fold
from export.facts import Fact, addressed
from export.grounding import Grounding
from export.replies import key_of

_WORD = re.compile(r"[^\W\d_]+")
_PLAIN = re.compile(r"(?<![^\W\d_])[a-zß-ÿ]+(?![^\W\d_])")


class Detail(NamedTuple):
    """What a text states, as it stands there, and all that it may mean."""

    text: str
    meanings: tuple[Hashable, ...]


def private_details(rows: Sequence[Example], grounding: Grounding) -> Mapping[str, tuple[str, ...]]:
    """By the key of a reply, the facts of it that the brand states in no conversation but one; replies that have none
    are left out. What the brand writes anyway is `grounding`'s to know."""
    stated: dict[str, tuple[Detail, ...]] = {}
    told: defaultdict[Hashable, set[str]] = defaultdict(set)
    for row in rows:
        for text in _said_by_brand(row):
            key = key_of(text)
            if key not in stated:
                stated[key] = (*_facts(grounding.facts(text, row.language)), *_called(text))
            for word in _WORD.findall(fold(text)):
                told[word].add(row.conversation)
            for meaning in (meaning for detail in stated[key] for meaning in detail.meanings):
                told[meaning].add(row.conversation)
        for word in _PLAIN.findall(" ".join([row.text, *(text for _, text in row.context)])):
            told[word].add(row.conversation)  # what is written small is a word, unless one writes their own name so
    found: dict[str, tuple[str, ...]] = {}
    for key in dict.fromkeys(key_of(row.reply) for row in rows if row.reply is not None):
        own = [one.text for one in stated[key] if all(len(told[meaning]) == 1 for meaning in one.meanings)]
        if own:
            found[key] = tuple(dict.fromkeys(own))
    return found


def _said_by_brand(row: Example) -> Iterator[str]:
    yield from (text for role, text in row.context if role in BRAND_ROLES)
    if row.reply is not None:
        yield row.reply


def _facts(facts: Iterable[Fact]) -> Iterator[Detail]:
    """Those that may tell somebody: "today" and "two" do not."""
    for fact in facts:
        if fact.kind in ("name", "link", "email") or any(map(str.isdigit, fact.text)):
            yield Detail(fact.text.rstrip(".,;:!?"), tuple(fact.readings) or (fold(fact.text),))


def _called(text: str) -> Iterator[Detail]:
    """Whom it may be speaking to."""
    for word in addressed(text):
        yield Detail(word, (fold(word),))
