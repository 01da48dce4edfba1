"""A generator learns the brand's words, whole or by adapters, and is taken up where it was stopped."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from data.errors import DatasetError
from data.schema import Conversation, Role, Turn
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.generation.adapters import save_adapters
from trainer.generation.lines import Ask, Talk
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.surprise import divergence, surprise
from trainer.generation.train_generator import SHOWN_CHARS, TrainedGenerator, checked, talks_of, train_generator
from trainer.tasks.generate import GenerateTask

TALKS: list[Talk] = [
    (("user", f"{asked} I am customer {at}."), ("agent", said), ("user", "Thanks!"), ("agent", "Bye now."))
    for at, (asked, said) in enumerate(SAID * 4)
]
HELD: list[Talk] = [(("user", asked), ("agent", said)) for asked, said in SAID]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


def recipe(**more: Any) -> GenerateRecipe:
    plain = {"name": "test", "method": "full", "epochs": 2, "batch_tokens": 512, "learning_rate": 5e-3}
    return GenerateRecipe(**{**plain, "max_length": 128, "dropout": 0.1, "precision": "32-true", **more})


def run_in(folder: Path, **more: Any) -> RunFolder:
    folder.mkdir(exist_ok=True)
    return RunFolder(folder, more.pop("ledger", MemoryLedger()), threads=1, **more)


def trained(base: ChatBase, tmp_path: Path, **more: Any) -> TrainedGenerator:
    return train_generator(recipe(**more), base, TALKS, HELD, run_in(tmp_path))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"packing": True},
        {"method": "lora", "learning_rate": 1e-2, "epochs": 40, "patience": 40},
        {"gradient_checkpointing": True},
        {"accumulate": 2},
    ],
    ids=["full", "packed", "lora", "checkpointing", "accumulate"],
)
def test_what_the_brand_says_surprises_less(base: ChatBase, tmp_path: Path, more: dict[str, Any]) -> None:
    tuned = trained(base, tmp_path, **{"epochs": 8, **more})
    before = surprise(base.model(), tuned.renderer, HELD)
    after = surprise(tuned.model, tuned.renderer, HELD)
    assert after.bits_per_byte().value < 0.95 * before.bits_per_byte().value
    assert after.less(before).high < 0
    assert (tuned.adapted is not None) == (more.get("method") == "lora")
    assert all(finding.severity != "error" for finding in tuned.findings)


def test_the_same_seed_gives_the_same_model(base: ChatBase, tmp_path: Path) -> None:
    one, two = (trained(base, tmp_path / name) for name in "ab")
    for first, second in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("more", [{}, {"method": "lora", "accumulate": 2}], ids=["full", "lora"])
def test_a_run_that_was_stopped_ends_as_the_undisturbed_one(
    base: ChatBase, tmp_path: Path, more: dict[str, Any]
) -> None:
    class Stopped(Exception):
        pass

    def stopping(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] >= 3:
            raise Stopped

    whole = trained(base, tmp_path / "whole", **more)
    ledger = MemoryLedger()
    broken = run_in(tmp_path / "other", ledger=ledger, checkpoint_seconds=0.0, report=stopping)
    with pytest.raises(Stopped):
        train_generator(recipe(**more), base, TALKS, HELD, broken)
    if more:  # what is the base's is not written again at every checkpoint
        kept = torch.load(tmp_path / "other" / "generate.ckpt", weights_only=True)["state_dict"]
        assert kept
        assert all("lora_" in name for name in kept)
    run = run_in(tmp_path / "other", ledger=ledger, checkpoint_seconds=0.0)
    again = train_generator(recipe(**more), base, TALKS, HELD, run)
    assert again.history == whole.history
    for first, second in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(first, second)


def test_the_example_shows_what_is_learned(base: ChatBase, tmp_path: Path) -> None:
    events: list[Mapping[str, Any]] = []
    told = train_generator(recipe(epochs=1), base, TALKS, (), run_in(tmp_path, report=events.append))
    assert told.example == f"{SAID[0][0]} I am customer 0. [[{SAID[0][1]}]] Thanks! [[Bye now.]]"
    first = next(at for at, event in enumerate(events) if event["type"] == "progress")
    assert [event["text"] for event in events[:first] if event["type"] == "example"] == [told.example]


def test_marks_on_other_words_are_found_before_the_first_step(base: ChatBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they would stand with a tokenizer that runs two turns into one."""
    renderer = base.renderer()
    whole = renderer.dialogue

    def shifted(turns: Any, system: Any = ()) -> Any:
        one = whole(turns, system)
        return type(one)(one.ids, said=(*one.said[3:], False, False, False))

    monkeypatch.setattr(renderer, "dialogue", shifted)
    with pytest.raises(DatasetError, match="not the brand's words"):
        checked(TALKS, renderer)


