"""What a generator learns: the brand's tokens and no others, in lines that hold one conversation or several."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.chat_render import ChatRendered, ChatRenderer
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.tasks.generate import IGNORED, GenerateRows, GenerateTask, filled, places, seen


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


@pytest.fixture(scope="module")
def renderer(base: ChatBase) -> ChatRenderer:
    return base.renderer()


@pytest.fixture(scope="module")
def rendered(renderer: ChatRenderer) -> list[ChatRendered]:
    return [renderer.dialogue([("user", asked), ("agent", said)]) for asked, said in SAID]


def by_hand(base: ChatBase, one: ChatRendered, everyone: bool) -> list[float]:
    """The negative log-likelihood of each token that is learned, from the logits of one line."""
    model = base.model()
    with torch.inference_mode():
        logits = model(torch.tensor([one.ids])).logits[0].log_softmax(-1)
    wanted = range(1, len(one.ids))
    return [-float(logits[at - 1, one.ids[at]]) for at in wanted if everyone or one.said[at]]


@pytest.mark.parametrize("everyone", [False, True])
@pytest.mark.parametrize("packed", [0, 128])
def test_the_loss_is_that_of_the_learned_tokens_each_line_by_itself(
    base: ChatBase, renderer: ChatRenderer, rendered: list[ChatRendered], everyone: bool, packed: int
) -> None:
    """Also where lines hold several conversations: none sees another."""
    rows = GenerateRows(rendered, everyone, packed)
    assert packed == 0 or len(rows) < len(rendered)
    task = GenerateTask(base.model()).eval()
    with torch.inference_mode():
        found = task.losses(rows.batch(range(len(rows)), renderer))
        measured = task.validate([rows.batch([at], renderer) for at in range(len(rows))])
    expected = sorted(loss for one in rendered for loss in by_hand(base, one, everyone))
    assert sorted(found.tolist()) == pytest.approx(expected, abs=1e-4)
    assert rows.learned == len(expected)
    assert measured["loss"] == pytest.approx(np.mean(expected), abs=1e-4)
    assert measured["log_likelihood"] == -measured["loss"]


def test_padding_and_the_first_token_are_not_learned(renderer: ChatRenderer, rendered: list[ChatRendered]) -> None:
    ids, labels, block = GenerateRows(rendered, everyone=True).batch([0, 1, 2], renderer)
    assert (labels[:, 0] == IGNORED).all()
    assert (labels[block < 0] == IGNORED).all()
    kept = labels != IGNORED
    assert (labels[kept] == ids[kept]).all()


def test_what_holds_nothing_to_learn_has_no_loss(base: ChatBase, renderer: ChatRenderer) -> None:
    rows = GenerateRows([renderer.dialogue([("user", "Hello?")])])
    task = GenerateTask(base.model())
    loss = task.loss(rows.batch([0], renderer))
    assert float(loss.detach()) == 0
    assert task.validate([rows.batch([0], renderer)]) == {"loss": 0.0, "log_likelihood": -0.0}


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(50, 80))
def test_lines_hold_every_conversation_once_and_no_more_than_fits(lengths: list[int], room: int) -> None:
    lines = filled(lengths, room)
    assert sorted(row for line in lines for row in line) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in line) <= room for line in lines)
    assert len(lines) <= 2 * sum(lengths) / room + 1  # no two lines would have fitted into one


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_tokens_see_their_own_conversation_up_to_themselves(lengths: list[int]) -> None:
    block = torch.tensor([np.repeat(np.arange(len(lengths)), lengths).tolist()])
    looked, at = seen(block)[0], places(block)[0]
    for row in range(block.shape[1]):
        first = row - int(at[row])
        assert looked[row].tolist() == [first <= column <= row for column in range(block.shape[1])]
        assert int(block[0, first]) == int(block[0, row])


def test_dropout_is_for_learning_only(base: ChatBase, renderer: ChatRenderer, rendered: list[ChatRendered]) -> None:
    batch = GenerateRows(rendered).batch([0], renderer)
    task = GenerateTask(base.model(), dropout=0.5)
    plain = float(GenerateTask(base.model()).eval().loss(batch).detach())
    torch.manual_seed(0)
    assert float(task.train().loss(batch).detach()) != plain
    assert float(task.eval().loss(batch).detach()) == plain
