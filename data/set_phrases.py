"""What a brand's replies begin and end with, again and again: greetings, sign-offs and the like, by counting. Pure.

A phrase counts where it stands apart from what it frames: an opening is followed by a comma, a full stop, a name or the
like, a closing is preceded by one. So "Hi" of "Hi Dana, ..." is an opening, "The" of "The parcel ..." is none. A name
after the closing ("Kind regards, Priya") does not hide it. A reply that is nothing but the phrase has neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from data.redact import PLACEHOLDER
from data.wording import Word, is_unspaced, terms, words

LONGEST = 10
"""Words of a phrase, at most."""
SHARE, FEWEST = 0.05, 3
"""Of the replies, and how many, that a phrase must frame to be told."""
MOST = 6
_SAME = 0.8
"""Share of a phrase's uses that are those of a longer one, from which only the longer is told."""
_NAME_WORDS = 2
_TAIL = 400
"""Characters from the end that a closing stands in."""
_HIDDEN = "\ufffc"
"""Stands for a placeholder: no word, and what it stands for is another each time."""
_APART = re.compile(f"[,.!?:;\\n，。！？：；、…–—|{_HIDDEN}]")

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetPhrase:
    """A phrase as it was first written, and the share of replies that it frames."""

    text: str
    share: float

    @property
    def words(self) -> Phrase:
        return tuple(terms(self.text))


def openings(text: str) -> Iterator[tuple[Phrase, str]]:
    """Every beginning of a reply that may be a phrase, as it is counted and as it is written."""
    text = PLACEHOLDER.sub(_HIDDEN, text)
    every = list(islice(words(text), LONGEST + 1))
    for count in range(1, len(every)):
        last, following = every[count - 1], every[count]
        if _APART.search(text, last.end, following.start) or _is_capital(text, following):
            yield _phrase(text, every[:count])


def closings(text: str) -> Iterator[tuple[Phrase, str]]:
    """Every end of a reply that may be a phrase, with and without the name that follows it."""
    text = PLACEHOLDER.sub(_HIDDEN, text)
    if len(text) > _TAIL:
        text = text[text.find(" ", len(text) - _TAIL) + 1 :]
    every = list(words(text))
    starts = [at for at in range(1, len(every)) if _APART.search(text, every[at - 1].end, every[at].start)]
    ends = [len(every)]
    if starts and len(every) - starts[-1] <= _NAME_WORDS and all(_is_capital(text, one) for one in every[starts[-1] :]):
        ends.append(starts[-1])
    for end in ends:
        yield from (_phrase(text, every[start:end]) for start in starts if 0 < end - start <= LONGEST)


def recurring(found: Iterable[Iterable[tuple[Phrase, str]]], replies: int) -> tuple[SetPhrase, ...]:
    """Of the phrases of each reply those that frame many, the most frequent first."""
    counts: Counter[Phrase] = Counter()
    written: dict[Phrase, str] = {}
    for of_reply in found:
        once = dict(of_reply)
        counts.update(once.keys())
        for phrase, text in once.items():
            written.setdefault(phrase, text)
    least = max(FEWEST, SHARE * replies)
    often = {phrase: count for phrase, count in counts.items() if count >= least}
    told = [phrase for phrase in often if not _is_part(phrase, often)]
    told.sort(key=lambda phrase: (-often[phrase], phrase))
    return tuple(SetPhrase(written[phrase], round(often[phrase] / replies, 4)) for phrase in told[:MOST])


@lru_cache(maxsize=64)
def opening_forms(phrases: tuple[SetPhrase, ...]) -> frozenset[Phrase]:
    """The phrases, and what is left of each where a reply goes on earlier: "Hello" of "Hello, dear guest"."""
    return frozenset(form for phrase in phrases for form, _ in openings(f"{phrase.text}, x"))


@lru_cache(maxsize=64)
def closing_forms(phrases: tuple[SetPhrase, ...]) -> frozenset[Phrase]:
    """The phrases, and what is left of each where it begins later."""
    return frozenset(form for phrase in phrases for form, _ in closings(f"x. {phrase.text}"))


def has_any(found: Iterable[tuple[Phrase, str]], phrases: Collection[Phrase]) -> bool:
    """Whether one of the phrases of a reply is among `phrases`."""
    return any(phrase in phrases for phrase, _ in found)


def _phrase(text: str, part: Sequence[Word]) -> tuple[Phrase, str]:
    written = " ".join(text[part[0].start : part[-1].end].replace(_HIDDEN, " ").split())
    return tuple(word.counted for word in part), written


def _is_capital(text: str, word: Word) -> bool:
    return text[word.start].isupper() and not is_unspaced(text[word.start])


def _is_part(phrase: Phrase, often: dict[Phrase, int]) -> bool:
    """Whether a longer phrase, which begins or ends alike, is nearly always meant."""
    size = len(phrase)
    return any(
        len(other) > size and phrase in (other[:size], other[-size:]) and count >= _SAME * often[phrase]
        for other, count in often.items()
    )
