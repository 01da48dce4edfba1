"""Adapters of low rank (LoRA: Hu et al. 2022) in a chat model: laid in to learn, saved to be exported apart, and merged
into one model beside which the export is held."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

from export.decoders import LoraShape
from trainer.generation.recipe import ChatHyperparameters

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Every matrix of a layer, as models in the shape of Llama name them."""


def with_adapters(model: PreTrainedModel, recipe: ChatHyperparameters) -> PeftModel:
    """`model`, its own weights fixed, with new adapters in every layer; they change nothing at first."""
    from peft import LoraConfig, get_peft_model

    named = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    plain = [name for name in TARGETS if name in named]
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # any number, by its own formula
        target_modules=plain or "all-linear",
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(recipe.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_peft_model(model, config)


def shape_of(adapted: PeftModel) -> LoraShape:
    """The rank of its adapters, and what the layers are called that have them."""
    model = adapted.get_base_model()
    layers = {name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "lora_A")}
    config: Any = adapted.peft_config["default"]
    return LoraShape(int(config.r), tuple(sorted(layers)))


def save_adapters(adapted: PeftModel, folder: Path) -> None:
    """As peft keeps them: adapter_config.json and adapter_model.safetensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted.save_pretrained(str(folder), save_embedding_layers=False)


def merged(adapted: PeftModel) -> PreTrainedModel:
    """One plain model that says what base and adapters say together; `adapted` stays as it is."""
    whole: PreTrainedModel = copy.deepcopy(adapted).merge_and_unload()
    whole.eval()  # type: ignore[no-untyped-call]
    return whole


@contextmanager
def recomputing(model: PreTrainedModel, wanted: bool) -> Iterator[None]:
    """Where it is `wanted`, `model` computes again for gradients what it would have kept: slower, with less memory."""
    if not wanted:
        yield
        return
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        model.activation_checkpointing_disable()  # type: ignore[no-untyped-call]
