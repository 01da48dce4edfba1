"""The reply index: exact, stable on ties, refusing what is not finite, and read back as it was written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from data.errors import IntegrityError
from export import replies as module
from export.replies import Reply, ReplyIndex
from export.reply_scores import Scoring, familiarity


def index(rows=20, hidden=8, seed=0, frequency=0.0):
    vectors = np.random.default_rng(seed).normal(size=(rows, hidden))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return ReplyIndex(vectors, [Reply(f"reply {i}", count=i + 1) for i in range(rows)], Scoring(frequency))


@settings(deadline=None)
@given(rows=st.integers(0, 40), k=st.integers(-1, 50), seed=st.integers(0, 99), frequency=st.sampled_from([0.0, 0.3]))
def test_search_is_a_full_sort(rows, k, seed, frequency):
    one = index(rows, seed=seed, frequency=frequency)
    query = np.random.default_rng(seed + 1).normal(size=8).astype(np.float32)
    scores = one.vectors.astype(np.float32) @ query + frequency * familiarity(range(1, rows + 1))
    expected = [f"reply {i}" for i in np.argsort(-scores, kind="stable")[: max(k, 0)]]
    hits = one.search(query, k)
    assert [hit.reply.text for hit in hits] == expected
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_blocks_and_batches_change_nothing(monkeypatch):
    one = index(50)
    queries = np.random.default_rng(3).normal(size=(9, 8)).astype(np.float32)
    whole = one.search_many(queries, 5)
    assert one.size_bytes == 50 * 8 * 6
    monkeypatch.setattr(module, "WIDE_BYTES", 0)
    one = index(50)
    assert one.size_bytes == 50 * 8 * 2
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(module, "QUERIES", 2)
    pieces = one.search_many(queries, 5)
    assert [[hit.reply for hit in hits] for hits in pieces] == [[hit.reply for hit in hits] for hits in whole]
    for query, hits in zip(queries, whole, strict=True):
        assert [hit.reply for hit in one.search(query, 5)] == [hit.reply for hit in hits]


def test_equal_scores_come_in_the_order_of_the_index():
    one = ReplyIndex(np.ones((6, 4)), [Reply(str(i)) for i in range(6)])
    assert [hit.reply.text for hit in one.search(np.ones(4), 3)] == ["0", "1", "2"]
    assert [hit.reply.text for hit in one.search(np.zeros(4), 2)] == ["0", "1"]


def test_an_empty_index_finds_nothing():
    none = ReplyIndex(np.zeros((0, 4)), [])
    assert (len(none), none.hidden, none.size_bytes) == (0, 4, 0)
    assert none.search(np.ones(4), 3) == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e9])
def test_vectors_that_float16_cannot_hold_are_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        ReplyIndex(np.array([[bad, 0.0]]), [Reply("a")])


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="as many vectors"):
        ReplyIndex(np.zeros((2, 3)), [Reply("a")])
    with pytest.raises(ValueError, match="were expected"):
        index().search(np.zeros(3), 1)
    with pytest.raises(ValueError, match="query is not finite"):
        index().search(np.full(8, np.nan), 1)


def test_vectors_cannot_be_changed_under_a_reader():
    with pytest.raises(ValueError, match="read-only"):
        index().vectors[0, 0] = 1


def test_written_and_read_back(tmp_path):
    one = ReplyIndex(
        np.eye(3),
        [Reply("line\u2028break\nand ünïcode"), Reply("b", "assistant", 7, "refund", "ab12", True), Reply("")],
    )
    one.save(tmp_path)
    again = ReplyIndex.load(tmp_path)
    assert again.replies == one.replies
    assert np.array_equal(again.vectors, one.vectors)
    assert again.scoring == one.scoring == Scoring()


def test_what_is_said_often_needs_less_of_a_sign():
    vectors = np.array([[1.0, 0.0], [0.6, 0.8]])
    replies = [Reply("Said  ONCE"), Reply("said daily", count=100)]
    query = np.array([1.0, 0.0])
    assert [hit.reply.text for hit in ReplyIndex(vectors, replies).search(query, 1)] == ["Said  ONCE"]
    weighed = ReplyIndex(vectors, replies, Scoring(0.2))
    best, second = weighed.search(query, 2)
    assert (best.reply.text, second.reply.text) == ("said daily", "Said  ONCE")
    once, daily = weighed.added(["said once", "SAID daily"])
    assert best.score - second.score == pytest.approx(0.6 + daily - 1.0 - once, abs=1e-3)
    assert weighed.added(["never said"])[0] == 0 < once < daily
    assert np.array_equal(ReplyIndex(vectors, replies).added(["said daily", "never"]), [0, 0])


@pytest.mark.parametrize("right", [(), (3.0, 1.0, 0.5, -2.0)])
def test_scoring_stays_with_the_index(tmp_path, right):
    one = index(5).scored_by(Scoring(0.05, right))
    one.save(tmp_path)
    again = ReplyIndex.load(tmp_path)
    assert again.scoring == one.scoring
    query = np.ones(8)
    assert again.search(query, 5) == one.search(query, 5)


def test_a_release_made_before_there_was_scoring_still_loads(tmp_path):
    one = index(5)
    one.save(tmp_path)
    save_file({"vectors": one.vectors}, str(tmp_path / module.VECTORS_FILE))
    old = ReplyIndex.load(tmp_path)
    assert old.scoring == Scoring()
    assert [hit.confidence for hit in old.search(np.ones(8), 3)] == [hit.score for hit in one.search(np.ones(8), 3)]


@pytest.mark.parametrize("tensors", [{"frequency": [np.nan]}, {"right": [1.0]}, {"right": [np.inf] * 4}])
def test_scoring_that_does_not_hold_is_refused(tmp_path, tensors):
    one = index(5)
    one.save(tmp_path)
    spoilt = {name: np.array(value) for name, value in tensors.items()}
    save_file({"vectors": one.vectors, **spoilt}, str(tmp_path / module.VECTORS_FILE))
    with pytest.raises(IntegrityError, match="reply index"):
        ReplyIndex.load(tmp_path)


def test_confidence_is_that_of_a_logistic_model_of_the_signs():
    one = index(20).scored_by(Scoring(0.05, (3.0, 2.0, 0.5, -1.0)))
    query = np.random.default_rng(1).normal(size=8)
    hits = one.search(query, 3)
    best, second, third = (hit.score for hit in hits)
    for hit, ahead in zip(hits, (best - second, second - best, third - best), strict=True):
        margin = 3.0 * hit.score + 2.0 * ahead + 0.5 * np.log1p(hit.reply.count / 8) - 1.0
        assert hit.confidence == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-6)
    assert one.search(query, 1) == hits[:1]  # how far it is ahead is known though one is asked for
    alone = index(1).scored_by(one.scoring).search(query, 3)
    margin = 3.0 * alone[0].score + 0.5 * np.log1p(1 / 8) - 1.0
    assert alone[0].confidence == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: (f / "replies.jsonl").unlink(),
        lambda f: (f / "reply_index.safetensors").write_bytes(b"{}"),
        lambda f: (f / "replies.jsonl").write_text(json.dumps({"text": "one"}) + "\n"),
        lambda f: (f / "replies.jsonl").write_text("{\n" * 3),
        lambda f: (f / "replies.jsonl").write_text(json.dumps({"text": 5}) + "\n"),
        lambda f: (f / "replies.jsonl").write_text('{"text": "a", "role": "ghost"}\n' * 3),
        lambda f: (f / "replies.jsonl").write_text('{"words": "a"}\n' * 3),
        lambda f: (f / "replies.jsonl").write_bytes(b"\xff\n" * 3),
    ],
)
def test_files_that_do_not_hold_are_refused(tmp_path, spoil):
    index(3).save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(IntegrityError, match="reply index"):
        ReplyIndex.load(tmp_path)
