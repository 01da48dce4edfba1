"""fp32 to dynamic int8: weights stored in 8 bits, activations scaled on the fly. Write side: imports onnx.

Whether the result is used is parity's business (export/parity.choose): int8 has ruined classifiers elsewhere.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from data.render import Rendered
from export.smooth import compact_tables, smooth

OPERATORS = ("MatMul", "Gemm", "Attention")


def quantise(source: Path, target: Path, texts: Sequence[Rendered] = ()) -> int:
    """Write the int8 form of the encoder graph `source` to `target`; returns its size in bytes.

    `texts`, some dozens of any kind, show which numbers inside the model are large (see `export.smooth`).
    The exporter's notes on inner shapes (`value_info`) contradict what the quantiser infers for itself, and make it
    fail, so they are dropped first. Matrices are quantised per output channel.
    """
    quiet = logging.getLogger()
    level = quiet.level
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        plain, prepared = Path(aside, "plain.onnx"), Path(aside, "prepared.onnx")
        model = onnx.load(str(source))
        model.graph.ClearField("value_info")
        onnx.save(model, str(plain))
        quiet.setLevel(logging.ERROR)  # the quantiser talks to the root logger
        try:
            quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
            model = onnx.load(str(prepared))
            smooth(model, texts)
            compact_tables(model)
            onnx.save(model, str(prepared))
            quantize_dynamic(
                str(prepared),
                str(target),
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=list(OPERATORS),
                # What comes out of the fused operators, whose shapes onnx does not know.
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        finally:
            quiet.setLevel(level)
    return target.stat().st_size
