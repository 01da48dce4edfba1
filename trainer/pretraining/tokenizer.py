"""A tokenizer of one's own: SentencePiece over the corpus, cased, with bytes for what it does not know.

SentencePiece (Kudo & Richardson 2018) finds the pieces; what trains and serves is `tokenizer.json` made of them, so
that there is one tokenizer everywhere. `tokenizer.model` is kept beside it for those who want the original.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE

from data.chat_files import GENERATION, TEMPLATE, TOKENIZER, TOKENIZER_CONFIG

UNKNOWN, START, END, PAD = "<unk>", "<s>", "<|end|>", "<pad>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
CONTROL = (UNKNOWN, START, END, PAD, *ROLES)
"""In the order of their ids."""
SPACE = "\u2581"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int, folder: Path) -> None:
    """Learn `vocabulary` pieces from `texts`; writes all that a chat model's folder holds of a tokenizer."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocabulary,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        split_digits=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        unk_piece=UNKNOWN,
        bos_piece=START,
        eos_piece=END,
        pad_piece=PAD,
        control_symbols=list(ROLES),
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    tokenizer = from_pieces(model.getvalue())
    tokenizer.save(str(folder / TOKENIZER))
    (folder / TEMPLATE).write_text(CHAT_TEMPLATE, encoding="utf-8")
    names = {"bos_token": START, "eos_token": END, "unk_token": UNKNOWN, "pad_token": PAD}
    _write(folder / TOKENIZER_CONFIG, {"tokenizer_class": "PreTrainedTokenizerFast", **names})
    ids = {"bos_token_id": CONTROL.index(START), "eos_token_id": CONTROL.index(END), "pad_token_id": CONTROL.index(PAD)}
    _write(folder / GENERATION, ids)


def from_pieces(model: bytes) -> Tokenizer:
    """The same tokenizer as the SentencePiece `model`, in the form that everything here reads."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    size = pieces.get_piece_size()
    vocabulary = {pieces.id_to_piece(i): i for i in range(size)}
    plain = [i for i in range(size) if not (pieces.is_control(i) or pieces.is_byte(i) or pieces.is_unknown(i))]
    # SentencePiece merges the two neighbours whose union it learned first, however that was put together then.
    merges = []
    for piece in sorted(map(pieces.id_to_piece, plain), key=lambda piece: vocabulary[piece]):
        splits = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        known = [(left, right) for left, right in splits if left in vocabulary and right in vocabulary]
        merges += sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
    tokenizer = Tokenizer(
        BPE(vocabulary, merges, unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True, ignore_merges=False)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    return tokenizer


def _write(path: Path, body: Mapping[str, object]) -> None:
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
