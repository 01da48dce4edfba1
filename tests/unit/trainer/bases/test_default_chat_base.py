"""The chat model that comes with attune: the files, what they claim, and that it writes."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from safetensors import safe_open

from data.errors import BaseRefused
from data.settings import Settings
from export.decoder_parity import TrainedWriter
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT
from trainer.bases.shelf import listing
from trainer.generation.surprise import surprise
from trainer.intents.calibrate import background_utterances
from trainer.pretraining.plan import load_plan

ROOT = Path(__file__).parents[4]
PLAN = ROOT / "recipes" / "chat-base.toml"


@pytest.fixture(scope="module")
def base() -> ChatBase:
    return ChatBase(find_base(CHAT))


def test_it_is_of_the_size_that_is_promised(base: ChatBase) -> None:
    assert 8e6 <= base.parameters <= 11.5e6
    assert base.parameters == base.local.base.parameters
    assert base.renderer().context >= 512
    weights = base.local.folder / "model.safetensors"
    assert weights.stat().st_size <= 24e6
    with safe_open(weights, framework="np") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118


def test_it_was_made_by_the_plan_that_stands_in_the_repository(base: ChatBase) -> None:
    assert (base.local.folder / "plan.toml").read_bytes() == PLAN.read_bytes()
    assert load_plan(PLAN).name == CHAT == base.name


def test_its_corpora_are_named_wherever_it_goes(base: ChatBase) -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    card = (base.local.folder / "README.md").read_text(encoding="utf-8")
    for source in load_plan(PLAN).sources:
        for text in (notice, card):
            assert source.name in text
            assert source.attribution in text
            assert source.licence in text


def test_its_card_says_what_it_is_worth(base: ChatBase) -> None:
    card = (base.local.folder / "README.md").read_text(encoding="utf-8")
    ours, ngrams = (
        float(re.search(rf"\| {name} \| ([0-9.]+) \|", card)[1])  # type: ignore[index]
        for name in ("this model", "Kneser-Ney 5-grams of the same tokens")
    )
    assert ours <= 0.92 * ngrams
    curve = list(csv.DictReader((base.local.folder / "training.csv").read_text(encoding="utf-8").splitlines()))
    assert float(curve[-1]["validation_loss"]) < float(curve[0]["validation_loss"])


def test_it_knows_ordinary_language(base: ChatBase) -> None:
    """Who knows nothing takes any of its 8,192 pieces for as likely as any other."""
    talks = [(("agent", text),) for text in background_utterances()[:40]]
    assert surprise(base.model(), base.renderer(), talks).perplexity() < 1000  # type: ignore[arg-type]


def test_it_answers_and_ends(base: ChatBase) -> None:
    renderer = base.renderer()
    context = renderer.prompt((("user", "hello, i am looking for a cheap hotel in the north"),), room=64)
    reply = TrainedWriter(base.model()).write(context, 64, sorted(renderer.stops))
    assert 0 < len(reply) < 64
    assert re.fullmatch(r"[ -~]+", renderer.text(reply))


def test_it_reads_no_intents(base: ChatBase) -> None:
    with pytest.raises(BaseRefused, match="chat model") as caught:
        base.local.encoder()
    assert "--chat-base" in caught.value.remedy


def test_it_is_listed_as_one_that_writes(tmp_path: Path) -> None:
    (told,) = [one for one in listing(Settings(home=tmp_path)) if one["name"] == CHAT]
    assert (told["use"], told["here"], told["licence"]) == ("write", True, "apache-2.0")
