"""The configuration of a foreign model, written anew from keys that are known, with values that a real model has.

A configuration is data that a library acts upon: it has named code to run, and repositories to fetch it from. So what
we do not know is not passed on, and what asks for code is refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from data.errors import BaseRefused
from trainer.bases.known import Use

KINDS: Mapping[str, Use] = {
    "bert": "read", "camembert": "read", "deberta": "read", "deberta-v2": "read", "distilbert": "read",
    "electra": "read", "modernbert": "read", "mpnet": "read", "roberta": "read", "xlm-roberta": "read",
    "llama": "write", "mistral": "write", "qwen2": "write", "qwen3": "write", "smollm3": "write",
    "bart": "rewrite", "mt5": "rewrite", "t5": "rewrite",
}  # fmt: skip
"""Models that were tried from import to ONNX, as `model_type` names them, and what they are for. CamemBERT computes as
RoBERTa does, mT5 as T5."""
SIZES = {
    "vocab_size": 1 << 20, "hidden_size": 1 << 13, "dim": 1 << 13, "embedding_size": 1 << 13, "hidden_dim": 1 << 15,
    "intermediate_size": 1 << 15, "num_hidden_layers": 64, "n_layers": 64, "num_attention_heads": 128, "n_heads": 128,
    "max_position_embeddings": 1 << 17, "type_vocab_size": 64, "num_hidden_groups": 64, "inner_group_num": 64,
    "local_attention": 1 << 17, "global_attn_every_n_layers": 64, "relative_attention_num_buckets": 1 << 12,
    "position_buckets": 1 << 13, "max_relative_positions": 1 << 17, "conv_kernel_size": 63, "conv_groups": 1 << 13,
    "pad_token_id": 1 << 20, "bos_token_id": 1 << 20, "eos_token_id": 1 << 20, "cls_token_id": 1 << 20,
    "sep_token_id": 1 << 20, "pooler_hidden_size": 1 << 13, "num_key_value_heads": 128, "head_dim": 1 << 10,
    "sliding_window": 1 << 20, "max_window_layers": 128, "no_rope_layer_interval": 64,
    "d_model": 1 << 13, "d_kv": 1 << 10, "d_ff": 1 << 15, "num_layers": 64, "num_decoder_layers": 64, "num_heads": 128,
    "relative_attention_max_distance": 1 << 17, "encoder_layers": 64, "decoder_layers": 64,
    "encoder_attention_heads": 128, "decoder_attention_heads": 128, "encoder_ffn_dim": 1 << 15,
    "decoder_ffn_dim": 1 << 15, "decoder_start_token_id": 1 << 20, "forced_bos_token_id": 1 << 20,
    "forced_eos_token_id": 1 << 20,
}  # fmt: skip
"""Whole numbers and how large each may be; -1 stands for none."""
SHARES = {
    "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "qa_dropout",
    "seq_classif_dropout", "embedding_dropout", "mlp_dropout", "initializer_range", "layer_norm_eps", "norm_eps",
    "classifier_dropout_prob", "pooler_dropout", "initializer_cutoff_factor", "global_rope_theta", "local_rope_theta",
    "rms_norm_eps", "rope_theta", "dropout_rate", "layer_norm_epsilon", "initializer_factor", "activation_dropout",
    "classifier_dropout", "encoder_layerdrop", "decoder_layerdrop", "init_std",
}  # fmt: skip
FLAGS = {
    "relative_attention", "position_biased_input", "share_att_key", "talking_head", "norm_bias", "attention_bias",
    "mlp_bias", "sinusoidal_pos_embds", "tie_word_embeddings", "decoder_bias", "rope_interleaved",
    "use_sliding_window", "scale_embedding", "is_encoder_decoder", "normalize_before", "normalize_embedding",
    "scale_decoder_outputs",
}  # fmt: skip
ACTIVATIONS = {"gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu", "silu", "swish", "tanh"}
WORDS: Mapping[str, set[str]] = {
    "hidden_act": ACTIVATIONS,
    "activation": ACTIVATIONS,
    "hidden_activation": ACTIVATIONS,
    "conv_act": ACTIVATIONS,
    "pooler_hidden_act": ACTIVATIONS,
    "position_embedding_type": {"absolute"},
    "activation_function": ACTIVATIONS,
    "feed_forward_proj": {"relu", "gated-gelu"},
    "dense_act_fn": ACTIVATIONS,
    "norm_rel_ebd": {"none", "layer_norm"},
    "dtype": {"float32", "float16", "bfloat16"},
    "torch_dtype": {"float32", "float16", "bfloat16"},
}
PARTS = ("c2p", "p2c", "p2p")
LAYER_TYPES = ("full_attention", "sliding_attention")
TURNS_OF_POSITIONS = ("rope_parameters", "rope_scaling")
TURNED: Mapping[str, set[str]] = {"rope_type": {"default", "llama3"}, "type": {"default", "llama3"}}
TURNED_BY = {
    "rope_theta", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
}  # fmt: skip
"""What is known of how positions are told apart by turning vectors (rotary embeddings)."""
NOT_ONLY_ABSENT = ("sliding_window",)
"""Keys of which nothing (null) means something else than what is meant where they are not there."""
MOST_ENDS = 16
"""Tokens that end what a model writes."""
SAYS_NOTHING = {
    "_name_or_path", "architectures", "transformers_version", "use_cache", "id2label", "label2id", "problem_type",
    "is_decoder", "add_cross_attention", "gradient_checkpointing", "finetuning_task", "is_gated_act", "n_positions",
    "output_past", "task_specific_params", "is_llama_config", "classif_dropout", "num_beams", "max_length",
    "early_stopping", "no_repeat_ngram_size", "length_penalty", "min_length", "output_attentions",
    "output_hidden_states", "return_dict", "chunk_size_feed_forward", "pretraining_tp",
}  # fmt: skip
"""Keys that change nothing of what a model makes of a text as it is asked here: they go without a word."""
ASKS_FOR_CODE = ("auto_map", "custom_pipelines", "trust_remote_code", "quantization_config")
"""Keys that make a loader run, or fetch, what is not ours; beside every one that begins like `_attn_implementation`."""
_REMEDY = "Take a plain model that was saved with save_pretrained; docs/bases.md lists the kinds."


def rewrite(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Replace the configuration at `path` by what is known of it; returns that, and the names of what was left out.

    Raises BaseRefused for one that cannot be read, asks for code, or holds a value that no model has.
    """
    body = _read(path)
    asking = sorted(key for key in body if key in ASKS_FOR_CODE or key.lower().lstrip("_").startswith("attn_impl"))
    if asking:
        raise BaseRefused(f"The config.json asks for code that is not ours: {', '.join(asking)}.", remedy=_REMEDY)
    kind = body.get("model_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BaseRefused(f"The config.json is of none of the known kinds: {', '.join(KINDS)}.", remedy=_REMEDY)
    kept = {
        key: value for key, value in body.items() if key in NOT_ONLY_ABSENT or (_is_known(key) and value is not None)
    }
    wrong = sorted(key for key, value in kept.items() if not _holds(key, value))
    if wrong:
        raise BaseRefused(f"The config.json holds what is not known of any model: {', '.join(wrong)}.", remedy=_REMEDY)
    config = {"model_type": kind, **kept}
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return config, tuple(sorted(key for key in set(body) - set(config) - SAYS_NOTHING if body[key] is not None))


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BaseRefused(f"The config.json cannot be read ({type(error).__name__}).", remedy=_REMEDY) from None
    if not isinstance(body, dict):
        raise BaseRefused("The config.json is no table of keys.", remedy=_REMEDY)
    return body


def _is_known(key: str) -> bool:
    tables = (SIZES, SHARES, FLAGS, WORDS, TURNS_OF_POSITIONS)
    return key in ("pos_att_type", "layer_types", "no_rope_layers") or any(key in table for table in tables)


def _holds(key: str, value: object) -> bool:
    if key in NOT_ONLY_ABSENT and value is None:
        return True
    if key == "eos_token_id" and isinstance(value, list):
        return 0 < len(value) <= MOST_ENDS and all(_is_size(key, one) for one in value)
    if key in SIZES:
        return _is_size(key, value)
    if key in SHARES:
        return _is_share(value)
    if key in FLAGS:
        return isinstance(value, bool)
    if key in WORDS:
        return isinstance(value, str) and value in WORDS[key]
    if key in TURNS_OF_POSITIONS:
        return isinstance(value, dict) and all(_turns(name, one) for name, one in value.items())
    if key == "pos_att_type":
        parts = value.split("|") if isinstance(value, str) else value
        return isinstance(parts, list) and len(parts) <= len(PARTS) and all(part in PARTS for part in parts)
    known: Collection[object] = (0, 1) if key == "no_rope_layers" else LAYER_TYPES
    return isinstance(value, list) and len(value) <= SIZES["num_hidden_layers"] and all(one in known for one in value)


def _is_size(key: str, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= SIZES[key]


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e7


def _turns(name: object, value: object) -> bool:
    """Of all layers, or, a table for each kind, of those that see everything and those that see what is near."""
    if name in LAYER_TYPES:
        return isinstance(value, dict) and all(
            inner not in LAYER_TYPES and _turns(inner, one) for inner, one in value.items()
        )
    if name in TURNED_BY:
        return _is_share(value)
    return isinstance(name, str) and name in TURNED and isinstance(value, str) and value in TURNED[name]
