"""The tagging head: the best path and the spans' probabilities against all paths counted one by one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import IntegrityError
from export.surface import BUCKETS, surface
from export.tagging import FILE, TaggingHead, allowed, best_path, runs_of, spans_of, tags_of

TYPES = ("city", "day")
HIDDEN, INNER = 4, 3


def head_of(seed: int) -> TaggingHead:
    drawn = np.random.default_rng(seed)
    steps, begin = allowed(TYPES)
    tags = len(tags_of(TYPES))

    def some(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return drawn.normal(size=shape).astype(np.float32)

    signs = np.zeros((BUCKETS, INNER), dtype=np.float32)
    signs[: BUCKETS // 8] = some(BUCKETS // 8, INNER)
    return TaggingHead(
        TYPES, some(HIDDEN, INNER), some(INNER), signs, some(INNER, tags), some(tags),
        steps + some(tags, tags), begin + some(tags),
    )  # fmt: skip


def weight(head: TaggingHead, emissions: np.ndarray[tuple[int, ...], np.dtype[np.float64]], path: list[int]) -> float:
    score = head.begin[path[0]] + sum(emissions[at][tag] for at, tag in enumerate(path))
    return float(score + sum(head.transitions[a, b] for a, b in pairwise(path)))


@given(st.integers(0, 2**31 - 1), st.integers(1, 5))
def test_the_best_path_and_each_confidence_are_those_of_all_paths(seed: int, length: int) -> None:
    head = head_of(seed)
    emissions = np.random.default_rng(seed + 1).normal(size=(length, 5)) * 2
    paths = [list(path) for path in product(range(5), repeat=length)]
    weights = np.array([weight(head, emissions, path) for path in paths])
    best = best_path(head, emissions)
    assert weight(head, emissions, best) == pytest.approx(weights.max())
    shares = np.exp(weights - weights.max())
    places = [(at, at + 1) for at in range(length)]
    for span in spans_of(head, emissions, best, places):
        run = (span.start, span.end - 1, 1 + 2 * TYPES.index(span.type))
        own = sum(share for share, path in zip(shares, paths, strict=True) if run in runs_of(path))
        assert span.confidence == pytest.approx(own / shares.sum(), rel=1e-3)


@given(st.integers(0, 2**31 - 1), st.text(max_size=40))
def test_spans_lie_in_the_text_in_order_whatever_it_is(seed: int, text: str) -> None:
    offsets = [(0, 0), *((at, at + 1) for at in range(len(text)) if not text[at].isspace()), (0, 0)]
    states = np.random.default_rng(seed).normal(size=(len(offsets), HIDDEN)).astype(np.float32)
    end = 0
    for span in head_of(seed % 7).tag(states, text, offsets):
        assert end <= span.start < span.end <= len(text)
        assert span.type in TYPES
        assert 0 <= span.confidence <= 1
        end = span.end


def test_signs_tell_case_and_neighbours_apart_and_scaffold_has_none() -> None:
    offsets = [(0, 0), (0, 4), (5, 8), (0, 0)]
    first, second = surface("Will you", offsets), surface("will you", offsets)
    assert first[0] == first[3] == ()
    assert first[1] != second[1]
    assert first[2] != second[2]  # its neighbour has another form
    assert surface("", [(0, 0)]) == [()]


def test_a_head_comes_back_as_it_was_saved_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    head = head_of(1)
    head = replace(head, signs=head.signs.astype(np.float16).astype(np.float32))
    head.save(tmp_path)
    once = (tmp_path / FILE).read_bytes()
    back = TaggingHead.load(tmp_path)
    assert back.types == TYPES
    assert all((getattr(back, name) == getattr(head, name)).all() for name in ("project", "signs", "transitions"))
    back.save(tmp_path)
    assert (tmp_path / FILE).read_bytes() == once
    (tmp_path / FILE).write_bytes(once[:200])
    with pytest.raises(IntegrityError):
        TaggingHead.load(tmp_path)
    replace(head, bias=head.bias[:2]).save(tmp_path)
    with pytest.raises(IntegrityError, match="do not fit"):
        TaggingHead.load(tmp_path)
