"""Which approved correction is for a message: the same message, or the same question; never another one."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from data.errors import IntegrityError
from export.corrections import CORRECTIONS_FILE, EQUAL_ENOUGH, VECTORS_FILE, Correction, Corrections, words

SHOP = "can i bring my dog into the brighton shop"
NEAR = np.array([1.0, 0.0], dtype=np.float32)
FAR = np.array([0.8, 0.6], dtype=np.float32)
FIRST = Correction("1", SHOP, None, "Dogs are welcome.", "store_visit")


def known(*corrections: Correction) -> Corrections:
    return Corrections(np.tile(NEAR, (len(corrections), 1)), corrections)


def never(message: str):
    raise AssertionError(f"{message!r} needed no vector")


def replies(held: Corrections, message: str, before: str | None = None, vector=NEAR) -> list[tuple[str, bool]]:
    return [(match.correction.reply, match.equal) for match in held.find(message, before, lambda _: vector)]


@pytest.mark.parametrize("message", [SHOP, f"  {SHOP.upper()}?? ", SHOP.replace(" ", "\n")])
def test_the_same_message_needs_no_vector(message):
    assert [match.correction for match in known(FIRST).find(message, "Hello!", never)] == [FIRST]


def test_the_same_question_in_other_words_needs_a_near_vector():
    asked = "Please, could I bring a dog into the Brighton shops?"
    assert replies(known(FIRST), asked) == [("Dogs are welcome.", False)]
    assert replies(known(FIRST), asked, vector=FAR) == []
    edge = np.array([EQUAL_ENOUGH + 1e-3, 0.0], dtype=np.float32)
    assert replies(known(FIRST), asked, vector=edge) == [("Dogs are welcome.", False)]
    assert replies(known(FIRST), asked, vector=edge - 0.01) == []


@pytest.mark.parametrize(
    ("corrected", "message"),
    [
        ("what time does the leeds shop open on sunday", "what time does the leeds shop open on saturday"),
        ("what time does the leeds shop open on sunday", "what time does the leeds shop close on sunday"),
        ("can you deliver on a saturday please", "can you not deliver on a saturday please"),
        ("can you deliver on a saturday please", "can't you deliver on a saturday please"),
        ("i want to cancel my order from yesterday", "i don't want to cancel my order from yesterday"),
        ("can you call me back about it", "can i call back about it"),
        ("is the jacket there in size 10 please", "is the jacket there in size 12 please"),
        ("is the jacket there in size 10 please", "is the jacket there in size please tell me"),
        ("我想退货因为尺寸太小了", "我想换货因为尺寸太小了"),
    ],
)
def test_another_question_is_not_answered_however_near_its_vector(corrected, message):
    held = known(replace(FIRST, message=corrected))
    assert replies(held, message) == []
    assert replies(held, corrected) == [("Dogs are welcome.", True)]


def test_another_order_number_is_the_same_message():
    held = known(replace(FIRST, message="where on earth is my order [order 1]"))
    assert replies(held, "Where on earth is my order [order 2]?") == [("Dogs are welcome.", True)]


def test_a_message_that_says_little_holds_only_after_the_same_turn_of_the_brand():
    held = known(Correction("1", "yes please", "Shall I cancel it?", "It is cancelled."))
    assert replies(held, "Yes, please!", "shall i cancel it") == [("It is cancelled.", True)]
    assert replies(held, "yes please", "Shall I send it?") == []
    assert replies(held, "yes please") == []
    assert replies(held, "yes please do", "Shall I cancel it?") == []
    opening = known(Correction("1", "yes please", None, "To what?"))
    assert replies(opening, "yes please") == [("To what?", True)]
    assert replies(opening, "yes please", "Shall I send it?") == []


def test_what_came_after_the_same_turn_goes_first_then_the_newest():
    held = known(
        FIRST,
        replace(FIRST, reply="newer"),
        replace(FIRST, reply="after that turn", before="Which shop?"),
        replace(FIRST, reply="in other words", message="could i bring the dog into my brighton shop"),
    )
    assert [reply for reply, _ in replies(held, SHOP)] == [
        "newer",
        "Dogs are welcome.",
        "after that turn",
        "in other words",
    ]
    assert replies(held, SHOP, "Which shop?")[0] == ("after that turn", True)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_message_is_always_the_same_as_itself_and_finds_nothing_else(one, other):
    held = known(replace(FIRST, message=one))
    assert replies(held, one) == [("Dogs are welcome.", True)]
    if words(one) != words(other) and one.casefold() != other.casefold():
        assert all(equal for _, equal in replies(held, other))


def test_what_was_saved_is_what_is_loaded(tmp_path):
    odd = Correction("2", 'new\nline \u2028 and "quote" \udc80', "before\u0085", "reply", None, echoes=False)
    vectors = np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    Corrections(vectors, (FIRST, odd)).save(tmp_path)
    held = Corrections.load(tmp_path)
    assert held.corrections == (FIRST, odd)
    assert np.allclose(held.vectors, vectors, atol=1e-3)
    assert (len(held), held.hidden) == (2, 2)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        json.dumps({**asdict(FIRST), "more": 1}),
        json.dumps({**asdict(FIRST), "message": None}),
        json.dumps({**asdict(FIRST), "intent": 7}),
        json.dumps({**asdict(FIRST), "echoes": "yes"}),
        "",
    ],
)
def test_damaged_files_are_refused(tmp_path, line):
    save_file({"vectors": NEAR[None]}, str(tmp_path / VECTORS_FILE))
    (tmp_path / CORRECTIONS_FILE).write_text(line + "\n" if line else "")
    with pytest.raises(IntegrityError):
        Corrections.load(tmp_path)


def test_files_that_do_not_agree_are_refused(tmp_path):
    with pytest.raises(IntegrityError):
        Corrections.load(tmp_path)
    known(FIRST).save(tmp_path)
    save_file({"vectors": np.ones((2, 2), dtype=np.float32)}, str(tmp_path / VECTORS_FILE))
    with pytest.raises(IntegrityError):
        Corrections.load(tmp_path)
    with pytest.raises(ValueError, match="not finite"):
        Corrections(np.array([[np.inf, 0.0]]), [FIRST])
    with pytest.raises(ValueError, match="as many vectors"):
        Corrections(np.ones((2, 2)), [FIRST])
