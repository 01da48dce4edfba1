"""The scores of replies together: what is said of good, bad, empty and no replies; draws; what goes on the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.judgement.text_metrics import SHOWN_CHARS, WORST, TextScores, differences, measured

REFERENCES = (
    "Your parcel left our warehouse on Monday.",
    "You can return it within 30 days.",
    "您的包裹已经寄出。",
    "Thanks! 🎉 It is on its way.",
) * 5
VAGUE = ("I do not know.",) * 20


def test_what_people_said_themselves_is_perfect() -> None:
    scores = TextScores.of(measured(REFERENCES, REFERENCES, []))
    for interval in (scores.chrf, scores.bleu, scores.rouge_l):
        assert interval.value == pytest.approx(1)
        assert interval.low == pytest.approx(1)
    assert scores.empty.value == scores.copies.value == scores.repetition.value == 0
    assert scores.length.words == scores.length.reference_words
    assert scores.length.characters == scores.length.reference_characters


def test_silence_shares_nothing() -> None:
    scores = TextScores.of(measured(("",) * 20, REFERENCES, [""]))
    assert [one.value for one in (scores.chrf, scores.bleu, scores.rouge_l)] == [0, 0, 0]
    assert scores.empty.value == 1
    assert scores.copies.value == 0  # silence is no copy of silence
    assert scores.to_wire()["distinct_1"] is None


def test_no_rows_leave_nothing_to_say() -> None:
    wire = TextScores.of(measured([], [], [])).to_wire()
    assert wire["rows"] == 0
    assert wire["worst"] == []
    for name in ("chrf", "bleu", "rouge_l", "repetition", "copies", "copied_span", "empty"):
        assert wire[name] == {"value": None, "low": None, "high": None}
    json.dumps(wire, allow_nan=False)


def test_copies_are_counted_with_their_interval() -> None:
    training = ["your parcel left our warehouse on monday."]
    scores = TextScores.of(measured(REFERENCES, REFERENCES, training))
    assert scores.copies.value == 0.25
    assert scores.copies.low < 0.25 < scores.copies.high
    assert 0.25 <= scores.copied_span.value < 0.5


def test_the_worst_are_shown_with_their_rows_the_worst_first() -> None:
    replies = ["x" * 1000, "You can return it within 30 days!", *REFERENCES[2:]]
    scores = TextScores.of(measured(replies, REFERENCES, []))
    assert [one.row for one in scores.worst[:2]] == [0, 1]
    assert len(scores.worst) == WORST
    assert scores.worst[0].chrf <= scores.worst[1].chrf < 1
    wire = scores.to_wire()["worst"][0]
    assert wire["reference"] == REFERENCES[0]
    assert len(wire["reply"]) == SHOWN_CHARS


def test_two_models_are_compared_on_the_same_draws() -> None:
    good, bad = measured(REFERENCES, REFERENCES, []), measured(VAGUE, REFERENCES, [])
    gaps = differences(bad, good, seed=3)
    assert set(gaps) == {"chrf", "bleu", "rouge_l", "repetition", "copied_span"}
    assert gaps["chrf"].low > 0.5
    assert gaps["chrf"].superiority == 1
    assert gaps["rouge_l"].value == pytest.approx(1 - TextScores.of(bad).rouge_l.value)
    same = differences(good, good)["bleu"]
    assert (same.value, same.low, same.high, same.superiority) == (0, 0, 0, 0.5)
    assert differences(bad, good, seed=3) == gaps


def test_rows_must_pair() -> None:
    with pytest.raises(ValueError, match="1 replies, 2 references"):
        measured(["a"], ["a", "b"], [])
    with pytest.raises(ValueError, match="different messages"):
        differences(measured(["a"], ["a"], []), measured(["a"], ["b"], []))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5))
def test_every_share_is_one_whatever_was_said(pairs: list[tuple[str, str]]) -> None:
    replies, references = zip(*pairs, strict=True)
    scores = TextScores.of(measured(replies, references, references))
    for name in ("chrf", "bleu", "rouge_l", "repetition", "copies", "copied_span", "empty"):
        interval = getattr(scores, name)
        assert 0 <= interval.low <= interval.value + 1e-9
        assert interval.value <= 1 + 1e-9
    json.dumps(scores.to_wire(), allow_nan=False)
