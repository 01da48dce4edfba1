"""The bars of a release: from which score a message is answered, an earlier reply said, a question asked back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The bars of one release, chosen on data the models did not learn from. None: no bar is low enough, never do it.

    `by_language` holds bars in place of `answer` for messages in languages that need another (trainer/intents).
    `generated` is the score from which a reply that was written for this conversation is said.
    `clarify_together` is the least probability two intents must hold between them to be worth a question;
    `clarify_ratio` how likely the second must be, as a share of the first.
    """

    answer: float | None = None
    oos: float = 0.0
    reply: float | None = None
    generated: float | None = None
    clarify_together: float = 0.6
    clarify_ratio: float = 0.4
    by_language: Mapping[str, float | None] = field(default_factory=dict)

    def bar(self, language: str | None) -> float | None:
        """From which confidence a message in `language` is answered."""
        return self.answer if language is None else self.by_language.get(language, self.answer)

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Thresholds:
        """Read the manifest's `thresholds`; names this version does not know are left alone."""
        known = {name: body[name] for name in cls.__slots__ if name in body}
        own = known.pop("by_language", {})
        if not isinstance(own, Mapping):
            raise _not_a_number("by_language")
        bars = {**known, **{f"by_language.{code}": value for code, value in own.items()}}
        for name, value in bars.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number and not (value is None and name.startswith(("answer", "reply", "generated", "by_language."))):
                raise _not_a_number(name)
        return cls(**known, by_language=dict(own))

    def to_wire(self) -> dict[str, Any]:
        bars = {name: getattr(self, name) for name in self.__slots__ if name != "by_language"}
        return {**bars, "by_language": dict(self.by_language)} if self.by_language else bars


def _not_a_number(name: str) -> IntegrityError:
    return IntegrityError(f"The threshold {name!r} of the release is not a number.", remedy="Export the release again.")
