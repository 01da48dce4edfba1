"""Where the brand has said its replies before: how far that moves a conversation, what is kept, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import IntegrityError
from export.precedents import Precedents
from export.replies import Reply, ReplyIndex
from export.reply_scores import Scoring

EYE = np.eye(4, dtype=np.float32)
REPLIES = [Reply(text) for text in ("a", "b", "c", "d")]


def unit(*numbers: float) -> np.ndarray:
    made = np.array(numbers, dtype=np.float32)
    return made / np.linalg.norm(made)


def test_a_conversation_is_moved_to_what_was_replied_in_one_like_it() -> None:
    """It is nearest to reply b by itself; the one conversation like it was answered by d."""
    query = unit(0.1, 0.9, 0.0, 0.75)[None, :]
    plain = ReplyIndex(EYE, REPLIES)
    assert plain.search(query[0], 1)[0].reply.text == "b"
    known = Precedents(np.stack([unit(0.1, 0.9, 0.0, 0.75), unit(1, 0, 0, 0)]), [3, 0], 0.25)
    moved = plain.remembering(known)
    assert [hit.reply.text for hit in moved.search(query[0], 2)] == ["d", "b"]
    wanted = 0.75 * query + 0.25 * EYE[3]
    np.testing.assert_allclose(moved.moved(query), wanted, atol=1e-3)
    np.testing.assert_allclose(moved.scores(query), wanted @ EYE.T, atol=1e-3)
    assert moved.remembering(None).search(query[0], 1) == plain.search(query[0], 1)


def test_conversations_alike_are_weighed_by_how_alike_they_are() -> None:
    known = Precedents(np.stack([unit(1, 0, 0, 0)] * 2 + [unit(0.95, 0.312, 0, 0)]), [1, 2, 3], 0.5)
    (toward,) = (known.moved(EYE[:1], EYE) - 0.5 * EYE[:1]) * 2
    assert toward[1] == pytest.approx(toward[2])
    assert toward[3] == pytest.approx(toward[1] * np.exp(-50 * 0.05), rel=0.05)
    assert toward.sum() == pytest.approx(1, abs=1e-5)


def test_what_no_earlier_conversation_is_like_is_not_moved() -> None:
    known = Precedents(EYE[:2], [2, 3], 0.9)
    strange = unit(0.4, 0.0, 0.0, 0.9)[None, :]
    np.testing.assert_allclose(known.moved(strange, EYE), strange, atol=1e-4)
    half = unit(0.75, 0.0, 0.0, np.sqrt(1 - 0.75**2))[None, :]  # as near to the first as to itself
    np.testing.assert_allclose(known.moved(half, EYE), 0.55 * half + 0.45 * EYE[2], atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.floats(0, 0.99))
def test_what_is_moved_stays_between_the_conversation_and_the_replies(seed: int, count: int, share: float) -> None:
    dice = np.random.default_rng(seed)
    made = [dice.normal(size=(rows, 6)) for rows in (5, count, 3)]
    vectors, contexts, queries = ((m / np.linalg.norm(m, axis=1, keepdims=True)).astype(np.float32) for m in made)
    known = Precedents(contexts, dice.integers(0, 5, count), share)
    moved = known.moved(queries, vectors)
    assert (np.linalg.norm(moved, axis=1) <= 1 + 1e-5).all()
    assert (moved @ vectors.T <= 1 + 1e-5).all()
    assert (np.abs(moved - queries).max(axis=1) <= 2 * share + 1e-5).all()
    one_by_one = np.concatenate([known.moved(query[None, :], vectors) for query in queries])
    np.testing.assert_allclose(moved, one_by_one, atol=1e-6)


def test_they_are_saved_with_the_index_and_taken_out_with_their_replies(tmp_path: Path) -> None:
    known = Precedents(EYE, [0, 1, 1, 3], 0.25)
    index = ReplyIndex(EYE, REPLIES, Scoring(0.045), known)
    index.save(tmp_path)
    again = ReplyIndex.load(tmp_path)
    query = unit(1, 2, 3, 4)
    assert again.search(query, 4) == index.search(query, 4)
    assert again.scored_by(Scoring()).precedents is again.precedents
    fewer = index.among([1, 3], [REPLIES[1], REPLIES[3]])
    assert fewer.precedents is not None
    assert fewer.precedents.replies.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(fewer.precedents.contexts, EYE[1:])
    assert fewer.search(EYE[3], 1)[0].reply.text == "d"
    assert index.among([2], [REPLIES[2]]).search(EYE[3], 1)[0].reply.text == "c"  # none is left to move it
    assert known.first(2).replies.tolist() == [0, 1]


def test_an_index_without_them_loads_as_it_did(tmp_path: Path) -> None:
    ReplyIndex(EYE, REPLIES).save(tmp_path)
    assert ReplyIndex.load(tmp_path).precedents is None


@pytest.mark.parametrize(
    ("contexts", "replies", "share"),
    [
        (EYE, [0, 1], 0.2),
        (EYE, [0, 1, 2, -1], 0.2),
        (EYE[0], [0], 0.2),
        (EYE * np.nan, [0, 1, 2, 3], 0.2),
        (EYE * 1e9, [0, 1, 2, 3], 0.2),
        (EYE, [0, 1, 2, 3], 1.0),
        (EYE, [0, 1, 2, 3], -0.1),
    ],
    ids=range(7),
)
def test_what_is_no_precedent_is_refused(contexts: np.ndarray, replies: list[int], share: float) -> None:
    with pytest.raises(ValueError, match=r"precedents|contexts"):
        Precedents(contexts, replies, share)


@pytest.mark.parametrize("wrong", [Precedents(EYE, [0, 1, 2, 4], 0.2), Precedents(np.eye(3), [0, 1, 2], 0.2)])
def test_those_of_another_index_are_refused(wrong: Precedents, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another"):
        ReplyIndex(EYE, REPLIES, precedents=wrong)
    index = ReplyIndex(EYE, REPLIES)
    index.precedents = wrong
    index.save(tmp_path)
    with pytest.raises(IntegrityError):
        ReplyIndex.load(tmp_path)
