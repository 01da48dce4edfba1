"""From single messages to conversations."""

from __future__ import annotations

import random

import pytest

from data.importers import ImportOptions, Remark, SpeakersFound
from data.importers.talk import Said, conversations, moment
from data.schema import Conversation, SetAside
from data.settings import ImportSettings

HOUR = 3600.0
LIMITS = ImportSettings(max_turns=5, max_cell_chars=100)


def assembled(*messages, limits=LIMITS, **options):
    return list(conversations(lambda: iter(messages), ImportOptions(**options), limits))


def talks(items):
    return [item for item in items if isinstance(item, Conversation)]


def words(items):
    return [[turn.text for turn in talk.turns] for talk in talks(items)]


def say(row, text, at=None, author="a", chat="c", **more):
    return Said(row, chat, author, text, at, **more)


def test_silence_cuts_and_time_orders():
    items = assembled(
        say(1, "back", 14 * HOUR), say(2, "hello", 0.0), say(3, "good day", 1.0, "b"), say(4, "again", 27 * HOUR, "b")
    )
    assert sorted(words(items)) == [["again"], ["back"], ["hello", "good day"]]
    one = next(talk for talk in talks(items) if len(talk.turns) == 2)
    assert (one.started_at, one.row, one.turns[0].ts) == ("1970-01-01T00:00:00+00:00", 2, "1970-01-01T00:00:00+00:00")
    assert [turn.role for turn in one.turns] == ["user", "agent"]
    assert one.customer.startswith("sha256:")


def test_threads_are_whole_and_chats_never_meet():
    items = assembled(
        say(1, "x", 0.0, chat="t", whole=True), say(2, "y", 99 * HOUR, "b", chat="t", whole=True), say(3, "z", 0.0)
    )
    assert sorted(words(items)) == [["x", "y"], ["z"]]


def test_a_chat_without_silence_is_cut_where_it_grows_too_long_but_a_thread_is_set_aside():
    assert [len(talk) for talk in words(assembled(*(say(n, f"m{n}", float(n)) for n in range(1, 13))))] == [5, 5, 2]
    items = assembled(*(say(n, f"m{n}", float(n), whole=True) for n in range(1, 8)))
    assert [one for one in items if isinstance(one, SetAside)] == [SetAside(1, "too_many_turns", rows=7)]


def test_messages_without_a_time_keep_their_place():
    assert words(assembled(say(1, "a"), say(2, "b", 5.0), say(3, "c"), say(4, "d", 6.0))) == [["a"], ["b", "c", "d"]]


@pytest.mark.parametrize("never", [float("inf"), float("-inf"), float("nan")])
def test_a_time_without_end_is_none(never):
    found = words(assembled(say(1, "a"), say(2, "b", 5.0), say(3, "c", never), say(4, "d", never), say(5, "e", 6.0)))
    assert found == [["a"], ["b", "c", "d", "e"]]


def test_the_last_version_counts_and_what_was_taken_back_does_not():
    items = assembled(
        say(1, "helo", 0.0, key="1"), say(2, "secret", 1.0, key="2"), say(3, "hello", 0.0, key="1"),
        say(4, "", 1.0, key="2", deleted=True), say(5, "gone", 2.0, deleted=True),
        say(6, "good", 3.0, "b", key="1", chat="d"),
    )  # fmt: skip
    assert sorted(words(items)) == [["good"], ["hello"]]
    aside = {item.row: item.reason for item in items if isinstance(item, SetAside)}
    assert aside == {1: "earlier_version", 2: "deleted_message", 4: "deleted_message", 5: "deleted_message"}


def test_texts_that_cannot_be_used_and_items_that_pass_through():
    other = (SetAside(9, "system_notice"), Remark("extras_ignored", 9))
    items = assembled(say(1, " ", 0.0), other[0], say(2, "x" * 200, 1.0), other[1], say(3, "fine", 2.0))
    assert words(items) == [["fine"]]
    assert {item.reason for item in items if isinstance(item, SetAside)} == {
        "empty_message",
        "too_long",
        "system_notice",
    }
    assert other[1] in items
    assert words(assembled(say(1, " ", 0.0))) == []
    assert assembled() == []


def test_who_speaks_is_said_once_and_guesses_are_remarked():
    items = assembled(say(1, "hi", 0.0, name="Jane"), say(2, "hello", 1.0, "b", name="Acme"))
    assert [item for item in items if isinstance(item, SpeakersFound)] == [
        SpeakersFound("first_answer", 0.6, ("Acme",), 1, 1)
    ]
    assert Remark("speakers_guessed", 0, "Acme") in items
    named = assembled(say(1, "hi", 0.0, name="Jane"), say(2, "hello", 1.0, "b", name="Acme"), brand=("jane",))
    assert [turn.role for turn in talks(named)[0].turns] == ["agent", "user"]
    assert not [item for item in named if isinstance(item, Remark)]
    assert Remark("brand_not_found", 0) in assembled(say(1, "hi", 0.0), brand=("nobody",))


def test_roles_that_are_stated():
    items = assembled(say(1, "hi", 0.0, role="user"), say(2, "hello", 1.0, "b", role="assistant", rating=1, intent="x"))
    assert [(turn.role, turn.rating, turn.intent) for turn in talks(items)[0].turns] == [
        ("user", None, None),
        ("assistant", 1, "x"),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_order_in_the_file_does_not_matter(seed):
    messages = [
        say(n, f"m{n}", n * 4 * HOUR if n % 5 else n * 20 * HOUR, "ab"[n % 2], "cd"[n % 3 == 0]) for n in range(1, 60)
    ]
    straight = {frozenset(one) for one in words(assembled(*messages))}
    random.Random(seed).shuffle(messages)
    assert {frozenset(one) for one in words(assembled(*messages))} == straight


def test_moments():
    assert moment(0) == "1970-01-01T00:00:00+00:00"
    assert moment(None) is None
    assert moment(1e30) is None
    assert moment(float("nan")) is None
