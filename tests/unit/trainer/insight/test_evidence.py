"""What a model measures of data: wrong labels, unknown words, long texts, and a curve that rises."""

import numpy as np
import pytest

from data.errors import JobCancelled
from data.schema import Example
from trainer.insight.evidence import Look, gather


def rows_of(said, per=40):
    """Labelled rows of the conftest's little language; every tenth has the label of the next."""
    data = said(per)
    names = sorted(set(data.labels))
    wrong = set()
    rows = []
    for place, (text, label) in enumerate(zip(data.texts, data.labels, strict=True)):
        if place % 20 == 7:
            wrong.add(place + 1)
            label = names[(names.index(label) + 1) % len(names)]
        rows.append(Example(str(place), str(place), "u", "train", text, intent=label))
    return rows, wrong


@pytest.fixture
def look(tiny):
    return Look(tiny, lambda: None, seed=3)


def test_wrong_labels_are_doubted_and_right_ones_hardly_ever(look, said):
    rows, wrong = rows_of(said)
    found = gather(look, rows)
    doubted = {suspect.row for suspect in found.suspects}
    assert len(doubted & wrong) >= 0.6 * len(wrong)
    assert len(doubted & wrong) >= 0.6 * len(doubted)
    for suspect in found.suspects:
        assert suspect.suggested != rows[suspect.row - 1].intent
        assert 0.5 <= suspect.confidence <= 1


def test_the_curve_has_points_and_the_same_rows_give_the_same_evidence(look, said):
    rows, _ = rows_of(said)
    one, other = gather(look, rows), gather(look, rows)
    assert one.points == other.points
    assert one.suspects == other.suspects
    assert [point.rows for point in one.points] == sorted(point.rows for point in one.points)
    assert len(one.points) == 4


def test_tokens_are_counted_for_every_row_labelled_or_not(look):
    texts = ["\u2603 \u2603 \u2603", "", "word " * 500]
    rows = [Example(str(at), str(at), "u", "train", text) for at, text in enumerate(texts)]
    found = gather(look, rows)
    assert found.unknown.tolist()[:2] == [1.0, 0.0]
    assert found.tokens[2] > found.longest
    assert (found.suspects, found.points) == ([], [])


@pytest.mark.parametrize("labels", [[], ["a"] * 9, ["a", "b"], ["a"] * 5 + ["b"] * 4])
def test_too_few_labels_give_no_doubt(look, labels):
    rows = [Example(str(at), str(at), "u", "test", f"text {at}", intent=label) for at, label in enumerate(labels)]
    assert gather(look, rows).suspects == []


def test_it_can_be_stopped(tiny, said):
    def stop():
        raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        gather(Look(tiny, stop), rows_of(said, 8)[0])


def test_no_rows_at_all(look):
    found = gather(look, [])
    assert (len(found.tokens), found.suspects) == (0, [])
    assert found.unknown.dtype == np.float64
