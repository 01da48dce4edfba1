"""Batches: every row once, in an order that follows from (seed, epoch), to be taken up anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.core.datamodule import BUCKET_BATCHES, Batches, Sizes, TextData, plan_batches

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=300)
SIZES = st.integers(2, 9)
ORDERS = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 100))


class Plain:
    """Rows whose batch is the row numbers themselves."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = list(lengths)

    def __len__(self) -> int:
        return len(self._lengths)

    def lengths(self) -> list[int]:
        return self._lengths

    def batch(self, rows: Sequence[int], renderer: Any) -> list[int]:
        return list(rows)


def batches(lengths: Sequence[int], size: int, order: tuple[int, int] | None) -> Batches:
    return Batches(Plain(lengths), None, Sizes(size), order)  # type: ignore[arg-type]


@given(LENGTHS, SIZES, st.none() | ORDERS)
def test_every_row_stands_in_one_batch(lengths: list[int], size: int, order: tuple[int, int] | None) -> None:
    plan = plan_batches(lengths, Sizes(size), order)
    assert sorted(row for batch in plan for row in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size + 1 for batch in plan)


@given(LENGTHS, SIZES, ORDERS)
def test_no_training_batch_is_a_single_row_unless_there_is_no_other(
    lengths: list[int], size: int, order: tuple[int, int]
) -> None:
    plan = plan_batches(lengths, Sizes(size), order)
    assert len(plan) == 1 or all(len(batch) >= 2 for batch in plan)


@given(LENGTHS, ORDERS)
def test_batches_of_one_row_hold_one_row(lengths: list[int], order: tuple[int, int]) -> None:
    assert all(len(batch) == 1 for batch in plan_batches(lengths, Sizes(1), order))


@given(LENGTHS, SIZES, ORDERS)
def test_the_order_follows_from_seed_and_epoch(lengths: list[int], size: int, order: tuple[int, int]) -> None:
    assert plan_batches(lengths, Sizes(size), order) == plan_batches(lengths, Sizes(size), order)
    later = (order[0], order[1] + 1)
    assert len(plan_batches(lengths, Sizes(size), order)) == len(plan_batches(lengths, Sizes(size), later))


@given(LENGTHS, SIZES, st.none() | ORDERS, st.integers(1, 400))
def test_a_batch_holds_no_more_tokens_than_it_may_unless_one_row_does(
    lengths: list[int], size: int, order: tuple[int, int] | None, tokens: int
) -> None:
    plan = plan_batches(lengths, Sizes(size, tokens=tokens), order)
    assert sorted(row for batch in plan for row in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[row] for row in batch) <= tokens for batch in plan if len(batch) > 1)


def test_every_epoch_and_every_seed_has_its_own_order() -> None:
    lengths = [5] * 64
    plans = [plan_batches(lengths, Sizes(4), order) for order in ((0, 0), (0, 1), (1, 0))]
    assert plans[0] != plans[1] != plans[2] != plans[0]


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = [row % 40 + 1 for row in range(BUCKET_BATCHES * 8)]
    spread = [max(lengths[r] for r in b) - min(lengths[r] for r in b) for b in plan_batches(lengths, Sizes(8), (0, 0))]
    assert sum(spread) / len(spread) < 5
    plain = plan_batches(lengths, Sizes(8), None)
    assert [lengths[row] for batch in plain for row in batch] == sorted(lengths)


@given(LENGTHS, SIZES, ORDERS, st.data())
def test_batches_are_taken_up_at_any_place(
    lengths: list[int], size: int, order: tuple[int, int], data: st.DataObject
) -> None:
    whole = list(batches(lengths, size, order))
    seen = data.draw(st.integers(0, len(whole)))
    first = batches(lengths, size, order)
    running = iter(first)
    begun = [next(running) for _ in range(seen)]
    state = first.state_dict()
    resumed = batches(lengths, size, order)
    resumed.load_state_dict(state)
    rest = list(resumed)
    # Taken up behind its last batch an epoch begins anew: its end and its beginning are one place.
    assert begun + rest == (whole if seen < len(whole) else whole + whole)
    assert list(resumed) == whole
    assert resumed.state_dict() == {"done": 0}


def test_steps_and_validation() -> None:
    data = TextData(Plain([3] * 10), Plain([2] * 9), None, Sizes(4), 0)  # type: ignore[arg-type]
    assert data.steps(3) == 9
    assert [len(batch) for batch in data.validation_batches()] == [8, 1]
    one = TextData(Plain([3] * 10), Plain([2] * 9), None, Sizes(4, at_once=1), 0)  # type: ignore[arg-type]
    assert [len(batch) for batch in one.validation_batches()] == [1] * 9
    for none in (None, Plain([])):
        assert TextData(Plain([3]), none, None, Sizes(4), 0).validation_batches() == []  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_are_one_batch(rows: int) -> None:
    assert len(plan_batches([1] * rows, Sizes(2), (0, 0))) == 1
