"""The indexes of a retraining: which replies are kept, where they were given, and what the held-out ones add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.profile import BotProfile, Intent
from data.schema import Example
from data.settings import ImportSettings
from export.precedents import Precedents
from export.replies import Reply, ReplyIndex
from trainer.bases.catalogue import LocalBase
from trainer.core import embedding
from trainer.generation.drafted import Brand
from trainer.generation.writing import Lessons
from trainer.material import Material
from trainer.replies import indexing
from trainer.replies.indexing import Sayable, approved_answers, distinct_replies, remembered, reply_indexes
from trainer.replies.recipe import ReplyRecipe
from trainer.replies.train_reply import TrainedReply

ALL = Sayable(lambda _: False, {})


def row(name: str, text: str, reply: str | None, **given: Any) -> Example:
    return Example(id=name, conversation=name, upload="a", split="train", text=text, reply=reply, **given)


TRAIN = [
    row("1", "refund money", "it is on its way"),
    row("2", "delivery late", "we are sorry"),
    row("3", "money back", "It is  on its way"),
    row("4", "rude words", "never say this"),
    row("5", "no answer", None),
]
HELD = [row("6", "open sunday", "from nine to five"), row("7", "parcel late", "we are sorry")]


@pytest.fixture(scope="module")
def trained(tiny: LocalBase) -> TrainedReply:
    recipe = ReplyRecipe(name="t", method="frozen", precedents=0.3)
    return TrainedReply(tiny.encoder(), tiny.renderer(16), recipe, (), 0.0, True)


def test_replies_are_kept_once_counted_and_found_by_where_they_were_given(trained: TrainedReply) -> None:
    narrow, index = reply_indexes(trained, TRAIN, HELD, Sayable(lambda text: "never" in text, {"we are sorry": ("x",)}))
    assert narrow is not None
    assert index is not None
    assert [(one.text, one.count) for one in index.replies] == [
        ("it is on its way", 2), ("we are sorry", 2), ("from nine to five", 1),
    ]  # fmt: skip
    assert [(one.text, one.count) for one in narrow.replies] == [("it is on its way", 2), ("we are sorry", 1)]
    assert narrow.replies[1].details == ("x",)
    assert index.precedents is not None
    assert narrow.precedents is not None
    assert index.precedents.replies.tolist() == [0, 1, 0, 2, 1]
    assert narrow.precedents.replies.tolist() == [0, 1, 0]  # nothing of what was held out, nothing banned
    contexts = trained.contexts([(("user", one.text),) for one in TRAIN[:3]])
    np.testing.assert_allclose(narrow.precedents.contexts, contexts, atol=1e-3)
    np.testing.assert_array_equal(narrow.vectors, index.vectors[:2])
    assert index.precedents.share == 0.3


def test_approved_answers_stand_first_whether_they_were_said_or_not(trained: TrainedReply) -> None:
    profile = BotProfile(
        name="acme",
        intents=(
            Intent(name="refund", answers=("It is on its WAY", "Money for [order 1] takes a week.")),
            Intent(name="paid", answers=("It is on its way",)),
            Intent(name="person", handoff=True, answers=("Nobody says this.",)),
            Intent(name="rude", answers=("Never mind.",)),
        ),
    )
    sayable = Sayable(lambda text: "ever" in text, {"it is on its way": ("way",)}, approved_answers(profile))
    narrow, index = reply_indexes(trained, TRAIN, HELD, sayable)
    assert narrow is not None
    assert index is not None
    assert index.replies[:2] == (
        Reply("It is on its way", count=2, echoes=True, approved=True),
        Reply("Money for [order 1] takes a week.", count=0, intent="refund", echoes=True, approved=True),
    )
    assert [one.text for one in index.replies[2:]] == ["we are sorry", "from nine to five"]
    assert narrow.replies[:2] == index.replies[:2]
    np.testing.assert_array_equal(narrow.vectors, index.vectors[:3])
    assert narrow.precedents is not None
    assert index.precedents is not None
    assert narrow.precedents.replies.tolist() == [0, 2, 0]
    assert index.precedents.replies.tolist() == [0, 2, 0, 3, 2]


def test_no_reply_worth_keeping_is_no_index(trained: TrainedReply) -> None:
    assert reply_indexes(trained, TRAIN, HELD, Sayable(lambda _: True, {})) == (None, None)
    only_held = reply_indexes(trained, TRAIN[4:], HELD, ALL)
    assert only_held[0] is None
    assert only_held[1] is not None


def test_a_recipe_may_want_no_precedents(trained: TrainedReply, tiny: LocalBase) -> None:
    plain = TrainedReply(
        tiny.encoder(), tiny.renderer(16), ReplyRecipe(name="t", method="frozen", precedents=0), (), 0.0, True
    )
    assert all(one is not None and one.precedents is None for one in reply_indexes(plain, TRAIN, HELD, ALL))


def test_of_many_conversations_an_even_draw_is_remembered(
    trained: TrainedReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MOST_PRECEDENTS", 3)
    assert remembered(3, 0) == [0, 1, 2]
    drawn = remembered(6, trained.recipe.seed)
    assert drawn == sorted(drawn)
    assert len(drawn) == 3
    narrow, index = reply_indexes(trained, TRAIN, HELD, ALL)
    assert narrow is not None
    assert index is not None
    assert index.precedents is not None
    assert len(index.precedents) == 3
    own = sum(at < 4 for at in drawn)
    assert (len(narrow.precedents) if narrow.precedents else 0) == own


def test_embedding_them_stops_when_the_job_is_to_stop(trained: TrainedReply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "BATCH", 1)
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:  # three replies, then the second of five conversations
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reply_indexes(trained, TRAIN, HELD, Sayable(lambda text: "never" in text, {}), check)
    assert asked == 5


def test_a_reply_with_anothers_placeholder_is_not_to_be_filled() -> None:
    given = [row("1", "where is [order 1]", "[order 1] is here"), row("2", "where is it", "[order 1] is here")]
    assert [one.echoes for one in distinct_replies(given[:1], ALL)] == [True]
    assert [one.echoes for one in distinct_replies(given, ALL)] == [False]


def test_lessons_are_found_without_the_precedents_that_they_are_and_what_is_held_out_with_them(
    trained: TrainedReply,
) -> None:
    """What is held out is found as it will be where it serves; what is learned would be its own precedent."""
    said = [row(f"a{at}", f"refund money {at}", f"way {at % 5} we pay") for at in range(20)]
    said += [row(f"b{at}", f"parcel late {at}", f"courier {at % 5} comes") for at in range(20)]
    held = [row(f"h{at}", f"money refund {at}", f"way {at % 5} we pay") for at in range(6)]
    material = Material(said, held, (), BotProfile(name="acme"))
    narrow, _ = reply_indexes(trained, said, held, ALL)
    assert narrow is not None
    assert narrow.precedents is not None
    strong = narrow.remembering(Precedents(narrow.precedents.contexts, narrow.precedents.replies, 0.95))

    def lessons(index: ReplyIndex) -> Lessons:
        brand = Brand(BotProfile(name="acme"), ImportSettings(), trained, index, trained.replies)
        return Lessons.of(material, brand, seed=0)

    plain, moved = lessons(narrow.remembering(None)), lessons(strong)
    assert moved.train == plain.train
    assert moved.held != plain.held
