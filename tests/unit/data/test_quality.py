"""Findings follow from what was counted."""

import pytest

from data.catalogue import CATALOGUE, NOTICED, SET_ASIDE
from data.importers import Reason
from data.quality import MAX_ROWS, Notes, Tally, label_findings
from data.schema import Conversation, Turn


def codes(findings):
    return {finding.code: finding for finding in findings}


def watched(*conversations, languages="en"):
    tally = Tally()
    for one in conversations:
        tally.watch(one, ["k" if turn.role == "user" else None for turn in one.turns], [languages] * len(one.turns))
    return codes(tally.findings())


def test_every_reason_has_a_remedy_and_no_code_stands_twice():
    assert set(SET_ASIDE) == {reason.value for reason in Reason}
    assert not set(SET_ASIDE) & set(NOTICED)
    assert all(kind.remedy for kind in CATALOGUE.values())


def test_notes_keep_the_first_rows_and_one_sample():
    notes = Notes()
    for row in (3, 3, *range(4, 60)):
        notes.add("empty_message", row, sample=f"s{row}")
    assert notes.counts["empty_message"] == 58
    assert notes.rows["empty_message"] == list(range(3, 3 + MAX_ROWS))
    assert notes.samples == {"empty_message": "s3"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, set()),
        ({"oos": 3}, set()),
        ({"a": 9, "b": 9}, set()),
        ({"a": 9, "b": 4}, {"small_classes"}),
        ({"a": 9}, {"single_label"}),
        ({"a": 9, "oos": 9}, set()),
        ({"Re-Fund": 9, "refund": 9}, {"label_twins"}),
        ({"a": 500, "b": 9}, {"imbalance"}),
        ({"N/A": 9, "b": 9}, {"odd_labels"}),
        ({"!": 9, "?!": 9}, set()),
    ],
)
def test_labels(labels, expected):
    assert set(codes(label_findings(labels))) == expected


def test_the_same_text_under_two_labels():
    one = Conversation("a", (Turn("user", "Hello  you", intent="greeting"),), row=4)
    two = Conversation("b", (Turn("user", "hello you", intent="oos"),), row=9)
    finding = watched(one, two, one)["conflicting_labels"]
    assert finding.rows == (9,)
    assert "greeting, oos" in finding.sample


def test_repeats_and_one_sided_conversations():
    found = watched(Conversation("a", (Turn("user", "x"), Turn("system", "y"), Turn("user", "x"))))
    assert found["near_duplicates"].count == 1
    assert found["one_sided"].count == 1


def test_only_large_minorities_count_as_mixed_languages():
    tally = Tally()
    tally.languages.update({"en": 80, "de": 15, "fr": 5, "unknown": 50})
    (finding,) = tally.findings()
    assert (finding.code, finding.count, finding.sample) == ("mixed_languages", 15, "de")
    assert tally.findings() == (finding,)


def test_worst_comes_first():
    tally = Tally()
    for code, count in (("empty_message", 90), ("ragged_row", 1), ("nothing_used", 1), ("too_deep", 3)):
        tally.notes.add(code, count=count)
    assert [one.code for one in tally.findings()] == ["nothing_used", "too_deep", "ragged_row", "empty_message"]


def test_memory_for_comparing_texts_is_bounded(monkeypatch):
    monkeypatch.setattr("data.quality.MAX_TEXTS", 1)
    tally = Tally()
    for place, text in enumerate(["one", "two", "two"]):
        tally.watch(Conversation("c", (Turn("user", text, intent=f"l{place}"),)), [text], ["en"])
    assert "conflicting_labels" not in codes(tally.findings())


def test_a_column_that_is_none_of_labels_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("data.quality.MAX_LABELS", 2)
    tally = Tally()
    for label in ("a", "b", "c", "a", "d"):
        tally.hear("words", label, 1)
    assert tally.labels == {"a": 2, "b": 1}
