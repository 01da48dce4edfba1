"""Training the selector by both methods, on dialogues of a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import DatasetError
from data.schema import Conversation, Turn
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.recipes import ReplyRecipe
from trainer.replies.train_reply import (
    MOST_VALIDATION,
    Pairs,
    TrainedReply,
    learned,
    mean_length,
    pairs_of,
    train_reply,
)

MakeRun = Callable[..., RunFolder]
REPLIES = {"refund": "money back", "delivery": "courier track", "login": "reset email", "hours": "open today"}


@pytest.fixture(scope="module")
def pairs(said: Callable[..., Any]) -> Pairs:
    some = said(8, tuple(REPLIES))
    return Pairs([(("user", text),) for text in some.texts], [REPLIES[label] for label in some.labels])


def recipe_of(method: str, **given: Any) -> ReplyRecipe:
    body = {"name": "t", "method": method, "epochs": 3, "batch_size": 8, "max_length": 24, "precision": "32-true"}
    return ReplyRecipe(**{**body, "learning_rate": 2e-3, "patience": 5, **given})


def recall(trained: TrainedReply, pairs: Pairs) -> float:
    distinct = list(REPLIES.values())
    scores = trained.contexts(pairs.contexts) @ trained.replies(distinct).T
    return float(
        np.mean([distinct[at] == reply for at, reply in zip(scores.argmax(axis=1), pairs.replies, strict=True)])
    )


def test_tuning_finds_replies_that_the_base_does_not(tiny: LocalBase, pairs: Pairs, make_run: MakeRun) -> None:
    plain = train_reply(recipe_of("frozen"), tiny, pairs, None, make_run("plain", keep=False))
    tuned = train_reply(recipe_of("full"), tiny, pairs, pairs.pick(range(0, 32, 4)), make_run(keep=False))
    assert (plain.encoder_is_base, tuned.encoder_is_base) == (True, False)
    assert plain.history == ()
    assert 1 <= len(tuned.history) <= 3
    assert {"recall_at_1"} == set(tuned.history[-1].metrics)
    assert recall(tuned, pairs) > max(recall(plain, pairs), 0.6)
    base = tiny.encoder().state_dict()
    assert all(torch.equal(value, base[name]) for name, value in plain.encoder.state_dict().items())


class Power(Exception):
    """The cable, pulled."""


def test_a_training_that_died_ends_as_if_it_had_not(tiny: LocalBase, pairs: Pairs, make_run: MakeRun) -> None:
    def report(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] == 5:
            raise Power

    recipe, ledger, held = recipe_of("full"), MemoryLedger(), pairs.pick([0, 9, 18])
    whole = train_reply(recipe, tiny, pairs, held, make_run("whole", keep=False))
    with pytest.raises(Power):
        train_reply(recipe, tiny, pairs, held, make_run(checkpoint_seconds=0.0, ledger=ledger, report=report))
    resumed = train_reply(recipe, tiny, pairs, held, make_run(checkpoint_seconds=0.0, ledger=ledger))
    assert all(torch.equal(a, b) for a, b in zip(whole.encoder.parameters(), resumed.encoder.parameters(), strict=True))
    assert whole.history == resumed.history


@pytest.mark.parametrize("replies", [[], ["a"], ["a"] * 9])
@pytest.mark.parametrize("method", ["frozen", "full"])
def test_less_than_two_replies_are_no_choice(
    tiny: LocalBase, make_run: MakeRun, method: str, replies: list[str]
) -> None:
    rows = Pairs([(("user", "refund"),)] * len(replies), replies)
    with pytest.raises(DatasetError, match="two different replies"):
        train_reply(recipe_of(method), tiny, rows, None, make_run(keep=False))


def test_replies_that_are_one_but_for_case_are_no_mistakes(tiny: LocalBase, make_run: MakeRun) -> None:
    rows = Pairs([(("user", "refund"),), (("user", "parcel"),)], ["Money back", "money  BACK"])
    found = train_reply(recipe_of("full", epochs=1, batch_size=2), tiny, rows, None, make_run(keep=False))
    assert found.history[0].training_loss == pytest.approx(0, abs=1e-6)


def test_two_pairs_and_empty_texts_train(tiny: LocalBase, make_run: MakeRun) -> None:
    rows = Pairs([(("user", ""),), ()], ["", "money"])
    found = train_reply(recipe_of("full", epochs=1), tiny, rows, Pairs([], []), make_run(keep=False))
    assert np.isfinite(found.contexts(rows.contexts)).all()


def test_a_selector_all_of_whose_layers_are_frozen_is_left_alone(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun
) -> None:
    found = train_reply(recipe_of("full", frozen_layers=12, epochs=1), tiny, pairs, None, make_run(keep=False))
    assert found.encoder_is_base
    untuned = train_reply(recipe_of("frozen"), tiny, pairs, None, make_run(keep=False))
    assert np.array_equal(found.contexts(pairs.contexts), untuned.contexts(pairs.contexts))


def test_validation_is_bounded(tiny: LocalBase, pairs: Pairs, make_run: MakeRun) -> None:
    many = pairs.pick([at % len(pairs) for at in range(MOST_VALIDATION + 50)])
    found = train_reply(recipe_of("full", epochs=1), tiny, pairs.pick(range(0, 32, 4)), many, make_run(keep=False))
    assert 0 <= found.history[0].metrics["recall_at_1"] <= 1


def test_pairs_are_the_brands_turns_after_a_users(tiny: LocalBase) -> None:
    turns = (
        Turn("assistant", "hello"),
        Turn("user", "one"),
        Turn("agent", "two"),
        Turn("assistant", "three"),
        Turn("user", "four"),
        Turn("system", "note"),
        Turn("assistant", "five"),
        Turn("user", "six"),
        Turn("assistant", "seven"),
    )
    found = pairs_of([Conversation("c", turns), Conversation("d", (Turn("user", "alone"),)), Conversation("e", ())])
    assert list(found.replies) == ["two", "seven"]
    assert found.contexts[0] == (("assistant", "hello"), ("user", "one"))
    assert found.contexts[1][-1] == ("user", "six")
    assert len(found.contexts[1]) <= 7


def test_no_context_reads_further_back_than_the_model(tiny: LocalBase) -> None:
    turns = tuple(Turn("user" if at % 2 == 0 else "agent", str(at)) for at in range(30))
    found = pairs_of([Conversation("c", turns)])
    assert len(found) == 15
    longest = max(map(len, found.contexts))
    assert longest < 20
    assert found.contexts[-1] == tuple((turn.role, turn.text) for turn in turns[29 - longest : 29])


def test_more_pairs_than_a_training_may_learn_from_are_drawn_by_the_seed(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun
) -> None:
    few = recipe_of("full", epochs=1, most_pairs=8)
    rows = learned(few, pairs)
    assert len(rows) == len(set(rows)) == 8
    assert rows == sorted(rows) == learned(few, pairs)
    assert rows != learned(few.model_copy(update={"seed": 1}), pairs)
    assert learned(recipe_of("full", most_pairs=99), pairs) == learned(recipe_of("full"), pairs) == list(range(32))
    drawn = train_reply(few, tiny, pairs, None, make_run("drawn", keep=False))
    alone = train_reply(few, tiny, pairs.pick(rows), None, make_run("alone", keep=False))
    assert drawn.history == alone.history
    assert drawn.history[-1].step == 1


def test_the_mean_length_is_that_of_what_the_model_reads(tiny: LocalBase) -> None:
    renderer = tiny.renderer(96)
    rows = Pairs([(("user", "refund money"),), (("agent", "hello"), ("user", "parcel"))], ["money back", "courier"])
    read = [*map(renderer.context, rows.contexts), *renderer.utterances(rows.replies)]
    assert mean_length(rows, tiny) == sum(map(len, read)) / 2
    assert mean_length(Pairs([], []), tiny) == 0
    assert mean_length(rows.pick([0, 1] * 900), tiny) == pytest.approx(mean_length(rows, tiny), rel=0.01)
