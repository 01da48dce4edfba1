"""From an adapter as peft saves one to one that is laid over an exported decoder. Write side: imports torch.

The decoder leaves room of one rank for each of its targets. An adapter of a lower rank is filled up with zeros, and
what it does not touch stays zero: both change nothing of what it computes. Everything else about an adapter that the
room cannot hold is refused, since it would be lost without a word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from safetensors.torch import load_file

from data.errors import ParityFailed
from export.adapters import WEIGHTS, AdapterCard, seal_adapter
from export.decoders import GRAPH, DecoderFolder, LoraShape
from export.genai import lora_inputs
from export.genai_child import PREFIX

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
PLAIN: Mapping[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",), "bias": ("none", None), "use_dora": (False, None), "lora_bias": (False, None),
    "fan_in_fan_out": (False, None), "rank_pattern": ({}, None), "alpha_pattern": ({}, None),
    "modules_to_save": (None, []), "trainable_token_indices": (None, []), "use_qalora": (False, None),
    "use_bdlora": (None, False),
}  # fmt: skip
"""What an adapter that is nothing but two matrices a layer says of itself."""

Matrix = npt.NDArray[np.float32]


def write_adapter(peft: Path, decoder: DecoderFolder, work: Path) -> str:
    """Write and seal in `work` the adapter that peft saved in `peft`, for `decoder`; returns its digest.

    Raises ParityFailed when the decoder has no room for all that it is.
    """
    config = json.loads((peft / CONFIG).read_text(encoding="utf-8"))
    _require_plain(config)
    shape = LoraShape(config["r"], tuple(sorted(config["target_modules"])))
    room = lora_inputs(onnx.load(str(decoder.folder / GRAPH), load_external_data=False).graph)
    values = {}
    for name, matrix in _matrices(peft, config).items():
        if name not in room:
            raise _misfit(f"the decoder has no input {name}")
        values[name] = ort.OrtValue.ortvalue_from_numpy(_filled(matrix, room[name]))
    adapter = ort.AdapterFormat()
    adapter.set_adapter_version(1)
    adapter.set_model_version(1)
    adapter.set_parameters(dict(sorted(values.items())))
    adapter.export_adapter(str(work / WEIGHTS))
    versions = {name: version(name) for name in ("onnxruntime", "peft")}
    return seal_adapter(work, AdapterCard(decoder.digest, shape, versions))


def _require_plain(config: Mapping[str, Any]) -> None:
    other = sorted(name for name, plain in PLAIN.items() if config.get(name, plain[-1]) not in plain)
    if other or not isinstance(config.get("r"), int) or not isinstance(config.get("target_modules"), list):
        raise _misfit(f"it is more than low-rank matrices ({', '.join(other) or 'no rank or no targets'})")


def _matrices(peft: Path, config: Mapping[str, Any]) -> dict[str, Matrix]:
    """Both matrices of each layer as the graph wants them: transposed, the second one scaled."""
    root = math.sqrt(config["r"]) if config.get("use_rslora") else config["r"]
    scale = config["lora_alpha"] / root
    found = {}
    for key, tensor in load_file(peft / TENSORS).items():
        layer, _, side = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        if side not in ("lora_A", "lora_B"):
            raise _misfit(f"it changes {key}")
        matrix = tensor.float().numpy().T * np.float32(scale if side == "lora_B" else 1.0)
        found[f"{layer.replace('.self_attn.', '.attn.')}.{side}.MatMul.weight"] = matrix
    return found


def _filled(matrix: Matrix, size: tuple[int, ...]) -> Matrix:
    """`matrix` with zeros where the room is larger. Only the rank may be."""
    given = matrix.shape
    if len(size) != 2 or given[0] > size[0] or given[1] > size[1] or (given[0] != size[0] and given[1] != size[1]):
        raise _misfit(f"a matrix of {given[0]} x {given[1]} goes not into one of {' x '.join(map(str, size))}")
    filled = np.zeros(size, dtype=np.float32)
    filled[: given[0], : given[1]] = matrix
    return filled


def _misfit(why: str) -> ParityFailed:
    return ParityFailed(
        f"The adapter cannot be laid over this decoder: {why}.",
        remedy="Train it with the rank and the targets that the decoder leaves room for, or export that decoder anew.",
    )
