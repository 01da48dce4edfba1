"""Hard negatives: the hardest replies that are surely wrong, the same ones after a kill, learned beside the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import RecipeError
from export.replies import key_of
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import embed
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import for_replies
from trainer.recipes import ReplyRecipe, parse_recipe
from trainer.replies import hard_negatives as module
from trainer.replies.hard_negatives import HardRows, Miner
from trainer.replies.train_reply import Pairs, rows_of, train_reply
from trainer.tasks.reply import ReplyTask

MakeRun = Callable[..., RunFolder]
REPLIES = {
    "refund": ("money back", "return paid charge", "refund charge"),
    "delivery": ("courier track", "parcel late", "delivery arrive"),
    "login": ("reset email", "account locked", "password reset"),
    "hours": ("open today", "close sunday", "holiday hours"),
}


@pytest.fixture(scope="module")
def pairs(said: Callable[..., Any]) -> Pairs:
    some = said(9, tuple(REPLIES))
    contexts = [(("user", text),) for text in some.texts]
    return Pairs(contexts, [REPLIES[label][at % 3] for at, label in enumerate(some.labels)])


def recipe_of(**given: Any) -> ReplyRecipe:
    body = {"name": "t", "method": "full", "epochs": 3, "batch_size": 8, "max_length": 24, "precision": "32-true"}
    return ReplyRecipe(**{**body, "learning_rate": 2e-3, "patience": 5, "hard_negatives": 2, **given})


def mined(tiny: LocalBase, pairs: Pairs, run: RunFolder, **given: Any) -> HardRows:
    renderer = tiny.renderer(24)
    rows = HardRows(rows_of(pairs, renderer, {}), pairs.replies)
    Miner(tiny.encoder(), renderer, recipe_of(**given), run).mine(rows, 1)
    return rows


def by_hand(tiny: LocalBase, pairs: Pairs, count: int, share: float) -> list[set[str]]:
    """For each pair the keys of its hardest replies, by a plain loop."""
    encoder, renderer = tiny.encoder(), tiny.renderer(24)
    contexts = embed(encoder, renderer, [renderer.context(context) for context in pairs.contexts])
    distinct = list(dict.fromkeys(pairs.replies))
    scores = contexts @ embed(encoder, renderer, renderer.utterances(distinct)).T
    found = []
    for row, reply in enumerate(pairs.replies):
        true = scores[row][distinct.index(reply)]
        bar = true - (1 - share) * abs(true)
        wrong = [at for at, other in enumerate(distinct) if key_of(other) != key_of(reply) and scores[row][at] <= bar]
        wrong.sort(key=lambda at, row=row: -scores[row][at])  # type: ignore[misc]
        found.append({key_of(distinct[at]) for at in wrong[:count]})
    return found


def keys_of(rows: HardRows, pairs: Pairs) -> list[set[str]]:
    names = {number: key_of(reply) for number, reply in zip(rows.reply_of.tolist(), pairs.replies, strict=True)}
    return [{names[number] for number in hard if number >= 0} for hard in rows.hard.tolist()]


@pytest.mark.parametrize("blocks", [(512, 4096), (5, 2)])
@pytest.mark.parametrize(("count", "share"), [(1, 0.9), (3, 0.99), (20, 1.0)])
def test_the_hardest_below_the_margin_are_mined(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun, blocks: tuple[int, int], count: int, share: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CONTEXTS", blocks[0])
        patch.setattr(module, "REPLIES", blocks[1])
        rows = mined(tiny, pairs, make_run(), hard_negatives=count, hard_share=share)
    assert keys_of(rows, pairs) == by_hand(tiny, pairs, count, share)
    assert max(map(len, keys_of(rows, pairs))) == min(count, 11) or share < 1


def test_what_may_be_right_is_never_mined(tiny: LocalBase, make_run: MakeRun) -> None:
    """A copy, a near-duplicate, and what the same context got elsewhere."""
    long = "please return the parcel by courier and your money is back on the account today"
    alike = "Please return the parcel by courier, and your money is back on the account today!"
    asked = ["refund money", "refund", "money", "parcel", "late", "open", "refund money"]
    replies = [long, alike, long.upper(), "reset email", "open sunday", "broken screen part", "courier track"]
    pairs = Pairs([(("user", text),) for text in asked], replies)
    rows = mined(tiny, pairs, make_run(), hard_negatives=9, hard_share=1.0)
    found = keys_of(rows, pairs)
    same = {key_of(text) for text in (long, alike)}
    for row, reply in enumerate(pairs.replies):
        right = same if key_of(reply) in same else {key_of(reply)}
        assert not found[row] & right
    assert pairs.contexts[0] == pairs.contexts[-1]
    assert not found[0] & {*same, "courier track"}
    assert not found[-1] & {*same, "courier track"}
    wrong = rows.is_wrong(np.arange(len(rows)), np.arange(rows.replies))
    assert not wrong[np.arange(len(rows)), rows.reply_of].any()
    assert wrong.any(axis=1).all()


def test_a_batch_brings_its_negatives_once_and_says_for_whom_they_are_wrong(tiny: LocalBase, pairs: Pairs) -> None:
    renderer = tiny.renderer(24)
    rows = HardRows(rows_of(pairs, renderer, {}), pairs.replies)
    plain = rows.batch([0, 1, 12], renderer)
    assert len(plain) == 5
    own = rows.reply_of[[0, 1, 12]]
    other = next(number for number in range(rows.replies) if number not in own)
    rows.hard = np.full((len(rows), 2), -1, dtype=np.int32)
    rows.hard[0], rows.hard[1] = [other, own[1]], [other, -1]
    *first, ids, mask, wrong = rows.batch([0, 1, 12], renderer)
    assert all(torch.equal(one, two) for one, two in zip(plain, first, strict=True))
    assert wrong.tolist() == [[True]] * 3
    expected = renderer.pad(rows.distinct(np.array([other])))
    assert np.array_equal(ids.numpy(), expected[0])
    assert np.array_equal(mask.numpy(), expected[1])
    rows.hard[1] = [rows.reply_of[2], -1]
    assert (
        rows.batch([1, 2], renderer)[-1].dtype == torch.int64
    )  # a reply of the batch is there already: nothing beside


def test_the_loss_of_a_context_counts_its_negatives(tiny: LocalBase, pairs: Pairs) -> None:
    renderer = tiny.renderer(24)
    rows = HardRows(rows_of(pairs, renderer, {}), pairs.replies)
    task = ReplyTask(tiny.encoder(), recipe_of(dropout=0.0)).eval()
    at = [0, 10, 20]
    rows.hard = np.full((len(rows), 1), int(rows.reply_of[30]), dtype=np.int32)
    batch = rows.batch(at, renderer)
    with torch.no_grad():
        plain, harder = float(task.loss(batch[:5])), float(task.loss(batch))
        contexts, replies, beside = (task.encoder(*pair) for pair in (batch[0:2], batch[2:4], batch[5:7]))
    near = np.exp((contexts @ replies.T).numpy() * 20.0).sum(axis=1)
    far = np.exp((contexts @ beside.T).numpy() * 20.0).sum(axis=1)
    assert harder - plain == pytest.approx(np.log(1 + far / near).mean() / 2, rel=1e-4)
    nothing = torch.zeros_like(batch[7])
    with torch.no_grad():
        assert float(task.loss((*batch[:7], nothing))) == pytest.approx(plain, rel=1e-6)


class Power(Exception):
    """The cable, pulled."""


@pytest.mark.parametrize("step", [4, 7, 10])
def test_a_training_that_died_learns_from_the_same_negatives(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun, step: int
) -> None:
    """Five steps an epoch: killed before any were mined, while it learned from them, and between two epochs."""

    def report(event: Mapping[str, Any]) -> None:
        if event["type"] == "checkpoint" and event["step"] == step:
            raise Power

    recipe, ledger, held = recipe_of(hard_share=1.0), MemoryLedger(), pairs.pick([0, 9, 18])
    whole = train_reply(recipe, tiny, pairs, held, make_run("whole", keep=False))
    with pytest.raises(Power):
        train_reply(recipe, tiny, pairs, held, make_run(checkpoint_seconds=0.0, ledger=ledger, report=report))
    resumed = train_reply(recipe, tiny, pairs, held, make_run(checkpoint_seconds=0.0, ledger=ledger))
    assert all(torch.equal(a, b) for a, b in zip(whole.encoder.parameters(), resumed.encoder.parameters(), strict=True))
    assert whole.history == resumed.history
    assert [one.epoch for one in resumed.mined] == [2, 3]
    without = [{**one.to_wire(), "seconds": 0} for one in whole.mined]
    assert without == [{**one.to_wire(), "seconds": 0} for one in resumed.mined]


def test_the_first_epoch_is_that_without_and_the_next_ones_are_harder(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun
) -> None:
    plain = train_reply(recipe_of(hard_negatives=0), tiny, pairs, None, make_run("plain", keep=False))
    hard = train_reply(recipe_of(hard_share=1.0), tiny, pairs, None, make_run(keep=False))
    assert plain.mined == ()
    assert plain.history[0] == hard.history[0]
    assert plain.history[1] != hard.history[1]
    assert all(0 < one.negatives <= 2 and one.seconds > 0 for one in hard.mined)


def test_negatives_are_mined_above_frozen_layers_in_half_precision(
    tiny: LocalBase, pairs: Pairs, make_run: MakeRun
) -> None:
    recipe = recipe_of(frozen_layers=1, precision="bf16-mixed", epochs=2)
    found = train_reply(recipe, tiny, pairs, None, make_run(keep=False))
    assert [one.epoch for one in found.mined] == [2]
    assert not found.encoder.training


def test_a_wish_to_stop_is_heard_while_mining(tiny: LocalBase, pairs: Pairs, make_run: MakeRun) -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mined(tiny, pairs, make_run(check=check))


def test_negatives_are_foretold(tiny: LocalBase, pairs: Pairs, make_run: MakeRun) -> None:
    dry = DryRun(make_run(keep=False))
    plain = for_replies(recipe_of(hard_negatives=0), tiny, (pairs, Pairs([], [])), dry)
    hard = for_replies(recipe_of(), tiny, (pairs, Pairs([], [])), dry)
    assert (hard.steps, hard.rows) == (plain.steps, plain.rows)
    assert hard.seconds > 0
    assert for_replies(recipe_of(), tiny, (Pairs([], []), Pairs([], [])), dry).rows == 0


@pytest.mark.parametrize("body", [{"method": "frozen"}, {"method": "full", "epochs": 1}])
def test_a_recipe_that_would_never_mine_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="second epoch"):
        parse_recipe({"task": "reply", "name": "t", "hard_negatives": 4, **body})
