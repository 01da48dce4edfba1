"""The kinds of encoders there are, each as small as it can be, with random weights."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    BertConfig,
    BertModel,
    DebertaConfig,
    DebertaModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

HIDDEN = 32
_SIZES: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.3,
}
_ENDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
_DISTIL = {"dim": HIDDEN, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
_APART = {**_SIZES, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
_KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "bert": (BertModel, BertConfig, _SIZES),
    "roberta": (RobertaModel, RobertaConfig, _SIZES),
    "roberta, with a head": (RobertaForMaskedLM, RobertaConfig, _SIZES),
    "xlm-roberta": (XLMRobertaModel, XLMRobertaConfig, _SIZES),
    "distilbert": (DistilBertModel, DistilBertConfig, _DISTIL),
    "electra": (ElectraModel, ElectraConfig, {**_SIZES, "embedding_size": 16}),
    "deberta": (DebertaModel, DebertaConfig, _APART),
    "deberta-v2": (DebertaV2Model, DebertaV2Config, {**_APART, "position_buckets": 16}),
    "mpnet": (MPNetModel, MPNetConfig, _SIZES),
    "modernbert": (ModernBertModel, ModernBertConfig, {**_SIZES, **_ENDS, "local_attention": 8}),
}
KINDS = tuple(_KINDS)


def random_model(kind: str, vocabulary: int, positions: int, seed: int) -> PreTrainedModel:
    """One of them, that never saw a text, in evaluation mode."""
    model, configuration, sizes = _KINDS[kind]
    torch.manual_seed(seed)
    made: PreTrainedModel = model(
        configuration(vocab_size=vocabulary, max_position_embeddings=positions, **sizes)
    ).eval()
    return made
