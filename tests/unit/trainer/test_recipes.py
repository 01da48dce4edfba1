"""Recipes: picked by the amount of data, checked as a whole, read from files."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import RecipeError
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.hyperparameters import sized
from trainer.recipes import (
    FULL_ROWS,
    TOP_ROWS,
    TOP_ROWS_PER_CLASS,
    IntentRecipe,
    ReplyRecipe,
    intent_by,
    load_recipe,
    parse_recipe,
    pick_intent,
    pick_reply,
    pick_seq2seq,
)
from trainer.replies.recipe import MOST_EPOCHS, OVERHEAD, TOKENS

INTENT = {"task": "intent", "name": "mine", "method": "frozen"}
REPLY = {"task": "reply", "name": "mine", "method": "full"}


@pytest.mark.parametrize(
    ("classes", "rows", "method"),
    [
        (2, 2, "frozen"),
        (30, TOP_ROWS_PER_CLASS - 1, "frozen"),
        (3, 10, "frozen"),
        (TOP_ROWS, 1, "frozen"),
        (TOP_ROWS // TOP_ROWS_PER_CLASS + 1, TOP_ROWS_PER_CLASS, "top"),
        (30, FULL_ROWS // 30, "full"),
        (2, FULL_ROWS, "full"),
    ],
)
def test_more_data_moves_more_of_the_encoder(classes: int, rows: int, method: str) -> None:
    labels = [str(at) for at in range(classes) for _ in range(rows)]
    recipe = pick_intent(labels, base="b", seed=3)
    assert (recipe.method, recipe.base, recipe.seed) == (method, "b", 3)
    assert (recipe.folds == 0) == (method == "full")
    assert recipe.task == "intent"


@pytest.mark.parametrize("labels", [[], ["a"], ["a"] * 5000])
def test_a_classifier_needs_two_labels(labels: list[str]) -> None:
    with pytest.raises(RecipeError, match="two labels"):
        pick_intent(labels)


@pytest.mark.parametrize(("pairs", "method"), [(0, "frozen"), (199, "frozen"), (200, "full"), (10**6, "full")])
def test_more_pairs_fewer_epochs(pairs: int, method: str) -> None:
    assert pick_reply(pairs).method == method
    assert pick_reply(pairs).epochs >= pick_reply(pairs + 10_000).epochs


BERT_BASE = {"num_hidden_layers": 12, "hidden_size": 768}
DEFAULT_SIZE = {"num_hidden_layers": 6, "hidden_size": 384}


def by_size(method: str, configuration: Mapping[str, Any]) -> float:
    return sized(intent_by(method, 1_000), configuration).learning_rate


@pytest.mark.parametrize("method", ["frozen", "top", "full"])
def test_the_rate_of_the_default_base_is_that_which_was_measured(method: str) -> None:
    picked = intent_by(method, 1_000)
    assert sized(picked, find_base(DEFAULT).configuration()) == picked
    assert sized(picked, DEFAULT_SIZE) == picked


@pytest.mark.parametrize(("method", "rate"), [("top", 5e-5), ("full", 2.5e-5)])
def test_a_base_of_110_million_weights_learns_at_a_fourth_of_it(method: str, rate: float) -> None:
    assert by_size(method, BERT_BASE) == rate
    assert by_size(method, {"n_layers": 12, "dim": 768}) == rate  # as DistilBERT calls them
    assert sized(intent_by(method, 1_000), BERT_BASE).head_learning_rate == intent_by(method, 1_000).head_learning_rate


def test_the_rate_falls_with_the_size_without_a_step() -> None:
    widths = [by_size("top", {"num_hidden_layers": 12, "hidden_size": hidden}) for hidden in range(128, 1280, 64)]
    assert widths == sorted(widths, reverse=True)
    assert all(later > 0.7 * before for before, later in itertools.pairwise(widths))
    assert 1e-5 < by_size("full", {"num_hidden_layers": 24, "hidden_size": 1024}) < 2e-5


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"num_hidden_layers": 2, "hidden_size": 32},
        {"num_hidden_layers": 24},
        {"num_hidden_layers": "24", "hidden_size": 1024},
        {"num_hidden_layers": None, "hidden_size": -5},
    ],
    ids=str,
)
def test_a_base_that_is_small_or_does_not_say_keeps_the_rate(told: Mapping[str, Any]) -> None:
    assert by_size("top", told) == intent_by("top", 1_000).learning_rate


def test_the_length_of_a_selectors_training_follows_the_tokens_there_are() -> None:
    short, long, many = pick_reply(5_000, 40), pick_reply(5_000, 120), pick_reply(50_000, 75)
    assert short.epochs > long.epochs > many.epochs == 1
    assert (short.most_pairs, long.most_pairs) == (0, 0)
    assert 0 < many.most_pairs < 50_000
    for pairs in (3_000, 7_000, 20_000, 10**6):
        for length in (20, 80, 190):
            recipe = pick_reply(pairs, length)
            learned = min(pairs, recipe.most_pairs or pairs)
            work = recipe.epochs * learned * (length + OVERHEAD)
            assert work <= TOKENS * 1.01
            assert work > TOKENS / 2 or recipe.epochs == MOST_EPOCHS


# BAR 1.1 B7: what people will ask for.
IMPOSSIBLE: list[dict[str, Any]] = [
    {"epochs": 1e9},
    {"epochs": 0},
    {"epochs": 1.5},
    {"learning_rate": math.nan},
    {"learning_rate": math.inf},
    {"learning_rate": 1e3},
    {"learning_rate": 0},
    {"learning_rate": -1},
    {"head_learning_rate": math.nan},
    {"batch_size": 0},
    {"eval_batch_size": -1},
    {"adam_beta1": 1},
    {"adam_beta2": math.nan},
    {"adam_epsilon": 0},
    {"schedule": "cosine"},
    {"batch_size": 10**9},
    {"seed": 2**70},
    {"seed": -1},
    {"max_length": 10**9},
    {"max_length": 0},
    {"dropout": 1},
    {"dropout": math.nan},
    {"weight_decay": math.nan},
    {"clip_norm": math.nan},
    {"clip_norm": 0},
    {"patience": 0},
    {"precision": "64-true"},
    {"method": "magic"},
    {"base": None},
    {"lr": 1e-4},
]


@pytest.mark.parametrize("body", [INTENT, REPLY], ids=["intent", "reply"])
@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=str)
def test_an_impossible_recipe_is_refused_by_field(body: dict[str, Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe({**body, **wrong})
    assert f"{next(iter(wrong))}: " in caught.value.message
    assert caught.value.remedy
    assert caught.value.__cause__ is None


ENDLESS = [
    (INTENT, {"clip_norm": math.inf}),
    (INTENT, {"learning_rate": -math.inf}),
    (INTENT, {"clip_norm": "inf"}),
    (INTENT, {"regularisation": math.inf}),
    (REPLY, {"clip_norm": math.inf}),
]


@pytest.mark.parametrize(("body", "wrong"), ENDLESS, ids=str)
def test_an_endless_number_is_refused(body: dict[str, Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        parse_recipe({**body, **wrong})


@pytest.mark.parametrize("seed", [2**70, -1])
def test_picking_refuses_an_impossible_seed_in_our_words(seed: int) -> None:
    for pick in (lambda: pick_intent(["a", "b"] * 3, seed=seed), lambda: pick_reply(10, seed=seed)):
        with pytest.raises(RecipeError, match="seed"):
            pick()
    for rows in (5000, 500):
        with pytest.raises(RecipeError, match="seed"):
            pick_intent(["a", "b"] * rows, seed=seed)
        with pytest.raises(RecipeError, match="seed"):
            pick_reply(rows, seed=seed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"folds": 0},
        {"folds": 1},
        {"folds": 21},
        {"method": "full"},
        {"regularisation": 0},
        {"regularisation": math.nan},
        {"keep_base": 1},
        {"oos_share": 1},
        {"oos_share": math.nan},
        {"refit": True},
        {"neighbours": 0},
        {"label_smoothing": 1},
        {"exposure": -1},
        {"layer_decay": 0},
        {"layer_decay": 1.01},
        {"layer_decay": -0.8},
        {"layer_decay": math.nan},
    ],
    ids=str,
)
def test_an_impossible_intent_recipe_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        parse_recipe({**INTENT, **wrong})


@pytest.mark.parametrize("wrong", [{"scale": 0}, {"scale": math.nan}, {"method": "top"}, {"batch_size": 1}], ids=str)
def test_an_impossible_reply_recipe_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        parse_recipe({**REPLY, **wrong})


@pytest.mark.parametrize("task", ["intent", "labels", "entities"])
def test_layers_learn_alike_unless_a_recipe_says_otherwise(task: str, tmp_path: Path) -> None:
    lines = [f'task = "{task}"', 'name = "mine"', *([] if task == "entities" else ['method = "full"', "folds = 0"])]
    path = tmp_path / "mine.toml"
    for said, decay in (([], 1.0), (["layer_decay = 0.8"], 0.8)):
        path.write_text("\n".join([*lines, *said]), "utf-8")
        assert load_recipe(path).model_dump()["layer_decay"] == decay


@pytest.mark.parametrize("task", ["reply", "summarise"])
def test_a_rate_by_layer_is_refused_where_nothing_would_heed_it(task: str) -> None:
    body = {**REPLY} if task == "reply" else {"task": task, "name": "mine"}
    with pytest.raises(RecipeError, match="layer_decay"):
        parse_recipe({**body, "layer_decay": 0.8})


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe({**INTENT, "epochs": 0, "batch_size": 0, "typo": 1, "seed": 2**70})
    for field in ("epochs: ", "batch_size: ", "typo: ", "seed: "):
        assert field in caught.value.message


@pytest.mark.parametrize("body", [{}, {"task": "dance"}, {"task": None}, {"task": ["intent"]}, {"name": "x"}], ids=str)
def test_a_recipe_names_its_task(body: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="intent, reply"):
        parse_recipe(body)


def test_a_recipe_survives_its_own_wire() -> None:
    for recipe in (pick_intent(["a", "b"] * 30), pick_intent(list("ab") * 2000), pick_reply(5), pick_reply(5000)):
        assert parse_recipe(recipe.model_dump(mode="json")) == recipe


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValidationError):
        pick_reply(1).epochs = 5  # type: ignore[misc]


@given(
    st.sampled_from([INTENT, REPLY]),
    st.dictionaries(
        st.sampled_from([*IntentRecipe.model_fields, *ReplyRecipe.model_fields, "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers()),
        max_size=5,
    ),
)
def test_any_body_is_a_recipe_or_an_error_of_ours(body: dict[str, Any], more: dict[str, Any]) -> None:
    try:
        parse_recipe({**body, **more})
    except RecipeError:
        return


def test_a_recipe_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('task = "intent"\nname = "mine"\nmethod = "top"\nfolds = 3\nlearning_rate = 3e-5\n', "utf-8")
    recipe = load_recipe(path)
    assert isinstance(recipe, IntentRecipe)
    assert (recipe.name, recipe.folds, recipe.learning_rate) == ("mine", 3, 3e-5)


@pytest.mark.parametrize(
    "content", [b"task =", b'task = "\xff"', b'task = "reply"', b'task = "reply"\nname="x"\nmethod="full"\nscale=nan']
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert str(tmp_path) not in str(caught.value)


def test_an_absent_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(RecipeError, match="cannot be read"):
            load_recipe(path)


def test_more_pairs_of_texts_need_fewer_looks_at_each() -> None:
    assert pick_seq2seq(100, "summarise", base="x").epochs == 12
    assert pick_seq2seq(50_000, "translate", base="x").epochs == 3
    assert pick_seq2seq(5_000, "translate", base="x", seed=4).model_dump()["seed"] == 4
    with pytest.raises(RecipeError, match="frozen_layers must be 0"):
        parse_recipe({"task": "summarise", "name": "x", "frozen_layers": 2})
