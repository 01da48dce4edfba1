"""A Llama of two random layers and a tokenizer of bytes and a few words: what writes replies, in a second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models
from transformers import LlamaConfig, LlamaForCausalLM

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
TEMPLATE = "{% for m in messages %}{{ '<s>' + m.role + ': ' + m.content + '</s>' }}{% endfor %}"
CONTEXT = 96


def write_tokenizer(path: Path, words: Sequence[str] = ()) -> int:
    """Bytes and `words`; returns how many tokens there are."""
    pieces = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    tokenizer = Tokenizer(
        models.BPE({piece: at for at, piece in enumerate(pieces)}, [], byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(path))
    return len(pieces)


def random_llama(vocabulary: int, seed: int = 7) -> LlamaForCausalLM:
    """Two layers, weights large enough for replies to depend on what was said."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.3,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
    )
    return LlamaForCausalLM(config).eval()


def lay_llama(folder: Path, seed: int = 7, words: Sequence[str] = ()) -> LlamaForCausalLM:
    """Such a base saved as Hugging Face saves one, in 16 bits as bases are kept; returns the model in float32."""
    folder.mkdir(parents=True)
    model = random_llama(write_tokenizer(folder / "tokenizer.json", words), seed).half()
    model.save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"})
    )
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return model.float()
