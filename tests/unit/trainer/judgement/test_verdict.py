"""Every rule of the verdict, its reason, and that better evidence never turns a promotion into a rejection."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.profile import Acceptance
from data.schema import Finding
from trainer.judgement.comparison import Against, Comparison, Exchange, Flip, Slice
from trainer.judgement.forgetting import Forgetting
from trainer.judgement.intervals import Difference, Interval
from trainer.judgement.verdict import FEWEST_ROWS, LIVE_NOT_COMPARED, RULES, Verdict, decide

PASSED = {"passed": True, "rows": 200}
NONE = Acceptance()


def gap(low: float, high: float) -> Difference:
    return Difference((low + high) / 2, low, high, 0.9)


def against(low: float = 0.02, high: float = 0.08, recall: Difference | None = None) -> Against:
    return Against(gap(low, high), gap(low, high), 0.01, recall)


def comparison(**changes: object) -> Comparison:
    candidate = {
        "macro_f1": Interval(0.9, 0.86, 0.93),
        "realised_precision": Interval(0.92, 0.88, 0.95),
        "realised_coverage": Interval(0.7, 0.66, 0.74),
        "latency_ms": Interval.exactly(2.0),
    }
    good = Comparison(
        rows=300,
        in_scope_rows=200,
        target_precision=0.9,
        models={"floor": {"macro_f1": Interval(0.8, 0.75, 0.85)}, "candidate": candidate},
        against={"floor": against(), "base": against()},
        reference="base",
        flips=[Flip("hello", "greet", "bye", "greet", "better")],
        slices=[Slice("language", "en", 300, {"candidate": Interval.of_share(270, 300)})],
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def with_metrics(**metrics: Interval | None) -> Comparison:
    base = comparison()
    merged = {**base.models["candidate"], **metrics}
    kept = {name: value for name, value in merged.items() if value is not None}
    return replace(base, models={**base.models, "candidate": kept})


def test_a_candidate_better_than_all_is_promoted_with_its_reasons() -> None:
    verdict = decide(comparison(), PASSED, NONE, [])
    assert verdict.decision == "promote"
    assert any("better than the simple word-counting model: +5.0 points" in reason for reason in verdict.reasons)
    assert any("answers 70.0 % of the messages" in reason for reason in verdict.reasons)


def test_the_wire_is_that_of_the_contract() -> None:
    wire = decide(comparison(), PASSED, NONE, []).to_wire()
    named = ["decision", "reasons", "models", "flips", "parity", "slices", "against", "forgetting", "findings"]
    assert list(wire) == [*named, "feedback"]
    assert wire["models"]["floor"] == {"macro_f1": {"value": 0.8, "low": 0.75, "high": 0.85}}
    assert wire["parity"] == PASSED
    assert wire["flips"][0]["change"] == "better"
    assert wire["slices"][0]["slice"] == "language"


def test_findings_stand_in_the_verdict_without_what_customers_said() -> None:
    finding = Finding("label_errors", "warning", 3, "Look at these first.", (1, 2, 3), "my card was stolen")
    verdict = decide(comparison(), PASSED, NONE, [finding])
    assert verdict.decision == "promote", "a warning is no reason to reject"
    assert verdict.to_wire()["findings"] == [
        {"code": "label_errors", "severity": "warning", "count": 3, "remedy": "Look at these first."}
    ]


def live(low: float, high: float) -> Comparison:
    return comparison(against={"floor": against(), "base": against(), "live": against(low, high)})


UNKNOWN = Against(Difference(*[float("nan")] * 4), Difference(*[float("nan")] * 4), 1.0)
WORSE, EQUAL = against(-0.08, -0.02), against(-0.05, 0.05)
LOST = against(recall=gap(-0.2, -0.1))

CASES = [
    ("reject", comparison(diverged=True), PASSED, "not numbers"),
    ("reject", comparison(collapsed=True), PASSED, "same answer to every message"),
    ("reject", comparison(), {"passed": False}, "does not answer as the trained"),
    ("reject", comparison(), {}, "does not answer as the trained"),
    ("hold", comparison(), None, "has not been compared with the trained one"),
    ("reject", comparison(against={"floor": WORSE, "base": against()}), PASSED, "not better than the simple"),
    ("reject", comparison(against={"floor": against(), "base": EQUAL}), PASSED, "not better than the untuned"),
    ("hold", comparison(against={"floor": against(-0.01, 0.05), "base": against()}), PASSED, "too few test messages"),
    ("hold", comparison(against={"base": against()}), PASSED, "not been compared with the simple"),
    ("hold", comparison(against={"floor": UNKNOWN, "base": against()}), PASSED, "do not allow a comparison"),
    ("reject", live(-0.06, -0.01), PASSED, "worse than the live release"),
    ("hold", live(-0.04, 0.05), PASSED, "may be worse than the live release"),
    ("promote", live(-0.005, 0.02), PASSED, "as good as the live release"),
    ("promote", live(0.01, 0.02), PASSED, "better than the live release"),
    ("hold", comparison(against={"floor": against(), "base": against(), "live": UNKNOWN}), PASSED, "live release"),
    ("hold", comparison(rows=FEWEST_ROWS - 1), PASSED, "cannot carry a decision"),
    ("promote", comparison(rows=FEWEST_ROWS), PASSED, "better than"),
    ("hold", with_metrics(realised_precision=Interval(0.8, 0.7, 0.85)), PASSED, "promised 90.0 %"),
    ("promote", with_metrics(realised_precision=Interval(0.88, 0.84, 0.92)), PASSED, "88.0 %"),
    ("hold", with_metrics(realised_coverage=Interval.exactly(0.0)), PASSED, "never sure enough"),
    ("hold", with_metrics(realised_precision=Interval.exactly(float("nan"))), PASSED, "never sure enough"),
    ("hold", with_metrics(realised_coverage=None), PASSED, "no threshold"),
    ("hold", comparison(against={"floor": LOST, "base": against()}), PASSED, "less often than keyword search"),
    ("hold", comparison(against={"floor": against(), "base": LOST}), PASSED, "less often than the untuned base"),
]  # fmt: skip


@pytest.mark.parametrize(("decision", "found", "parity", "words"), CASES, ids=[f"{c[0]}: {c[3]}" for c in CASES])
def test_every_rule_gives_its_reason(
    decision: str, found: Comparison, parity: dict[str, object] | None, words: str
) -> None:
    verdict = decide(found, parity, NONE, [])
    assert verdict.decision == decision
    assert any(words in reason for reason in verdict.reasons)
    if decision != "promote":
        assert words in verdict.reasons[0]  # the gravest stands first


@pytest.mark.parametrize(
    ("goals", "found", "decision", "words"),
    [
        (Acceptance(precision=0.95), comparison(), "hold", "the goal is 95.0 %"),
        (Acceptance(precision=0.9), comparison(), "promote", "of those, 92.0 %"),
        (Acceptance(latency_ms=1.5), comparison(), "hold", "takes 2.0 ms; the goal is 1.5 ms"),
        (Acceptance(latency_ms=2.0), comparison(), "promote", "within the goal"),
        (Acceptance(latency_ms=2.0), with_metrics(latency_ms=None), "hold", "an unknown time"),
        (Acceptance(latency_ms=2.0), with_metrics(latency_ms=Interval.exactly(float("nan"))), "hold", "goal"),
    ],
)
def test_goals_of_the_business(goals: Acceptance, found: Comparison, decision: str, words: str) -> None:
    verdict = decide(found, PASSED, goals, [])
    assert verdict.decision == decision
    assert any(words in reason for reason in verdict.reasons)


def test_only_findings_of_severity_error_reject() -> None:
    warning = Finding("few_rows", "warning", 3, "Label more.")
    assert decide(comparison(), PASSED, NONE, [warning]).decision == "promote"
    verdict = decide(comparison(), PASSED, NONE, [warning, replace(warning, severity="error")])
    assert verdict.decision == "reject"
    assert verdict.reasons[0] == "A check found an error (few_rows, 3 rows). Label more."


def sliced(reference: str, lost: int, corrected: float) -> Comparison:
    exchange = Exchange(reference, 1, lost, corrected / 7, corrected)
    worse = Slice("language", "de", 40, {"candidate": Interval.of_share(20, 40)}, exchange)
    against_live = {"floor": against(), "base": against(), "live": against()}
    return comparison(slices=[worse], reference=reference, against=against_live)


@pytest.mark.parametrize(
    ("reference", "lost", "corrected", "decision", "found"),
    [
        ("live", 12, 0.01, "hold", True),
        ("base", 12, 0.01, "promote", True),
        ("live", 12, 0.05, "promote", False),
        ("live", 0, 0.01, "promote", False),
    ],
)
def test_a_part_that_got_worse_holds_back_what_the_whole_would_promote(
    reference: str, lost: int, corrected: float, decision: str, found: bool
) -> None:
    verdict = decide(sliced(reference, lost, corrected), PASSED, NONE, [])
    assert verdict.decision == decision
    assert ("slice_regressed" in [one["code"] for one in verdict.findings]) is found
    if decision == "hold":
        assert verdict.reasons[0] == (
            "On part of the messages (language: de) the candidate is worse than the live release: of 40, 12 went "
            "wrong and 1 came right."
        )


def test_forgetting_is_told_and_holds_nothing_back() -> None:
    much = comparison(forgetting={"intent": Forgetting(0.97, 0.8, 0.2), "reply": Forgetting(0.97, 0.97, 0.01)})
    verdict = decide(much, PASSED, NONE, [])
    assert verdict.decision == "promote"
    assert [one["code"] for one in verdict.findings] == ["language_forgotten"]
    assert verdict.to_wire()["forgetting"]["intent"] == {"base": 0.97, "tuned": 0.8, "forgotten": 0.2}


def test_the_statistics_stand_in_the_verdict() -> None:
    told = decide(comparison(), PASSED, NONE, []).to_wire()["against"]["base"]
    assert (told["rows"], told["won"], told["lost"], told["p_value"]) == (300, 0, 0, 0.01)
    assert told["macro_f1"]["low"] == 0.02


def test_a_live_release_that_does_not_load_holds_the_candidate_back() -> None:
    verdict = decide(comparison(), PASSED, NONE, [Finding(LIVE_NOT_COMPARED, "warning", 1, "Look at it.")])
    assert verdict.decision == "hold"
    assert verdict.reasons[0] == "What is live does not load, so that it was not compared with. Look at it."


def test_no_rule_is_silent_on_an_empty_comparison() -> None:
    empty = Comparison(0, 0, 0.9, {}, {})
    verdict = decide(empty, None, Acceptance(latency_ms=1), [])
    assert verdict.decision == "hold"
    assert len(verdict.reasons) >= len(RULES) - 5


SMALL = st.floats(-0.2, 0.2)
RISE = st.floats(0, 0.2)


@st.composite
def evidence(draw: st.DrawFn) -> Comparison:
    def difference() -> Against:
        low, middle, high = sorted(draw(SMALL) for _ in range(3))
        found = Difference(middle, low, high, 0.5)
        return Against(found, found, 0.5, draw(st.sampled_from([None, found])))

    low, middle, high = sorted(draw(st.floats(0, 1)) for _ in range(3))
    changed = with_metrics(
        realised_precision=Interval(middle, low, high), realised_coverage=Interval.exactly(draw(st.floats(0, 1)))
    )
    models = draw(st.sampled_from([("floor", "base"), ("floor", "base", "live")]))
    return replace(
        changed,
        rows=draw(st.integers(0, 100)),
        against={model: difference() for model in models},
        collapsed=draw(st.booleans()),
        diverged=draw(st.booleans()),
    )


def raised(found: Comparison, by: float) -> Comparison:
    """The same comparison with everything at least as much in the candidate's favour."""

    def up(one: Difference) -> Difference:
        return Difference(one.value + by, one.low + by, one.high + by, one.superiority)

    candidate = dict(found.models["candidate"])
    for name in ("realised_precision", "realised_coverage"):
        old = candidate[name]
        candidate[name] = Interval(*(min(1.0, value + by) for value in (old.value, old.low, old.high)))
    return replace(
        found,
        rows=found.rows + int(by * 1000),
        collapsed=False,
        diverged=False,
        models={**found.models, "candidate": candidate},
        against={
            model: Against(up(one.macro_f1), up(one.accuracy), one.p_value, one.recall_at_1 and up(one.recall_at_1))
            for model, one in found.against.items()
        },
    )


RANK = {"reject": 0, "hold": 1, "promote": 2}


@given(evidence(), RISE, st.booleans(), st.integers(0, 1), st.sampled_from([None, 0.8, 0.95]))
def test_more_evidence_in_favour_never_worsens_the_decision(
    found: Comparison, by: float, passed: bool, errors: int, goal: float | None
) -> None:
    findings = [Finding("x", "error", 1, "")] * errors
    goals = Acceptance(precision=goal)
    before: Verdict = decide(found, {"passed": passed}, goals, findings)
    after = decide(raised(found, by), {"passed": True}, goals, [])
    assert RANK[after.decision] >= RANK[before.decision]
