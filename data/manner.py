"""How one reply is said, apart from what it says: how long, how formal, how loud. Pure.

Traits that need a language (contractions, forms of address, courtesies) are told where it is known and has such forms;
a trait that a reply cannot show is not told at all: who addresses nobody is neither formal nor informal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from data.redact import PLACEHOLDER
from data.wording import emoji, sentences, terms

FEWEST_LETTERS = 8
"""Letters with case that a reply must have before capitals are called shouting."""
_SHOUTED = 0.6
_EXCLAMATION = re.compile("[!！]")
_CONTRACTED = re.compile(
    r"\b\w+(?:n't|'re|'ve|'ll|'m|'d)\b|\b(?:it|that|there|here|what|who|where|how|let|he|she)'s\b", re.IGNORECASE
)
_SPELLED_OUT = re.compile(
    r"\b(?:do|does|did|is|are|was|were|will|would|could|should|have|has|had|can) not\b|\bcannot\b|\bi am\b|"
    r"\b(?:you|we|they) are\b|\b(?:it|that|there|here|what) is\b|\b(?:i|you|we|they|it) will\b|"
    r"\b(?:i|you|we|they) have\b|\b(?:i|you|we|they) would\b|\blet us\b",
    re.IGNORECASE,
)
_WITHIN = r"(?<=\w )|(?<=, )"
"""Where a sentence has begun already, so that a capital says something."""
_INFORMAL: Mapping[str, re.Pattern[str]] = {
    "de": re.compile(r"\b(?:[dD]u|[dD]ich|[dD]ir|[dD]ein(?:e[mnrs]?)?|[eE]uch|[eE]ure?[mnrs]?)\b"),
    "fr": re.compile(r"\b(?:tu|toi|ton|ta|tes|te)\b|\bt['’]", re.IGNORECASE),
    "es": re.compile(r"\b(?:tú|tu|tus|ti|te|contigo|vosotros|vuestr[oa]s?|os)\b", re.IGNORECASE),
    "it": re.compile(r"\b(?:tu|ti|te|tuo|tua|tuoi|tue)\b", re.IGNORECASE),
    "nl": re.compile(r"\b(?:je|jij|jou|jouw|jullie)\b", re.IGNORECASE),
    "pt": re.compile(r"\b(?:tu|te|ti|teus?|tuas?|contigo|vocês?)\b", re.IGNORECASE),
    "zh": re.compile("你"),
}
_FORMAL: Mapping[str, re.Pattern[str]] = {
    "de": re.compile(rf"(?:{_WITHIN})(?:Sie|Ihnen|Ihr(?:e[mnrs]?)?)\b"),
    "fr": re.compile(r"\b(?:vous|votre|vos)\b", re.IGNORECASE),
    "es": re.compile(r"\b(?:usted(?:es)?|uds?\.)(?!\w)", re.IGNORECASE),
    "it": re.compile(rf"(?:{_WITHIN})(?:Lei|Suo|Sua|Suoi|Sue|Le|La)\b"),
    "nl": re.compile(r"\b(?:u|uw)\b", re.IGNORECASE),
    "pt": re.compile(r"\b(?:senhor(?:a|es|as)?|vossa)\b", re.IGNORECASE),
    "zh": re.compile("您"),
}
_COURTEOUS: Mapping[str, re.Pattern[str]] = {
    "en": re.compile(r"\b(?:please|thanks?|thank you)\b", re.IGNORECASE),
    "de": re.compile(r"\b(?:bitte|danken?|dank)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(?:merci|remerci\w+|s['’]il (?:vous|te) pla[iî]t|svp|stp|veuillez)\b", re.IGNORECASE),
    "es": re.compile(r"\b(?:por favor|gracias|agradec\w+)\b", re.IGNORECASE),
    "it": re.compile(r"\b(?:per favore|per piacere|grazie|prego|ringrazi\w+)\b", re.IGNORECASE),
    "nl": re.compile(r"\b(?:alsjeblieft|alstublieft|graag|bedankt|dank)\b", re.IGNORECASE),
    "pt": re.compile(r"\b(?:por favor|obrigad[oa]s?|agradec\w+)\b", re.IGNORECASE),
    "zh": re.compile("请|谢|感谢|麻烦您"),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """Length, and for each trait that the reply can show whether it does."""

    words: int
    sentences: int
    traits: Mapping[str, bool]


def manner(text: str, language: str | None = None) -> Manner:
    """How a reply is said; placeholders say nothing."""
    courtesies = _COURTEOUS.get(language or "")
    plain = PLACEHOLDER.sub(" ", text).replace("’", "'")
    traits: dict[str, bool | None] = {
        "emoji": bool(emoji(plain)),
        "exclaims": _EXCLAMATION.search(plain) is not None,
        "lower_case": _begins_small(plain),
        "shouts": _shouts(plain),
        "contracts": _contracts(plain) if language == "en" else None,
        "informal": _informal(plain, language),
        "courteous": courtesies.search(plain) is not None if courtesies else None,
    }
    shown = {name: value for name, value in traits.items() if value is not None}
    return Manner(len(terms(text)), sum(1 for _ in sentences(text)), shown)


def _begins_small(text: str) -> bool | None:
    first = next((char for char in text if char.isalnum()), "")
    return first.islower() if first.isupper() or first.islower() else None


def _shouts(text: str) -> bool | None:
    large, small = sum(map(str.isupper, text)), sum(map(str.islower, text))
    return large > _SHOUTED * (large + small) if large + small >= FEWEST_LETTERS else None


def _contracts(text: str) -> bool | None:
    short, long = len(_CONTRACTED.findall(text)), len(_SPELLED_OUT.findall(text))
    return short >= long if short or long else None


def _informal(text: str, language: str | None) -> bool | None:
    small, large = _INFORMAL.get(language or ""), _FORMAL.get(language or "")
    if small is None or large is None:
        return None
    informal, formal = len(small.findall(text)), len(large.findall(text))
    return informal > formal if informal or formal else None