ASK = Ask((("user", "Where is my order?"), ("agent", "One moment."), ("user", "Well?")), SAID[0][1], ("Said: Hi.",))


@pytest.mark.parametrize(
    "marks",
    [
        lambda said: [not one for one in said],
        lambda said: [True] * len(said),
        lambda said: [False] * len(said),
        lambda said: [*said[4:], *[False] * 4],
        lambda said: [one and at > said.index(True) for at, one in enumerate(said)],
        lambda said: [one and at < len(said) - 3 for at, one in enumerate(said)],
        lambda said: [*said[:-1], False],
        lambda said: [at == 2 for at in range(len(said))],
    ],
    ids=["the customer's words", "everything", "nothing", "shifted", "no beginning", "no end", "never ends", "one"],
)
def test_a_reply_that_is_not_marked_from_beginning_to_end_is_found(
    base: ChatBase, monkeypatch: pytest.MonkeyPatch, marks: Any
) -> None:
    """As a retraining learns: one reply after a conversation."""
    renderer = base.renderer()
    assert checked([ASK], renderer).endswith(f"[[{SAID[0][1]}]]")
    whole = renderer.exchange

    def otherwise(*asked: Any) -> Any:
        one = whole(*asked)
        return type(one)(one.ids, said=tuple(marks(list(one.said))))

    monkeypatch.setattr(renderer, "exchange", otherwise)
    with pytest.raises(DatasetError, match="not the brand's words"):
        checked([ASK], renderer)


