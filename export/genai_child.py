"""The child process in which onnxruntime-genai's builder works: `python -m export.genai_child`, the order on stdin.

The builder prints, draws bars, puts a folder of its own on the path for modules and holds a whole model in memory; none
of that belongs in a worker. It is given no network, and nothing it keeps outlives the scratch folder. Write side.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from data.errors import ParityFailed

PREFIX = "base_model.model."
"""What peft puts before the names of layers."""


def refuse_network(event: str, _: tuple[Any, ...]) -> None:
    """Everything that is needed lies on this disk."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError("the builder of decoders asked for the network")


def write_blank(base: Path, rank: int, targets: Sequence[str], folder: Path) -> None:
    """An adapter that changes nothing, which makes the builder leave room for adapters of its shape."""
    kinds: Any = AutoModelForCausalLM
    with torch.device("meta"):
        model = kinds.from_config(AutoConfig.from_pretrained(base))
    tensors, found = {}, set()
    for name, module in model.named_modules():
        target = name.rpartition(".")[2]
        if isinstance(module, torch.nn.Linear) and target in targets:
            found.add(target)
            tensors[f"{PREFIX}{name}.lora_A.weight"] = torch.zeros(rank, module.in_features)
            tensors[f"{PREFIX}{name}.lora_B.weight"] = torch.zeros(module.out_features, rank)
    if missing := sorted(set(targets) - found):
        raise ParityFailed(f"This model has no layers called {', '.join(missing)}.", remedy="Choose other targets.")
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": sorted(targets)}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


def lora_nodes(base: Path, targets: Sequence[str]) -> list[str]:
    """What the builder calls the matrices of adapters, which must keep their precision."""
    layers = AutoConfig.from_pretrained(base).num_hidden_layers
    part = {target: "mlp" if target in ("gate_proj", "up_proj", "down_proj") else "attn" for target in targets}
    return [
        f"/model/layers.{layer}/{part[target]}/{target}/lora_{side}/MatMul"
        for layer in range(layers)
        for target in targets
        for side in "AB"
    ]


def build(order: Mapping[str, Any]) -> None:
    """Build `order["base"]` once per entry of `order["outputs"]` (precision: folder), with `order["lora"]`."""
    from onnxruntime_genai.models import builder

    base, scratch, lora = Path(order["base"]), Path(order["scratch"]), order["lora"]
    options = ["hf_token=false"]
    if lora:
        write_blank(base, lora["rank"], lora["targets"], scratch / "blank")
        options += [
            f"adapter_path={scratch / 'blank'}",
            f"nodes_to_exclude={','.join(lora_nodes(base, lora['targets']))}",
        ]
    for precision, folder in order["outputs"].items():
        given = (None, str(base), folder, precision, "cpu", str(scratch / "cache"))
        builder.create_model(*given, **builder.parse_extra_options(*given, list(options)))


def main() -> int:
    sys.addaudithook(refuse_network)
    order = json.loads(sys.stdin.read())
    told: dict[str, str] = {}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        logging.disable(logging.CRITICAL)
        try:
            build(order)
        except ParityFailed as error:
            told = {"refused": error.message, "remedy": error.remedy}
        except NotImplementedError:
            told = {"refused": "The builder does not know models of this kind.", "remedy": "Choose another base model."}
        except Exception as error:  # each kind of model fails in a way of its own; paths stay in this process
            told = {"refused": f"The builder could not build this model ({type(error).__name__}).", "remedy": ""}
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
