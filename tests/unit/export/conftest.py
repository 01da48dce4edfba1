"""A tiny random BERT that goes the real way: transformers -> torch -> ONNX -> onnxruntime."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from data.profile import BotProfile, Intent
from data.render import Renderer
from data.settings import ImportSettings
from export.decoders import LoraShape, publish_decoder
from export.decoding import Decoder
from export.encoders import EncoderCard, seal_encoder
from export.genai import Order, build_decoders
from export.heads import IntentHead
from export.label_head import SENTIMENT_FILE
from export.onnx import PooledEncoder, export_encoder
from export.predict import Channel, IntentModel, Parts, ReplyModel
from export.quantise import quantise
from export.release import ReleaseFacts, seal_release
from export.replies import Reply, ReplyIndex
from export.thresholds import Thresholds
from export.trained import torch_channel
from tests.tiny_bert import random_bert, write_tokenizer
from tests.tiny_llama import lay_llama

HIDDEN = 32
MAX_LENGTH = 24
PREPARE = {"phone_region": "GB", "order_number": r"#\d{5}"}
SENTENCE = "where is my order refund the money back please thanks hello number parcel late cancel us customer you"
WORDS = SENTENCE.split()


@dataclass(frozen=True)
class Exported:
    """What the tests of this room share; read-only."""

    torch_encoder: PooledEncoder
    tokenizer: Path
    fp32: Path
    int8: Path


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    write_tokenizer(folder / "tokenizer.json", WORDS, "[]?.!,:#@'-")
    encoder = PooledEncoder(random_bert(128, 64)).eval()
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


SAID = {
    "order_status": ["where is my order", "my parcel is late", "where is the parcel", "order late where is it"],
    "refund": ["refund please", "money back please", "the refund is late", "give me my money back"],
    "thanks": ["thanks", "thanks hello", "hello thanks thanks", "thank you thanks"],
    "oos": ["1 2 3 4 5", "???", "number number number", "us us us"],
}
PROFILE = BotProfile(
    name="acme",
    greeting="Hello from Acme.",
    fallback="Not sure. A colleague?",
    handoff="A colleague takes over.",
    intents=(Intent(name="order_status", answers=("Use the link.",)), Intent(name="refund"), Intent(name="thanks")),
    banned_phrases=("calm down",),
)
REPLIES = [
    Reply("Three working days.", "agent", 4, "refund", "aa"),
    Reply("We wrote to [email 1].", "agent", 1, "refund", "bb", echoes=True),
    Reply("You are welcome.", "assistant", 9, "thanks", "cc"),
]


def make_head(channel: Channel) -> IntentHead:
    """Class means as weights; scope and correctness read off the nearest neighbour and the margin."""
    texts = [text for said in SAID.values() for text in said]
    rows = np.repeat(np.arange(len(SAID)), 4)
    vectors = channel.read(texts)
    weight = np.stack([vectors[rows == row].mean(axis=0) for row in range(len(SAID))]) * 40
    return IntentHead(
        labels=tuple(SAID),
        weight=weight.astype(np.float32),
        bias=np.zeros(len(SAID), dtype=np.float32),
        temperature=1.0,
        neighbours=vectors.astype(np.float16),
        neighbour_labels=rows.astype(np.int32),
        scope=np.array([0, 60, 0, 0, 0, -55], dtype=np.float32),
        correct=np.array([0, 0, 0, 2, 0, -0.5], dtype=np.float32),
    )


def make_parts(channel: Channel) -> Parts:
    vectors = channel.read([SAID["refund"][0], SAID["refund"][1], SAID["thanks"][0]])
    return Parts(
        release="acme@7",
        profile=PROFILE,
        thresholds=Thresholds(answer=0.5, oos=0.5, reply=0.95),
        imports=ImportSettings(),
        intent=IntentModel(channel, make_head(channel)),
        reply=ReplyModel(channel, ReplyIndex(vectors, REPLIES)),
    )


def lay_release(folder: Path, parts: Parts, encoders: dict[str, str], labels: tuple[str, ...] = tuple(SAID)) -> Path:
    """A sealed release of `parts` in `folder`."""
    folder.mkdir(parents=True)
    if parts.intent and "intent" in encoders:
        parts.intent.head.save(folder)
    if parts.reply and "reply" in encoders:
        parts.reply.index.save(folder)
    if parts.corrections:
        parts.corrections.save(folder)
    if parts.sentiment:
        parts.sentiment.save(folder / SENTIMENT_FILE)
    facts = ReleaseFacts(
        bot="acme",
        number=7,
        created_at="2026-11-21T00:00:00Z",
        labels=labels,
        thresholds=parts.thresholds,
        encoders=encoders,
        prepare=PREPARE,
    )
    seal_release(folder, facts, parts.profile)
    return folder


@pytest.fixture(scope="session")
def channel(exported: Exported, renderer: Renderer) -> Channel:
    """The trained side."""
    return torch_channel(exported.torch_encoder, renderer)


@pytest.fixture(scope="session")
def parts(channel: Channel) -> Parts:
    return make_parts(channel)


@pytest.fixture
def put_release():  # type: ignore[no-untyped-def]
    return lay_release


TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK = 8


@dataclass(frozen=True)
class Written:
    """A tiny decoder in every precision, with room for adapters, beside the model it was built from; read-only."""

    base: Path
    home: Path
    digests: dict[str, str]

    def folder(self, precision: str = "fp32") -> Path:
        return self.home / "decoders" / self.digests[precision]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("written")
    lay_llama(folder / "base")
    (folder / "work").mkdir()
    order = Order(("fp32", "int8", "int4"), LoraShape(RANK, TARGETS), base="tiny", licence="none")
    built = build_decoders(folder / "base", order, folder / "work")
    digests = {precision: publish_decoder(work, folder / "decoders") for precision, work in built.items()}
    return Written(folder / "base", folder, digests)


@pytest.fixture(scope="session")
def decoders(written: Written) -> dict[str, Decoder]:
    """All of them loaded, by precision."""
    return {precision: Decoder.load(written.folder(precision)) for precision in written.digests}


@pytest.fixture(scope="session")
def renderer(exported: Exported) -> Renderer:
    return Renderer.from_file(exported.tokenizer, MAX_LENGTH)
