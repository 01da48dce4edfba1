"""Bases: proven by digest, taken from a folder, never from the network unless that is allowed."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from data.errors import AttuneError, BaseRefused
from trainer.bases import catalogue as bases
from trainer.bases.catalogue import LocalBase, find_base
from trainer.bases.known import CATALOGUE, DEFAULT
from trainer.core.embedding import embed


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection, or asks the hub, fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A base folder that may be broken."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "mine"))


def test_the_default_base_is_the_one_the_catalogue_knows() -> None:
    local = find_base(DEFAULT)
    assert local.name == DEFAULT
    assert set(local.base.digests) == {"model.safetensors", "tokenizer.json"}
    assert local.base.licence == "apache-2.0"


@pytest.mark.parametrize("name", sorted(CATALOGUE[DEFAULT].digests))
def test_a_changed_byte_is_refused(name: str, tiny_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny base stands for a packaged one, with its digests in the catalogue."""
    digests = {file: bases._digest(folder / file, 0) for file in CATALOGUE[DEFAULT].digests}
    known = replace(CATALOGUE[DEFAULT], name="known", digests=digests)
    monkeypatch.setitem(CATALOGUE, "known", known)
    monkeypatch.setattr(bases, "_packaged", lambda base, online: folder)
    assert find_base("known").folder == folder
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BaseRefused, match=name.replace(".", r"\.")) as caught:
        find_base("known")
    assert caught.value.ids == {"base": "known"}
    assert str(folder) not in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(BaseRefused):
        find_base("known")


def test_a_packaged_base_without_its_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "gone", replace(CATALOGUE[DEFAULT], name="gone", package="attune-no-such-package"))
    with pytest.raises(BaseRefused, match="not installed") as caught:
        find_base("gone")
    assert "train extra" in caught.value.remedy


def test_a_local_folder_is_a_base(tiny: LocalBase, tiny_folder: Path) -> None:
    assert (tiny.folder, tiny.name) == (tiny_folder, "tiny")
    assert str(tiny_folder.parent) not in tiny.name
    encoder = tiny.encoder()
    assert not encoder.training
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert encoder.transformer.pooler is None  # type: ignore[union-attr]


def test_every_encoder_is_fresh(tiny: LocalBase) -> None:
    first, second = tiny.encoder(), tiny.encoder()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    renderer = tiny.renderer(16)
    rendered = renderer.utterances(["refund please"])
    assert np.abs(embed(second, renderer, rendered)).sum() > 0
    np.testing.assert_array_equal(embed(second, renderer, rendered), embed(tiny.encoder(), renderer, rendered))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BaseRefused, match=f"{name} is missing".replace(".", r"\.")) as caught:
        find_base(str(folder))
    assert str(folder) not in str(caught.value)


def test_a_pickle_beside_or_instead_of_the_weights_is_not_read(folder: Path) -> None:
    weights = folder / "model.safetensors"
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04\x95")
    find_base(str(folder)).encoder()
    weights.unlink()
    with pytest.raises(BaseRefused):
        find_base(str(folder))


@pytest.mark.parametrize(
    "name", ["nobody/nothing", "minilm", "MINILM-L6", "../nothing", "", ".", "\0", "a b", "http://x/y"]
)
def test_an_unknown_name_is_refused_without_a_look_at_the_network(name: str) -> None:
    with pytest.raises(BaseRefused):
        find_base(name)


@pytest.mark.parametrize("online", [False, True])
def test_a_name_longer_than_any_file_is_refused(online: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("no such id")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unknown)
    with pytest.raises(BaseRefused) as caught:
        find_base("x" * 5000, online=online)
    assert len(str(caught.value)) < 500


def test_a_hub_that_does_not_answer_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("secret-host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(BaseRefused, match="ConnectionError") as caught:
        find_base("nobody/nothing", online=True)
    assert "secret-host" not in str(caught.value)


def test_the_hub_is_asked_for_safe_files_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def give(hub_id: str, *, allow_patterns: list[str]) -> str:
        asked.append((hub_id, allow_patterns))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", give)
    assert find_base("some/one", online=True).name == "some/one"
    (hub_id, patterns) = asked[0]
    assert hub_id == "some/one"
    assert all(pattern.endswith((".json", ".safetensors", ".jinja")) for pattern in patterns)


def test_a_renderer_is_never_longer_than_its_base(tiny: LocalBase) -> None:
    assert tiny.renderer().max_length == tiny.base.max_length
    assert tiny.renderer(16).max_length == 16
    assert tiny.renderer(10**6).max_length == tiny.base.max_length


def write_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def test_a_base_that_reads_less_is_given_less(folder: Path) -> None:
    write_config(folder, max_position_embeddings=32)
    assert find_base(str(folder)).renderer(64).max_length <= 32


@pytest.mark.parametrize(
    ("said", "longest"),
    [
        ({"max_position_embeddings": 4096}, 128),
        ({"max_position_embeddings": 34, "model_type": "xlm-roberta"}, 32),
        ({"max_position_embeddings": -1}, 128),
        ({"max_position_embeddings": "many"}, 128),
        ({"max_position_embeddings": None}, 128),
    ],
    ids=str,
)
def test_a_base_reads_what_its_configuration_says_and_never_more_than_is_usual(
    folder: Path, said: dict[str, Any], longest: int
) -> None:
    write_config(folder, **said)
    assert find_base(str(folder)).base.max_length == longest


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000], ids=["cut", "no text", "deep"])
def test_a_configuration_that_cannot_be_read_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(BaseRefused, match=r"config\.json") as caught:
        find_base(str(folder))
    assert str(folder) not in str(caught.value)


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04\x95 a pickle in disguise")


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", "utf-8")


def unknown_kind(folder: Path) -> None:
    write_config(folder, model_type="no_such_model")


def foreign_code(folder: Path) -> None:
    write_config(folder, model_type="mine", auto_map={"AutoModel": "modeling_mine.Mine"})
    (folder / "modeling_mine.py").write_text("raise SystemExit('foreign code ran')\n", "utf-8")


def other_shapes(folder: Path) -> None:
    write_config(folder, hidden_size=64)


def more_layers(folder: Path) -> None:
    write_config(folder, num_hidden_layers=3)


def other_weights(folder: Path) -> None:
    save_file({"nothing": np.zeros(3, np.float32)}, folder / "model.safetensors", metadata={"format": "pt"})


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}", "utf-8")


@pytest.mark.parametrize(
    "breakage",
    [
        break_weights,
        cut_weights,
        break_config,
        unknown_kind,
        foreign_code,
        other_shapes,
        more_layers,
        other_weights,
        break_tokenizer,
    ],
)
def test_a_broken_folder_is_refused_in_our_words(folder: Path, breakage: Any) -> None:
    def use() -> None:
        local = find_base(str(folder))
        local.renderer()
        local.encoder()

    breakage(folder)
    with pytest.raises(AttuneError) as caught:
        use()
    assert str(folder) not in str(caught.value)
