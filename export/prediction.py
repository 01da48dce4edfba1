"""A prediction: what the bot says, and all that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from export.drafts import Draft
from export.entities import Recognised
from export.sentiment import Sentiment
from export.situation import Action, Candidate, Ranked, Source


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the bot says and all that led to it. `intent` is `oos` for a message taken to be out of scope."""

    reply: str
    intent: str | None
    confidence: float
    source: Source
    reason: str
    ranking: tuple[Ranked, ...]
    candidates: tuple[Candidate, ...]
    release: str
    action: Action
    in_scope: float
    sentiment: Sentiment | None = None
    drafts: tuple[Draft, ...] = ()
    entities: tuple[Recognised, ...] = ()
    """Of the customer's newest message, with places in it as it was typed."""

    def to_wire(self) -> dict[str, Any]:
        """As JSON; scores rounded, since more digits serve only those who copy models."""
        return {
            "reply": self.reply,
            "intent": self.intent,
            "confidence": round(self.confidence, 3),
            "source": self.source,
            "action": self.action,
            "reason": self.reason,
            "in_scope": round(self.in_scope, 3),
            "ranking": [{"intent": r.intent, "probability": round(r.probability, 3)} for r in self.ranking],
            "candidates": [
                {
                    "reply": c.text,
                    "score": round(c.score, 3),
                    "intent": c.intent,
                    "count": c.count,
                    "approved": c.approved,
                    "flaws": list(c.flaws),
                }
                for c in self.candidates
            ],
            "drafts": [draft.to_wire() for draft in self.drafts],
            "sentiment": self.sentiment.to_wire() if self.sentiment else None,
            "entities": [entity.to_wire() for entity in self.entities],
            "release": self.release,
        }
