"""What makes a graph lose less in eight bits. Write side: imports onnx.

A tensor of activations gets one scale for all of its numbers, so a few large ones leave little for the rest. `smooth`
does two things about it that change nothing in exact arithmetic:

- After a normalisation the large numbers stand in a few channels, the same ones for every text. They are divided by
  what they usually reach, and the weights that meet them multiplied (SmoothQuant, Xiao et al. 2023).
- Before a projection to fewer channels, past the non-linearity, they stand in a few tokens. Each token is divided by
  its largest number, and the product multiplied by it.

Tables of word vectors get one scale a row, not one for all: `compact_tables`.

On the default base the distance between the embeddings of both precisions falls to a sixth, for a twentieth more time
(docs/benchmarks.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import NodeProto, helper, numpy_helper

from data.render import Rendered
from export.runtime import INPUTS

STRENGTH = 0.7
"""How much of the difference between channels goes to the weights (alpha of SmoothQuant)."""
PRODUCTS = ("MatMul", "Attention")
LAST_AXIS, LEAST = "last_axis", "least_size"
_LEAST = 1e-5
_STEPS = ("sizes", "largest", "most", "level", "levelled")

Floats = npt.NDArray[np.float32]


def smooth(model: onnx.ModelProto, texts: Sequence[Rendered]) -> None:
    """Change `model` so that it loses less in int8; `texts` show what its channels usually reach."""
    weights = {constant.name: constant for constant in model.graph.initializer}
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    users = Counter(name for node in model.graph.node for name in node.input)
    products = [node for node in model.graph.node if node.op_type in PRODUCTS and node.input[1] in weights]
    normalised = {
        node.output[0]: node.input[0]
        for node in products
        # Layers may share their weights, which then serve inputs of other sizes too.
        if makers.get(node.input[0]) == "LayerNormalization" and users[node.input[1]] == 1
    }
    narrowing = {node.output[0] for node in products if node.op_type == "MatMul" and _narrows(weights[node.input[1]])}
    reach = _reach(model, list(normalised.values()), texts) if texts and normalised else {}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if normalised.get(node.output[0], "") in reach:
            nodes += _by_channel(node, reach[node.input[0]], weights[node.input[1]], model.graph)
        elif node.output[0] in narrowing:
            nodes += _by_token(node)
        else:
            nodes.append(node)
    if narrowing:
        model.graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), LAST_AXIS))
        model.graph.initializer.append(numpy_helper.from_array(np.array(_LEAST, dtype=np.float32), LEAST))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def compact_tables(model: onnx.ModelProto) -> None:
    """Store each table of vectors that ids are looked up in as int8 with one scale a row, symmetric about zero."""
    tables = {one.name: one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        table = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or any(one.name == "axis" and one.i for one in node.attribute):
            nodes.append(node)
            continue
        name, found = table.name, node.output[0]
        values = numpy_helper.to_array(table)
        scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), _LEAST).astype(np.float32) / 127
        if f"{name}_scale" not in tables:
            tables[f"{name}_scale"] = numpy_helper.from_array(scales, f"{name}_scale")
            rounded = numpy_helper.from_array(np.rint(values / scales).astype(np.int8), f"{name}_int8")
            model.graph.initializer.extend([tables[f"{name}_scale"], rounded])
        nodes += [
            _node("Gather", [f"{name}_int8", node.input[1]], f"{found}_int8"),
            _node("Gather", [f"{name}_scale", node.input[1]], f"{found}_scale"),
            _node("Cast", [f"{found}_int8"], f"{found}_whole", to=onnx.TensorProto.FLOAT),
            _node("Mul", [f"{found}_whole", f"{found}_scale"], found),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for unused in [one for one in model.graph.initializer if one.name not in used]:
        model.graph.initializer.remove(unused)


def _narrows(weight: onnx.TensorProto) -> bool:
    return len(weight.dims) == 2 and weight.dims[0] > weight.dims[1]


def _reach(model: onnx.ModelProto, names: Sequence[str], texts: Sequence[Rendered]) -> Mapping[str, Floats]:
    """The largest absolute value of each channel of the values `names`, over all texts."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    distinct = list(dict.fromkeys(names))
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in distinct)
    session = ort.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    reach: dict[str, Floats] = {}
    for text in texts:
        ids = np.array([text.ids], dtype=np.int64)
        found = session.run(distinct, dict(zip(INPUTS, (ids, np.ones_like(ids)), strict=True)))
        for name, values in zip(distinct, found, strict=True):
            most = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            reach[name] = np.maximum(reach[name], most) if name in reach else most
    return reach


def _by_channel(node: NodeProto, reach: Floats, weight: onnx.TensorProto, graph: onnx.GraphProto) -> list[NodeProto]:
    """`(x / s) @ (s * weight)` for `x @ weight`. The geometric mean of the scales is 1: nothing grows in vain."""
    matrix = numpy_helper.to_array(weight)
    rows = np.maximum(np.abs(matrix).max(axis=1), _LEAST)
    scales = np.maximum(reach, _LEAST) ** STRENGTH / rows ** (1 - STRENGTH)
    scales = (scales / np.exp(np.log(scales).mean())).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array((matrix * scales[:, None]).astype(np.float32), weight.name))
    inverse, smoothed = f"{node.output[0]}_inverse", f"{node.output[0]}_smoothed"
    graph.initializer.append(numpy_helper.from_array((1 / scales).astype(np.float32), inverse))
    before = _node("Mul", [node.input[0], inverse], smoothed)
    node.input[0] = smoothed
    return [before, node]


def _by_token(node: NodeProto) -> list[NodeProto]:
    """`((x / m) @ weight) * m` for `x @ weight`, m being the largest number of each token."""
    values, product = node.input[0], node.output[0]
    sizes, largest, most, level, levelled = (f"{product}_{what}" for what in _STEPS)
    node.input[0], node.output[0] = level, levelled
    return [
        _node("Abs", [values], sizes),
        _node("ReduceMax", [sizes, LAST_AXIS], largest, keepdims=1),
        _node("Max", [largest, LEAST], most),
        _node("Div", [values, most], level),
        node,
        _node("Mul", [levelled, most], product),
    ]


def _node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, list(inputs), [output], name=f"{output}_node", **attributes)
