"""Folds: nobody is scored on what it learned, and some labels are kept from each model."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from data.schema import OUT_OF_SCOPE
from trainer.intents.folds import FEWEST_LABELS, grouped, hold_out, keeping_away, plan

LABELS = st.lists(st.sampled_from([*"abcdefgh", OUT_OF_SCOPE]), min_size=1, max_size=80)
COUNTS = st.integers(2, 12)
SEEDS = st.integers(0, 2**31 - 1)


@given(LABELS, COUNTS, SEEDS)
def test_no_row_is_both_learned_and_scored_and_none_is_neither(labels: list[str], count: int, seed: int) -> None:
    folds = plan(labels, count, seed)
    assert len(folds) == count
    for fold in folds:
        assert sorted([*fold.learn, *fold.score]) == list(range(len(labels)))


@given(LABELS, COUNTS, SEEDS)
def test_every_label_but_those_kept_away_keeps_a_row_to_learn_from(labels: list[str], count: int, seed: int) -> None:
    for fold in plan(labels, count, seed):
        learned = {labels[row] for row in fold.learn}
        for label in set(labels) - learned:
            assert {row for row in range(len(labels)) if labels[row] == label} <= set(fold.score)
        assert len(set(labels) - learned) <= max(round(len(set(labels)) * 0.2), 1)


@given(LABELS, COUNTS, SEEDS)
@example([OUT_OF_SCOPE] * 2 + list("abcde"), 2, 0)
def test_out_of_scope_is_never_kept_away(labels: list[str], count: int, seed: int) -> None:
    for fold in plan(labels, count, seed):
        assert OUT_OF_SCOPE not in labels or OUT_OF_SCOPE in {labels[row] for row in fold.learn}


@given(LABELS, COUNTS, SEEDS)
def test_no_label_is_kept_away_twice_and_none_of_few(labels: list[str], count: int, seed: int) -> None:
    away = Counter(
        label for fold in plan(labels, count, seed) for label in set(labels) - {labels[row] for row in fold.learn}
    )
    assert set(away.values()) <= {1}
    if len(set(labels) - {OUT_OF_SCOPE}) < FEWEST_LABELS:
        assert not away


@given(LABELS, COUNTS, SEEDS)
def test_every_row_with_a_twin_of_its_label_is_scored_by_a_model_that_knows_the_label(
    labels: list[str], count: int, seed: int
) -> None:
    folds = plan(labels, count, seed)
    scored = Counter()
    for fold in folds:
        known = {labels[row] for row in fold.learn}
        scored.update(row for row in fold.score if labels[row] in known)
    assert set(scored.values()) <= {1}
    rows = Counter(labels)
    kept = {label for fold in folds for label in set(labels) - {labels[row] for row in fold.learn}}
    for row, label in enumerate(labels):
        if label not in kept:
            assert scored[row] == (rows[label] > 1)


@given(LABELS, COUNTS, SEEDS)
def test_the_same_seed_plans_the_same(labels: list[str], count: int, seed: int) -> None:
    assert plan(labels, count, seed) == plan(labels, count, seed)


def test_another_seed_plans_otherwise() -> None:
    labels = list("abcdef") * 10
    assert plan(labels, 5, 0) != plan(labels, 5, 1)


def test_folds_are_stratified() -> None:
    labels = list("ab") * 25
    for fold in plan(labels, 5, 0):
        assert Counter(labels[row] for row in fold.score) == {"a": 5, "b": 5}


@given(LABELS, st.floats(0.01, 0.49), SEEDS)
def test_holding_out_leaves_every_label_a_row(labels: list[str], share: float, seed: int) -> None:
    kept, out = hold_out(labels, share, seed)
    assert sorted([*kept, *out]) == list(range(len(labels)))
    assert kept == sorted(kept)
    assert {labels[row] for row in kept} == set(labels)
    for label, rows in Counter(labels).items():
        held = sum(labels[row] == label for row in out)
        assert held == min(round(rows * share), rows - 1)
    assert hold_out(labels, share, seed) == (kept, out)


@given(LABELS, SEEDS)
def test_holding_out_at_least_one_takes_one_of_every_label_that_has_two(labels: list[str], seed: int) -> None:
    kept, out = hold_out(labels, 0.001, seed, least=1)
    assert sorted([*kept, *out]) == list(range(len(labels)))
    assert Counter(labels[row] for row in out) == {label: 1 for label, rows in Counter(labels).items() if rows > 1}


def test_holding_out_of_nothing_is_nothing() -> None:
    assert hold_out([], 0.1, 0) == ([], [])
    assert hold_out([], 0.1, 0, least=1) == ([], [])


@given(LABELS, st.lists(st.integers(0, 20), min_size=80, max_size=80), COUNTS, SEEDS)
def test_a_group_stands_in_one_fold_and_each_row_is_scored_once_at_most(
    labels: list[str], numbers: list[int], count: int, seed: int
) -> None:
    groups = numbers[: len(labels)]
    folds = grouped(labels, groups, count, seed)
    scored = Counter(row for fold in folds for row in fold.score)
    assert set(scored.values()) <= {1}
    for fold in folds:
        assert sorted([*fold.learn, *fold.score]) == list(range(len(labels)))
        assert not {groups[row] for row in fold.learn} & {groups[row] for row in fold.score}
    never = {labels[row] for row in range(len(labels)) if not scored[row]}
    lone = {
        label for label in set(labels) if len({g for g, own in zip(groups, labels, strict=True) if own == label}) == 1
    }
    assert bool(never) == bool(lone)


def test_labels_are_spread_evenly_over_grouped_folds() -> None:
    labels = ["a"] * 30 + ["b"] * 12
    for fold in grouped(labels, list(range(42)), 3, 1):
        assert Counter(labels[row] for row in fold.score) == {"a": 10, "b": 4}


def test_labels_kept_away_are_scored_and_not_learned() -> None:
    labels = list("abcdefghij") * 4
    before = grouped(labels, list(range(40)), 3, 0)
    for fold, after in zip(before, keeping_away(before, labels, 0), strict=True):
        away = set(labels) - {labels[row] for row in after.learn}
        assert len(away) == 2
        assert set(after.score) - set(fold.score) == {row for row in fold.learn if labels[row] in away}
