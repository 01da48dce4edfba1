"""What a conversation says to the models and to the policy: the turns as training saw them, and the customer's values.

Models read cleaned and redacted text, in chat as in training. The values behind the placeholders (an order number, an
e-mail address) stay here, for this one reply: nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from data.clean import clean
from data.merge import merge
from data.prepare import Preparer
from data.redact import PLACEHOLDER, Memory, Redactor
from data.schema import BRAND_ROLES, Role, Turn
from data.settings import ImportSettings
from export.placeholders import Values

Spoken = tuple[Role, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One conversation, ready for use.

    `message` is what the customer said last (consecutive messages as one), as typed; `turns` the conversation up to
    there, prepared; `last_reply` what the brand answered just before; `opening` is true while the customer has said
    nothing at all.
    """

    message: str
    turns: tuple[Spoken, ...] = ()
    values: Values = field(default_factory=dict)
    last_reply: str | None = None
    opening: bool = False


class Listener:
    """Prepares text the way training did, by the import settings the release was trained with. Thread-safe."""

    def __init__(self, imports: ImportSettings) -> None:
        self.message = Preparer(imports)
        """One utterance on its own, prepared for the intent model."""
        self._redactor = Redactor(imports)

    def hear(self, turns: Sequence[Spoken]) -> Heard:
        """Read `turns`, oldest first. What the brand said after the customer's last message is left out."""
        until = max((at for at, (role, _) in enumerate(turns, 1) if role == "user"), default=0)
        told = [(t.role, t.text) for t in merge(Turn(role, text) for role, text in turns[:until] if role != "system")]
        if not told:
            return Heard("", opening=True)
        memory = Memory()
        prepared = tuple((role, self._redactor.redact(clean(text).text, memory).text) for role, text in told)
        answered = any(role == "user" for role, _ in told[:-1])  # a greeting before that answered nothing
        return Heard(
            message=told[-1][1],
            turns=prepared,
            values=self._values(text for role, text in told if role == "user"),
            last_reply=next(text for role, text in reversed(turns[:until]) if role in BRAND_ROLES)
            if answered
            else None,
        )

    def _values(self, texts: Iterable[str]) -> Values:
        """What the customer typed, by kind. A kind of which one value could not be read back is left out altogether."""
        memory = Memory()
        values: dict[str, list[str]] = {}
        for text in texts:
            cleaned = clean(text).text
            redacted = self._redactor.redact(cleaned, memory)
            if len(redacted.stages) != 1:  # none, or one replacement uncovered another: not the customer's own words
                continue
            shift = 0
            for edit in redacted.stages[0].edits() or ():
                mark = PLACEHOLDER.match(redacted.text, edit.start + shift)
                if mark is not None:
                    values.setdefault(mark[1], []).append(cleaned[edit.start : edit.end])
                shift += edit.length - (edit.end - edit.start)
        distinct = [kind for kind, _ in memory.numbers]
        return {kind: (found[0],) for kind, found in values.items() if distinct.count(kind) == 1}
