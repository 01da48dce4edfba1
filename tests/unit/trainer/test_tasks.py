"""The losses against hand-written loops, and what the optimiser is given."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from export.onnx import PooledEncoder
from tests.architectures import HIDDEN, KINDS, random_model
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import BATCH, embed
from trainer.core.module import Tuner
from trainer.recipes import IntentRecipe, ReplyRecipe
from trainer.tasks.intent import IntentTask
from trainer.tasks.linear_head import TargetRows
from trainer.tasks.reply import ReplyRows, ReplyTask, contrastive_loss


def by_hand(scores: list[list[float]], keys: list[int]) -> float:
    """Mean over both directions of -log softmax: of the true reply with its copies; and of the true context, the others
    of that reply left out."""
    size = len(keys)
    total = 0.0
    for at in range(size):
        replies = list(map(math.exp, scores[at]))
        total -= math.log(sum(one for one, key in zip(replies, keys, strict=True) if key == keys[at]) / sum(replies))
        contexts = [scores[row][at] for row in range(size) if row == at or keys[row] != keys[at]]
        total += math.log(sum(map(math.exp, contexts))) - scores[at][at]
    return total / (2 * size)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(
    st.lists(st.lists(st.floats(-5, 5), min_size=n, max_size=n), min_size=n, max_size=n),
    st.lists(st.integers(0, 3), min_size=n, max_size=n),
)))  # fmt: skip
def test_the_contrastive_loss_is_that_of_a_plain_loop(case: tuple[list[list[float]], list[int]]) -> None:
    scores, keys = case
    found = contrastive_loss(torch.tensor(scores, dtype=torch.float64), torch.tensor(keys))
    assert float(found) == pytest.approx(by_hand(scores, keys), abs=1e-9)


def test_scores_learn_how_much_more_a_context_asks_for_a_reply_than_others_do() -> None:
    """One table of scores, learned from batches of what is said: with how often each reply is given, it says P(reply |
    context), though most batches of 16 hold copies of every reply."""
    generator = np.random.default_rng(0)
    asks = np.array([[0.7, 0.2, 0.1], [0.6, 0.1, 0.3]])  # P(reply | context), either context as often
    table = torch.zeros(2, 3, requires_grad=True)
    optimiser = torch.optim.Adam([table], lr=0.03)
    for _ in range(1500):
        contexts = generator.integers(0, 2, size=16)
        replies = np.array([generator.choice(3, p=asks[context]) for context in contexts])
        loss = contrastive_loss(table[torch.from_numpy(contexts)][:, torch.from_numpy(replies)], torch.tensor(replies))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    scores = table.detach().double()
    assert int(scores[1].argmax()) == 2  # what the second asks for more than the first does, though seldom
    often = torch.tensor(asks.mean(axis=0))
    assert torch.allclose((scores + often.log()).softmax(dim=1), torch.tensor(asks), atol=0.1)


def test_copies_of_the_true_reply_are_no_mistake() -> None:
    scores = torch.zeros(3, 3, requires_grad=True)
    contrastive_loss(scores, torch.tensor([1, 1, 1])).backward()
    assert scores.grad is not None
    assert float(scores.grad.abs().sum()) == 0
    apart = contrastive_loss(torch.zeros(3, 3), torch.tensor([1, 2, 3]))
    assert float(apart) == pytest.approx(math.log(3))


INTENT = IntentRecipe(name="t", method="full", folds=0, dropout=0.0)
REPLY = ReplyRecipe(name="t", method="full", dropout=0.0)


@pytest.fixture(scope="module")
def rows(tiny: LocalBase, said: Callable[..., Any]) -> TargetRows:
    some = said(3, ("refund", "delivery"))
    targets = np.array([int(label == "refund") for label in some.labels], dtype=np.int64)
    weights = np.array([1, 2, 0, 1, 0.5, 1], dtype=np.float32)
    return TargetRows(tiny.renderer(16).utterances(some.texts), targets, weights)


def intent_task(tiny: LocalBase, recipe: IntentRecipe = INTENT) -> IntentTask:
    weight = np.random.default_rng(0).standard_normal((2, 32))
    return IntentTask(tiny.encoder(), recipe, weight, np.array([0.5, -0.5]))


def test_the_intent_loss_is_a_weighted_mean(tiny: LocalBase, rows: TargetRows) -> None:
    task = intent_task(tiny).eval()
    batch = rows.batch(range(6), tiny.renderer(16))
    with torch.no_grad():
        logits = task.logits(batch[0], batch[1]).double().numpy()
        found = float(task.loss(batch))
    losses = [math.log(sum(map(math.exp, row))) - row[at] for row, at in zip(logits, rows.targets, strict=True)]
    expected = sum(loss * weight for loss, weight in zip(losses, rows.weights, strict=True)) / rows.weights.sum()
    assert found == pytest.approx(expected, rel=1e-5)


def test_rows_that_weigh_nothing_cost_nothing(tiny: LocalBase, rows: TargetRows) -> None:
    task = intent_task(tiny)
    ids, mask, targets, weights = rows.batch(range(6), tiny.renderer(16))
    loss = task.loss((ids, mask, targets, torch.zeros_like(weights)))
    loss.backward()
    assert loss.item() == 0
    assert all(float(p.grad.abs().sum()) == 0 for p in task.parameters() if p.grad is not None)


def test_a_head_starts_where_it_is_told(tiny: LocalBase, rows: TargetRows) -> None:
    task = intent_task(tiny).eval()
    ids, mask, _, _ = rows.batch([0, 5], tiny.renderer(16))
    with torch.no_grad():
        embedding = task.encoder(ids, mask)
        torch.testing.assert_close(task.logits(ids, mask), embedding @ task.head.weight.T + task.head.bias)
    np.testing.assert_allclose(task.head.bias.detach(), [0.5, -0.5])


def test_validation_measures_all_batches_together(tiny: LocalBase, rows: TargetRows) -> None:
    task = intent_task(tiny).eval()
    renderer = tiny.renderer(16)
    with torch.no_grad():
        whole = task.validate([rows.batch(range(6), renderer)])
        parts = task.validate([rows.batch(range(4), renderer), rows.batch([4, 5], renderer)])
    assert whole == pytest.approx(parts, abs=1e-5)
    assert set(whole) == {"loss", "f1", "accuracy"}


@pytest.fixture(scope="module")
def pairs(tiny: LocalBase) -> ReplyRows:
    renderer = tiny.renderer(16)
    contexts = renderer.utterances(["refund money", "parcel late", "password locked", "open sunday"])
    replies = renderer.utterances(["money back", "courier", "email", "money back"])
    return ReplyRows(contexts, replies, np.array([0, 1, 2, 0], dtype=np.int64))


def test_the_reply_task_scores_every_pair(tiny: LocalBase, pairs: ReplyRows) -> None:
    task = ReplyTask(tiny.encoder(), REPLY).eval()
    batch = pairs.batch(range(4), tiny.renderer(16))
    with torch.no_grad():
        contexts, replies = task.encoder(batch[0], batch[1]), task.encoder(batch[2], batch[3])
        found, measured = float(task.loss(batch)), task.validate([batch])
    scores = (contexts @ replies.T * REPLY.scale).double().tolist()
    assert found == pytest.approx(by_hand(scores, [0, 1, 2, 0]), rel=1e-4)
    assert measured["loss"] == pytest.approx(found, rel=1e-4)
    best = [row.index(max(row)) for row in scores]
    hits = [[0, 1, 2, 0][at] == key for at, key in zip(best, [0, 1, 2, 0], strict=True)]
    assert measured["recall_at_1"] == pytest.approx(sum(hits) / 4)
    assert pairs.lengths() == [len(c) + len(r) for c, r in zip(pairs.contexts, pairs.replies, strict=True)]


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_the_optimiser_gets_every_free_parameter_once(tiny: LocalBase, frozen: int) -> None:
    recipe = INTENT.model_copy(update={"frozen_layers": frozen})
    task = intent_task(tiny, recipe)
    groups = task.parameter_groups(recipe)
    given_ = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(given_) == len(set(given_))
    assert set(given_) == {id(parameter) for parameter in task.parameters() if parameter.requires_grad}
    head = {id(parameter) for parameter in task.head.parameters()}
    for group in groups:
        inside_head = any(id(parameter) in head for parameter in group["params"])
        assert group["lr"] == (recipe.head_learning_rate if inside_head else recipe.learning_rate)
        if group["weight_decay"]:
            assert all(parameter.ndim > 1 for parameter in group["params"])


ENCODERS = [kind for kind in KINDS if kind != "roberta, with a head"]
SHARED = ("embeddings", "rel_embeddings", "relative_attention_bias", "encoder.LayerNorm")
"""How the parameters that the lowest layer reads are called, beside and inside the stack."""


def task_over(kind: str, **given: Any) -> tuple[IntentTask, IntentRecipe]:
    recipe = IntentRecipe(name="t", method="full", folds=0, **given)
    encoder = PooledEncoder(without_pooler(random_model(kind, 200, 64, 3)))
    return IntentTask(encoder, recipe, np.ones((2, HIDDEN)), np.zeros(2)), recipe


def without_pooler(model: Any) -> Any:
    model.pooler = None  # as LocalBase.encoder leaves it
    return model


def height(name: str) -> int | None:
    """0 of what the lowest layer reads, 1 of the lowest layer, 2 of the other; None of what comes after both."""
    layer = re.search(r"\b(?:layer|layers)\.(\d+)\.", name)
    return int(layer[1]) + 1 if layer else 0 if any(one in name for one in SHARED) else None


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_the_frozen_layers_read_is_frozen_with_them_and_nothing_above(kind: str) -> None:
    task, _ = task_over(kind, frozen_layers=1)
    learning = {name: p.requires_grad for name, p in task.encoder.transformer.named_parameters()}
    assert {name for name, moves in learning.items() if not moves} == {
        name for name in learning if height(name) in (0, 1)
    }
    assert any(learning.values())
    assert not any(module.training for module in task.train().frozen_layers())


def test_the_norm_above_the_layers_of_a_modernbert_learns() -> None:
    task, recipe = task_over("modernbert", frozen_layers=2)
    norm = task.encoder.transformer.get_parameter("final_norm.weight")
    assert norm.requires_grad
    assert any(p is norm for group in task.parameter_groups(recipe) for p in group["params"])
    assert not task.encoder.transformer.get_parameter("embeddings.norm.weight").requires_grad


@pytest.mark.parametrize("kind", ENCODERS)
def test_each_layer_learns_at_a_share_of_the_rate_of_the_one_above(kind: str) -> None:
    task, recipe = task_over(kind, layer_decay=0.8, learning_rate=1e-4)
    training = [module.training for module in task.modules()]
    rates = {id(p): group["lr"] for group in task.parameter_groups(recipe) for p in group["params"]}
    assert [module.training for module in task.modules()] == training
    names = dict(task.encoder.transformer.named_parameters())
    for name, parameter in names.items():
        below = {0: 0.64, 1: 0.8, 2: 1.0, None: 1.0}[height(name)]
        assert rates[id(parameter)] == pytest.approx(1e-4 * below), name
    assert {height(name) for name in names} >= {0, 1, 2}
    assert {rates[id(p)] for p in task.head.parameters()} == {recipe.head_learning_rate}
    assert set(rates) == {id(parameter) for parameter in task.parameters()}


def test_layers_that_learn_alike_are_grouped_as_ever() -> None:
    task, recipe = task_over("bert")
    assert [(group["lr"], group["weight_decay"]) for group in task.parameter_groups(recipe)] == [
        (recipe.learning_rate, recipe.weight_decay), (recipe.learning_rate, 0.0), (recipe.head_learning_rate, 0.0)
    ]  # fmt: skip


def test_of_frozen_layers_none_has_a_rate_and_the_others_have_that_of_their_height() -> None:
    task, recipe = task_over("deberta-v2", frozen_layers=1, layer_decay=0.5, learning_rate=1e-4)
    assert {group["lr"] for group in task.parameter_groups(recipe)} == {1e-4, recipe.head_learning_rate}


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_a_lower_rate_moves_the_lower_layers_less(kind: str, rows: TargetRows, tiny: LocalBase) -> None:
    task, recipe = task_over(kind, layer_decay=0.01, learning_rate=1e-3, dropout=0.0, warmup_share=0.0)
    before = {name: p.detach().clone() for name, p in task.encoder.transformer.named_parameters()}
    tuner = Tuner(task, recipe, 10)
    made = tuner.configure_optimizers()
    for _ in range(3):
        made["optimizer"].zero_grad()
        tuner.training_step(rows.batch(range(6), tiny.renderer(16)), 0).backward()
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    moved: dict[int | None, float] = {}
    for name, p in task.encoder.transformer.named_parameters():
        far = float((p.detach() - before[name]).abs().max())
        moved[height(name)] = max(moved.get(height(name), 0.0), far)
    assert 0 < moved[0] < moved[1] / 20 < moved[2] / 400
    falls = {group["lr"] / group["initial_lr"] for group in made["optimizer"].param_groups}
    assert max(falls) == pytest.approx(min(falls)) == 0.7  # one schedule for all of them


def test_embedding_keeps_the_order_and_does_not_depend_on_the_company(tiny: LocalBase) -> None:
    encoder, renderer = tiny.encoder(), tiny.renderer(24)
    texts = [" ".join(["refund", "parcel", "open"][at % 3] for _ in range(at % 7 + 1)) for at in range(BATCH + 9)]
    rendered = renderer.utterances(texts)
    found = embed(encoder, renderer, rendered)
    assert found.shape == (len(texts), 32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    for at in (0, 6, BATCH, BATCH + 8):
        np.testing.assert_allclose(found[at], embed(encoder, renderer, [rendered[at]])[0], atol=1e-5)
    np.testing.assert_array_equal(found, embed(encoder, renderer, rendered))


def test_embedding_of_nothing_is_an_empty_array_and_a_wish_to_stop_is_heard(tiny: LocalBase) -> None:
    encoder, renderer = tiny.encoder(), tiny.renderer(24)
    assert embed(encoder, renderer, []).shape == (0, 32)

    def check() -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        embed(encoder, renderer, renderer.utterances(["a"]), check)
