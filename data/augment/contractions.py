"""Contractions drawn together, written out, or typed without their apostrophe ("dont"), as people do on phones.

A pair stands here only where both forms mean the same wherever they stand; "it's" is written out but where "it has"
may be meant, and "he'd" never. A negation keeps saying no in every form; `kept.essence` holds each change to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from data.augment.known import Known
from data.augment.said import Change, Draw, Said
from data.personal.words import vocabulary

PAIRS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "i'm": "i am", "you're": "you are", "we're": "we are", "they're": "they are", "it's": "it is",
        "that's": "that is", "there's": "there is", "what's": "what is", "where's": "where is", "who's": "who is",
        "how's": "how is", "i've": "i have", "you've": "you have", "we've": "we have", "they've": "they have",
        "i'll": "i will", "you'll": "you will", "we'll": "we will", "they'll": "they will", "it'll": "it will",
        "don't": "do not", "doesn't": "does not", "didn't": "did not", "can't": "cannot", "won't": "will not",
        "isn't": "is not", "aren't": "are not", "wasn't": "was not", "weren't": "were not", "hasn't": "has not",
        "haven't": "have not", "hadn't": "had not", "couldn't": "could not", "shouldn't": "should not",
        "wouldn't": "would not",
    },
    "de": {
        "geht's": "geht es", "gibt's": "gibt es", "hab's": "habe es", "ist's": "ist es", "ich hab": "ich habe",
        "fürs": "für das", "ums": "um das", "durchs": "durch das", "aufs": "auf das",
    },
    "fr": {"t'as": "tu as", "t'es": "tu es", "y a": "il y a"},
    "nl": {"'t": "het", "m'n": "mijn", "z'n": "zijn", "zo'n": "zo een"},
    "pt": {"pra": "para", "pro": "para o", "tá": "está", "tô": "estou"},
}  # fmt: skip
"""By language: the short form and the long one. Spanish, Italian and Russian contract where they must, or nowhere."""
BARE = vocabulary(
    "im youre theyre ive youve weve theyve thats theres whats wheres dont doesnt didnt cant wont isnt arent wasnt",
    "werent hasnt havent hadnt couldnt shouldnt wouldnt gehts gibts habs",
)
"""Short forms that people type without their apostrophe, and that are then no other word ("were", "its", "well")."""
_MAY_BE_HAS = re.compile(r"\s+(?:been|got|had|gone|become|done|come|taken|\w+ed)\b", re.IGNORECASE)


def contractions(said: Said, _known: Known, draw: Draw) -> list[Change]:
    """One contraction in its other form. Nothing in languages that have none."""
    found = list(_forms(said.text, (said.language or "").partition("-")[0]))
    return [draw.one(found)] if found else []


def _forms(text: str, language: str) -> Iterator[Change]:
    if language not in PAIRS:
        return
    short, long = PAIRS[language], {full: short for short, full in PAIRS[language].items()}
    for match in _pattern(language).finditer(text):
        written = match.group()
        low = " ".join(written.lower().replace("’", "'").split())
        if low in long:
            yield Change(*match.span(), _as_large(long[low], written))
            continue
        bare = low.replace("'", "")
        if bare != low and bare in BARE:
            yield Change(*match.span(), _as_large(bare, written))
        if not (low.endswith("'s") and _MAY_BE_HAS.match(text, match.end())):
            yield Change(*match.span(), _as_large(short[low], written))


def _as_large(new: str, old: str) -> str:
    """`new` in capitals, or with a large first letter, where `old` is."""
    letters = [char for char in old if char.isalpha()]
    if len(letters) > 1 and all(map(str.isupper, letters)):
        return new.upper()
    return new[:1].upper() + new[1:] if letters and letters[0].isupper() else new


@lru_cache(maxsize=len(PAIRS))
def _pattern(language: str) -> re.Pattern[str]:
    """All forms of a language, longest first; any apostrophe and any single space."""
    forms = sorted({*PAIRS[language], *PAIRS[language].values()}, key=lambda form: (-len(form), form))
    alternatives = "|".join(re.escape(form).replace("'", "['’]").replace(r"\ ", r"[ \t]") for form in forms)
    return re.compile(rf"(?<![\w'’])(?:{alternatives})(?![\w'’])", re.IGNORECASE)
