"""Replies in cells: nearly always the same replies, always the same scores; everything is compared where that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.corrections import Correction, Corrections
from export.predict import Parts, Predictor
from export.replies import Reply, ReplyIndex
from export.reply_scores import Scoring
from export.runtime import EncoderPool

ROWS, HIDDEN = 5_000, 24
SCORING = Scoring(0.05, (3.0, 2.0, 0.5, -1.0))


def replies_about(topics: int, noise: float = 0.35, rows: int = ROWS) -> ReplyIndex:
    """What a brand says of so many things, in many wordings, some of them daily."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(topics, HIDDEN))
    vectors = centres[generator.integers(topics, size=rows)] + noise * generator.normal(size=(rows, HIDDEN))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    counts = generator.zipf(1.6, size=rows).clip(1, 2_000).tolist()
    return ReplyIndex(vectors, [Reply(f"reply {at}", count=count) for at, count in enumerate(counts)], SCORING)


@pytest.fixture(scope="module")
def exact() -> ReplyIndex:
    return replies_about(200)


@pytest.fixture(scope="module")
def celled(exact: ReplyIndex) -> ReplyIndex:
    pytest.importorskip("faiss")
    index = exact.in_cells(1_000)
    assert not index.is_exact
    return index


@pytest.fixture(scope="module")
def queries(exact: ReplyIndex) -> np.ndarray:
    generator = np.random.default_rng(1)
    near = exact.vectors[generator.integers(ROWS, size=200)].astype(np.float32)
    asked = near + 0.5 * generator.normal(size=near.shape).astype(np.float32) / np.sqrt(HIDDEN)
    return asked / np.linalg.norm(asked, axis=1, keepdims=True)


def test_nearly_all_of_the_best_are_found_with_the_scores_they_have(
    exact: ReplyIndex, celled: ReplyIndex, queries: np.ndarray
) -> None:
    found = missed = 0
    for plain, quick in zip(exact.search_many(queries, 10), celled.search_many(queries, 10), strict=True):
        true = {hit.reply.text: hit for hit in plain}
        both = [hit for hit in quick if hit.reply.text in true]
        found, missed = found + len(both), missed + 10 - len(both)
        assert len(quick) == 10
        assert [hit.score for hit in quick] == sorted((hit.score for hit in quick), reverse=True)
        assert all(hit.score == pytest.approx(true[hit.reply.text].score, abs=1e-6) for hit in both)
        if plain[:2] == quick[:2]:
            assert quick[0].confidence == pytest.approx(plain[0].confidence, abs=1e-6)
    assert found / (found + missed) >= 0.97


def test_how_often_a_reply_is_given_decides_as_it_does_among_all(exact: ReplyIndex, celled: ReplyIndex) -> None:
    """Of equal vectors the daily one is found first, through cells too."""
    pytest.importorskip("faiss")
    vectors = np.concatenate([exact.vectors, np.repeat(exact.vectors[:1], 200, axis=0)])
    extra = [Reply(f"again {at}", count=1 + 5_000 * (at == 150)) for at in range(200)]
    index = ReplyIndex(vectors, [*exact.replies, *extra], Scoring(0.05)).in_cells(1_000)
    assert not index.is_exact
    best, *others = index.search(exact.vectors[0].astype(np.float32), 5)
    assert best.reply.text == "again 150"
    assert all(other.score < best.score for other in others)


def test_more_replies_than_are_in_the_cells_nearby_are_asked_of_all(exact: ReplyIndex, celled: ReplyIndex) -> None:
    query = exact.vectors[7].astype(np.float32)
    for k in (0, 1, 55, ROWS - 1, ROWS + 5):
        assert len(celled.search(query, k)) == min(k, ROWS)
    assert celled.search(query, ROWS) == exact.search(query, ROWS)


def test_cells_are_made_the_same_again_and_answer_threads_alike(
    exact: ReplyIndex, celled: ReplyIndex, queries: np.ndarray
) -> None:
    again = exact.in_cells(1_000)
    expected = celled.search_many(queries, 5)
    assert again.search_many(queries, 5) == expected
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda query: celled.search(query, 5), queries)) == expected


