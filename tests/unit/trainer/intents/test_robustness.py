"""Which rows are answered right, as they were said and perturbed."""

from __future__ import annotations

import json
import math

import numpy as np

from trainer.intents.linear import Labelled, head_of
from trainer.intents.robustness import Answers, Robustness, nearest_right, right

NEAR = Labelled(np.eye(3, dtype=np.float32), ["a", "b", "oos"], np.ones(3, np.float32))
HEAD = head_of(("a", "b", "oos"), np.eye(3), np.zeros(3), NEAR)


def test_the_best_label_in_scope_is_what_counts() -> None:
    rows = np.array([[1, 0, 0], [0.1, 0, 1], [0, 1, 0]], dtype=np.float32)
    assert right(HEAD, rows, ["a", "a", "a"]).tolist() == [True, True, False]
    assert right(HEAD, rows[:0], []).tolist() == []


def test_the_base_takes_the_label_of_the_nearest() -> None:
    rows = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)
    known = (NEAR.embeddings, NEAR.labels)
    assert nearest_right(known, rows, ["a", "a"]).tolist() == [True, False]
    assert nearest_right((NEAR.embeddings[:0], []), rows, ["a", "a"]).tolist() == [False, False]
    assert nearest_right(known, rows[:0], []).tolist() == []


def test_shares_are_told_for_the_same_rows() -> None:
    yes, no = np.array([True, True]), np.array([True, False])
    parts = [Answers(np.ones(5, bool), yes, no, no, ~yes), Answers(np.ones(1, bool), no, ~yes, ~yes, ~yes)]
    told = Robustness.of(Answers.together(parts))
    assert told == Robustness(4, (0.25, 0.0), (0.75, 0.25))
    assert told.to_wire()["trained"] == {"clean": 0.75, "perturbed": 0.25}


def test_where_nothing_could_be_perturbed_nothing_is_known() -> None:
    nothing = np.zeros(0, dtype=bool)
    told = Robustness.of(Answers(nothing, nothing, nothing, nothing, nothing))
    assert told.rows == 0
    assert math.isnan(told.trained[0])
    assert json.dumps(told.to_wire(), allow_nan=False)
