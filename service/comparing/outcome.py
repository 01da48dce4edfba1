"""The blind lifted: how often each of the two was preferred, and whether that is more than chance. Pure.

Only questions on which somebody preferred one count towards the share and the sign test: a tie speaks for neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data.chance import chance_of, wilson
from data.verdict_view import by_chance
from service.comparing.blind import Judged, Pin, stands_left

Fate = Literal["won", "lost", "both good", "both bad", "skip", "same"]
FATES: tuple[Fate, ...] = ("won", "lost", "both good", "both bad", "skip", "same")


def fate(pin: Pin, judged: Judged) -> Fate:
    """What became of the release that is asked about."""
    if judged.choice in ("left", "right"):
        return "won" if (judged.choice == "left") == stands_left(pin.seed, judged.question) else "lost"
    return judged.choice  # type: ignore[return-value]  # what is left of the choices are fates


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a comparison ended, or stands."""

    pin: Pin
    judged: tuple[Judged, ...]

    @classmethod
    def of(cls, pin: Pin, judged: Iterable[Judged | None]) -> Outcome:
        """None stands for what is open."""
        return cls(pin, tuple(one for one in judged if one is not None))

    @property
    def counts(self) -> Mapping[Fate, int]:
        found = Counter(fate(self.pin, one) for one in self.judged)
        return {name: found[name] for name in FATES}

    @property
    def open(self) -> int:
        """Questions that nobody judged yet."""
        return self.pin.questions - len(self.judged)

    @property
    def share(self) -> tuple[float, float, float] | None:
        """Of the questions on which one was preferred, the share that the release won, with its 95 % interval."""
        won, decided = self.counts["won"], self.counts["won"] + self.counts["lost"]
        return (won / decided, *wilson(won, decided)) if decided else None

    @property
    def chance(self) -> float:
        """The two-sided exact p-value of the sign test."""
        return chance_of(self.counts["won"], self.counts["lost"])

    def lost(self) -> list[Judged]:
        """The questions on which the other was preferred, in order."""
        return [one for one in self.judged if fate(self.pin, one) == "lost"]

    def by_source(self) -> dict[str, dict[str, int]]:
        """How replies of the release fared, by where they came from; only where somebody was asked."""
        found: dict[str, Counter[str]] = {}
        for one in self.judged:
            what = fate(self.pin, one)
            if what in ("won", "lost", "both good", "both bad"):
                found.setdefault(one.sources[0], Counter())[what] += 1
        return {source: {name.replace(" ", "_"): found[source][name] for name in FATES[:4]} for source in sorted(found)}

    def summary(self) -> str:
        """One sentence for people who read no statistics; what was not judged stands in others."""
        counts, release, other = self.counts, self.name(self.pin.release.number), self.name(self.pin.other.number)
        won, lost, good, bad = counts["won"], counts["lost"], counts["both good"], counts["both bad"]
        asked = won + lost + good + bad
        neither = f", and neither on {good + bad} (both good {good}, both bad {bad})" if good + bad else ""
        weighed = "nothing speaks for either" if won == lost else by_chance(self.chance)
        said = f"Of {asked} questions that were judged, {release} was preferred on {won} and {other} on {lost}{neither}"
        beside = [(counts["same"], "got the same reply from both"), (counts["skip"], "skipped"), (self.open, _OPEN)]
        return " ".join([f"{said}; {weighed}.", *(f"{number} {what}." for number, what in beside if number)])

    def name(self, number: int) -> str:
        return f"{self.pin.bot}@{number}"

    def to_wire(self) -> dict[str, Any]:
        counts, share = self.counts, self.share
        return {
            "bot": self.pin.bot,
            "release": self.pin.release.number,
            "other": self.pin.other.number,
            "dataset": self.pin.dataset,
            "seed": self.pin.seed,
            "questions": self.pin.questions,
            "open": self.open,
            **{_WIRE.get(name, name.replace(" ", "_")): counts[name] for name in FATES},
            "share": None if share is None else dict(zip(("value", "low", "high"), share, strict=True)),
            "p_value": self.chance,
            "summary": self.summary(),
            "by_source": self.by_source(),
            "choices": [self._lifted(one) for one in self.judged],
        }

    def _lifted(self, one: Judged) -> dict[str, Any]:
        sources = dict(zip(("release", "other"), one.sources, strict=True))
        return {"question": one.question, "fate": fate(self.pin, one), "sources": sources, "note": one.note}


_WIRE = {"skip": "skipped"}
_OPEN = "open: a figure that is looked at on the way proves less"
