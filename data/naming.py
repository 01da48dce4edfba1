"""A readable name for a group of messages: the words it uses and others do not. Pure.

A word or phrase tells a group from the rest when a larger share of its messages uses it (a class-based form of TF-IDF:
the share inside, times how many times larger it is than outside). Writings without spaces between words are read by
runs of characters. Names are safe as labels: letters, digits and underscores, none given twice.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from data.redact import PLACEHOLDER

TERMS = 8
"""Words and phrases that are told of a group."""
FEWEST_TEXTS = 3
"""Messages of a group that use a term, at least: what one person said names nothing."""
MOST_TEXTS = 400
"""Messages of a group that are read; they come the most typical first."""
NAME_WORDS = 3
NAME_CHARS = 60
RUN = 6
"""Characters of a term of writings without spaces, at most."""
_LONGER = 1.25
"""What a word more makes a phrase worth: of two that say the same the longer is the more readable."""
_COVERED = 0.25
"""Share of a group's messages that use a term, below which it names the group only where nothing else does."""
_SPREAD, _USED = 0.5, 0.1
"""A word that this share of the groups use in this share of their messages or more says nothing of any."""
_FEWEST_GROUPS = 4
"""Groups below which the spread of a word says nothing."""
_SMALL_WORDS = """
a about after again all also am an and any anymore are as asap at be because been before being but by can can't
cannot could couldn't did didn't do does doesn't doing don't for from get getting give go going gonna got had has
have haven't having he hello help her here hey hi him his how how's i i'd i'll i'm i've if in into is isn't it it's
its just keep know let let's like look looking make may maybe me might more much must my need needed needs no not
now of off ok okay on one only or other our out please pls she should so some something still sure tell than thank
thanks that that's the their them then there there's these they thing this those to too try trying u us use using
very wanna want wanted wants was wasn't way we well were what what's when where where's which while who whom why
will with without won't would yeah yes yet you your
"""
_SMALL = frozenset(_SMALL_WORDS.split())
"""Small words of English: they hold a phrase together, and neither begin nor end one that names something."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:['’][^\W\d_]+)*")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_NOT_SAFE = re.compile(r"[\W_]+")


def names(groups: Sequence[Sequence[str]], taken: Collection[str] = ()) -> list[tuple[str, list[str]]]:
    """For each group of messages a name, unlike any of `taken` and each other, and its most telling terms."""
    used = {name.casefold() for name in taken}
    counted = [_counted(group) for group in groups]
    sizes = [min(len(group), MOST_TEXTS) for group in groups]
    everywhere: Counter[str] = Counter()
    for counts in counted:
        everywhere.update(counts)
    found = []
    idle = _SMALL | _spread(counted, sizes)
    for number, (counts, size) in enumerate(zip(counted, sizes, strict=True), start=1):
        there = Counter({term: count for term, count in counts.items() if not _is_idle(term, idle)})
        terms = _telling(there, size, everywhere, sum(sizes))
        name = _unused(terms or _said_all_the_same(groups[number - 1]), used, number)
        used.add(name.casefold())
        found.append((name, terms[:TERMS]))
    return found


def label_safe(words: str) -> str:
    """The words as a label: lower case, letters and digits, joined by underscores; empty where there are none."""
    return _NOT_SAFE.sub("_", words.casefold()).strip("_")[:NAME_CHARS].strip("_")


def _counted(texts: Iterable[str]) -> Counter[str]:
    """How many of the messages use each term."""
    found: Counter[str] = Counter()
    for text in list(texts)[:MOST_TEXTS]:
        found.update(set(_terms(text)))
    return found


def _terms(text: str) -> Iterator[str]:
    """Words and phrases of up to three; of writings without spaces runs of two to six characters."""
    words: list[str] = []
    for run in _RUN.findall(PLACEHOLDER.sub(" ", text).casefold()):
        if _IS_UNSPACED.match(run):
            yield from _phrases(words)
            words = []
            yield from (run[at : at + size] for size in range(2, RUN + 1) for at in range(len(run) - size + 1))
        else:
            words.append(run)
    yield from _phrases(words)


def _phrases(words: Sequence[str]) -> Iterator[str]:
    for size in range(1, NAME_WORDS + 1):
        for at in range(len(words) - size + 1):
            phrase = words[at : at + size]
            if not all(word.isdigit() for word in phrase) and any(len(word) > 2 for word in phrase):
                yield " ".join(phrase)


def _spread(counted: Sequence[Counter[str]], sizes: Sequence[int]) -> set[str]:
    """The words that groups of all kinds use."""
    if len(counted) < _FEWEST_GROUPS:
        return set()
    users: Counter[str] = Counter()
    for counts, size in zip(counted, sizes, strict=True):
        users.update(term for term, count in counts.items() if " " not in term and count >= _USED * size)
    return {term for term, groups in users.items() if groups >= _SPREAD * len(counted)}


def _is_idle(term: str, idle: Collection[str]) -> bool:
    words = term.split()
    return words[0] in idle or words[-1] in idle


def _telling(counts: Counter[str], size: int, everywhere: Counter[str], texts: int) -> list[str]:
    """The terms of a group, the most telling first; none that only repeats another."""
    scored = []
    for term, count in counts.items():
        if count < min(FEWEST_TEXTS, size):
            continue
        inside = count / size
        outside = (everywhere[term] - count + 1) / (texts - size + 2)
        told = inside * math.log(inside / outside) if inside > outside else 0.0
        if told > 0:
            covered = 1.0 if inside >= _COVERED else 0.5
            scored.append((-told * covered * _LONGER ** _length(term), term))
    chosen: list[str] = []
    for _, term in sorted(scored):
        if not any(_repeats(term, other) for other in chosen):
            chosen.append(term)
        if len(chosen) == 2 * TERMS:
            break
    return chosen


def _said_all_the_same(texts: Sequence[str]) -> list[str]:
    """What a third say where nothing tells them from other messages: `ok`, `yes`, the kind of a placeholder."""
    read = texts[:MOST_TEXTS]
    counts: Counter[str] = Counter()
    for text in read:
        words = _RUN.findall(PLACEHOLDER.sub(r" \1 ", text).casefold())
        counts.update({word for word in words if not word.isdigit()})
    enough = max(min(FEWEST_TEXTS, len(read)), len(read) / 3)
    return [word for word, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count >= enough][:1]


def _length(term: str) -> int:
    """How many words more than one; four characters without spaces count as two."""
    return term.count(" ") if not _IS_UNSPACED.match(term) else (len(term) - 2) // 2


def _repeats(term: str, other: str) -> bool:
    if _IS_UNSPACED.match(term):
        return term in other or other in term
    return not set(term.split()).isdisjoint(other.split())


def _unused(terms: Sequence[str], used: Collection[str], number: int) -> str:
    """The shortest beginning of the terms that is a new name of some words, else one with a number."""
    name = ""
    for end in range(1, len(terms) + 1):
        name = label_safe(" ".join(terms[:end]))
        enough = name.count("_") + 1 >= 2 or _IS_UNSPACED.match(name) or end == len(terms)
        if name and enough and name not in used:
            return name
        if end >= NAME_WORDS:
            break
    stem = name or "topic"
    tries = (f"{stem}_{at}" for at in range(number, number + len(used) + 2))
    return next(one for one in tries if one not in used)
