"""The kinds of chat models that may be imported, each as small as it can be, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from tests.tiny_llama import CONTEXT, END, PAD, START, TEMPLATE, write_tokenizer

_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 48,
}
_KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, {"num_key_value_heads": 2}),
    "llama, positions stretched": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": _LLAMA3}),
    "mistral": (MistralForCausalLM, MistralConfig, {"sliding_window": None}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 16}),
    "smollm3": (SmolLM3ForCausalLM, SmolLM3Config, {"use_sliding_window": False}),
}
KINDS = tuple(_KINDS)
_SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,
    "pad_token_id": PAD,
    "bos_token_id": START,
    "eos_token_id": END,
}


def lay_decoder(folder: Path, kind: str, *, tied: bool = True) -> PreTrainedModel:
    """One of them as Hugging Face saves it, the template inside the tokenizer's configuration, as older ones have it;
    returns the model."""
    folder.mkdir(parents=True)
    vocabulary = write_tokenizer(folder / "tokenizer.json")
    model, configuration, sizes = _KINDS[kind]
    torch.manual_seed(7)
    made: PreTrainedModel = model(
        configuration(vocab_size=vocabulary, tie_word_embeddings=tied, **{**_SIZES, **sizes})
    ).eval()
    made.save_pretrained(folder)
    said = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(said), "utf-8")
    return made
