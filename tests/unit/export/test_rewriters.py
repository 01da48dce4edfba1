"""Sealed folders of rewriters: named by digest, checked to the byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import IntegrityError, NotFound
from data.pair_render import PairShape
from export.rewriters import (
    DECODERS,
    ENCODERS,
    MANIFEST,
    TOKENIZER,
    CacheShape,
    RewriterCard,
    open_rewriter,
    publish_rewriter,
    rewriter_path,
    seal_rewriter,
)

CARD = RewriterCard("summarise", PairShape(64, 16, 0, "summarize:"), 1, CacheShape(2, 4, 16, 100), beams=2, base="t5")


def laid(folder: Path, card: RewriterCard = CARD) -> Path:
    folder.mkdir()
    for name in (ENCODERS[card.precision], DECODERS[card.precision], TOKENIZER):
        (folder / name).write_bytes(name.encode())
    seal_rewriter(folder, card)
    return folder


def test_what_is_published_is_opened_by_its_digest(tmp_path: Path) -> None:
    digest = publish_rewriter(laid(tmp_path / "work"), tmp_path / "rewriters")
    opened = open_rewriter(rewriter_path(tmp_path / "rewriters", digest))
    assert (opened.card, opened.digest) == (CARD, digest)
    assert opened.size_bytes == sum(path.stat().st_size for path in (opened.encoder, opened.decoder, opened.tokenizer))
    assert publish_rewriter(laid(tmp_path / "again"), tmp_path / "rewriters") == digest


def test_int8_has_files_of_its_own(tmp_path: Path) -> None:
    folder = laid(tmp_path / "work", replace(CARD, precision="int8"))
    opened = open_rewriter(folder, verify=False)
    assert (opened.encoder.name, opened.decoder.name) == ("encoder_int8.onnx", "decoder_int8.onnx")


@pytest.mark.parametrize("name", [ENCODERS["fp32"], DECODERS["fp32"], TOKENIZER, MANIFEST])
def test_a_changed_byte_is_seen(tmp_path: Path, name: str) -> None:
    digest = publish_rewriter(laid(tmp_path / "work"), tmp_path / "rewriters")
    folder = rewriter_path(tmp_path / "rewriters", digest)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"e", b"E", 1))
    with pytest.raises(IntegrityError):
        open_rewriter(folder)


def test_what_is_missing_or_does_not_belong_there_is_seen(tmp_path: Path) -> None:
    digest = publish_rewriter(laid(tmp_path / "work"), tmp_path / "rewriters")
    folder = rewriter_path(tmp_path / "rewriters", digest)
    (folder / "more").write_bytes(b"")
    with pytest.raises(IntegrityError, match="does not belong"):
        open_rewriter(folder)
    (folder / "more").unlink()
    (folder / DECODERS["fp32"]).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        open_rewriter(folder)
    with pytest.raises(NotFound):
        open_rewriter(tmp_path / "rewriters" / ("0" * 64))


def test_half_a_rewriter_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / TOKENIZER).write_bytes(b"")
    with pytest.raises(IntegrityError):
        seal_rewriter(tmp_path / "work", CARD)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"shape": {"source_length": 64}}, {"end_id": 100}, {"end_id": None}, {"precision": "int3"},
        {"beams": 0}, {"cache": {"layers": 0, "heads": 4, "size": 16, "vocabulary": 100}}, {"shape": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_says_something_else_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = laid(tmp_path / "work")
    body = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**body, **change}), "utf-8")
    with pytest.raises(IntegrityError, match="format"):
        open_rewriter(folder, verify=False)


@pytest.mark.parametrize("digest", ["..", "../x", "0" * 63, "A" * 64, ""])
def test_no_path_is_made_of_what_is_no_digest(tmp_path: Path, digest: str) -> None:
    with pytest.raises(IntegrityError):
        rewriter_path(tmp_path, digest)
