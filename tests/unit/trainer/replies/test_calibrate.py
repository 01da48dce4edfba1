"""What found replies are worth: fitted on signs that say something, honest where they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from export.confidence import logistic
from export.replies import Reply, ReplyIndex
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import RunFolder
from trainer.judgement.metrics import ece
from trainer.replies import calibrate
from trainer.replies.calibrate import FAR_SHARE, Found, _found, _judged, fitted, worth
from trainer.replies.recipe import ReplyRecipe
from trainer.replies.train_reply import Pairs, TrainedReply, train_reply

TRUE = np.array([8.0, 4.0, 0.6, -5.0])


def drawn(rows: int, seed: int, far: int = 0) -> Found:
    """Rows whose replies are right with the probability that TRUE gives to their signs; strange ones never are."""
    generator = np.random.default_rng(seed)
    columns = (generator.uniform(0, 1, rows), generator.uniform(0, 0.4, rows), generator.gamma(1, 1, rows))
    signs = np.column_stack(columns)
    right = generator.random(rows) < logistic(signs, TRUE)
    strange = np.column_stack([generator.uniform(0, 0.3, far), generator.uniform(0, 0.05, far), np.zeros(far)])
    return Found(
        np.concatenate([signs, strange]),
        np.concatenate([right, np.zeros(far, dtype=bool)]),
        np.concatenate([np.zeros(rows, dtype=bool), np.ones(far, dtype=bool)]),
    )


def test_the_model_finds_how_likely_a_reply_is_right() -> None:
    fresh = drawn(4000, seed=1)
    sure = logistic(fresh.signs, fitted(drawn(4000, seed=0)))
    assert np.abs(sure - logistic(fresh.signs, TRUE)).max() < 0.08
    assert ece(sure, fresh.right) < 0.03
    assert ece(fresh.signs[:, 0], fresh.right) > 0.05  # the cosine itself is no probability


@pytest.mark.parametrize("right", [True, False])
def test_rows_that_are_all_alike_say_so_and_no_more(right: bool) -> None:
    rows = drawn(50, seed=0)
    alike = Found(rows.signs, np.full(50, right), rows.far)
    sure = logistic(rows.signs, fitted(alike))
    assert np.ptp(sure) == 0
    assert (sure[0] > 0.9) == right


def test_strange_conversations_weigh_what_they_are_of_all_traffic() -> None:
    rows = drawn(90, seed=0, far=400)
    weight = rows.weight()
    assert weight[rows.far].sum() / weight.sum() == pytest.approx(FAR_SHARE)
    assert (weight[~rows.far] == 1).all()


def test_the_bar_keeps_its_promise_on_fresh_rows() -> None:
    rows = drawn(3000, seed=0, far=500)
    model = fitted(rows)
    held, fresh = drawn(3000, seed=1, far=500), drawn(3000, seed=2, far=500)
    found = _judged(held, logistic(held.signs, model), ReplyIndex(np.eye(1), [Reply("a")]).scoring, 0.9)
    assert found.threshold is not None
    said = logistic(fresh.signs, model) >= found.threshold
    weight = fresh.weight()
    assert (weight * fresh.right)[said].sum() / weight[said].sum() > 0.88
    assert 0 < float(found.answered or 0) < 1


SAYS = {"refund": "money back", "delivery": "courier track", "login": "reset email", "hours": "open today"}


@pytest.fixture
def trained(
    tiny: LocalBase, said: Callable[..., Any], make_run: Callable[..., RunFolder]
) -> tuple[TrainedReply, Pairs]:
    some = said(24, tuple(SAYS))
    pairs = Pairs([(("user", text),) for text in some.texts], [SAYS[label] for label in some.labels])
    recipe = ReplyRecipe(name="t", method="full", epochs=2, batch_size=8, max_length=24, learning_rate=2e-3)
    learned = pairs.pick([row for row in range(len(pairs)) if row % 2])
    return train_reply(recipe, tiny, learned, None, make_run(keep=False)), pairs.pick(range(0, len(pairs), 2))


def index_of(trained: TrainedReply, texts: list[str]) -> ReplyIndex:
    return ReplyIndex(trained.replies(texts), [Reply(text, count=3) for text in texts])


def test_held_out_conversations_say_what_a_reply_is_worth(tiny: LocalBase, trained: tuple[TrainedReply, Pairs]) -> None:
    model, held = trained
    found = worth(model, tiny, index_of(model, list(SAYS.values())), held, 0.9)
    assert found.rows == len(held)
    assert found.scoring.frequency == pytest.approx(0.9 / 20)
    told = found.to_wire()
    assert told["calibrated"] == bool(found.scoring.right)
    assert (told["ece"] is not None) == bool(found.scoring.right)
    if found.threshold is not None:
        assert found.precision is not None
        assert found.precision > 0.8


def test_the_profiles_answer_to_what_was_wanted_is_right_in_whatever_words(
    tiny: LocalBase, trained: tuple[TrainedReply, Pairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, held = trained
    monkeypatch.setattr(calibrate, "SAME_MEANING", 2.0)  # nothing means the same
    vectors = model.replies(list(SAYS.values()))
    listed = ReplyIndex(vectors, [Reply(f"see {name}", intent=name, approved=True) for name in SAYS])
    said = ReplyIndex(vectors, [replace(reply, approved=False) for reply in listed.replies])
    nobodys = ReplyIndex(vectors, [replace(reply, intent=None) for reply in listed.replies])

    def right(index: ReplyIndex, rows: Pairs) -> list[bool]:
        return _found(model, tiny, index, rows).right[: len(rows)].tolist()

    by_reply = {reply: name for name, reply in SAYS.items()}
    wanted = replace(held, intents=[by_reply[reply] for reply in held.replies])
    best = [hits[0].reply.intent for hits in listed.search_many(model.contexts(held.contexts), 1)]
    assert right(listed, wanted) == [name == intent for name, intent in zip(best, wanted.intents, strict=True)]
    assert any(right(listed, wanted))
    untold = replace(held, intents=[None] * len(held))
    for index, rows in ((listed, held), (listed, untold), (said, wanted), (nobodys, untold)):
        assert not any(right(index, rows))


def test_nothing_held_out_nothing_known(tiny: LocalBase, trained: tuple[TrainedReply, Pairs]) -> None:
    model, held = trained
    found = worth(model, tiny, index_of(model, ["money back"]), Pairs([], []), 0.9)
    assert (found.threshold, found.rows, found.scoring.right) == (None, 0, ())
    few = worth(model, tiny, index_of(model, list(SAYS.values())), held.pick(range(3)), 0.9)
    assert few.scoring.right == ()
    assert few.ece is None
