"""From a folder of a causal language model to decoders that onnxruntime-genai runs, one a precision. Write side.

fp32 answers as transformers does. int8 holds matrices in 8 bits, one scale per 32 weights, and computes in whole
numbers: fast on a CPU, and very near. int4 takes a third of int8's memory and costs more; what both cost is measured
(export/decoder_parity, docs/benchmarks.md).
Matrices of adapters are never quantised: they are inputs of the graph, which are zeros until an adapter is laid over.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx

from data.errors import BaseRefused, ParityFailed
from export.decoders import (
    CONFIG,
    GRAPH,
    TEMPLATE,
    TOKENIZER,
    WEIGHTS,
    DecoderCard,
    LoraShape,
    Precision,
    seal_decoder,
)

NEEDED = ("config.json", "model.safetensors", TOKENIZER)
SHARDED = "model.safetensors.index.json"
TOOLS = ("onnxruntime", "onnxruntime-genai", "torch", "transformers")
SECONDS = 600
"""What building may take, and as much again for each GiB of weights."""
LORA = (".lora_A.", ".lora_B.")

_OFFLINE = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "2",
    "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false", "LANG": "C.UTF-8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What to build: `lora` leaves room for adapters of that shape. `base` and `licence` go on the card."""

    precisions: tuple[Precision, ...] = ("fp32", "int8")
    lora: LoraShape | None = None
    base: str = ""
    licence: str = ""


def build_decoders(model: Path, order: Order, work: Path) -> dict[Precision, Path]:
    """Build the model in the folder `model`, as Hugging Face saves one, under `work`: a sealed folder per precision.

    Raises BaseRefused when files of the model are missing, ParityFailed when it is of a kind that cannot be built.
    """
    _check_base(model)
    folders: dict[Precision, Path] = {precision: work / precision for precision in order.precisions}
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        built = {precision: str(Path(scratch, precision)) for precision in order.precisions}
        _run({
            "base": str(model.resolve()),
            "scratch": str(Path(scratch).resolve()),
            "outputs": {name: str(Path(folder).resolve()) for name, folder in built.items()},
            "lora": asdict(order.lora) if order.lora else None,
        })  # fmt: skip
        for precision, folder in folders.items():
            folder.mkdir()
            _finish(Path(built[precision]), model, folder)
            seal_decoder(folder, _card(folder, order, precision))
    return folders


def lora_inputs(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """The inputs that adapters fill, and their sizes."""
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in graph.input
        if any(mark in value.name for mark in LORA)
    }


def _check_base(model: Path) -> None:
    missing = [name for name in NEEDED if not (model / name).is_file()]
    if (model / SHARDED).is_file() and "model.safetensors" in missing:
        missing.remove("model.safetensors")
    if missing:
        raise BaseRefused(
            f"A base model of replies holds {', '.join(NEEDED)}; here {', '.join(missing)} is missing.",
            remedy="Save it again with transformers' save_pretrained, its fast tokenizer included.",
        )


def _run(order: Mapping[str, Any]) -> None:
    """Let the child build. Its words are the only thing that comes back besides files."""
    size = sum(path.stat().st_size for path in Path(order["base"]).glob("*.safetensors"))
    scratch = str(order["scratch"])
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "export.genai_child"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**_OFFLINE, "HOME": scratch, "HF_HOME": scratch, "TMPDIR": scratch, "PATH": scratch},
            cwd=scratch,
            timeout=SECONDS * (1 + size / 2**30),
            check=False,
        )
        told = json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        told = {"refused": "Building the decoder took longer than such a model takes."}
    except ValueError:
        told = {"refused": f"The builder of decoders ended with status {ended.returncode}, without a word."}
    if told:
        raise ParityFailed(
            f"The model could not be turned into a decoder. {told['refused']}",
            remedy=told.get("remedy") or "Give the process more memory, or choose another base model.",
        )


def _finish(built: Path, model: Path, folder: Path) -> None:
    """Take over what is served, freed of what differs from machine to machine; adapters' matrices become inputs."""
    graph = onnx.load(str(built / GRAPH), load_external_data=False)
    for tensor in graph.graph.initializer:
        if any(entry.key == "location" and entry.value != WEIGHTS for entry in tensor.external_data):
            raise ParityFailed("The built decoder keeps weights in unknown files.", remedy="Report the versions used.")
    graph.producer_version = version("onnxruntime-genai")  # else the builder adds the commit of the folder it runs in
    graph.graph.input.extend(_promoted(graph.graph))
    onnx.save(graph, str(folder / GRAPH))
    shutil.move(built / WEIGHTS, folder / WEIGHTS)
    config = json.loads((built / CONFIG).read_text(encoding="utf-8"))
    config["search"] = {"past_present_share_buffer": bool(config["search"]["past_present_share_buffer"])}
    config["search"]["max_length"] = config["model"]["context_length"]
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    shutil.copyfile(model / TOKENIZER, folder / TOKENIZER)
    # Older models keep their template inside another file, from which the builder takes it.
    template = next((path for path in (model / TEMPLATE, built / TEMPLATE) if path.is_file()), None)
    if template:
        shutil.copyfile(template, folder / TEMPLATE)


def _promoted(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    """Initialisers of adapters as inputs, too: what is not given is then what the initialiser says, zeros."""
    for tensor in graph.initializer:
        if any(mark in tensor.name for mark in LORA):
            yield onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))


def _card(folder: Path, order: Order, precision: Precision) -> DecoderCard:
    model = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
    ends = model["eos_token_id"]
    return DecoderCard(
        context=model["context_length"],
        vocabulary=model["vocab_size"],
        stop=tuple(sorted(ends if isinstance(ends, list) else [ends])),
        precision=precision,
        base=order.base,
        licence=order.licence,
        versions={name: version(name) for name in TOOLS},
        lora=order.lora,
    )
