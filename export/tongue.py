"""The language that a customer writes in, and what the bot could say in it: for bots of more than one language. Pure.

Only what is surely in another of the bot's languages is passed over: short and mixed texts, and those of languages that
the bot does not claim, may be said to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from data.language import surely
from data.schema import Role
from export.situation import Candidate

FOREIGN = "it is in another language than the message"


@dataclass(frozen=True, slots=True)
class Tongue:
    """What a conversation is held in. `language` is None where that is not sure, or the bot has one language alone."""

    language: str | None = None
    among: tuple[str, ...] = ()

    @classmethod
    def of(cls, turns: Sequence[tuple[Role, str]], languages: Sequence[str]) -> Self:
        """By the customer's newest message; where that tells too little, by all that the customer said, newest
        first."""
        if len(languages) < 2:
            return cls()
        said = [text for role, text in reversed(turns) if role == "user"]
        language = surely(said[0], languages) or surely(" ".join(said), languages) if said else None
        return cls(language, tuple(languages))

    def is_foreign(self, text: str) -> bool:
        """Whether `text` is surely in another of the bot's languages."""
        return self.language is not None and surely(text, self.among) not in (None, self.language)

    def foreign(self, texts: Iterable[str]) -> frozenset[str]:
        """Those of `texts` that are."""
        return frozenset(text for text in texts if self.is_foreign(text))

    def flaws(self, text: str) -> tuple[str, ...]:
        """What speaks against saying `text`, in words."""
        return (FOREIGN,) if self.is_foreign(text) else ()

    def best(self, candidates: Iterable[Candidate], k: int) -> tuple[Candidate, ...]:
        """The first `k`, with their flaws, and behind them the next for each that is in another language: `k` that can
        be said, as far as there are so many."""
        found: list[Candidate] = []
        wanted = k
        for candidate in candidates:
            if wanted < 1:
                break
            flaws = self.flaws(candidate.text)
            if not flaws or len(found) < k:
                found.append(replace(candidate, flaws=flaws))
            wanted -= not flaws
        return tuple(found)
