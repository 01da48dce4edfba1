"""Decoders and adapters on disk: built without a trace of the machine, named by digest, refused when touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest

from data.errors import BaseRefused, IntegrityError, NotFound, ParityFailed
from export.decoders import LoraShape, decoder_path, open_decoder, publish_decoder, seal_decoder
from export.decoding import Decoder, Wish
from export.genai import Order, build_decoders, lora_inputs
from export.genai_child import write_blank
from export.sampling import Sampling
from tests.tiny_llama import CONTEXT, END, lay_llama


@pytest.fixture
def copy(written, tmp_path) -> Path:
    """The fp32 decoder, to be spoiled, under its own name."""
    return Path(shutil.copytree(written.folder(), tmp_path / written.folder().name))


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_opens_with_its_card_and_size(written, precision):
    opened = open_decoder(written.folder(precision))
    card = opened.card
    assert (card.precision, card.context, card.vocabulary, card.stop) == (precision, CONTEXT, 260, (END,))
    assert (card.base, card.licence, card.lora.rank, set(card.versions)) == (
        "tiny", "none", 8, {"onnxruntime", "onnxruntime-genai", "torch", "transformers"},
    )  # fmt: skip
    assert opened.size_bytes == sum(p.stat().st_size for p in opened.folder.iterdir() if p.name != "decoder.json")
    assert opened.tokenizer.read_bytes() == (written.base / "tokenizer.json").read_bytes()
    assert opened.template.read_text() == (written.base / "chat_template.jinja").read_text()


def test_fewer_bits_take_less_room_and_leave_adapters_whole(written):
    weights = [(written.folder(p) / "model.onnx.data").stat().st_size for p in ("fp32", "int8", "int4")]
    assert weights == sorted(weights, reverse=True)
    for precision in ("int8", "int4"):
        graph = onnx.load(str(written.folder(precision) / "model.onnx"), load_external_data=False).graph
        kinds = {node.op_type for node in graph.node if "lora" in node.name}
        assert kinds == {"MatMul", "Add"}
        assert "MatMulNBits" in {node.op_type for node in graph.node}
        assert len(lora_inputs(graph)) == 2 * 2 * 7


def test_nothing_of_the_machine_is_in_it(written):
    """Neither paths, nor what the builder reads off the folder it runs in."""
    model = onnx.load(str(written.folder() / "model.onnx"), load_external_data=False)
    assert "+" not in model.producer_version
    for path in written.folder().iterdir():
        assert str(written.home).encode() not in path.read_bytes()


def test_published_twice_it_stands_once(written, tmp_path):
    work = shutil.copytree(written.folder(), tmp_path / "work")
    assert publish_decoder(work, written.home / "decoders") == written.digests["fp32"]
    assert not work.exists()


def test_absent_and_misnamed(copy, tmp_path):
    with pytest.raises(NotFound):
        open_decoder(tmp_path / ("0" * 64))
    with pytest.raises(IntegrityError, match="64 hexadecimal"):
        decoder_path(tmp_path, "../" + "0" * 61)
    other = copy.rename(tmp_path / ("1" * 64))
    with pytest.raises(IntegrityError, match="its name promises"):
        Decoder.load(other)
    assert open_decoder(other, verify=False).card.context == CONTEXT


@pytest.mark.parametrize(
    "name", ["genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "chat_template.jinja"]
)
def test_a_tampered_file_is_refused(copy, name):
    path = copy / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IntegrityError, match=f"{name} has changed"):
        Decoder.load(copy)


def test_what_is_missing_or_does_not_belong_is_refused(copy):
    (copy / "custom_ops.so").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"custom_ops\.so does not belong"):
        open_decoder(copy)
    (copy / "custom_ops.so").unlink()
    (copy / "model.onnx.data").unlink()
    with pytest.raises(IntegrityError, match=r"model\.onnx\.data is missing"):
        open_decoder(copy)
    with pytest.raises(IntegrityError, match="A sealed decoder holds"):
        seal_decoder(copy, open_decoder(copy, verify=False).card)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("model", "decoder", "filename"), "../other/model.onnx"),
        (("model", "decoder", "session_options", "custom_ops_library"), "/tmp/evil.so"),
        (("model", "decoder", "session_options", "provider_options"), [{"cuda": {}}]),
        (("model", "decoder", "pipeline"), []),
        (("model", "vision"), {"filename": "vision.onnx"}),
        (("model",), None),
    ],
)
def test_a_configuration_that_names_other_files_is_refused_even_when_sealed(copy, where, value):
    """A seal says who sealed it, not that it is harmless."""
    card = open_decoder(copy).card
    config = json.loads((copy / "genai_config.json").read_text())
    inner = config
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    (copy / "genai_config.json").write_text(json.dumps(config))
    with pytest.raises(IntegrityError, match="none of ours"):
        seal_decoder(copy, card)
    with pytest.raises(IntegrityError, match="none of ours"):
        open_decoder(copy, verify=False)


def test_weights_outside_the_folder_are_not_read(copy, tmp_path):
    """The graph, too, can name files. The engine reads none that lies elsewhere."""
    (copy / "model.onnx.data").rename(tmp_path / "elsewhere")
    graph = onnx.load(str(copy / "model.onnx"), load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../elsewhere"
    onnx.save(graph, str(copy / "model.onnx"))
    (copy / "model.onnx.data").write_bytes(b"")
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        Decoder.load(copy, verify=False)


@pytest.mark.parametrize(
    "change",
    [{"precision": "int2"}, {"context": 0}, {"stop": [260]}, {"format": 2}, {"lora": {"rank": 0, "targets": ["x"]}}],
)
def test_a_manifest_that_cannot_be_is_refused(copy, change):
    body = json.loads((copy / "decoder.json").read_text())
    (copy / "decoder.json").write_text(json.dumps({**body, **change}))
    with pytest.raises(IntegrityError, match="not of format"):
        open_decoder(copy, verify=False)


def test_without_room_for_adapters_and_without_a_template(tmp_path):
    lay_llama(tmp_path / "base")
    (tmp_path / "base" / "chat_template.jinja").unlink()
    (built,) = build_decoders(tmp_path / "base", Order(("fp32",)), tmp_path).values()
    opened = open_decoder(built, verify=False)
    assert (opened.card.lora, opened.template) == (None, None)
    assert {p.name for p in tmp_path.iterdir()} == {"base", "fp32"}  # nothing of the builder's is left
    decoder = Decoder.load(built, verify=False)
    assert len(list(decoder.generate(Wish((5, 6, 7), Sampling(max_tokens=4))))) > 0


def test_a_model_without_files_or_without_such_layers_is_refused(written, tmp_path):
    with pytest.raises(BaseRefused, match=r"model\.safetensors, tokenizer\.json is missing"):
        build_decoders(tmp_path, Order(), tmp_path)
    with pytest.raises(ParityFailed, match="no layers called fc9"):
        write_blank(written.base, 4, ("q_proj", "fc9"), tmp_path / "blank")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_the_builder_cannot_build_is_said(written, tmp_path):
    """Each refusal is a child process of its own."""
    for change, said in (
        ({"architectures": ["NoSuchForCausalLM"]}, "does not know models of this kind"),
        ({"eos_token_id": None, "hidden_size": "wide"}, "could not build this model"),
    ):
        base = Path(shutil.copytree(written.base, tmp_path / "base"))
        config = json.loads((base / "config.json").read_text())
        (base / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(ParityFailed, match=said) as refused:
            build_decoders(base, Order(("fp32",)), tmp_path)
        assert str(tmp_path) not in str(refused.value)
        shutil.rmtree(base)
    with pytest.raises(ParityFailed, match="no layers called fc9"):
        build_decoders(written.base, Order(("fp32",), LoraShape(4, ("q_proj", "fc9"))), tmp_path)
    assert list(tmp_path.iterdir()) == []
