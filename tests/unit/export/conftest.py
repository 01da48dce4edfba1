"""A tiny random BERT that goes the real way: transformers -> torch -> ONNX -> onnxruntime."""

from __future__ import annotations

import shutil
import string
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertConfig, BertModel

from data.render import Renderer
from export.encoders import EncoderCard, seal_encoder
from export.onnx import PooledEncoder, export_encoder
from export.quantise import quantise

HIDDEN = 32
MAX_LENGTH = 24
SENTENCE = "where is my order refund the money back please thanks hello number parcel late cancel us customer you"
WORDS = SENTENCE.split()


@dataclass(frozen=True)
class Exported:
    """What the tests of this room share; read-only."""

    torch_encoder: PooledEncoder
    tokenizer: Path
    fp32: Path
    int8: Path


def write_tokenizer(path: Path) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list(string.ascii_lowercase + string.digits + "[]?.!,:#@'-")
    pieces = [*special, *letters, *("##" + c for c in string.ascii_lowercase + string.digits), *WORDS]
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(path))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    write_tokenizer(folder / "tokenizer.json")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=128,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    encoder = PooledEncoder(BertModel(config, add_pooling_layer=False)).eval()
    export_encoder(encoder, folder / "encoder.onnx")
    quantise(folder / "encoder.onnx", folder / "encoder_int8.onnx")
    return Exported(encoder, folder / "tokenizer.json", folder / "encoder.onnx", folder / "encoder_int8.onnx")


def lay_encoder(exported: Exported, encoders: Path, precision: str = "fp32", **card: object) -> str:
    """A sealed encoder under `encoders`; returns its digest."""
    work = encoders / "work"
    work.mkdir(parents=True)
    graph = exported.int8 if precision == "int8" else exported.fp32
    shutil.copy(graph, work / graph.name)
    shutil.copy(exported.tokenizer, work / "tokenizer.json")
    facts = {"max_length": MAX_LENGTH, "hidden": HIDDEN, "precision": precision, "base": "tiny", **card}
    digest = seal_encoder(work, EncoderCard(**facts))  # type: ignore[arg-type]
    work.rename(encoders / digest)
    return digest


@pytest.fixture
def lay():  # type: ignore[no-untyped-def]
    return lay_encoder


@pytest.fixture(scope="session")
def renderer(exported: Exported) -> Renderer:
    return Renderer.from_file(exported.tokenizer, MAX_LENGTH)
