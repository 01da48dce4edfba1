"""Feedback as rows of a dataset, on each kind of database."""

from __future__ import annotations

import pytest

from data.build import freeze
from data.errors import Conflict
from data.lessons import lessons, mark, outlook
from data.profile import BotProfile
from data.settings import Settings
from data.store import Store, bots, feedback, sessions, workspaces
from data.work import Alone
from tests.chats import Chats

ODD = "what about \x00 and \udc80 and 龍 in my order please"


@pytest.fixture
def chats(store: Store) -> Chats:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", BotProfile(name="acme")).id
    return Chats(store, bot)


def test_what_was_accepted_is_learned_and_its_split_is_kept(store: Store, chats: Chats) -> None:
    settings = Settings(home=store.home)
    given = chats.taught(ODD, "train", corrected_reply="That is \x00 fine.")
    with store.begin() as tx:
        assert outlook(tx, settings, given).split == "train"
        before = mark(tx, chats.bot_id)
    frozen = freeze(store, settings, chats.bot_id)
    (row,) = frozen.rows("train")
    assert (row.upload, row.corrected, row.reply) == (given.id, True, "That is fine.")
    with store.begin() as tx:
        session = sessions.get(tx, chats.bot_id, given.session_id)
        kept = feedback.get(tx, chats.bot_id, given.id)
        assert mark(tx, chats.bot_id) == before
    assert (session.split, session.split_group) == ("train", given.id)
    assert kept.prepared_revision == kept.revision
    again = lessons(store, settings, chats.bot_id, Alone(store))
    assert [row.key for row in again.rows] == [given.id]
    assert again.rows[0].conversation.turns[again.rows[0].conversation.only or 0].text == row.text
    with pytest.raises(Conflict), store.begin() as tx:
        sessions.assign_split(tx, given.session_id, "test", "g")


def test_nothing_is_learned_from_another_workspace(store: Store, chats: Chats) -> None:
    chats.taught(ODD, "train", corrected_reply="Yes.")
    other = workspaces.ensure(store, "other")
    settings = Settings(home=store.home)
    assert lessons(other, settings, chats.bot_id, Alone(other)).rows_in == 0
    with other.read() as tx:
        nothing = mark(tx, chats.bot_id)
    with store.read() as tx:
        assert mark(tx, chats.bot_id) != nothing
