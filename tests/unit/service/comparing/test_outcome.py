"""Who won: fates, shares and the sign test against all that coins can do, and the sentence."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.chance import wilson
from service.comparing.blind import Choice, Judged, Pin, Side, stands_left
from service.comparing.outcome import Outcome, fate

PIN = Pin("acme", Side(3, "c"), Side(2, "b"), 0, None, None, 0, "d")
ASKED = "questions that were judged, acme@3 was preferred on"
CHOICES: tuple[Choice, ...] = ("left", "right", "both good", "both bad", "skip", "same")


def told(won: int, lost: int, *rest: Choice, more: int = 0) -> Outcome:
    """An outcome with so many wins and losses, whichever side that was; `more` questions are open."""
    fates = ["won"] * won + ["lost"] * lost
    judged = []
    for number, wanted in enumerate(fates):
        left = stands_left(PIN.seed, str(number)) == (wanted == "won")
        judged.append(Judged(str(number), "left" if left else "right", "", ("generated", "retrieved")))
    judged += [Judged(f"r{at}", choice, "", ("approved", "approved")) for at, choice in enumerate(rest)]
    return Outcome.of(replace(PIN, questions=len(judged) + more), judged)


@given(picked=st.lists(st.tuples(st.integers(0, 500), st.sampled_from(CHOICES)), unique_by=lambda one: one[0]))
def test_every_question_has_one_fate_and_none_is_lost(picked: list[tuple[int, Choice]]) -> None:
    judged = [Judged(str(number), choice, "", ("a", "b")) for number, choice in picked]
    outcome = Outcome.of(replace(PIN, questions=501), [*judged, None])
    assert sum(outcome.counts.values()) == len(judged)
    assert outcome.open == 501 - len(judged)
    assert len(outcome.lost()) == outcome.counts["lost"]
    for one in judged:
        if one.choice in ("left", "right"):
            other = Judged(one.question, "left" if one.choice == "right" else "right", "", one.sources)
            assert {fate(PIN, one), fate(PIN, other)} == {"won", "lost"}
        else:
            assert fate(PIN, one) == one.choice


@given(won=st.integers(0, 6), lost=st.integers(0, 6))
def test_the_sign_test_against_every_fall_of_the_coins(won: int, lost: int) -> None:
    outcome = told(won, lost, "both good", "skip")
    falls = [abs(2 * sum(coins) - won - lost) for coins in product((0, 1), repeat=won + lost)]
    as_uneven = sum(gap >= abs(won - lost) for gap in falls) / len(falls)
    assert outcome.chance == pytest.approx(as_uneven)
    assert (outcome.counts["won"], outcome.counts["lost"]) == (won, lost)
    assert outcome.share == ((won / (won + lost), *wilson(won, won + lost)) if won + lost else None)


@pytest.mark.parametrize(
    ("outcome", "judged", "weighed"),
    [
        (
            told(21, 8, *["both good"] * 3, *["both bad"] * 2, *["same"] * 4, "skip"),
            f"34 {ASKED} 21 and acme@2 on 8, and neither on 5 (both good 3, both bad 2)",
            "a difference that large comes by chance less than once in 20. 4 got the same reply from both. 1 skipped.",
        ),
        (
            told(3, 1),
            f"4 {ASKED} 3 and acme@2 on 1",
            "a difference that large comes by chance more often than not, so it proves nothing.",
        ),
        (
            told(2, 2, more=6),
            f"4 {ASKED} 2 and acme@2 on 2",
            "nothing speaks for either. 6 open: a figure that is looked at on the way proves less.",
        ),
        (
            told(0, 0, "same"),
            f"0 {ASKED} 0 and acme@2 on 0",
            "nothing speaks for either. 1 got the same reply from both.",
        ),
    ],
    ids=["clear", "few", "unfinished", "alike"],
)
def test_the_sentence(outcome: Outcome, judged: str, weighed: str) -> None:
    assert outcome.summary() == f"Of {judged}; {weighed}"


def test_on_the_wire_the_blind_is_lifted() -> None:
    wire = told(2, 1, "both bad", "same", more=1).to_wire()
    counted = {name: wire[name] for name in ("won", "lost", "both_good", "both_bad", "skipped", "same", "open")}
    assert counted == {"won": 2, "lost": 1, "both_good": 0, "both_bad": 1, "skipped": 0, "same": 1, "open": 1}
    assert (wire["release"], wire["other"], wire["questions"]) == (3, 2, 6)
    assert wire["share"]["low"] < wire["share"]["value"] < wire["share"]["high"]
    assert wire["by_source"] == {
        "approved": {"won": 0, "lost": 0, "both_good": 0, "both_bad": 1},
        "generated": {"won": 2, "lost": 1, "both_good": 0, "both_bad": 0},
    }
    assert [one["fate"] for one in wire["choices"]] == ["won", "won", "lost", "both bad", "same"]
    assert wire["choices"][0]["sources"] == {"release": "generated", "other": "retrieved"}
    assert told(0, 0).to_wire()["share"] is None
