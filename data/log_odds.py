"""The words that one set of texts uses and another does not: log-odds with an informative Dirichlet prior. Pure.

A plain ratio of shares is ruled by rare words, a difference of shares by small ones such as "the". Here both sides get
the words of the two together as a prior, and each word's log-odds are divided by their standard deviation: what is left
is a z-score, high for words that are surely used more.

Source: Monroe, Colaresi & Quinn (2008), "Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the
Content of Political Conflict", equations 15 to 22.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from data.redact import PLACEHOLDER
from data.wording import terms

PRIOR = 500.0
"""Words that the prior is worth: as many as 40 short replies hold."""
SURE = 1.96
"""The z-score from which a word is told: one of 40 would reach it by chance."""
FEWEST = 3
"""Times that a word was used, at least."""
RATIO = 3.0
"""Times as often as the others a word must be used: small words are surely used a little more by somebody."""


def counted(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in `texts`; placeholders and what holds digits left out."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(word for word in terms(PLACEHOLDER.sub(" ", text)) if not any(map(str.isdigit, word)))
    return found


def characteristic(own: Mapping[str, int], others: Mapping[str, int], most: int) -> list[tuple[str, float]]:
    """The words that `own` uses surely more than `others`, with their z-scores, the most telling first."""
    if not own or not others:
        return []
    own_words, other_words = sum(own.values()), sum(others.values())
    least = {word: RATIO * (others.get(word, 0) + 0.5) / other_words for word in own}
    often = [word for word, count in own.items() if count >= FEWEST and count / own_words >= least[word]]
    scores = z_scores(own, others)
    sure = [(word, scores[word]) for word in often if scores[word] >= SURE]
    return sorted(sure, key=lambda one: (-one[1], one[0]))[:most]


def z_scores(own: Mapping[str, int], others: Mapping[str, int]) -> dict[str, float]:
    """The z-score of each word of `own`: above zero where it is used more than in `others`."""
    own_words, other_words = sum(own.values()), sum(others.values())
    every = own_words + other_words
    found = {}
    for word, here in own.items():
        there = others.get(word, 0)
        prior = PRIOR * (here + there) / every
        odds = _log_odds(here + prior, own_words + PRIOR) - _log_odds(there + prior, other_words + PRIOR)
        found[word] = odds / math.sqrt(1 / (here + prior) + 1 / (there + prior))
    return found


def _log_odds(count: float, of: float) -> float:
    return math.log(count) - math.log(max(of - count, 1e-9))
