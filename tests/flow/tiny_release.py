"""A release that answers, made in a moment and without torch: word vectors averaged, classes by their mean.

Imported by the flow tests and by the script that stands in the trainer's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from data.files import Blobs, release_folder
from data.profile import BotProfile
from data.render import Renderer
from data.settings import Settings
from data.store import Store, bots, releases
from data.store.releases import NewRelease
from export.confidence import FEATURES
from export.encoders import EncoderCard, publish_encoder, seal_encoder
from export.heads import IntentHead
from export.release import GENERATE, ReleaseFacts, publish_release, seal_release
from export.replies import Reply, ReplyIndex
from export.runtime import Encoder
from export.thresholds import Thresholds

HIDDEN = 64
SAID: dict[str, tuple[str, ...]] = {
    "order_status": ("my parcel has not moved", "where is the tracking of my parcel", "when does my order come"),
    "care_instructions": ("how do i wash my rain jacket", "wash waterproofing jacket", "clean the jacket"),
    "human_agent": ("speak to a real person please", "a person please", "i want a real person"),
    "thanks_bye": ("great thanks for your help", "thanks", "thanks bye"),
    "oos": ("weather on ben nevis tomorrow", "what is the weather", "tell me a joke"),
}
REPLIES = ("Your parcel is on its way.", "Wash it at 30 degrees.", "You are welcome.")


class Kind(NamedTuple):
    """Another `base` is another encoder; with the digest of a `decoder` the release retrieves and writes, at any
    score."""

    base: str = "tiny"
    decoder: str | None = None


def publish(store: Store, settings: Settings, bot: str, verdict: Mapping[str, Any], base: str = "tiny") -> int:
    """Publish a tiny release of `bot` with this verdict; returns its number. Another `base` is another encoder."""
    return publish_kind(store, settings, bot, verdict, Kind(base))


def publish_kind(store: Store, settings: Settings, bot: str, verdict: Mapping[str, Any], kind: Kind) -> int:
    """The same, of a kind."""
    with store.begin() as tx:
        bot_id = bots.get(tx, bot).id
        number = releases.reserve(tx, bot_id)
        profile = bots.profile(tx, bot_id)[1]
    final = release_folder(settings.home, store.workspace, bot, number)
    digest, manifest = _laid(settings, final, profile, kind)
    with store.begin() as tx:
        releases.publish(tx, bot_id, number, NewRelease(digest, manifest, dict(verdict)))
    return number


def _laid(settings: Settings, final: Path, profile: BotProfile, kind: Kind) -> tuple[str, dict[str, Any]]:
    with Blobs(settings.home).scratch() as work:
        encoder = work / "encoder"
        encoder.mkdir()
        _write_encoder(encoder)
        seal_encoder(encoder, EncoderCard(max_length=32, hidden=HIDDEN, base=kind.base))
        digest = publish_encoder(encoder, settings.home / "encoders")
        folder = work / "release"
        folder.mkdir()
        loaded = Encoder.load(settings.home / "encoders" / digest)
        _head(loaded).save(folder)
        if kind.decoder is not None:
            _index(loaded).save(folder)
        (folder / "README.md").write_text("# A tiny release\n")
        facts = ReleaseFacts(
            bot=final.parent.name.rpartition(".")[2],
            number=int(final.name),
            created_at="2026-11-21T00:00:00Z",
            labels=tuple(SAID),
            thresholds=_bars(kind),
            encoders={"intent": digest} if kind.decoder is None else {"intent": digest, "reply": digest},
            prepare={"phone_region": "GB", "order_number": r"OB-\d{5}"},
            decoders={} if kind.decoder is None else {GENERATE: kind.decoder},
        )
        release_digest = seal_release(folder, facts, profile)
        publish_release(folder, final)
    return release_digest, {"encoders": {"intent": digest}}


def _bars(kind: Kind) -> Thresholds:
    if kind.decoder is None:
        return Thresholds(answer=0.5, oos=0.5)
    return Thresholds(answer=None, oos=-1.0, reply=-1.0, generated=-1.0)


def _index(encoder: Encoder) -> ReplyIndex:
    renderer = Renderer.from_file(encoder.tokenizer, 32)
    texts = [said[0] for said in SAID.values()][: len(REPLIES)]
    return ReplyIndex(encoder.embed(renderer.utterances(texts)), [Reply(text) for text in REPLIES])


def _words(texts: Sequence[str]) -> list[str]:
    return sorted({word for text in texts for word in text.split()})


def _write_encoder(folder: Path) -> None:
    """Embedding -> mean over the mask -> unit length."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_words([text for texts in SAID.values() for text in texts])]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(vocabulary[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.random.default_rng(7).normal(size=(len(vocabulary), HIDDEN)).astype(np.float32)
    table[:4] *= 0.05
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["states"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["wide"]),
        node("Mul", ["states", "wide"], ["masked"]),
        node("ReduceSum", ["masked", "middle"], ["sum"], keepdims=0),
        node("LpNormalization", ["sum"], ["embedding"], axis=-1, p=2),
    ]
    shape = ["batch", "sequence"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save_model(model, str(folder / "encoder.onnx"))


def _head(encoder: Encoder) -> IntentHead:
    renderer = Renderer.from_file(encoder.tokenizer, 32)
    texts = [text for said in SAID.values() for text in said]
    rows = np.repeat(np.arange(len(SAID)), 3).astype(np.int32)
    vectors = encoder.embed(renderer.utterances(texts))
    weight = np.stack([vectors[rows == row].mean(axis=0) for row in range(len(SAID))]) * 20
    features = np.zeros(len(FEATURES) + 1, dtype=np.float32)
    scope, correct = features.copy(), features.copy()
    scope[0] = 1.0
    correct[-1] = 2.0
    return IntentHead(
        labels=tuple(SAID),
        weight=weight.astype(np.float32),
        bias=np.zeros(len(SAID), dtype=np.float32),
        temperature=1.0,
        neighbours=vectors.astype(np.float16),
        neighbour_labels=rows,
        scope=scope,
        correct=correct,
    )
