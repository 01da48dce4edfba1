"""Attention as one operator of the graph. Write side: imports torch and transformers.

transformers calls attention by name; under the name `FUSED` it is the operator MultiHeadAttention of onnxruntime, and
the mask is the plain one of the keys. `merge` then folds in the three projections before it, as the operator Attention.
One operator does what twenty did, and shares its work among threads (figures: docs/benchmarks.md).

Only plain attention can be said so: every token sees every other, no positions are mixed in, all heads have keys of
their own. Whatever else a model asks for raises NotPlain, and is exported step by step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import NodeProto, numpy_helper
from torch import nn
from transformers.masking_utils import AttentionMaskInterface, bidirectional_mask_function
from transformers.modeling_utils import AttentionInterface

FUSED = "attune_fused"
DOMAIN = "com.microsoft"
_KNOWN = {"dropout", "encoder_hidden_states", "position_ids", "cache_position", "output_attentions", "is_causal"}
"""What models hand to their attention that plain attention may ignore; `is_causal` where it is false."""


class NotPlain(Exception):
    """This model's attention is not the plain kind."""


def _attend(
    module: nn.Module, *given: torch.Tensor | None, scaling: float | None = None, **more: Any
) -> tuple[torch.Tensor, None]:
    """`given`: query, key, value [batch, heads, sequence, size] and a mask int32 [batch, sequence].

    Returns [batch, sequence, heads, size].
    """
    query, key, value, attention_mask = given
    assert query is not None
    assert key is not None
    assert value is not None
    asked = {name for name, one in more.items() if one is not None and one is not False} - _KNOWN
    causal = more.get("is_causal") or getattr(module, "is_causal", False)
    if asked or causal or attention_mask is None or attention_mask.dim() != 2 or query.shape != key.shape:
        raise NotPlain(f"it asks for {', '.join(sorted(asked)) or 'another mask or other heads'}")
    batch, heads, length, size = query.shape
    rows = [one.transpose(1, 2).reshape(batch, length, heads * size) for one in (query, key, value)]
    said = torch.onnx.ops.symbolic(
        f"{DOMAIN}::MultiHeadAttention",
        (*rows, None, attention_mask),
        attrs={"num_heads": heads, "scale": float(scaling or size**-0.5)},
        dtype=query.dtype,
        shape=(batch, length, heads * size),
        version=1,
    )
    return said.reshape(batch, length, heads, size), None


def _mask_of_keys(
    *, attention_mask: torch.Tensor | None = None, mask_function: Any = None, **_: Any
) -> torch.Tensor | None:
    """The mask as the tokenizer gives it, int32 [batch, sequence]."""
    if attention_mask is None or mask_function is not bidirectional_mask_function:
        raise NotPlain("not every token sees every other")
    return attention_mask.to(torch.int32)


AttentionInterface.register(FUSED, _attend)
AttentionMaskInterface.register(FUSED, _mask_of_keys)


def merge(model: onnx.ModelProto) -> None:
    """Fold into each MultiHeadAttention the reshapes about it and, where it has the usual ones, its projections."""
    graph = _Graph.of(model.graph)
    for number, node in enumerate(node for node in model.graph.node if node.op_type == "MultiHeadAttention"):
        rows = [graph.before_reshapes(name) for name in node.input[:3]]
        projections = [graph.projection(name) for name in rows]
        known = [one for one in projections if one is not None]
        if len(known) == 3 and len({one.source for one in known}) == 1:
            _attention(node, known, number, model.graph)
        else:
            node.input[:3] = rows
        graph.skip_reshapes_after(node.output[0])
    _drop_unused(model.graph)


@dataclass(frozen=True, slots=True)
class _Projection:
    """`source @ weight + bias`."""

    source: str
    weight: np.ndarray[Any, np.dtype[np.float32]]
    bias: np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class _Graph:
    """Who makes a value and who uses it."""

    makers: dict[str, NodeProto]
    users: dict[str, list[NodeProto]]
    constants: dict[str, onnx.TensorProto]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> _Graph:
        users: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                users[name].append(node)
        makers = {name: node for node in graph.node for name in node.output}
        return cls(makers, users, {constant.name: constant for constant in graph.initializer})

    def before_reshapes(self, name: str) -> str:
        """The value behind heads taken apart and put together again. The operator wants it as it was before."""
        last = self._made_by(name, "Reshape")
        first = self._made_by(last.input[0], "Reshape") if last else None
        return first.input[0] if first else name

    def skip_reshapes_after(self, name: str) -> None:
        """Let who uses the value after heads were taken apart and put together again use it as it is."""
        last = name
        for _ in range(2):
            users = self.users[last]
            if len(users) != 1 or users[0].op_type != "Reshape":
                return
            last = users[0].output[0]
        for user in self.users[last]:
            user.input[:] = [name if one == last else one for one in user.input]

    def projection(self, name: str) -> _Projection | None:
        added = self._made_by(name, "Add")
        if added is None:
            return None
        for bias, product in (tuple(added.input), tuple(added.input)[::-1]):
            multiplied = self._made_by(product, "MatMul")
            if bias in self.constants and multiplied is not None and multiplied.input[1] in self.constants:
                weight = numpy_helper.to_array(self.constants[multiplied.input[1]])
                return _Projection(multiplied.input[0], weight, numpy_helper.to_array(self.constants[bias]))
        return None

    def _made_by(self, name: str, kind: str) -> NodeProto | None:
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op_type == kind else None


def _attention(node: NodeProto, projections: Sequence[_Projection], number: int, graph: onnx.GraphProto) -> None:
    """Make of MultiHeadAttention with its three projections the operator Attention."""
    weight, bias = f"attention_weight_{number}", f"attention_bias_{number}"
    graph.initializer.append(numpy_helper.from_array(np.concatenate([one.weight for one in projections], 1), weight))
    graph.initializer.append(numpy_helper.from_array(np.concatenate([one.bias for one in projections]), bias))
    node.op_type = "Attention"
    node.input[:] = [projections[0].source, weight, bias, node.input[4]]


def _drop_unused(graph: onnx.GraphProto) -> None:
    """What nobody uses any more."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):  # makers stand before users
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    for constant in [one for one in graph.initializer if one.name not in wanted]:
        graph.initializer.remove(constant)