@pytest.mark.parametrize("wanted", ["beginning", "middle"])
def test_of_a_reply_that_does_not_fit_the_beginning_is_learned(
    base: ChatBase, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    renderer = base.renderer(64)
    ask = Ask((("user", "Where is my order?"),), " ".join(said for _, said in SAID) * 3)
    line = renderer.exchange(ask.before, ask.reply)
    assert len(line) == renderer.context
    if wanted == "beginning":
        assert "[[" in checked([ask], renderer)
        return
    begins = line.said.index(True)
    ids = renderer.reply(ask.reply)
    others = line.ids[:begins] + ids[5 : 5 + len(line) - begins]
    monkeypatch.setattr(renderer, "exchange", lambda *_: type(line)(others, said=line.said))
    with pytest.raises(DatasetError, match="not the brand's words"):
        checked([ask], renderer)


def test_turns_that_follow_each_other_and_turns_that_are_cut_are_the_brands_words(base: ChatBase) -> None:
    long = " ".join(said for _, said in SAID) * 4
    talks: list[Talk] = [
        (("user", "Hi"), ("agent", "Hello."), ("agent", "What is it?"), ("user", "Nothing"), ("agent", "Bye.")),
        (("agent", "Good morning!"), ("user", "Hi")),
        (("user", "Tell me all."), ("agent", long)),
        (("user", long), ("agent", "That is a lot.")),
    ]
    assert checked(talks, base.renderer(64)) == "Hi [[Hello.\nWhat is it?]] Nothing [[Bye.]]"


def test_a_long_conversation_is_shown_with_what_is_learned_of_it(base: ChatBase) -> None:
    ask = Ask((("user", " ".join(asked for asked, _ in SAID) * 9),), SAID[1][1])
    shown = checked([ask], base.renderer(2_000))
    assert len(shown) <= SHOWN_CHARS
    assert " ... " in shown
    assert shown.endswith(f"[[{SAID[1][1]}]]")


@pytest.mark.parametrize("talks", [[], [(("user", "Hello?"),)], [(("user", "Hello?"), ("agent", "Yes."))] * 3])
def test_too_little_to_learn_from_is_refused(base: ChatBase, tmp_path: Path, talks: list[Talk]) -> None:
    with pytest.raises(DatasetError, match="at least 2 different replies"):
        train_generator(recipe(), base, talks, (), run_in(tmp_path))


def test_conversations_without_an_answer_teach_nothing() -> None:
    def talk(*turns: tuple[Role, str]) -> Conversation:
        return Conversation("1", tuple(Turn(role, text) for role, text in turns))

    found = talks_of([talk(("user", "Hi")), talk(("system", "Be kind"), ("user", "Hi"), ("assistant", "Hello"))])
    assert found == [(("user", "Hi"), ("assistant", "Hello"))]


def test_a_long_conversation_is_learned_in_parts(base: ChatBase) -> None:
    long: Talk = tuple((("user", "agent")[at % 2], f"This is turn {at} of many.") for at in range(60))  # type: ignore[misc]
    told = surprise(base.model(), base.renderer(), [long])
    assert int(told.tokens[0]) == sum(len(base.renderer().reply(text)) for role, text in long if role == "agent")


def test_surprise_is_the_loss_of_the_brands_tokens(base: ChatBase) -> None:
    model, renderer = base.model(), base.renderer()
    told = surprise(model, renderer, HELD)
    for row, (asked, said) in enumerate(SAID):
        context, reply = renderer.prompt([("user", asked)]), renderer.reply(said)
        with torch.inference_mode():
            logs = model(torch.tensor([context + reply])).logits[0].log_softmax(-1)
        nats = -sum(float(logs[at - 1, (context + reply)[at]]) for at in range(len(context), len(context + reply)))
        assert float(told.nats[row]) == pytest.approx(nats, abs=1e-3)
        assert int(told.sizes[row]) == len(said.encode())


def test_a_model_is_no_way_from_itself_and_some_way_from_its_base(base: ChatBase, tmp_path: Path) -> None:
    tuned = trained(base, tmp_path, epochs=1)
    lines = [tuned.renderer.dialogue(talk) for talk in HELD]
    assert divergence(base.model(), base.model(), tuned.renderer, lines) == 0
    assert divergence(tuned.model, base.model(), tuned.renderer, lines) > 0.01
    assert divergence(tuned.model, base.model(), tuned.renderer, []) == 0


def test_adapters_by_themselves_are_small_and_say_what_the_merged_model_says(base: ChatBase, tmp_path: Path) -> None:
    tuned = trained(base, tmp_path, method="lora", epochs=1)
    assert tuned.adapted is not None
    save_adapters(tuned.adapted, tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} >= {"adapter_model.safetensors"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = PeftModel.from_pretrained(base.model(), str(tmp_path / "adapter"))
    batch_of = tuned.renderer.dialogue(HELD[0])
    ids = torch.tensor([batch_of.ids])
    with torch.inference_mode():
        assert torch.allclose(again(ids).logits, tuned.model(ids).logits, atol=1e-4)


def test_the_base_is_not_changed_by_a_training(base: ChatBase, tmp_path: Path) -> None:
    before = GenerateTask(base.model())
    trained(base, tmp_path, epochs=1)
    for first, second in zip(before.parameters(), GenerateTask(base.model()).parameters(), strict=True):
        assert torch.equal(first, second)
