"""A BERT of two random layers and the tokenizer of a few words: a base that goes the real way in a second."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertConfig, BertModel

WORDS = {
    "refund": "refund money back return paid charge",
    "delivery": "parcel courier delivery arrive late track",
    "login": "password login account reset locked email",
    "hours": "open close hours today sunday holiday",
    "warranty": "broken repair warranty screen part fix",
    "oos": "weather song recipe football planet joke",
}
OPENINGS = ("please", "hello i ask about", "can you help with", "what about")


def write_tokenizer(path: Path, words: Sequence[str], marks: str) -> int:
    """Word pieces: these words, letters, digits and `marks`; returns how many pieces there are."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    alphabet = string.ascii_lowercase + string.digits
    pieces = list(dict.fromkeys([*special, *alphabet, *marks, *("##" + char for char in alphabet), *words]))
    tokenizer = Tokenizer(WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(path))
    return len(pieces)


def random_bert(vocabulary: int, positions: int, seed: int = 7) -> BertModel:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=positions,
        initializer_range=0.2,
    )
    return BertModel(config, add_pooling_layer=False)


def lay_tiny(folder: Path, seed: int = 7, more: Sequence[str] = ()) -> Path:
    """A base that knows the words above and `more`, saved as Hugging Face saves one."""
    words = sorted({word for text in (*WORDS.values(), *OPENINGS) for word in text.split()} | {*WORDS, *more})
    folder.mkdir(parents=True)
    model = random_bert(write_tokenizer(folder / "tokenizer.json", words, "?.!,:'[]"), 128, seed)
    model.embeddings.position_embeddings.weight.data.mul_(0.1)  # words count, not their places
    model.save_pretrained(folder)
    return folder
