"""A T5 and a BART, each as small as it can be, with random weights and a tokenizer of the real kind trained here."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram
from transformers import BartConfig, BartForConditionalGeneration, T5Config, T5ForConditionalGeneration

WORDS = ("alpha", "bravo", "carol", "delta", "echo", "fox", "golf", "hotel", "india", "juliet", "kilo", "lima")
KINDS = ("t5", "bart")
_MARKS = "customer: us: translate: summarize: a . , ! ? [ ] < > / s pad unk mask 0 1 2 3 4 5 6 7 8 9"


def texts(words: Sequence[str] = WORDS) -> list[str]:
    """What the tokenizers learn from: every word, and the marks of a conversation, often enough to be one piece."""
    turned = [" ".join((*words[at:], *words[:at])) for at in range(len(words))]
    return [*turned, *[_MARKS] * 40, *words * 20, "refund? a mañana 退款"]


def lay(folder: Path, kind: str, seed: int = 7, layers: int = 2) -> Path:
    """A base of this kind, with so many layers on either side, saved as Hugging Face saves one."""
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    if kind == "t5":
        size = write_unigram(folder / "tokenizer.json", texts())
        model = T5ForConditionalGeneration(
            T5Config(
                vocab_size=size, d_model=64, d_kv=16, d_ff=128, num_layers=layers, num_heads=4, dropout_rate=0.0,
                feed_forward_proj="gated-gelu", decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
            )
        )  # fmt: skip
    else:
        size = write_bytes(folder / "tokenizer.json", texts())
        model = BartForConditionalGeneration(
            BartConfig(
                vocab_size=size, d_model=64, encoder_layers=layers, decoder_layers=layers, encoder_attention_heads=4,
                decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=128,
                dropout=0.0, attention_dropout=0.0, init_std=0.1,
            )
        )  # fmt: skip
    model.save_pretrained(folder)
    return folder


def write_unigram(path: Path, lines: Sequence[str]) -> int:
    """As T5 has it: pieces of a SentencePiece model, `</s>` at the end; returns how many there are."""
    with tempfile.TemporaryDirectory() as aside:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_prefix=f"{aside}/pieces", vocab_size=150, hard_vocab_limit=False,
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>", minloglevel=2, num_threads=1,
        )  # fmt: skip
        model = sentencepiece.SentencePieceProcessor(model_file=f"{aside}/pieces.model")
    pieces = [(model.id_to_piece(at), model.get_score(at)) for at in range(model.get_piece_size())]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.save(str(path))
    return tokenizer.get_vocab_size()


def write_bytes(path: Path, lines: Sequence[str]) -> int:
    """As BART has it: pairs of bytes, `<s>` and `</s>` about a text; returns how many tokens there are."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.save(str(path))
    return tokenizer.get_vocab_size()


def retell(folder: Path, **said: object) -> None:
    """Change what the config.json of a base says."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **said}), "utf-8")


def toy_pairs(rows: int, seed: int = 0, most: int = 5) -> list[tuple[str, str]]:
    """Different sentences and what they are in a language that has another word for each of ours. No sentence has a
    word twice: a T5, which counts distances alone, would take long to tell the two apart."""
    generator = random.Random(seed)
    said: dict[str, str] = {}
    while len(said) < rows:
        places = generator.sample(range(len(WORDS)), generator.randint(2, most))
        said[" ".join(WORDS[at] for at in places)] = " ".join(WORDS[at - 5] for at in places)
    return list(said.items())


def marked_talks(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Conversations whose summary is what was said after the exclamation mark. No word comes twice."""
    generator = random.Random(seed)
    found = {}
    while len(found) < rows:
        marked = generator.randrange(3)
        words = generator.sample(WORDS, 6)
        said = [" ".join(words[at : at + 2]) for at in (0, 2, 4)]
        texts = [f"{'!' if at == marked else '.'} {one}" for at, one in enumerate(said)]
        roles = ("user", "assistant", "user")
        turns = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        found["/".join(texts)] = {"messages": turns, "summary": said[marked]}
    return list(found.values())
