"""The losses against hand-written loops, and what the optimiser is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import BATCH, embed
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
