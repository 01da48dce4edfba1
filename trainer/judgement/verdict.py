"""The decision: may the candidate go live? Pure: a comparison, a parity report, goals and findings in, a Verdict out.

Every rule looks at one thing and gives its reasons as sentences a business understands. A rule can object (`reject`),
doubt (`hold`) or speak in favour (`promote`); the gravest word of all decides. Better evidence only ever removes an
objection or a doubt, so it cannot turn a promotion into a rejection.

Reject: the exported model does not answer as the trained one; the training diverged or collapsed; a check found an
error; the candidate is not better than floor or base, or is significantly worse than live, in macro-F1 (paired
bootstrap, 95 %). Hold: the test set cannot tell, a goal is not met, or a part of the traffic (a language, say) is
significantly worse than live, however good the whole is. Promote: otherwise. docs/verdict.md tells it to its readers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from data.profile import Acceptance
from data.schema import Finding
from trainer.core import health
from trainer.entities import entity_data
from trainer.judgement import regressions
from trainer.judgement.comparison import Comparison
from trainer.judgement.intervals import Difference, Interval

Decision = Literal["promote", "hold", "reject"]
SEVERITY: tuple[Decision, ...] = ("reject", "hold", "promote")

FEWEST_ROWS = 50
"""Below this many test messages nothing is believed: at 50 the interval of a share of 0.9 is still 17 points wide."""
TOLERATED_LOSS = 0.01
"""How much worse than live, in macro-F1, a candidate may plausibly be and still take its place. A retraining on a few
more conversations changes little; to ask each for a proven gain would hold back all of them."""

NAMES = {"floor": "the simple word-counting model", "base": "the untuned base model", "live": "the live release"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's word on the candidate."""

    decision: Decision
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of a candidate. `parity` holds at least `passed`; None when export was not compared."""

    comparison: Comparison
    parity: Mapping[str, Any] | None
    goals: Acceptance
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and what it rests on, JSON-ready; the gravest reasons come first."""

    decision: Decision
    reasons: tuple[str, ...]
    models: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    flips: tuple[Mapping[str, str], ...]
    parity: Mapping[str, Any]
    slices: tuple[Mapping[str, Any], ...]
    against: Mapping[str, Mapping[str, Any]]
    """The candidate beside each other model: differences with intervals, rows won and lost, McNemar's p-value."""
    forgetting: Mapping[str, Mapping[str, Any]]
    """By task, how much general language the tuned encoder forgot."""
    findings: tuple[Mapping[str, Any], ...] = ()
    """What there is to say about the data, without the samples, since a verdict is passed on; and about the training
    and the comparison, with a `sentence` each."""
    feedback: Mapping[str, Any] = field(default_factory=dict)
    """How many corrected messages live and candidate answer as people said; empty where it was not asked."""

    def to_wire(self) -> dict[str, Any]:
        """The verdict as rows, reports and programs hold it: the fields above, under their names."""
        return {
            "decision": self.decision,
            "reasons": list(self.reasons),
            "models": {model: dict(metrics) for model, metrics in self.models.items()},
            "flips": [dict(flip) for flip in self.flips],
            "parity": dict(self.parity),
            "slices": [dict(part) for part in self.slices],
            "against": {model: dict(told) for model, told in self.against.items()},
            "forgetting": {task: dict(told) for task, told in self.forgetting.items()},
            "findings": [dict(finding) for finding in self.findings],
            "feedback": dict(self.feedback),
        }


def decide(
    comparison: Comparison, parity: Mapping[str, Any] | None, goals: Acceptance, findings: Sequence[Finding]
) -> Verdict:
    """Weigh every rule. With no live release the candidate is compared with floor and base only."""
    case = Case(comparison, parity, goals, findings)
    reasons = sorted((reason for rule in RULES for reason in rule(case)), key=lambda r: SEVERITY.index(r.decision))
    return Verdict(
        decision=reasons[0].decision,
        reasons=tuple(reason.text for reason in reasons),
        models=comparison.models_to_wire(),
        flips=tuple(flip.to_wire() for flip in comparison.flips),
        parity=dict(parity or {}),
        slices=tuple(part.to_wire() for part in comparison.slices),
        against=comparison.against_to_wire(),
        forgetting={task: found.to_wire() for task, found in comparison.forgetting.items()},
        findings=tuple(_without_sample(one) for one in (*findings, *regressions.regressions(comparison))),
    )


