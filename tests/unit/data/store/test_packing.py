"""A conversation as JSON and back: nothing lost, and nothing written that is at its default."""

import json

from data.schema import Conversation, Entity, Turn
from data.store.packing import packed, unpacked


def test_nothing_is_lost_on_the_way():
    turns = (
        Turn("user", "where", intent="a", sentiment="b", entities=(Entity(0, 5, "t", "v"),), rows=2),
        Turn("agent", "here", rating=1, corrected=True),
    )
    said = Conversation("c", turns, customer="x", language="en", tags=("t",), rating=3, row=7, only=0)
    assert unpacked(json.loads(json.dumps(packed(said)))) == said


def test_what_is_at_its_default_is_left_out():
    assert packed(Conversation("c", (Turn("user", "hi"),))) == {"id": "c", "turns": [{"role": "user", "text": "hi"}]}
