"""Whether a training went well: each finding is provoked by the figures it is about, and by no good training."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Collapsed, Diverged
from data.schema import Finding
from trainer.core.callbacks import Row
from trainer.core.health import (
    FOREIGN_LANGUAGE,
    KINDS,
    SENTIMENT_COLLAPSED,
    WRITING_LEFT_OUT,
    Scoring,
    Signs,
    diagnose,
    guess_loss,
    refuse,
)

PAGE = Path(__file__).parents[4] / "docs" / "recipes.md"
MIXED = ["a", "b", "c", "d"] * 10


def epochs(*rows: tuple[float, float | None, float | None]) -> list[Row]:
    """One row per (training loss, validation loss, F1)."""
    return [
        Row(training, at + 1, 10 * (at + 1), held, {} if f1 is None else {"f1": f1})
        for at, (training, held, f1) in enumerate(rows)
    ]


def losses(*training: float) -> list[Row]:
    return epochs(*((loss, None, None) for loss in training))


GOOD = epochs((1.2, 1.0, 0.7), (0.6, 0.7, 0.8), (0.3, 0.6, 0.85))
# The loss moves, the score does not: the card of a model that says one class to everything.
PUBLISHED = epochs(
    (0.3105, 0.3021, 0.9546), (0.2987, 0.2954, 0.9546), (0.3052, 0.3160, 0.9546), (0.2871, 0.2902, 0.9546)
)
RISES = epochs((1.0, 0.8, 0.7), (0.4, 0.62, 0.71), (0.1, 0.75, 0.71), (0.02, 0.91, 0.7))


def right_on(share: float, truth: Sequence[str] = MIXED, learned: float | None = 0.99) -> Scoring:
    """The first `share` of the rows right, the others taken for the next label."""
    labels = sorted(set(truth))
    after = {label: labels[(at + 1) % len(labels)] for at, label in enumerate(labels)}
    said = [t if at < share * len(truth) else after[t] for at, t in enumerate(truth)]
    return Scoring(truth, said, learned)


def always(label: str, truth: Sequence[str] = MIXED, but: int = 0) -> Scoring:
    """`label` to everything but the first `but` rows, which get another, wrong one."""
    other = next(name for name in sorted(set(truth)) if name != label)
    return Scoring(truth, [other if at < but else label for at in range(len(truth))], 0.9)


FREQUENT = ["a"] * 95 + ["b"] * 5
SICK: dict[str, tuple[str, Signs]] = {
    "one class": ("collapsed", Signs(GOOD, [always("a")])),
    "one class in every fold together": ("collapsed", Signs(losses(0.1), [always("b"), always("b")])),
    "one class in two rows": ("collapsed", Signs(GOOD, [always("a", ["a", "b"])])),
    "the frequent class": ("collapsed", Signs(GOOD, [always("a", FREQUENT)])),
    "nearly always the frequent class": ("collapsed", Signs(GOOD, [always("a", FREQUENT, but=4)])),
    "a score that stands still, published": ("collapsed", Signs(PUBLISHED)),
    "a loss that is no number": ("diverged", Signs(losses(0.5, math.nan))),
    "an endless validation loss": ("diverged", Signs(epochs((0.5, math.inf, 0.1)))),
    "a loss that rises": ("diverged", Signs(losses(0.4, 0.5, 0.9, 1.9), guess_loss=math.log(4))),
    "a loss that rises in two epochs": ("diverged", Signs(losses(0.4, 1.9), guess_loss=math.log(4))),
    "a loss that rises, who knows over what": ("diverged", Signs(losses(0.4, 0.5, 0.9, 1.9))),
    "validation rises while training falls": ("overfitted", Signs(RISES, [right_on(0.71)])),
    "replies: validation rises, the score falls": ("overfitted", Signs(RISES)),
    "labels by heart": ("overfitted", Signs(losses(0.01), [right_on(0.2)])),
    "hardly below guessing": ("underfitted", Signs(losses(1.38, 1.37), [right_on(0.4)], math.log(4))),
    "hardly below guessing, unscored": ("underfitted", Signs(losses(1.38, 1.37), guess_loss=math.log(4))),
    "a score that stands still": ("score_unmoved", Signs(PUBLISHED, [right_on(0.9)])),
}


@pytest.mark.parametrize("name", SICK)
def test_what_went_wrong_is_found(name: str) -> None:
    code, signs = SICK[name]
    found = {finding.code: finding for finding in diagnose(signs)}
    assert code in found
    finding = found[code]
    assert (finding.severity, finding.remedy) == (KINDS[code].severity, KINDS[code].remedy)
    assert finding.count > 0
    assert finding.sample.endswith(".")


def test_every_finding_is_provoked_and_stands_on_the_page() -> None:
    # Seen before the training, which test_languages provokes, and beside it: test_written_replies, test_sentiment.
    elsewhere = {FOREIGN_LANGUAGE, WRITING_LEFT_OUT, SENTIMENT_COLLAPSED}
    assert {code for code, _ in SICK.values()} | elsewhere == set(KINDS)
    section = PAGE.read_text(encoding="utf-8").split("## What a training says of itself")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, flags=re.MULTILINE))
    assert rows == {code: kind.severity for code, kind in KINDS.items()}


HEALTHY: dict[str, Signs] = {
    "nothing known": Signs(()),
    "a good training": Signs(GOOD, [right_on(0.9)], math.log(4)),
    "a perfect score from the start": Signs(
        epochs((0.5, 0.4, 1.0), (0.2, 0.2, 1.0), (0.1, 0.1, 1.0)), [right_on(1.0)], math.log(4)
    ),
    "one class where there is only one": Signs(GOOD, [Scoring(["a"] * 9, ["a"] * 9, 1.0)]),
    "rare classes that are found": Signs(GOOD, [right_on(0.98, FREQUENT)]),
    "two epochs of one score": Signs(PUBLISHED[:2], [right_on(0.9)]),
    "a score of few rows that stands still": Signs(PUBLISHED, [right_on(0.9, MIXED[:20])]),
    "a loss that hardly moves": Signs(epochs(*[(0.5, 0.4, 0.8), (0.5001, 0.4, 0.8), (0.5, 0.4, 0.8)])),
    "a loss that rises within what a batch explains": Signs(losses(0.02, 0.03, 0.04), guess_loss=math.log(4)),
    "a loss that rises to what guessing costs": Signs(
        losses(0.34, 0.64), [right_on(0.9, ["a", "b"] * 20)], math.log(2)
    ),
    "a loss that rose and fell": Signs(losses(0.4, 2.0, 1.5, 1.2), [right_on(0.9)], math.log(4)),
    "a linear head that knows less of unseen rows": Signs(losses(0.1), [right_on(0.6)], math.log(4)),
    "a soft head that is right": Signs(losses(1.35), [right_on(0.95)], math.log(4)),
    "recall that stands still": Signs(
        [Row(0.5 / at, at, at, 0.5 / at, {"recall_at_1": 0.4}) for at in (1, 2, 3)], score="recall_at_1"
    ),
    "folds of which one scores one label": Signs(losses(0.1), [Scoring(["a"], ["a"], 1.0), right_on(0.9)]),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_went_well_is_left_alone(name: str) -> None:
    assert diagnose(HEALTHY[name]) == ()


def test_errors_come_first_and_end_a_run() -> None:
    found = diagnose(Signs(epochs((0.5, 0.2, 0.5), (0.1, 0.9, 0.4)), [always("a")], 0.4))
    assert [finding.severity for finding in found] == ["error", "warning"]
    with pytest.raises(Collapsed, match="one answer, 'a'") as caught:
        refuse(found)
    assert caught.value.remedy == KINDS["collapsed"].remedy
    with pytest.raises(Diverged):
        refuse(diagnose(Signs(losses(math.inf))))
    refuse(found[1:])
    refuse([Finding("elsewhere", "warning", 1, "Nothing.")])


def test_guessing_costs_the_entropy_of_the_labels() -> None:
    assert guess_loss(["a", "b"] * 5) == pytest.approx(math.log(2))
    assert guess_loss(["a"] * 5) == guess_loss([]) == 0.0


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 5)
MEASURED = st.dictionaries(st.sampled_from(["f1", "accuracy"]), st.floats(0, 1))
ROWS = st.lists(st.builds(Row, NUMBERS, st.just(1.0), st.just(1), st.none() | NUMBERS, MEASURED), max_size=6)
LABELS = st.sampled_from("abc")
SCORINGS = st.lists(
    st.builds(
        lambda pairs, learned: Scoring([t for t, _ in pairs], [p for _, p in pairs], learned),
        st.lists(st.tuples(LABELS, LABELS), max_size=40),
        st.none() | st.floats(0, 1),
    ),
    max_size=3,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # never an assertion on time
@given(ROWS, SCORINGS, st.none() | st.floats(0, 10))
def test_any_figures_are_judged_and_one_answer_to_two_labels_never_passes(
    history: list[Row], scorings: list[Scoring], guess: float | None
) -> None:
    signs = Signs(history, scorings, guess)
    found = diagnose(signs)
    assert {finding.code for finding in found} <= set(KINDS)
    if len(set(signs.truth)) > 1 and len(set(signs.predicted)) == 1:
        with pytest.raises((Collapsed, Diverged)):
            refuse(found)