def _without_sample(finding: Finding) -> Mapping[str, Any]:
    shown = ("code", "severity", "count", "remedy")
    told = {name: value for name, value in finding.to_wire().items() if name in shown}
    # What is said of a training or a comparison quotes nobody.
    quotes_nobody = any(finding.code in kinds for kinds in (health.KINDS, regressions.KINDS, entity_data.KINDS))
    return {**told, "sentence": finding.sample} if quotes_nobody else told


def training_is_sound(case: Case) -> Iterator[Reason]:
    if case.comparison.diverged:
        yield Reason("reject", "The training broke down: the model gives scores that are not numbers.")
    if case.comparison.collapsed:
        yield Reason("reject", "The training broke down: the model gives the same answer to every message.")


def export_is_faithful(case: Case) -> Iterator[Reason]:
    if case.parity is None:
        yield Reason("hold", "The exported model has not been compared with the trained one.")
    elif not case.parity.get("passed", False):
        yield Reason("reject", "The exported model does not answer as the trained model does.")
    else:
        yield Reason("promote", "The exported model answers as the trained model does.")


LIVE_NOT_COMPARED = "live_not_compared"
"""The finding that says that the live release could not be loaded for the comparison."""


def checks_found_no_error(case: Case) -> Iterator[Reason]:
    for finding in case.findings:
        if finding.severity == "error":
            yield Reason("reject", f"A check found an error ({finding.code}, {finding.count} rows). {finding.remedy}")
        elif finding.code == LIVE_NOT_COMPARED:
            yield Reason("hold", f"What is live does not load, so that it was not compared with. {finding.remedy}")


def beats_floor_and_base(case: Case) -> Iterator[Reason]:
    for model in ("floor", "base"):
        against = case.comparison.against.get(model)
        if against is None:
            yield Reason("hold", f"The candidate has not been compared with {NAMES[model]}.")
            continue
        gap = against.macro_f1
        if not _known(gap):
            yield Reason("hold", f"The test messages do not allow a comparison with {NAMES[model]}.")
        elif gap.value <= 0:
            yield Reason("reject", f"The candidate is not better than {NAMES[model]}: {gap.points} in macro-F1.")
        elif gap.straddles:
            yield Reason(
                "hold",
                f"The candidate looks better than {NAMES[model]} ({gap.points} in macro-F1), but too few test "
                "messages tell the two apart to be sure.",
            )
        else:
            yield Reason("promote", f"The candidate is better than {NAMES[model]}: {gap.points} in macro-F1.")


def is_no_step_back(case: Case) -> Iterator[Reason]:
    against = case.comparison.against.get("live")
    if against is None:
        return
    gap = against.macro_f1
    if not _known(gap):
        yield Reason("hold", "The test messages do not allow a comparison with the live release.")
    elif gap.high < 0:
        yield Reason("reject", f"The candidate is worse than the live release: {gap.points} in macro-F1.")
    elif gap.low <= -TOLERATED_LOSS:
        yield Reason(
            "hold",
            f"The candidate may be worse than the live release ({gap.points} in macro-F1); the test messages "
            "cannot rule it out.",
        )
    elif gap.low > 0:
        yield Reason("promote", f"The candidate is better than the live release: {gap.points} in macro-F1.")
    else:
        yield Reason("promote", f"The candidate is as good as the live release: {gap.points} in macro-F1.")


