"""What a message sounds like: read in the same pass as what it means, and only in languages the head holds for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import IntegrityError
from export.label_head import SENTIMENT_FILE, LabelHead
from export.parity import Probe, Side, compare
from export.predict import Channel, Parts, Predictor
from export.runtime import EncoderPool
from export.sentiment import sentiments

SOUNDS = {"bad": ["my parcel is late", "order late where is it"], "good": ["thanks", "thank you thanks"]}


def head_on(channel: Channel, **given: Any) -> LabelHead:
    """Told apart by the means of a few messages."""
    means = np.stack([channel.read(texts).mean(axis=0) for texts in SOUNDS.values()])
    apart = 40 * (means - means.mean(axis=0))
    bias = -(apart * means.mean(axis=0)).sum(axis=1)
    half = np.full(2, 0.5, dtype=np.float32)
    return LabelHead(tuple(SOUNDS), apart.astype(np.float32), bias.astype(np.float32), half, False, **given)


@pytest.fixture(scope="session")
def felt(parts: Parts, channel: Channel) -> Parts:
    return replace(parts, sentiment=head_on(channel))


class Counted:
    """A channel that counts its passes."""

    def __init__(self, channel: Channel) -> None:
        self.passes = 0
        self._channel = channel
        self.channel = Channel(channel.renderer, self._embed)

    def _embed(self, rendered: Any) -> Any:
        self.passes += 1
        return self._channel.embed(rendered)


def test_one_pass_serves_intent_and_sentiment(felt: Parts, channel: Channel) -> None:
    counted = Counted(channel)
    found = Predictor(felt.behind(intent=counted.channel)).understand("thanks")
    assert counted.passes == 1
    assert found.intent == "thanks"
    assert found.sentiment is not None
    assert found.sentiment.label == "good"


def test_a_sentiment_changes_no_understanding(felt: Parts, parts: Parts) -> None:
    texts = ["where is my order", "thanks", " ", "refund please"]
    plain, more = (Predictor(given).understand_many(texts) for given in (parts, felt))
    assert [replace(one, sentiment=None) for one in more] == plain
    assert more[2].sentiment is None  # nothing visible says nothing
    assert all(one.sentiment is None for one in plain)


def test_a_prediction_carries_it(felt: Parts, parts: Parts) -> None:
    wire = Predictor(felt).reply([("user", "my parcel is late")]).to_wire()
    assert wire["sentiment"]["label"] == "bad"
    assert set(wire["sentiment"]["scores"]) == {"bad", "good"}
    assert wire["sentiment"]["confidence"] == wire["sentiment"]["scores"]["bad"] > 0.5
    assert Predictor(parts).reply([("user", "thanks")]).to_wire()["sentiment"] is None


def test_without_an_intent_model_the_selector_reads_it(felt: Parts) -> None:
    found = Predictor(replace(felt, intent=None)).understand("thanks")
    assert found.intent is None
    assert found.sentiment is not None
    assert found.sentiment.label == "good"


ENGLISH = "my parcel is late and I would like to know where it is"
GERMAN = "mein Paket ist zu spät und ich möchte gerne wissen wo es gerade ist"


@pytest.mark.parametrize(
    ("held", "spoken", "text", "said"),
    [
        ((), ("de",), GERMAN, True),
        (("en",), ("en",), GERMAN, True),  # a bot of one language is spoken to in it
        (("en",), ("de",), ENGLISH, False),
        (("en",), ("en", "de"), ENGLISH, True),
        (("en",), ("en", "de"), GERMAN, False),
        (("en",), ("en", "de"), "ok", False),  # too little to tell a language by
    ],
)
def test_it_says_nothing_in_a_language_it_has_not_learned(
    channel: Channel, held: tuple[str, ...], spoken: tuple[str, ...], text: str, said: bool
) -> None:
    head = head_on(channel, languages=held)
    (found,) = sentiments(head, channel.read([text]), [text], spoken)
    assert (found is not None) == said


def test_a_release_keeps_it_and_refuses_one_of_another_encoder(
    tmp_path: Path, exported: Any, lay: Callable[..., str], put_release: Callable[..., Path], felt: Parts
) -> None:
    encoders = tmp_path / "encoders"
    digest = lay(exported, encoders)
    narrow = replace(felt, sentiment=replace(head_on_nothing(), labels=("bad", "good")))
    for name, given in (("7", felt), ("8", narrow)):
        put_release(tmp_path / name, given, {"intent": digest, "reply": digest})
    with Predictor.load(tmp_path / "7", EncoderPool(encoders)) as predictor:
        found = predictor.understand("thanks").sentiment
        assert found is not None
        assert found.label == "good"
    assert (tmp_path / "7" / SENTIMENT_FILE).exists()
    with pytest.raises(IntegrityError, match="embeddings of size 3"):
        Predictor.load(tmp_path / "8", EncoderPool(encoders))


def head_on_nothing() -> LabelHead:
    return LabelHead(("a", "b"), np.zeros((2, 3), np.float32), np.zeros(2, np.float32), np.zeros(2, np.float32), True)


def test_parity_compares_sentiments(felt: Parts, parts: Parts) -> None:
    probe = Probe(texts=["thanks", "my parcel is late", "refund please"])

    def check(other: Parts) -> dict[str, bool]:
        sides = [Side.of(Predictor(one), probe) for one in (felt, other)]
        return {check.name: check.passed for check in compare(*sides, probe).checks}

    assert felt.sentiment is not None
    turned = replace(felt.sentiment, labels=("good", "bad"))
    nudged = replace(felt.sentiment, bias=felt.sentiment.bias + np.float32(1e-6))
    assert check(felt)["sentiments"]
    assert check(replace(felt, sentiment=nudged))["sentiments"]
    assert not check(replace(felt, sentiment=turned))["sentiments"]
    assert not check(parts)["sentiments"]
    assert all(passed for name, passed in check(parts).items() if name != "sentiments")
