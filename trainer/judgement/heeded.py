"""What feedback changed: the messages that people corrected, asked again of what is live and of the candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from data.schema import Example
from export.predict import Prediction, Predictor
from export.replies import key_of
from trainer.material import Material, conversation

MOST = 500
"""Messages of a kind that are asked again: the newest."""

Is = Callable[[Prediction, Example], bool]
"""Whether what a model makes of a message is what people said of it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Of `rows` messages, how many each model answers as people said it should; `live` is None where nothing is."""

    rows: int
    live: int | None
    candidate: int

    def to_wire(self) -> dict[str, int | None]:
        return {"rows": self.rows, "live": self.live, "candidate": self.candidate}


@dataclass(frozen=True, slots=True)
class Heeded:
    """Corrected replies and corrected intents: those that the candidate `learned`, and those held out of it."""

    learned: dict[str, Kept]
    held_out: dict[str, Kept]

    def to_wire(self) -> dict[str, Any]:
        parts = {"learned": self.learned, "held_out": self.held_out}
        return {name: {what: kept.to_wire() for what, kept in part.items()} for name, part in parts.items()}


def heeded(material: Material, candidate: Predictor, live: Predictor | None) -> Heeded:
    """Ask both again what was corrected, with what had been said before it. A reply counts where it is the reviewer's
    word for word, an intent where it is the one that the reviewer named; replies that a model writes are not asked."""
    taught = [row for row in (*material.train, *material.validation) if row.is_taught]
    tested = [row for row in material.test if row.is_taught]

    def kept(rows: Sequence[Example], same: Is) -> Kept:
        asked = sorted(rows, key=lambda row: row.upload)[-MOST:]  # ids of feedback sort by time
        return Kept(len(asked), None if live is None else _count(live, asked, same), _count(candidate, asked, same))

    def both(replies: Sequence[Example], rows: Sequence[Example]) -> dict[str, Kept]:
        named = [row for row in rows if row.intent is not None] if candidate.parts.intent else []
        asked: dict[str, tuple[Sequence[Example], Is]] = {"replies": (replies, _replied), "intents": (named, _meant)}
        return {what: kept(some, same) for what, (some, same) in asked.items() if some}

    return Heeded(both(material.corrected, taught), both([row for row in tested if row.corrected], tested))


def _count(model: Predictor, rows: Sequence[Example], same: Is) -> int:
    said = model.reply_many([conversation(row) for row in rows])
    return sum(same(one, row) for one, row in zip(said, rows, strict=True))


def _replied(said: Prediction, row: Example) -> bool:
    return key_of(said.reply) == key_of(row.reply or "")


def _meant(said: Prediction, row: Example) -> bool:
    return said.intent == row.intent