def no_part_is_worse(case: Case) -> Iterator[Reason]:
    """Only what customers have now can be taken from them: parts worse than the base are findings, no doubts."""
    if case.comparison.reference != "live":
        return
    for part in regressions.worse_slices(case.comparison.slices):
        exchange = part.exchange
        assert exchange is not None  # it is worse than live
        yield Reason(
            "hold",
            f"On part of the messages ({part.name}: {part.value}) the candidate is worse than the live release: of "
            f"{part.rows}, {exchange.lost} went wrong and {exchange.won} came right.",
        )


def replies_are_no_worse(case: Case) -> Iterator[Reason]:
    for model, name in (("floor", "keyword search"), ("base", NAMES["base"]), ("live", NAMES["live"])):
        against = case.comparison.against.get(model)
        if against is not None and against.recall_at_1 is not None and against.recall_at_1.high < 0:
            yield Reason(
                "hold",
                f"The candidate finds the brand's own reply less often than {name}: "
                f"{against.recall_at_1.points} in recall at 1.",
            )


def enough_test_messages(case: Case) -> Iterator[Reason]:
    if (rows := case.comparison.rows) < FEWEST_ROWS:
        said = f"The test set holds {rows} messages; fewer than {FEWEST_ROWS} cannot carry a decision."
        yield Reason("hold", f"{said} Label more conversations.")


def answers_are_precise(case: Case) -> Iterator[Reason]:
    coverage = case.comparison.metric("candidate", "realised_coverage")
    precision = case.comparison.metric("candidate", "realised_precision")
    if coverage is None or precision is None:
        yield Reason("hold", "The candidate has no threshold above which it answers.")
        return
    if not math.isfinite(precision.value) or coverage.value <= 0:
        yield Reason(
            "hold", "The candidate is never sure enough to answer: it would pass every message to a colleague."
        )
        return
    target, goal = case.comparison.target_precision, case.goals.precision
    if goal is not None and precision.value < goal:
        yield Reason(
            "hold", f"Of the messages it answers, {_percent(precision)} are answered right; the goal is {_share(goal)}."
        )
    elif goal is None and precision.high < target:
        yield Reason(
            "hold",
            f"Of the messages it answers, {_percent(precision)} are answered right: its threshold does not keep the "
            f"promised {_share(target)}.",
        )
    else:
        yield Reason(
            "promote",
            f"It answers {_share(coverage.value)} of the messages by itself; of those, {_percent(precision)} right.",
        )


LOST = (entity_data.SPANS_LOST, *regressions.SENTIMENT_WORSE, regressions.WRITING_LOST)
"""Worse than what is live, or than words alone, beside intents and chosen replies."""


def nothing_else_is_worse(case: Case) -> Iterator[Reason]:
    for finding in case.findings:
        if finding.code in LOST:
            yield Reason("hold", finding.sample)


def answers_are_fast(case: Case) -> Iterator[Reason]:
    if (goal := case.goals.latency_ms) is None:
        return
    latency = case.comparison.metric("candidate", "latency_ms")
    if latency is None or not latency.value <= goal:
        taken = "an unknown time" if latency is None else f"{latency.value:.1f} ms"
        yield Reason("hold", f"One message takes {taken}; the goal is {goal:.1f} ms.")
    else:
        yield Reason("promote", f"One message takes {latency.value:.1f} ms, within the goal of {goal:.1f} ms.")


RULES: tuple[Callable[[Case], Iterator[Reason]], ...] = (
    training_is_sound,
    export_is_faithful,
    checks_found_no_error,
    is_no_step_back,
    no_part_is_worse,
    beats_floor_and_base,
    enough_test_messages,
    answers_are_precise,
    replies_are_no_worse,
    nothing_else_is_worse,
    answers_are_fast,
)


def _known(gap: Difference) -> bool:
    return all(math.isfinite(value) for value in (gap.value, gap.low, gap.high))


def _percent(interval: Interval) -> str:
    return f"{_share(interval.value)} ({_share(interval.low)} to {_share(interval.high)})"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"