def test_few_replies_are_all_compared(exact: ReplyIndex) -> None:
    assert exact.is_exact
    assert exact.in_cells(ROWS).is_exact
    tiny = ReplyIndex(np.eye(9), [Reply(str(at)) for at in range(9)])
    assert tiny.in_cells(0).is_exact
    assert ReplyIndex(np.zeros((0, 4)), []).in_cells(0).search(np.ones(4), 3) == ()


def test_cells_that_would_miss_too_much_are_not_used() -> None:
    """Replies that lie everywhere alike: their neighbours stand in all cells."""
    pytest.importorskip("faiss")
    index = replies_about(1, noise=100.0)
    assert index.in_cells(1_000).is_exact


def test_without_the_extra_all_are_compared(
    exact: ReplyIndex, queries: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    index = exact.in_cells(1_000)
    assert index.is_exact
    assert index.search_many(queries[:5], 5) == exact.search_many(queries[:5], 5)


def test_cells_count_as_memory_and_stay_out_of_what_is_written(
    exact: ReplyIndex, celled: ReplyIndex, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert celled.size_bytes > exact.size_bytes + ROWS * (HIDDEN + 1)
    folders = [tmp_path_factory.mktemp("index") for _ in range(2)]
    for folder, index in zip(folders, (exact, celled), strict=True):
        index.save(folder)
    plain, quick = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert plain == quick
    assert ReplyIndex.load(folders[1]).is_exact


@pytest.mark.parametrize("spoil", [lambda q: q[:, :-1], lambda q: q * np.nan])
def test_queries_are_checked_as_ever(
    celled: ReplyIndex, queries: np.ndarray, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(ValueError, match=r"expected|not finite"):
        celled.search_many(spoil(queries), 3)


def test_a_release_of_many_replies_answers_from_cells_and_approved_answers_stay(
    parts: Parts, exported: Any, tmp_path: Path, lay: Any, put_release: Any
) -> None:
    """The same release, every reply compared and through cells: the same candidates, and what is approved is said."""
    pytest.importorskip("faiss")
    assert parts.reply is not None
    mine = parts.reply.index
    others = np.random.default_rng(0).normal(size=(2_000, 3)) @ np.random.default_rng(1).normal(size=(3, mine.hidden))
    others = 0.5 * others / np.linalg.norm(others, axis=1, keepdims=True)
    many = [*mine.replies, *(Reply(f"other {at}") for at in range(len(others)))]
    index = ReplyIndex(np.concatenate([mine.vectors.astype(np.float32), others]), many)
    corrected = Corrections(
        parts.reply.channel.read(["refund please"]), [Correction("a", "refund please", None, "Yes.")]
    )
    whole = replace(parts, reply=replace(parts.reply, index=index), corrections=corrected)
    digest = lay(exported, tmp_path / "encoders")
    folder = put_release(tmp_path / "7", whole, {"intent": digest, "reply": digest})
    pool = EncoderPool(tmp_path / "encoders")
    with Predictor.load(folder, pool) as plain, Predictor.load(folder, pool, exact_replies=1_000) as quick:
        assert plain.parts.reply is not None
        assert quick.parts.reply is not None
        assert (plain.parts.reply.index.is_exact, quick.parts.reply.index.is_exact) == (True, False)
        for said in ("refund please", "give me my money back", "thanks", "where is my order"):
            one, other = plain.reply([("user", said)]), quick.reply([("user", said)])
            assert (one.reply, one.source) == (other.reply, other.source)
            assert one.candidates[0].text == other.candidates[0].text
            assert one.candidates[0].score == pytest.approx(other.candidates[0].score, abs=1e-6)
        assert quick.reply([("user", "refund please")]).reply == "Yes."
    with Predictor.load(folder, pool, exact_replies=len(index)) as few:
        assert few.parts.reply is not None
        assert few.parts.reply.index.is_exact
