"""Whether a training went well: what its losses, its scores and its answers on unseen rows say. Pure.

A model that always says the most frequent label has a fine F1 where that label is frequent, and the same one after
every epoch; its loss still moves. So the figures of a training are looked at together: answers beside labels, scores
beside those of guessing, learned rows beside unseen ones. What makes a model worthless is an error and ends the run
(`refuse`); what makes it worse than it could be is a warning, and stands in the verdict and on the card.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from data.catalogue import Kind, finding_of
from data.errors import Collapsed, Diverged, TrainingError
from data.schema import Finding
from trainer.judgement.metrics import accuracy, macro_f1

if TYPE_CHECKING:
    from trainer.core.callbacks import Row

COLLAPSED, DIVERGED, OVERFITTED, UNDERFITTED, UNMOVED = (
    "collapsed",
    "diverged",
    "overfitted",
    "underfitted",
    "score_unmoved",
)
FOREIGN_LANGUAGE = "language_unknown_to_base"
"""Of a training on a base that does not know the language of the rows (languages)."""
SENTIMENT_COLLAPSED = "sentiment_collapsed"
"""Of a head beside the others, without which the release goes out (labels.sentiment)."""
WRITING_LEFT_OUT = "writing_left_out"
"""Of a generator that could not be trained, in an order that does not name it (generation)."""
KINDS: Mapping[str, Kind] = {
    COLLAPSED: Kind(
        "error", "Label more messages, more evenly spread over the labels, and lower the learning rate of the recipe."
    ),
    DIVERGED: Kind("error", "Lower the learning rate of the recipe."),
    OVERFITTED: Kind("warning", "Label more messages, or take fewer epochs, more frozen_layers or more weight_decay."),
    UNDERFITTED: Kind("warning", "Take more epochs, a higher learning rate, or a weaker regularisation."),
    UNMOVED: Kind("warning", "Compare the labels it never gives with those of the data; raise the learning rate."),
    FOREIGN_LANGUAGE: Kind(
        "warning",
        "Import a base that knows the language (`attune bases import`) and train with it; `attune bases` lists those"
        " there are.",
    ),
    SENTIMENT_COLLAPSED: Kind(
        "warning", "Label more messages with a sentiment, more evenly spread; this release goes out without one."
    ),
    WRITING_LEFT_OUT: Kind(
        "warning", "Do what it says, or train without a generator: name the other tasks (--task intent --task reply)."
    ),
}
"""The findings on a training, explained with examples in docs/recipes.md."""
ERRORS: Mapping[str, type[TrainingError]] = {COLLAPSED: Collapsed, DIVERGED: Diverged}

NEARLY_ALWAYS = 0.9
"""A label that so large a share of the rows gets is all that a model says, if saying it always would score as well."""
AS_GOOD = 0.01
"""Macro-F1 that is no gain over always saying the most common label."""
MOVED = 0.01
"""Share of itself that a loss must change by to have moved."""
STANDSTILL = 3
"""Epochs with one score, to the last digit, that are no accident any more."""
FEW_ROWS = 30
"""On fewer unseen rows a score has so few values that it stands still by itself."""
WELL_ABOVE = 0.25
"""A rise by this share of the loss of guessing, or of the first loss, is none that a batch could explain."""
RISING = 1.1
"""How many times its lowest value a validation loss must be to rise."""
GAP = 0.1
"""Accuracy on learned rows less that on unseen ones, from which they are far apart."""
HARDLY = 0.9
"""A training loss above this share of the loss of guessing is hardly below it."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """What one model says of rows it has not learned from, whose labels it knows, and the share of those it has
    learned from that it gets right (None where nobody asked)."""

    truth: Sequence[str]
    predicted: Sequence[str]
    learned: float | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """All that is known of a training: its epochs, its scorings (one per fold, none where no labels are predicted),
    the loss of guessing by frequency, and which metric of the history is its score."""

    history: Sequence[Row]
    scorings: Sequence[Scoring] = ()
    guess_loss: float | None = None
    score: str = "f1"

    @property
    def truth(self) -> list[str]:
        return [label for scoring in self.scorings for label in scoring.truth]

    @property
    def predicted(self) -> list[str]:
        return [label for scoring in self.scorings for label in scoring.predicted]

    @property
    def learned(self) -> float | None:
        told = [scoring.learned for scoring in self.scorings if scoring.learned is not None]
        return sum(told) / len(told) if told else None

    @property
    def validated(self) -> list[tuple[float, float]]:
        """(training loss, validation loss) of every epoch that has both."""
        return [(row.training_loss, row.validation_loss) for row in self.history if row.validation_loss is not None]

    @property
    def scores(self) -> list[float]:
        return [row.metrics[self.score] for row in self.history if self.score in row.metrics]

    @property
    def moves(self) -> bool:
        """Whether a loss changes from epoch to epoch."""
        for losses in zip(*self.validated, strict=True):
            if max(losses) - min(losses) > MOVED * max(map(abs, losses)):
                return True
        return False


def guess_loss(labels: Sequence[str]) -> float:
    """Mean negative log-likelihood of `labels` for who knows nothing but how frequent each is."""
    rows = len(labels)
    return sum(count / rows * math.log(rows / count) for count in Counter(labels).values()) if rows else 0.0


def diagnose(signs: Signs) -> tuple[Finding, ...]:
    """What there is to say about a training, errors first; nothing where it went well."""
    found = [finding for rule in RULES for finding in rule(signs)]
    return tuple(sorted(found, key=lambda finding: finding.severity != "error"))


def refuse(findings: Sequence[Finding]) -> None:
    """Raise Diverged or Collapsed where a finding says that the model is worthless."""
    for finding in findings:
        if finding.severity == "error":
            raise ERRORS[finding.code](finding.sample, remedy=finding.remedy)


def diverged(signs: Signs) -> Iterator[Finding]:
    losses = [row.training_loss for row in signs.history]
    held = [loss for _, loss in signs.validated]
    if not all(map(math.isfinite, [*losses, *held])):
        yield finding_of(KINDS, DIVERGED, len(losses), "The loss is not a number in every epoch.")
        return
    half = losses[(len(losses) - 1) // 2 :]
    rising = len(half) > 1 and all(later >= before for before, later in pairwise(half))
    # A linear head that learned first starts far below guessing: to lose some of that is not yet to diverge.
    guessing = signs.guess_loss if signs.guess_loss is not None else 0.0
    if rising and losses[-1] > max(guessing, losses[0] + WELL_ABOVE * max(guessing, losses[0])):
        said = f"The training loss rose from {losses[0]:.4f} to {losses[-1]:.4f}, to the end."
        yield finding_of(KINDS, DIVERGED, len(losses), said)


def collapsed(signs: Signs) -> Iterator[Finding]:
    if not signs.scorings:
        # Without the answers, as on a published card, the score alone has to tell.
        if signs.score == "f1" and _stands_still(signs):
            yield finding_of(KINDS, COLLAPSED, len(signs.scores), _standstill(signs))
        return
    truth, predicted = signs.truth, signs.predicted
    if len(set(truth)) < 2:
        return
    label, count = Counter(predicted).most_common(1)[0]
    if count == len(predicted):
        said = f"All {count} messages it had not learned from got one answer, {label!r}; they have {len(set(truth))}."
        yield finding_of(KINDS, COLLAPSED, count, said)
    elif count >= NEARLY_ALWAYS * len(predicted) and macro_f1(truth, predicted) <= _guessed(truth) + AS_GOOD:
        said = f"Of {len(predicted)} messages it had not learned from {count} got the answer {label!r}: a macro-F1 of "
        said += f"{macro_f1(truth, predicted):.4f}, where always saying the most common label gives "
        yield finding_of(KINDS, COLLAPSED, count, f"{said}{_guessed(truth):.4f}.")


def unmoved(signs: Signs) -> Iterator[Finding]:
    if len(set(signs.predicted)) > 1 and len(signs.truth) >= FEW_ROWS and _stands_still(signs):
        yield finding_of(KINDS, UNMOVED, len(signs.scores), _standstill(signs))


def overfitted(signs: Signs) -> Iterator[Finding]:
    truth, learned = signs.truth, signs.learned
    if truth and learned is not None:
        unseen = accuracy(truth, signs.predicted)
        if learned - unseen < GAP:
            return
        apart = f"It is right on {learned * 100:.0f} % of what it has learned and {unseen * 100:.0f} % of the rest"
    elif signs.scores and signs.scores[-1] < max(signs.scores):
        apart = f"Its score fell from {max(signs.scores):.4f} to {signs.scores[-1]:.4f}"
    else:
        return
    rows = signs.validated
    lowest = min(range(len(rows)), key=lambda at: rows[at][1], default=0)
    if rows and rows[-1][1] > RISING * rows[lowest][1] and rows[-1][0] < rows[lowest][0]:
        said = f"{apart}, and its validation loss rose from {rows[lowest][1]:.4f} to {rows[-1][1]:.4f} while the "
        yield finding_of(KINDS, OVERFITTED, len(truth) or len(rows), said + "training loss fell.")
    elif not rows and truth and accuracy(truth, signs.predicted) <= _common_share(truth):
        # A linear head has no epochs: what it learned is worth nothing if guessing is as good on unseen rows.
        yield finding_of(
            KINDS, OVERFITTED, len(truth), f"{apart}, no more than always saying the most common label would get."
        )


def underfitted(signs: Signs) -> Iterator[Finding]:
    if not signs.history or not signs.guess_loss:
        return
    loss, truth = signs.history[-1].training_loss, signs.truth
    knows = bool(truth) and accuracy(truth, signs.predicted) > (1 + _common_share(truth)) / 2
    if loss > HARDLY * signs.guess_loss and not knows:
        said = f"The training loss ended at {loss:.4f}; guessing by how frequent each answer is gives "
        yield finding_of(KINDS, UNDERFITTED, len(truth) or len(signs.history), f"{said}{signs.guess_loss:.4f}.")


RULES: tuple[Callable[[Signs], Iterator[Finding]], ...] = (diverged, collapsed, unmoved, overfitted, underfitted)


def _stands_still(signs: Signs) -> bool:
    scores = signs.scores
    return len(scores) >= STANDSTILL and len(set(scores)) == 1 and scores[0] < 1 and signs.moves


def _standstill(signs: Signs) -> str:
    losses = [loss for _, loss in signs.validated]
    return (
        f"The score is {signs.scores[0]:.4f} after each of {len(signs.scores)} epochs, to the last digit, while the "
        f"validation loss moves between {min(losses):.4f} and {max(losses):.4f}."
    )


def _guessed(truth: Sequence[str]) -> float:
    """The macro-F1 of always saying the most common label."""
    common = Counter(truth).most_common(1)[0][0]
    return macro_f1(truth, [common] * len(truth))


def _common_share(truth: Sequence[str]) -> float:
    return Counter(truth).most_common(1)[0][1] / len(truth)
