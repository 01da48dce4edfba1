"""The exported graph gives what the torch module gives, at every shape, and says nothing of the machine."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn
from transformers import T5Config, T5EncoderModel

from data.errors import ParityFailed
from export.onnx import PooledEncoder, export_encoder, pool
from export.quantise import quantise


def run(path: Path, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 2), (1, 24), (3, 5), (8, 17), (2, 64)])
def test_equals_torch_at_every_shape_padded_or_not(exported, batch, length):
    random = np.random.default_rng(batch * 100 + length)
    ids = random.integers(5, 100, (batch, length), dtype=np.int64)
    mask = (np.arange(length) < random.integers(1, length + 1, (batch, 1))).astype(np.int64)
    with torch.no_grad():
        expected = exported.torch_encoder(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    found = run(exported.fp32, ids, mask)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_int8_stays_near_and_is_smaller(exported):
    ids = np.arange(5, 17, dtype=np.int64)[None, :]
    near = run(exported.int8, ids, np.ones_like(ids)) @ run(exported.fp32, ids, np.ones_like(ids)).T
    assert near[0, 0] > 0.98
    assert exported.int8.stat().st_size < exported.fp32.stat().st_size


def test_quantising_again_gives_the_same_bytes_and_leaves_nothing_behind(exported, tmp_path):
    assert quantise(exported.fp32, tmp_path / "q.onnx") == exported.int8.stat().st_size
    assert (tmp_path / "q.onnx").read_bytes() == exported.int8.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["q.onnx"]


def test_what_stands_under_the_padding_is_never_read(exported):
    ids = np.array([[2, 9, 3, 0, 0]], dtype=np.int64)
    mask = np.array([[1, 1, 1, 0, 0]], dtype=np.int64)
    noise = ids.copy()
    noise[0, 3:] = 77
    np.testing.assert_allclose(run(exported.fp32, ids, mask), run(exported.fp32, noise, mask), atol=1e-6)


def test_the_graph_is_one_file_that_names_no_path_and_no_code(exported):
    assert not list(exported.fp32.parent.glob("*.data"))
    raw = exported.fp32.read_bytes()
    for trace in (b".py", b"/home", b"site-packages", b"stack_trace"):
        assert trace not in raw
    model = onnx.load(str(exported.fp32))
    assert [value.name for value in model.graph.input] == ["input_ids", "attention_mask"]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim] == ["batch", 32]


def test_the_same_weights_give_the_same_bytes_and_the_module_is_left_as_it_was(exported, tmp_path):
    module = exported.torch_encoder.train()
    try:
        assert export_encoder(module, tmp_path / "again.onnx") == 32
        assert module.training
    finally:
        module.eval()
    assert (tmp_path / "again.onnx").read_bytes() == exported.fp32.read_bytes()


def test_half_precision_weights_are_served_in_full(exported, tmp_path):
    half = PooledEncoder(copy.deepcopy(exported.torch_encoder.transformer)).to(torch.bfloat16)
    export_encoder(half, tmp_path / "half.onnx")
    ids = np.array([[2, 9, 3]], dtype=np.int64)
    assert run(tmp_path / "half.onnx", ids, np.ones_like(ids)).dtype == np.float32
    assert next(half.parameters()).dtype == torch.bfloat16


def test_pooling_is_the_mean_over_the_mask_at_unit_length():
    states = torch.tensor([[[3.0, 0.0], [0.0, 3.0], [9.0, 9.0]]])
    pooled = pool(states, torch.tensor([[1, 1, 0]]))
    torch.testing.assert_close(pooled, torch.full((1, 2), 0.5**0.5))
    assert torch.isfinite(pool(states, torch.zeros((1, 3), dtype=torch.int64))).all()


def test_a_kind_whose_attention_cannot_be_taken_apart_is_exported_another_way(tmp_path):
    torch.manual_seed(3)
    model = T5EncoderModel(T5Config(vocab_size=50, d_model=16, d_kv=4, d_ff=32, num_layers=1, num_heads=4))
    encoder = PooledEncoder(model).eval()
    assert export_encoder(encoder, tmp_path / "t5.onnx") == 16
    ids = np.array([[5, 6, 7, 0], [8, 9, 10, 11]], dtype=np.int64)
    mask = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=np.int64)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(run(tmp_path / "t5.onnx", ids, mask), expected, atol=1e-5)


class _Untraceable(nn.Module):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> object:
        class States:
            last_hidden_state = input_ids[..., None].float().repeat(1, 1, 4 if int(input_ids.sum()) > 3 else 2)

        return States


def test_a_model_the_exporter_cannot_take_apart_is_a_named_error(tmp_path):
    with pytest.raises(ParityFailed, match="could not be turned into ONNX"):
        export_encoder(PooledEncoder(_Untraceable()), tmp_path / "no.onnx")
