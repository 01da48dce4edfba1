"""Both replies to a question, by the way that serves customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.predict import Predictor
from service.comparing.blind import Choice, Judged, Pin, sided, stands_left
from service.comparing.questions import Question


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and both replies, with their sources: of the release first, then of the other."""

    question: Question
    replies: tuple[str, str]
    sources: tuple[str, str]
    release_left: bool

    @property
    def same(self) -> bool:
        """Whether there is nothing to choose."""
        return self.replies[0] == self.replies[1]

    @property
    def shown(self) -> tuple[str, str]:
        """What stands left, and what stands right."""
        return sided(self.replies, left=self.release_left)

    def judged(self, choice: Choice, note: str = "") -> Judged:
        return Judged(self.question.id, choice, note, self.sources)


@dataclass(frozen=True)
class Contest:
    """Two releases that are loaded, and what they are asked."""

    pin: Pin
    questions: Sequence[Question]
    predictors: tuple[Predictor, Predictor]

    def pair(self, question: Question) -> Pair:
        """What both say to it. Raises Overloaded."""
        release, other = (predictor.reply(question.turns) for predictor in self.predictors)
        return Pair(
            question,
            (release.reply, other.reply),
            (release.source, other.source),
            stands_left(self.pin.seed, question.id),
        )
