"""Consecutive messages become one turn, and no label is lost."""

from hypothesis import given
from hypothesis import strategies as st

from data.merge import merge
from data.schema import Entity, Turn

ROLES = st.sampled_from(["user", "assistant", "agent"])
LABELS = st.sampled_from([None, None, "a", "b"])
TURNS = st.lists(st.builds(Turn, ROLES, st.text(min_size=1, max_size=5), intent=LABELS, sentiment=LABELS), max_size=12)


def test_an_unlabelled_greeting_joins_the_labelled_question():
    turns = merge([Turn("user", "hi", ts="t1"), Turn("user", "where is it", intent="status", ts="t2")])
    assert turns == (Turn("user", "hi\nwhere is it", ts="t1", intent="status", rows=2),)


def test_differing_labels_stay_apart():
    turns = merge([Turn("user", "hi", intent="greeting"), Turn("user", "where", intent="status"), Turn("user", "now")])
    assert [turn.text for turn in turns] == ["hi", "where\nnow"]


def test_a_bot_and_a_colleague_stay_apart():
    assert len(merge([Turn("assistant", "one moment"), Turn("agent", "Tom here")])) == 2


def test_entities_move_with_their_words():
    (turn,) = merge([Turn("user", "a tent"), Turn("user", "in red", entities=(Entity(3, 6, "colour"),), rating=1)])
    assert turn.text[turn.entities[0].start : turn.entities[0].end] == "red"
    assert turn.rating == 1


@given(TURNS)
def test_nothing_is_lost(turns):
    merged = merge(turns)
    assert sum(turn.rows for turn in merged) == len(turns)
    assert "\n".join(turn.text for turn in merged) == "\n".join(turn.text for turn in turns)
    assert {turn.intent for turn in turns} - {None} == {turn.intent for turn in merged} - {None}
    assert merge(merged) == merged
