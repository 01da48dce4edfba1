"""By which recipe a task is trained: the one that was asked for, else the one the data picks, over the order's base."""

from __future__ import annotations

from typing import Any

import pytest

from data.errors import RecipeError, UsageError
from data.schema import TASKS
from trainer.bases.catalogue import LocalBase
from trainer.bases.known import CHAT, DEFAULT
from trainer.order import Order
from trainer.recipes import EntityRecipe, IntentRecipe, ReplyRecipe

LABELS = ["a", "b"] * 5
WRITES = {"task": "generate", "name": "mine", "method": "full"}


def test_what_is_asked_for_is_trained_over_the_base_of_the_order() -> None:
    asked = IntentRecipe(name="mine", method="frozen", regularisation=3.0, base="another", seed=9)
    assert Order(recipe=asked, seed=4).intent_recipe(LABELS, "here") == asked.model_copy(update={"base": "here"})


@pytest.mark.parametrize(("asked", "seed"), [({}, 9), ({"seed": None}, 9), ({"seed": 0}, 0), ({"seed": 4}, 4)])
def test_a_seed_goes_before_that_of_the_recipe_and_holds_for_all_tasks(
    asked: dict[str, Any], seed: int, tiny: LocalBase
) -> None:
    order = Order.from_payload({"recipe": {"task": "intent", "name": "mine", "method": "frozen", "seed": 9}, **asked})
    recipes = order.intent_recipe(LABELS, "here"), order.reply_recipe(5_000, tiny), order.entity_recipe(2_000, tiny)
    assert {order.seed, *(one.seed for one in recipes)} == {seed}
    assert Order.from_payload({key: value for key, value in asked.items() if value}).seed == (asked.get("seed") or 0)


def test_a_recipe_speaks_for_its_own_task_alone(tiny: LocalBase) -> None:
    order = Order(recipe=IntentRecipe(name="mine", method="frozen"), seed=4)
    reply, entities = order.reply_recipe(5_000, tiny), order.entity_recipe(2_000, tiny)
    assert isinstance(reply, ReplyRecipe)
    assert isinstance(entities, EntityRecipe)
    assert {(one.base, one.seed) for one in (reply, entities)} == {(tiny.name, 4)}


def test_the_amount_of_data_picks_the_others(tiny: LocalBase) -> None:
    assert Order().intent_recipe(LABELS, "here").method == "frozen"
    assert Order().intent_recipe(LABELS * 400, "here").method == "full"
    assert Order().reply_recipe(10, tiny).method == "frozen"


def test_what_is_picked_learns_at_the_rate_for_the_size_of_the_base_and_what_is_asked_for_at_its_own(
    tiny: LocalBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ReplyRecipe(name="mine", method="full", learning_rate=3e-4)
    small = [Order().reply_recipe(5_000, tiny), Order().entity_recipe(2_000, tiny)]
    monkeypatch.setattr(LocalBase, "configuration", lambda _: {"num_hidden_layers": 12, "hidden_size": 768})
    large = [Order().reply_recipe(5_000, tiny), Order().entity_recipe(2_000, tiny)]
    assert all(one.learning_rate < other.learning_rate / 3 for one, other in zip(large, small, strict=True))
    assert Order(recipe=asked).reply_recipe(5_000, tiny).learning_rate == 3e-4


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"tasks": "intent"}, UsageError),
        ({"tasks": ["intent", "poetry"]}, UsageError),
        ({"tasks": ["reply"], "recipe": {"task": "intent", "name": "t", "method": "frozen"}}, RecipeError),
        ({"tasks": ["reply"], "search": {}}, UsageError),
        ({"seed": True}, UsageError),
        ({"seed": -1}, UsageError),
        ({"base": 7}, UsageError),
        ({"recipe": "frozen"}, RecipeError),
        ({"recipe": {"task": "generate", "name": "rewrites"}}, RecipeError),
        ({"recipe": {"task": "summarise", "name": "rewrites"}}, RecipeError),
    ],
)
def test_an_order_that_cannot_be_is_refused_in_words(payload: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        Order.from_payload(payload)


@pytest.mark.parametrize("task", ["sentiment", "labels"])
def test_a_recipe_that_a_retraining_would_not_heed_is_refused_and_told_where_it_is_heeded(task: str) -> None:
    body = {"task": task, "name": "mine", "method": "frozen", "base": "another"}
    with pytest.raises(RecipeError, match=f"no use for a recipe for '{task}'") as caught:
        Order.from_payload({"recipe": body})
    assert "attune experiment" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({}, False),
        ({"tasks": list(TASKS)}, False),
        ({"tasks": ["intent", "reply"]}, False),
        ({"tasks": ["reply", "generate"]}, True),
        ({"recipe": WRITES}, True),
        ({"chat_base": "theirs"}, True),
    ],
)
def test_who_names_a_writer_is_told_apart_from_who_takes_what_the_data_gives(
    payload: dict[str, object], named: bool
) -> None:
    assert Order.from_payload(payload).names_a_writer is named


def test_a_recipe_for_preferences_goes_with_one_for_replies() -> None:
    with pytest.raises(RecipeError) as caught:
        Order.from_payload({"recipe": {"task": "prefer", "name": "mine", "method": "orpo"}})
    assert "preference" in caught.value.remedy
    order = Order.from_payload({"recipe": {**WRITES, "preference": "orpo"}})
    assert getattr(order.recipe, "preference", None) == "orpo"
    with pytest.raises(RecipeError, match="preference"):
        Order.from_payload({"recipe": {**WRITES, "preference": "simpo"}})


def test_nothing_asked_for_is_everything_that_there_is() -> None:
    order = Order.from_payload({})
    assert (order.tasks, order.recipe, order.search) == (TASKS, None, None)
    assert Order.from_payload({"tasks": ["reply", "intent"]}).tasks == ("intent", "reply")


@pytest.mark.parametrize(
    ("payload", "base", "chat"),
    [
        ({}, DEFAULT, CHAT),
        ({"recipe": WRITES}, DEFAULT, CHAT),
        ({"recipe": {**WRITES, "base": "own"}}, DEFAULT, "own"),
        ({"recipe": WRITES, "chat_base": "other", "base": "mine"}, "mine", "other"),
    ],
)
def test_a_recipe_for_what_is_written_names_the_chat_base_alone(payload: dict[str, Any], base: str, chat: str) -> None:
    order = Order.from_payload(payload)
    assert (order.base, order.chat_base) == (base, chat)
