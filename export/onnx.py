"""From a trained encoder to an ONNX graph: ids in, one unit vector per text out, or one state per token. Write side:
imports torch.

Batch and sequence are dynamic; the weights stand inside the file; nothing of the machine that exported it (paths, stack
traces) does, so that the same weights give the same bytes.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from torch import nn
from transformers import PreTrainedModel

from data.errors import ParityFailed
from export import attention
from export.encoders import Output
from export.runtime import INPUTS

FUSED_TOLERANCE = 1e-5
FOUND = "what_is_found"
"""The output's name until the graph is named anew; no operator is called so."""

_log = logging.getLogger(__name__)


class PooledEncoder(nn.Module):
    """A transformer whose token states are averaged over the mask and brought to length 1 (Reimers & Gurevych 2019)."""

    output: ClassVar[Output] = "embedding"

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """int64 [batch, sequence] twice -> [batch, hidden], every row of length 1."""
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return pool(states, attention_mask)


class TokenEncoder(nn.Module):
    """A transformer whose token states come out as they are, for what is said of each token."""

    output: ClassVar[Output] = "states"

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """int64 [batch, sequence] twice -> [batch, sequence, hidden]; what stands under padding means nothing."""
        return torch.as_tensor(self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)


AnyEncoder = PooledEncoder | TokenEncoder


def pool(states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Mean of `states` [batch, sequence, hidden] over the mask, L2-normalised: [batch, hidden]."""
    mask = attention_mask.unsqueeze(-1).to(states.dtype)
    mean = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
    return nn.functional.normalize(mean, p=2.0, dim=-1)


def export_encoder(encoder: AnyEncoder, path: Path) -> int:
    """Write `encoder` to `path` as float32 ONNX; returns the size of a vector.

    The module itself is left as it is (training mode, device, precision). Raises ParityFailed when the exporter cannot
    take the model apart: there is then nothing to serve.
    """
    frozen = copy.deepcopy(encoder).cpu().float().eval()
    if isinstance(frozen.transformer, PreTrainedModel):
        # Written out in full: the exporter cannot take T5's own fused attention apart.
        frozen.transformer.set_attn_implementation("eager")
    ids, mask = _example()
    with torch.inference_mode(False), torch.no_grad():
        expected = frozen(ids, mask).numpy()
    try:
        if not _fused(frozen, path, expected):
            _write(frozen, path, expected.shape[-1])
    except torch.onnx.OnnxExporterError as error:
        raise ParityFailed(
            f"The trained encoder could not be turned into ONNX ({type(error).__name__}).",
            remedy="Choose another base model; docs/recipes.md lists the kinds that are tested.",
        ) from error
    return int(expected.shape[-1])


def _fused(encoder: AnyEncoder, path: Path, expected: npt.NDArray[np.float32]) -> bool:
    """Write it with attention as one operator, and say whether that was possible and gives what it should."""
    fused = copy.deepcopy(encoder)
    if not isinstance(fused.transformer, PreTrainedModel):
        return False
    try:
        fused.transformer.set_attn_implementation(attention.FUSED)
        _write(fused, path, expected.shape[-1])
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (found,) = session.run(None, dict(zip(INPUTS, (one.numpy() for one in _example()), strict=True)))
    except Exception as error:  # each kind of model fails in a way of its own; step by step is always left
        _log.debug("attention of %s is exported step by step: %s", type(encoder.transformer).__name__, error)
        return False
    seen = _seen(expected)
    return bool(np.allclose(found[seen], expected[seen], atol=FUSED_TOLERANCE))


def _seen(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which of the vectors are looked at: of the states of tokens, those of no padding."""
    mask = _example()[1].numpy().astype(bool)
    return mask if vectors.ndim == mask.ndim + 1 else np.ones(len(vectors), dtype=bool)


def _write(encoder: AnyEncoder, path: Path, hidden: int) -> None:
    with torch.inference_mode(False), torch.no_grad(), quietly():
        _export(encoder, _example(), path)
    model = onnx.load(str(path))
    attention.merge(model)
    forget_origins(model)
    _name_output(model.graph, encoder.output, hidden)
    onnx.save(model, str(path))


def _example() -> tuple[torch.Tensor, torch.Tensor]:
    """Two texts of unequal length. Ids stay small, so that every vocabulary holds them."""
    ids = torch.ones((2, 8), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return ids, mask


def _export(module: nn.Module, example: tuple[torch.Tensor, torch.Tensor], path: Path) -> None:
    axes = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=list(INPUTS),
        output_names=[FOUND],
        dynamic_shapes=dict.fromkeys(INPUTS, axes),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def forget_origins(model: onnx.ModelProto) -> None:
    """Drop stack traces and other notes of the exporter."""
    for holder in (model, model.graph, *model.functions):
        _clear(holder)
        for node in getattr(holder, "node", ()):
            _clear(node)
    for group in (model.graph.value_info, model.graph.initializer, model.graph.input, model.graph.output):
        for value in group:
            _clear(value)


def _name_output(graph: onnx.GraphProto, name: str, hidden: int) -> None:
    """Call the output by its name, its size stated. The exporter may have given that to something inside, as it calls
    the look-up of word vectors `embedding`."""
    names = {name: f"word_{name}", FOUND: name}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for value in (*graph.value_info, *graph.output):
        value.name = names.get(value.name, value.name)
    graph.output[0].type.tensor_type.shape.dim[-1].dim_value = hidden


def _clear(holder: Any) -> None:
    for name in ("metadata_props", "doc_string"):
        if name in holder.DESCRIPTOR.fields_by_name:
            holder.ClearField(name)


@contextmanager
def quietly() -> Iterator[None]:
    """The exporter logs its progress and warns of its own dependencies; neither is the user's business."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
