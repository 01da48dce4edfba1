"""A Llama of the plan's sizes with random weights, and the folder that a trained one is kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.chat_files import CONFIG
from trainer.pretraining.plan import Sizes
from trainer.pretraining.tokenizer import CONTROL, END, PAD, START

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

WEIGHTS = "model.safetensors"
TIED = "lm_head.weight"


def decoder_config(sizes: Sizes) -> Any:
    """A LlamaConfig."""
    from transformers import LlamaConfig

    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.hidden,
        intermediate_size=sizes.feed_forward,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        max_position_embeddings=sizes.context,
        tie_word_embeddings=True,
        bos_token_id=CONTROL.index(START),
        eos_token_id=CONTROL.index(END),
        pad_token_id=CONTROL.index(PAD),
        dtype="float16",
    )


def new_decoder(sizes: Sizes, seed: int) -> PreTrainedModel:
    """A LlamaForCausalLM that knows nothing; the same seed, the same weights."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    model: PreTrainedModel = LlamaForCausalLM(decoder_config(sizes))
    return model


def write_config(sizes: Sizes, folder: Path) -> None:
    body = decoder_config(sizes).to_dict()
    (folder / CONFIG).write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_weights(model: nn.Module, folder: Path) -> None:
    """The weights as float16; tied ones once."""
    import torch
    from safetensors.torch import save_file

    weights = {name: value.detach().to(torch.float16) for name, value in model.state_dict().items() if name != TIED}
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / WEIGHTS, {"format": "pt"})
