"""A chat base from scratch, small: the corpus, the tokenizer, the whole way, stopped in the middle and gone on with."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from data.chat_render import ChatRenderer
from data.errors import DatasetError, RecipeError, UsageError
from data.settings import ImportSettings, Settings, TrainSettings
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.generation.lines import rendered, windows
from trainer.pretraining.corpus import joined, read_corpus
from trainer.pretraining.plan import load_plan
from trainer.pretraining.pretrain import Wanted, pretrain
from trainer.pretraining.tokenizer import train_tokenizer

PLAN = """
name = "tiny-chat"
languages = ["en"]
licence = "cc0-1.0"
held = 0.2
[sizes]
vocabulary = 420
hidden = 32
layers = 1
heads = 2
feed_forward = 48
context = 64
[recipe]
epochs = 3
max_length = 64
batch_tokens = 512
learning_rate = 1e-2
precision = "32-true"
[[sources]]
name = "Lamps"
files = ["lamps.jsonl"]
licence = "CC0"
attribution = "Nobody"
[[sources]]
name = "Calls"
kind = "utterances"
files = ["calls.jsonl"]
tokenised = true
licence = "CC BY 4.0"
attribution = "Some | body"
"""


@pytest.fixture
def laid(tmp_path: Path) -> Wanted:
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    talks = []
    for at in range(60):
        (asked, said), (more, then) = SAID[at % 5], SAID[(at // 5) % 5]
        turns = [("user", f"{asked} It is lamp {at}."), ("assistant", said), ("user", more), ("assistant", then)]
        talks.append({"id": str(at), "turns": [{"role": role, "text": text} for role, text in turns]})
    (corpora / "lamps.jsonl").write_text("".join(json.dumps(one) + "\n" for one in [*talks, talks[0]]))
    calls = [{"text": f"I ca n't find shop {at} , sorry .", "label": "find"} for at in range(40)]
    (corpora / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in calls))
    (tmp_path / "plan.toml").write_text(PLAN)
    return Wanted(tmp_path / "plan.toml", corpora, tmp_path / "out")


def settings(home: Path) -> Settings:
    return Settings(home=home, train=TrainSettings(threads=1))


def silent(_event: Mapping[str, Any]) -> None:
    return None


def test_a_corpus_holds_each_document_once_and_keeps_some_to_measure_on(laid: Wanted) -> None:
    corpus = read_corpus(load_plan(laid.plan), laid.corpora, ImportSettings())
    assert corpus.counts == {"Lamps": 60, "Calls": 40}
    assert len(corpus.train) + len(corpus.held) == 100
    assert 5 < len(corpus.held) < 40
    assert not set(corpus.train) & set(corpus.held)
    assert (("user", "I can't find shop 7, sorry."),) in [*corpus.train, *corpus.held]


def test_a_document_stays_where_it_is_when_others_come(laid: Wanted) -> None:
    before = read_corpus(load_plan(laid.plan), laid.corpora, ImportSettings())
    with (laid.corpora / "calls.jsonl").open("a") as file:
        file.writelines(json.dumps({"text": f"Call number {at}!", "label": "call"}) + "\n" for at in range(30))
    after = read_corpus(load_plan(laid.plan), laid.corpora, ImportSettings())
    assert set(before.train) <= set(after.train)
    assert set(before.held) <= set(after.held)
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("apart", "whole"),
    [
        ("I ca n't , he did n't .", "I can't, he didn't."),
        ("It 's 5 ( five ) pounds : $ 5 !", "It's 5 (five) pounds: $5!"),
        ("Already fine, isn't it?", "Already fine, isn't it?"),
        ("the 'old' one", "the 'old' one"),
    ],
)
def test_texts_of_taggers_become_texts_of_people(apart: str, whole: str) -> None:
    assert joined(apart) == whole


def test_a_base_from_scratch(laid: Wanted, tmp_path: Path) -> None:
    told = pretrain(laid, settings(tmp_path / "home"), silent)
    base = ChatBase(find_base(str(laid.out)))
    model, renderer = base.model(), base.renderer()
    assert told["worth"]["bits_per_byte"] > 0
    assert told["epochs"] == 3
    with (laid.out / "training.csv").open() as file:
        losses = [float(row["training_loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]
    card = (laid.out / "README.md").read_text()
    assert "Some \\| body" in card
    assert f"{told['worth']['ngram_bits_per_byte']:.4f}" in card
    assert (laid.out / "plan.toml").read_text() == PLAN
    # What it knows best is what it read sixty times.
    ids = renderer.dialogue([("user", SAID[0][0]), ("agent", SAID[0][1])]).ids
    with torch.inference_mode():
        loss = float(model(torch.tensor([ids]), labels=torch.tensor([ids])).loss)
    assert loss < 4


def test_the_tokenizer_cuts_as_sentencepiece_does(laid: Wanted, tmp_path: Path) -> None:
    plan = load_plan(laid.plan)
    corpus = read_corpus(plan, laid.corpora, ImportSettings())
    train_tokenizer((text for one in corpus.train for _, text in one), plan.sizes.vocabulary, tmp_path)
    ours = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    for text in [
        *(text for one in corpus.held for _, text in one),
        "Grüße, 日本 😀",
        " two  spaces ",
        "line\nline",
        "7",
    ]:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode(text)
        assert ours.decode(ids) == text


def test_a_run_that_was_stopped_goes_on_and_ends_the_same(laid: Wanted, tmp_path: Path) -> None:
    whole = pretrain(laid, settings(tmp_path / "home"), silent)

    class Stopped(Exception):
        pass

    other = Wanted(laid.plan, laid.corpora, tmp_path / "other")
    steps: list[int] = []

    def stopping(event: Mapping[str, Any]) -> None:
        if event["type"] == "validated" and event["epoch"] == 2:
            raise Stopped

    def watching(event: Mapping[str, Any]) -> None:
        if event["type"] == "progress":
            steps.append(event["step"])

    often = Settings(home=tmp_path / "home", train=TrainSettings(threads=1, checkpoint_seconds=1e-3))
    with pytest.raises(Stopped):
        pretrain(other, often, stopping)
    again = pretrain(other, often, watching)
    assert 1 < steps[0] <= steps[-1]
    assert again["worth"]["bits_per_byte"] == whole["worth"]["bits_per_byte"]
    one, two = ((place.out / "model.safetensors").read_bytes() for place in (laid, other))
    assert one == two


def test_another_corpus_does_not_go_on_in_the_same_folder(laid: Wanted, tmp_path: Path) -> None:
    pretrain(laid, settings(tmp_path / "home"), silent)
    with (laid.corpora / "calls.jsonl").open("a") as file:
        file.write(json.dumps({"text": "One more.", "label": "more"}) + "\n")
    with pytest.raises(UsageError, match="Another plan, or another corpus"):
        pretrain(laid, settings(tmp_path / "home"), silent)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('files = ["../lamps.jsonl"]', "inside the folder"),
        ('files = ["/etc/passwd"]', "inside the folder"),
        ("files = []", "at least 1"),
        ('fles = ["lamps.jsonl"]', "Extra inputs"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused(laid: Wanted, wrong: str, said: str) -> None:
    laid.plan.write_text(PLAN.replace('files = ["lamps.jsonl"]', wrong))
    with pytest.raises(RecipeError, match=said):
        load_plan(laid.plan)


def test_a_plan_that_cannot_be_read_is_refused(laid: Wanted) -> None:
    for body in ("= = =", PLAN.replace("hidden = 32", "hidden = 33"), 'name = "x"\nrecipe = 3'):
        laid.plan.write_text(body)
        with pytest.raises(RecipeError):
            load_plan(laid.plan)
    with pytest.raises(RecipeError):
        load_plan(laid.plan.with_name("gone.toml"))


def test_a_file_that_is_not_there_is_named(laid: Wanted) -> None:
    (laid.corpora / "calls.jsonl").unlink()
    with pytest.raises(DatasetError, match=r"'Calls' lacks calls\.jsonl"):
        read_corpus(load_plan(laid.plan), laid.corpora, ImportSettings())


def test_the_plan_of_the_default_base_holds() -> None:
    plan = load_plan(Path(__file__).parents[4] / "recipes" / "chat-base.toml")
    assert plan.recipe.learns == "all"
    names = [source.name for source in plan.sources]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory):
    return ChatRenderer.from_folder(lay_chat(tmp_path_factory.mktemp("chat")))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_long_documents_are_cut_between_turns(renderer, words: list[int]) -> None:
    document = tuple(("user" if at % 2 else "assistant", "lamp " * count + "!") for at, count in enumerate(words))
    parts = list(windows(document, renderer))
    assert tuple(turn for part in parts for turn in part) == document
    assert all(len(one) <= renderer.context for one in rendered([document], renderer))
