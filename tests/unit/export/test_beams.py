"""Beam search over scores written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.beams import Found, beam_search

END, A, B = 0, 1, 2
Tree = dict[tuple[int, ...], Sequence[float]]


def search(tree: Tree, width: int, most: int = 4, patience: int = 99) -> Found[str]:
    """Search where what comes after a beginning has the chances that `tree` says; the same for all others."""
    begun: list[tuple[int, ...]] = [()]
    steps = [0]

    def scores(rows: list[tuple[int, ...]]) -> npt.NDArray[np.float32]:
        chances = [tree.get(row, (1.0, 1e-9, 1e-9)) for row in rows]
        return np.log(np.array(chances, dtype=np.float32))

    def step(tokens: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        begun[:] = [(*begun[row], int(token)) for row, token in zip(rows, tokens, strict=True)]
        return scores(begun)

    def watch() -> str | None:
        steps[0] += 1
        return "tired" if steps[0] >= patience else None

    return beam_search(scores([()]), step, END, (width, most), watch)


FOOLING: Tree = {(): (0.0001, 0.55, 0.45), (A,): (0.4, 0.3, 0.3), (B,): (0.99, 0.005, 0.005)}


def test_the_likeliest_first_token_may_be_the_wrong_one() -> None:
    assert search(FOOLING, width=1).ids == (A, END)
    assert search(FOOLING, width=2).ids == (B, END)


def test_it_ends_where_it_may_write_no_more() -> None:
    endless: Tree = {(): (1e-9, 0.6, 0.4), (A,): (1e-9, 0.9, 0.1), (A, A): (1e-9, 0.9, 0.1)}
    assert search(endless, width=2, most=3).ids == (A, A, A)
    assert search(endless, width=2, most=1).ids == (A,)


def test_of_equally_likely_texts_the_first_is_taken() -> None:
    even: Tree = {(): (1e-9, 0.5, 0.5)}
    assert search(even, width=2).ids == (A, END)


def test_an_interrupted_search_gives_what_it_has() -> None:
    found = search(FOOLING, width=2, patience=1)
    assert found.interrupted == "tired"
    assert found.ids == (A,)
    assert search(FOOLING, width=2).interrupted is None


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_one_beam_is_greedy(seed: int, most: int) -> None:
    table = np.random.default_rng(seed).normal(size=(most + 1, 7)).astype(np.float32)
    place = [0]

    def step(tokens: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        place[0] += 1
        return table[place[0]][None]

    found: Found[None] = beam_search(table[:1], step, END, (1, most), lambda: None)
    likeliest = table.argmax(axis=1)[:most].tolist()
    expected = likeliest[: likeliest.index(END) + 1] if END in likeliest else likeliest
    assert list(found.ids) == expected


@pytest.mark.parametrize("width", [1, 3, 8])
def test_more_beams_than_tokens_are_no_trouble(width: int) -> None:
    assert search({(): (0.9, 0.05, 0.05)}, width=width).ids == (END,)
