"""Attention becomes one operator where it is the plain kind, and is exported step by step where it is not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from export.onnx import PooledEncoder, export_encoder
from export.quantise import quantise
from export.runtime import SLOW_FUSIONS
from tests.architectures import HIDDEN, random_model

FUSED = ("bert", "roberta", "xlm-roberta", "distilbert", "electra")
STEP_BY_STEP = ("deberta", "deberta-v2", "mpnet", "modernbert")


def made(kind: str) -> PooledEncoder:
    return PooledEncoder(random_model(kind, 60, 90, seed=5)).eval()


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(str(path)).graph.node)


def asked(seed: int, batch: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    ids = random.integers(5, 60, (batch, length), dtype=np.int64)
    mask = (np.arange(length) < random.integers(1, length + 1, (batch, 1))).astype(np.int64)
    return np.where(mask, ids, 1), mask


def run(path: Path, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(
        str(path), providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOW_FUSIONS)
    )
    return session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]


@pytest.mark.parametrize("name", [*FUSED, *STEP_BY_STEP])
def test_the_graph_says_what_torch_says(name: str, tmp_path: Path) -> None:
    encoder = made(name)
    assert export_encoder(encoder, tmp_path / "encoder.onnx") == HIDDEN
    fused = operators(tmp_path / "encoder.onnx")["Attention"]
    assert fused == (2 if name in FUSED else 0)
    for seed, (batch, length) in enumerate([(1, 1), (1, 7), (4, 40), (3, 64)]):
        ids, mask = asked(seed, batch, length)
        with torch.no_grad():
            expected = encoder(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        np.testing.assert_allclose(run(tmp_path / "encoder.onnx", ids, mask), expected, atol=1e-5)


def test_the_fused_operator_is_quantised_with_its_projections(tmp_path: Path) -> None:
    encoder = made("bert")
    export_encoder(encoder, tmp_path / "encoder.onnx")
    quantise(tmp_path / "encoder.onnx", tmp_path / "int8.onnx")
    assert operators(tmp_path / "int8.onnx")["QAttention"] == 2
    weights = {one.name: one.data_type for one in onnx.load(str(tmp_path / "int8.onnx")).graph.initializer}
    assert "attention_weight_0" not in weights
    assert weights["attention_weight_0_quantized"] == onnx.TensorProto.INT8
    ids, mask = asked(1, 1, 12)
    near = run(tmp_path / "int8.onnx", ids, mask) @ run(tmp_path / "encoder.onnx", ids, mask).T
    assert near[0, 0] > 0.98


def test_nothing_is_left_of_the_projections_that_were_folded_in(tmp_path: Path) -> None:
    export_encoder(made("bert"), tmp_path / "encoder.onnx")
    graph = onnx.load(str(tmp_path / "encoder.onnx")).graph
    used = {name for node in graph.node for name in node.input}
    assert {constant.name for constant in graph.initializer} <= used
    assert operators(tmp_path / "encoder.onnx")["MatMul"] == 2 * 3  # what follows attention, and the two layers after
