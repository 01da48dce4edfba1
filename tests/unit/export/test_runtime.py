"""Encoders on disk and in memory: by digest, verified, shared, counted; one text's vector whatever its neighbours."""

from __future__ import annotations

import json
import shutil
import threading

import numpy as np
import pytest

from data.errors import IntegrityError, NotFound
from data.render import Rendered
from export.encoders import EncoderCard, encoder_path, open_encoder, publish_encoder, seal_encoder
from export.runtime import Encoder, EncoderPool

TEXTS = ["where is my order", "refund", "", "hello, please cancel the late parcel", "thanks", "money back " * 20]


@pytest.fixture
def encoders(tmp_path):
    return tmp_path / "encoders"


@pytest.fixture
def digest(exported, encoders, lay):
    return lay(exported, encoders)


def test_opens_with_its_card_and_size(encoders, digest):
    opened = open_encoder(encoders / digest)
    assert (opened.digest, opened.card.hidden, opened.card.base) == (digest, 32, "tiny")
    assert opened.size_bytes == opened.graph.stat().st_size + opened.tokenizer.stat().st_size


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_text_has_one_vector_alone_or_in_a_batch(exported, encoders, lay, renderer, precision):
    encoder = Encoder.load(encoders / lay(exported, encoders, precision))
    rendered = renderer.utterances(TEXTS * 9)
    together = encoder.embed(rendered)
    alone = np.concatenate([encoder.embed([one]) for one in rendered])
    assert together.dtype == np.float32
    assert together.shape == (len(TEXTS) * 9, 32)
    np.testing.assert_allclose(together, alone, atol=0 if precision == "int8" else 2e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(encoders, digest):
    encoder = Encoder.load(encoders / digest)
    assert encoder.embed([]).shape == (0, 32)
    none = np.zeros((0, 4), dtype=np.int64)
    assert encoder.run(none, none).shape == (0, 32)
    assert encoder.embed([Rendered((2,))]).shape == (1, 32)


def test_threads_of_one_session_agree(encoders, digest, renderer):
    encoder = Encoder.load(encoders / digest, threads=2)
    rendered = renderer.utterances(TEXTS)
    expected = encoder.embed(rendered)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(encoder.embed(rendered))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, expected) for one in found)


def test_absent_and_misnamed_encoders(encoders, digest):
    with pytest.raises(NotFound):
        open_encoder(encoders / ("0" * 64))
    shutil.copytree(encoders / digest, encoders / ("1" * 64))
    with pytest.raises(IntegrityError, match="its name promises"):
        Encoder.load(encoders / ("1" * 64))
    assert open_encoder(encoders / ("1" * 64), verify=False).digest == digest


@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.json"])
def test_a_tampered_file_is_refused(encoders, digest, name):
    path = encoders / digest / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(IntegrityError, match=f"{name} has changed"):
        Encoder.load(encoders / digest)


def test_without_its_manifest_it_is_no_encoder(encoders, digest):
    (encoders / digest / "encoder.json").unlink()
    with pytest.raises(IntegrityError, match=r"has no encoder\.json"):
        Encoder.load(encoders / digest)


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"precision": "int4"}, {"hidden": 0}, {"max_length": "24"}, {"licence": None}]
)
def test_a_card_of_another_format_is_refused(encoders, digest, change):
    path = encoders / digest / "encoder.json"
    body = json.loads(path.read_bytes()) | change
    if change.get("licence", 0) is None:
        del body["licence"]
    path.write_text(json.dumps(body))
    with pytest.raises(IntegrityError, match="not of format 1"):
        open_encoder(path.parent, verify=False)


@pytest.mark.parametrize("name", ["", "..", "a/b", "0" * 63, "G" * 64, "../" + "0" * 61])
def test_no_path_is_made_of_what_is_no_digest(encoders, name):
    with pytest.raises(IntegrityError, match="64 hexadecimal"):
        encoder_path(encoders, name)


def test_sealing_wants_exactly_the_files_of_its_precision(exported, tmp_path):
    card = EncoderCard(max_length=24, hidden=32)
    with pytest.raises(IntegrityError, match="holds nothing"):
        seal_encoder(tmp_path, card)
    shutil.copy(exported.int8, tmp_path / "encoder_int8.onnx")
    shutil.copy(exported.tokenizer, tmp_path / "tokenizer.json")
    with pytest.raises(IntegrityError, match=r"encoder\.onnx"):
        seal_encoder(tmp_path, card)


def test_publishing_the_same_encoder_twice_keeps_one(encoders, digest, tmp_path):
    shutil.copytree(encoders / digest, tmp_path / "work")
    assert publish_encoder(tmp_path / "work", encoders) == digest
    assert [path.name for path in encoders.iterdir()] == [digest]


def test_a_graph_that_is_none_or_another_is_refused(exported, encoders, digest, tmp_path, lay):
    shutil.copytree(encoders / digest, tmp_path / "broken")
    (tmp_path / "broken" / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        Encoder.load(tmp_path / "broken", verify=False)
    with pytest.raises(IntegrityError, match="inputs and output"):
        Encoder.load(encoders / lay(exported, encoders, hidden=64))


def test_the_pool_loads_once_counts_bytes_and_drops_with_the_last(encoders, digest):
    pool = EncoderPool(encoders)
    with pool.holding(digest) as first:
        assert pool.acquire(digest) is first
        (use,) = pool.usage()
        assert (use.digest, use.references) == (digest, 2)
        assert pool.size_bytes == use.size_bytes == first.size_bytes
        pool.release(digest)
        assert pool.usage()[0].references == 1
    assert pool.usage() == ()
    assert pool.size_bytes == 0
    with pytest.raises(ValueError, match="more often"):
        pool.release(digest)
    assert pool.acquire(digest) is not first


def test_a_load_that_fails_leaves_nothing_counted(encoders, digest):
    pool = EncoderPool(encoders)
    (encoders / digest / "encoder.onnx").write_bytes(b"")
    with pytest.raises(IntegrityError):
        pool.acquire(digest)
    assert pool.usage() == ()
    with pytest.raises(IntegrityError):
        pool.acquire("../elsewhere")


def test_two_who_ask_at_once_share_one_load(encoders, digest, monkeypatch):
    pool = EncoderPool(encoders)
    loads = []
    real = Encoder.load
    monkeypatch.setattr(Encoder, "load", lambda *a, **k: loads.append(1) or real(*a, **k))
    barrier, found = threading.Barrier(4), []

    def ask() -> None:
        barrier.wait()
        found.append(pool.acquire(digest))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(set(map(id, found))) == 1
    assert pool.usage()[0].references == 4
