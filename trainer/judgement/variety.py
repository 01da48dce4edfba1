"""What replies are like without a look at what they should say: varied or monotonous, long or short, copied or new.

Words are those of `data.wording`, so that Chinese and emoji count too. Source of distinct-n: Li, Galley, Brockett, Gao
& Dolan (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from data.wording import terms
from export.banned import fold
from trainer.judgement.intervals import Array

REPEATED = 4
"""Words of a run that makes a reply repetitive when it comes again."""

Words = Sequence[str]


def distinct(replies: Iterable[Words], n: int) -> float:
    """Different n-grams of all replies among all that they hold; NaN where there are none. Falls with their number, so
    that only sets of like size compare."""
    grams = [gram for reply in replies for gram in _grams(reply, n)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def repetition(reply: Words) -> float:
    """The share of a reply's words that stand in a run of four words which the reply holds twice or more."""
    grams = list(_grams(reply, REPEATED))
    often = {gram for gram, count in Counter(grams).items() if count > 1}
    covered = {at + step for at, gram in enumerate(grams) if gram in often for step in range(REPEATED)}
    return len(covered) / len(reply) if reply else 0.0


class Known:
    """The replies that a model was trained on: whether another is one of them, and how much of it stands in one."""

    def __init__(self, training: Sequence[str]) -> None:
        self._whole = {fold(text) for text in training} - {""}
        split = [terms(text) for text in dict.fromkeys(training)]
        self._code = {word: at for at, word in enumerate(dict.fromkeys(word for words in split for word in words))}
        joined = [code for words in split for code in (*(self._code[word] for word in words), -1)]
        self._text = np.array([*joined, -1], dtype=np.int64)
        self._order = np.argsort(self._text, kind="stable")
        self._sorted = self._text[self._order]

    def is_copy(self, reply: str) -> bool:
        """Whether the reply, however it is written, is one of the training."""
        return fold(reply) in self._whole

    def copied_span(self, reply: str) -> float:
        """The share of a reply's words in the longest run of them that a training reply holds; 0 of no words."""
        codes = [self._code.get(word, -2) for word in terms(reply)]
        best = 0
        for start in range(len(codes)):
            if len(codes) - start > best:
                best = max(best, self._reach(codes[start:]))
        return best / len(codes) if codes else 0.0

    def _reach(self, codes: Sequence[int]) -> int:
        """How many of the first words stand somewhere in a row."""
        low, high = np.searchsorted(self._sorted, [codes[0], codes[0] + 1])
        places, length = self._order[low:high], 0
        if codes[0] < 0:
            return 0
        while len(places):
            length += 1
            if length == len(codes):
                break
            places = places[self._text[places + length] == codes[length]]
        return length


def lengths(texts: Sequence[str]) -> Array:
    """[n, 2]: the words and the characters of each text."""
    return np.array([(len(terms(text)), len(text)) for text in texts], dtype=float).reshape(-1, 2)


def _grams(words: Words, n: int) -> Iterable[tuple[str, ...]]:
    return (tuple(words[at : at + n]) for at in range(len(words) - n + 1))
