"""What stands around the words: told of always, mended when asked, and no row is lost by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.importers.nouns import Remark
from data.mend import Mender, is_automatic, signature_start, spellings, twins
from data.schema import Conversation, Entity, SetAside, Turn


def said(*texts, **more):
    return Conversation("c", tuple(Turn("user", text, **more) for text in texts), row=7)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("where is it?\n--\nJane Doe\nAcme", "where is it?"),
        ("where is it?\r\n-- \r\nJane Doe", "where is it?"),
        ("where is it?\n\nSent from my iPhone", "where is it?"),
        ("Wo ist es?\nVon meinem iPhone gesendet", "Wo ist es?"),
        ("Get Outlook for Android", ""),
        ("a --option is no signature", None),
        ("one\n--\n" + "a table\n" * 20, None),
        ("it was sent from my iPhone to yours, is that a problem?", None),
        ("", None),
    ],
)
def test_where_a_signature_begins(text, kept):
    at = signature_start(text)
    assert (None if at is None else text[:at]) == kept


@pytest.mark.parametrize(
    ("text", "automatic"),
    [
        ("Automatic reply: Your order", True),
        ("Re: Out of office\nback on Monday", True),
        ("Hello, I am currently out of the office.", True),
        ("Abwesenheitsnotiz: bis Montag", True),
        ("This is an automated message, please do not reply", True),
        ("how do I set up an automatic reply?", False),
        ("your office is out of stamps", False),
        ("", False),
    ],
)
def test_what_a_program_wrote(text, automatic):
    assert is_automatic(text) is automatic


def test_twins_differ_in_case_punctuation_space_or_form():
    assert twins(["Refund", "refund", "re-fund", "\uff32efund", "other", "!", "?"]) == [
        ["Refund", "re-fund", "refund", "\uff32efund"]
    ]


def test_the_most_frequent_spelling_wins_and_missing_values_are_none():
    items = [said("a", intent="Refund"), said("b", intent="refund"), said("c", "d", intent="refund")]
    items += [said("e", intent="NaN"), said("f", intent="oos"), Remark("x", 1), SetAside(1, "empty_message")]
    assert spellings(items) == {"Refund": "refund", "NaN": None}


def test_nothing_is_changed_unless_it_is_asked_for():
    raw = said("hello\n--\nJane", "Automatic reply: away", intent="Refund")
    found = list(Mender(better={}).sift([raw]))
    assert [one.code for one in found[:-1]] == ["signatures", "auto_replies"]
    assert found[-1] is raw


def test_everything_is_mended_when_it_is_asked_for():
    entities = (Entity(0, 5, "greeting"), Entity(9, 13, "name"))
    turns = (
        Turn("user", "hello\n--\nJane", intent="Refund", entities=entities),
        Turn("agent", "Automatic reply: away"),
    )
    found = list(Mender(fix=True, better={"Refund": "refund"}).sift([Conversation("c", turns, row=3)]))
    assert found[:-1] == [
        Remark("signatures_cut", 3),
        Remark("labels_mended", 3, "Refund → refund"),
        SetAside(3, "auto_reply", "Automatic reply: away"),
    ]
    assert found[-1].turns == (Turn("user", "hello", intent="refund", entities=entities[:1]),)


def test_a_conversation_of_automatic_replies_alone_is_set_aside_whole():
    found = list(Mender(fix=True).sift([said("Automatic reply: a", "Automatic reply: b")]))
    assert [type(one) for one in found] == [SetAside, SetAside]


messages = st.lists(
    st.text() | st.sampled_from(["a\n--\nb", "Automatic reply: a", "x\nSent from my iPhone"]), max_size=5
)


@given(st.lists(messages, max_size=5), st.booleans())
def test_no_row_is_lost(conversations, fix):
    raw = [said(*texts) for texts in conversations]
    found = list(Mender(fix=fix).sift(raw))
    rows = sum(one.rows for one in found if isinstance(one, Conversation | SetAside))
    assert rows == sum(one.rows for one in raw)
    if not fix:
        assert [one for one in found if isinstance(one, Conversation)] == raw
