"""From turns to what models and policy read; and placeholders, filled or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import ROLES
from data.settings import ImportSettings
from export.hear import Heard, Listener
from export.placeholders import echoes, fill, placeholders

LISTENER = Listener(ImportSettings())


def test_a_conversation_is_read_up_to_the_customers_last_message():
    heard = LISTENER.hear(
        [
            ("assistant", "Hello."),
            ("user", "hi"),
            ("agent", "Yes?"),
            ("user", "where is"),
            ("user", "it"),
            ("agent", "x"),
        ]
    )
    assert heard.message == "where is\nit"
    assert heard.last_reply == "Yes?"
    assert [role for role, _ in heard.turns] == ["assistant", "user", "agent", "user"]
    assert heard.opening is False


def test_a_greeting_before_the_first_message_answered_nothing():
    assert LISTENER.hear([("assistant", "Hello."), ("user", "hi")]).last_reply is None


def test_the_last_reply_is_the_last_of_several_brand_messages():
    turns = [("user", "a"), ("assistant", "one"), ("assistant", "two"), ("user", "b")]
    assert LISTENER.hear(turns).last_reply == "two"


@pytest.mark.parametrize("turns", [[], [("assistant", "Hello.")], [("system", "You are kind.")]])
def test_nothing_said_is_an_opening(turns):
    assert LISTENER.hear(turns) == Heard("", opening=True)


def test_a_customer_who_writes_on_after_a_system_notice_has_said_one_thing():
    heard = LISTENER.hear([("user", "one"), ("system", "Ticket opened."), ("user", "two")])
    assert heard.message == "one\ntwo"
    assert heard.last_reply is None


def test_placeholders_count_through_a_conversation_and_values_stay_beside():
    heard = LISTENER.hear(
        [("user", "order #12345 and me@mail.example"), ("agent", "or #99999?"), ("user", "no, # 12345")]
    )
    assert [text for _, text in heard.turns] == [
        "order [order 1] and [email 1]",
        "or [order 2]?",
        "no, [order 1]",
    ]
    assert heard.values == {"order": ("#12345",), "email": ("me@mail.example",)}
    assert LISTENER.message(heard.message) == "no, [order 1]"


def test_a_kind_with_two_values_is_left_out():
    assert LISTENER.hear([("user", "#12345 or #54321, me@mail.example")]).values == {"email": ("me@mail.example",)}


def test_a_typed_placeholder_is_no_value():
    assert LISTENER.hear([("user", "my order is [order 1]")]).values == {}


@given(st.lists(st.tuples(st.sampled_from(ROLES), st.text(max_size=30)), max_size=6))
def test_hearing_never_fails_and_never_invents_a_value(turns):
    heard = LISTENER.hear(turns)
    said = "\n".join(text for role, text in turns if role == "user")
    assert heard.opening == (not any(role == "user" for role, _ in turns))
    assert all(values[0] in said for values in heard.values.values())


def test_placeholders_are_filled_by_the_one_value_of_their_kind():
    assert placeholders("[order 1] to [email 2], [ORDER 1] [thing 1]") == {"[order 1]", "[email 2]"}
    values = {"order": ("#1",), "email": ("a@b.example", "c@d.example"), "phone": ()}
    assert fill("plain", values) == "plain"
    assert fill("[order 3], yes [order 3]", values) == "#1, yes #1"
    assert fill("[order 1] or [order 2]", values) is None
    assert fill("[email 1]", values) is None
    assert fill("[phone 1]", values) is None
    assert fill("[card 1]", values) is None
    assert fill(r"[order 1] \1", {"order": (r"\g<0>",)}) == r"\g<0> \1"


def test_a_reply_echoes_what_was_said_or_brings_its_own():
    assert echoes("No placeholder", [])
    assert echoes("[order 1] has left", ["my [order 1]", "hello"])
    assert not echoes("[order 1] has left with [order 2]", ["my [order 1]"])
