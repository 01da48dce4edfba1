"""Smoothing changes nothing in exact arithmetic, and int8 loses less for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel

from data.render import Rendered
from export.onnx import PooledEncoder, export_encoder
from export.quantise import quantise
from export.runtime import INPUTS
from export.smooth import smooth

SIZES = {
    "vocab_size": 80,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "max_position_embeddings": 40,
    "initializer_range": 0.1,
}


def texts(count: int, seed: int) -> list[Rendered]:
    random = np.random.default_rng(seed)
    return [Rendered(tuple(random.integers(5, 80, random.integers(3, 20)).tolist())) for _ in range(count)]


def embedded(graph: Path | bytes, said: list[Rendered]) -> np.ndarray:
    session = ort.InferenceSession(
        graph if isinstance(graph, bytes) else str(graph), providers=["CPUExecutionProvider"]
    )
    rows = [np.array([one.ids], dtype=np.int64) for one in said]
    return np.concatenate(
        [session.run(["embedding"], {"input_ids": row, "attention_mask": np.ones_like(row)})[0] for row in rows]
    )


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    model = BertModel(BertConfig(**SIZES), add_pooling_layer=False)
    path = tmp_path_factory.mktemp("graph") / "encoder.onnx"
    export_encoder(PooledEncoder(model).eval(), path)
    return path


def test_in_full_precision_nothing_changes(graph: Path) -> None:
    model, said = onnx.load(str(graph)), texts(20, seed=1)
    before = len(model.graph.node)
    smooth(model, texts(30, seed=2))
    assert len(model.graph.node) > before
    np.testing.assert_allclose(embedded(model.SerializeToString(), said), embedded(graph, said), atol=2e-5)


def quantised(folder: Path, graph: onnx.GraphProto, given: np.ndarray, *, smoothed: bool) -> np.ndarray:
    """What the graph makes of `given` in int8, with smoothing or without."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    if smoothed:
        smooth(model, texts(5, seed=4))
    onnx.save(model, str(folder / "plain.onnx"))
    quantize_dynamic(
        folder / "plain.onnx",
        folder / "int8.onnx",
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
    )
    session = ort.InferenceSession(str(folder / "int8.onnx"), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"input_ids": given, "attention_mask": np.ones_like(given)})[0]


@pytest.mark.parametrize("loud", ["channel", "token"])
def test_int8_loses_less_than_half_of_what_it_lost(loud: str, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    table = random.normal(size=(80, 64)).astype(np.float32)
    gain = np.ones(64, dtype=np.float32)
    if loud == "channel":
        gain[:2] = 40
    else:
        table[9] *= 40
    weight = random.normal(size=(64, 64 if loud == "channel" else 16)).astype(np.float32)
    weight[:2] = 0.01 if loud == "channel" else weight[:2]  # what is loud for nothing drowns what is not
    normal = helper.make_node("LayerNormalization", ["x", "gain", "none"], ["normal"], name="normal")
    found = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["x"], name="found"),
            *([normal] if loud == "channel" else []),
            helper.make_node("MatMul", ["normal" if loud == "channel" else "x", "weight"], ["y"], name="product"),
        ],
        "loud",
        [helper.make_tensor_value_info(name, onnx.TensorProto.INT64, [1, "tokens"]) for name in INPUTS],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, "tokens", weight.shape[1]])],
        [
            numpy_helper.from_array(value, name)
            for name, value in {"table": table, "gain": gain, "none": np.zeros_like(gain), "weight": weight}.items()
        ],
    )
    given = np.array([[7, 9, 11, 13, 15]], dtype=np.int64)
    states = table[given]
    if loud == "channel":
        states = (states - states.mean(-1, keepdims=True)) / states.std(-1, keepdims=True) * gain
    exact = states @ weight
    lost = {way: np.abs(quantised(tmp_path, found, given, smoothed=way) - exact)[0, 0].mean() for way in (True, False)}
    assert lost[True] < lost[False] / 2


def test_the_same_texts_give_the_same_bytes(graph: Path, tmp_path: Path) -> None:
    for name in ("once", "again"):
        quantise(graph, tmp_path / name, texts(10, seed=5))
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()


def test_layers_that_share_their_weights_are_left_alone_where_one_scale_cannot_serve_all(tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = AlbertConfig(**{**SIZES, "embedding_size": 32})
    path = tmp_path / "albert.onnx"
    export_encoder(PooledEncoder(AlbertModel(config, add_pooling_layer=False)).eval(), path)
    model, said = onnx.load(str(path)), texts(10, seed=6)
    smooth(model, texts(10, seed=7))
    np.testing.assert_allclose(embedded(model.SerializeToString(), said), embedded(path, said), atol=2e-5)


def test_a_token_of_nothing_but_zeros_stays_zero() -> None:
    weight = numpy_helper.from_array(np.ones((8, 2), dtype=np.float32), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["y"], name="narrowing")],
        "narrow",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, "tokens", 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    smooth(model, [])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = np.stack([np.zeros(8), np.arange(8)])[None].astype(np.float32)
    np.testing.assert_allclose(session.run(None, {"x": given})[0], [[[0, 0], [28, 28]]])
