"""Whether a reply abuses somebody: a short list of words that no brand says to its customers, in eight languages. Pure.

The list (`unkind.tsv`: language, tab, word) holds what is abuse wherever it stands, and leaves out words that are plain
ones in any of its languages, so that it can be asked whatever language a reply is in. Words are found as banned phrases
are: whatever their case and width, and whole ones only. A list knows words, not malice: it is a last look at what a
generator wrote, no judge of conversations.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from export.banned import says_banned

LIST = "unkind.tsv"


def abusive(text: str) -> tuple[str, ...]:
    """The words of the list that `text` says, in the order of the list; mostly none."""
    every = tuple(phrases())
    if not says_banned(text, every):
        return ()
    return tuple(phrase for phrase in every if says_banned(text, (phrase,)))


@lru_cache(maxsize=1)
def phrases() -> dict[str, tuple[str, ...]]:
    """Each word of the list, and the languages in which it is one."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (files("export") / LIST).read_text(encoding="utf-8").splitlines():
        language, _, phrase = line.partition("\t")
        found[phrase] = (*found.get(phrase, ()), language)
    return found
