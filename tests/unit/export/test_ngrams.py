"""An encoder of n-grams: what its vectors mean, what is kept of it, and that what was changed is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from data.errors import IntegrityError
from data.ngrams import MAX_CHARACTERS, NgramRenderer
from export.encoders import MANIFEST, NGRAMS, EncoderCard, encoder_path, open_encoder, publish_encoder, seal_encoder
from export.ngrams import NgramEncoder, Ngrams
from export.runtime import Encoder, EncoderPool
from trainer.intents.ngrams import make_ngrams

SAID = [
    "hvor er min pakke", "hvornår kommer pakken", "jeg vil have mine penge tilbage", "penge retur tak",
    "这家酒店的电话是多少", "酒店的地址在哪", "谢谢你的帮助", "谢谢",
]  # fmt: skip
LABELS = ["delivery", "delivery", "refund", "refund", "hotel", "hotel", "thanks", "thanks"]
RENDERER = NgramRenderer()


def made(texts: list[str] = SAID, labels: list[str] = LABELS) -> Ngrams:
    return make_ngrams(RENDERER.utterances(texts), labels, seed=0)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A published encoder; the folder is named by its digest."""
    work = tmp_path / "work"
    work.mkdir()
    ngrams = made()
    ngrams.save(work)
    seal_encoder(work, EncoderCard(MAX_CHARACTERS, ngrams.hidden, kind="ngrams"))
    return encoder_path(tmp_path / "encoders", publish_encoder(work, tmp_path / "encoders"))


def test_products_of_vectors_are_those_of_weighed_ngrams() -> None:
    ngrams = made()
    rendered = RENDERER.utterances([*SAID, "hvor er pakken", "something else altogether"])
    weighed = [dict(zip(*map(np.ndarray.tolist, ngrams.weighing.weigh(one)), strict=True)) for one in rendered]
    wanted = [[sum(a[key] * b.get(key, 0.0) for key in a) for b in weighed[: len(SAID)]] for a in weighed]
    vectors = ngrams.embed(rendered)
    np.testing.assert_allclose(vectors @ vectors[: len(SAID)].T, wanted, atol=1e-5)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_no_vector_is_longer_than_one_or_depends_on_another(texts: list[str]) -> None:
    ngrams = MADE
    vectors = ngrams.embed(RENDERER.utterances(texts))
    assert vectors.shape == (len(texts), ngrams.hidden)
    assert vectors.dtype == np.float32
    assert (np.linalg.norm(vectors, axis=1) <= 1 + 1e-4).all()
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(ngrams.embed([RENDERER.utterance(text)])[0], vector)


MADE = made()


def test_known_texts_have_length_one_and_strange_ones_are_near_to_nothing() -> None:
    lengths = np.linalg.norm(made().embed(RENDERER.utterances([*SAID, "☃☃☃"])), axis=1)
    np.testing.assert_allclose(lengths, [*[1.0] * len(SAID), 0.0], atol=1e-4)


def test_texts_without_one_ngram_make_an_encoder_all_the_same() -> None:
    ngrams = made([" ", ""], ["a", "b"])
    assert not ngrams.embed(RENDERER.utterances(["", "word"])).any()


def test_the_same_texts_give_the_same_bytes_and_those_are_read_back_as_they_were(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made().save(tmp_path / name)
    assert (tmp_path / "one" / NGRAMS).read_bytes() == (tmp_path / "two" / NGRAMS).read_bytes()
    rendered = RENDERER.utterances([*SAID, "tak for hjælpen"])
    np.testing.assert_array_equal(Ngrams.load(tmp_path / "one").embed(rendered), made().embed(rendered))


def test_it_is_pooled_and_served_as_any_encoder(sealed: Path) -> None:
    pool = EncoderPool(sealed.parent)
    with pool.holding(sealed.name) as encoder:
        assert isinstance(encoder, NgramEncoder)
        assert encoder.card.kind == "ngrams"
        renderer = encoder.renderer()
        assert renderer.max_length == MAX_CHARACTERS
        rendered = renderer.utterances(SAID)
        np.testing.assert_array_equal(encoder.embed(rendered), made().embed(rendered))
        assert pool.size_bytes == encoder.size_bytes < 500_000
    assert pool.usage() == ()


def test_a_folder_of_another_kind_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(b"graph")
    with pytest.raises(IntegrityError, match=r"holds ngrams\.safetensors"):
        seal_encoder(tmp_path, EncoderCard(8, 8, kind="ngrams"))


def test_what_was_changed_is_refused(sealed: Path) -> None:
    body = (sealed / NGRAMS).read_bytes()
    (sealed / NGRAMS).write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(IntegrityError):
        Encoder.load(sealed)


def test_a_card_that_says_another_size_is_refused(sealed: Path) -> None:
    manifest = json.loads((sealed / MANIFEST).read_text())
    (sealed / MANIFEST).write_text(json.dumps({**manifest, "hidden": manifest["hidden"] + 1}))
    with pytest.raises(IntegrityError, match="size"):
        Encoder.load(sealed, verify=False)
    (sealed / MANIFEST).write_text(json.dumps({**manifest, "kind": "crystal"}))
    with pytest.raises(IntegrityError, match="format"):
        open_encoder(sealed, verify=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", np.array([10**6], dtype=np.int32)),
        ("seen", np.array([3, 2, 1], dtype=np.int32)),
        ("starts", np.array([5, 0], dtype=np.int32)),
        ("turn", np.zeros((0, 4), dtype=np.float32)),
        ("turn", np.zeros(4, dtype=np.float32)),
        ("values", np.array([np.nan], dtype=np.float32)),
        ("rarity", np.zeros(1, dtype=np.float64)),
        ("rarest", np.zeros(2, dtype=np.float32)),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path, name: str, value: np.ndarray) -> None:
    made().save(tmp_path)
    save_file({**load_file(tmp_path / NGRAMS), name: value}, tmp_path / NGRAMS)
    with pytest.raises(IntegrityError, match="do not fit"):
        Ngrams.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 64])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NGRAMS).write_bytes(content)
    with pytest.raises(IntegrityError, match="cannot be read"):
        Ngrams.load(tmp_path)
