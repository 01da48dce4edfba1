"""What every database must promise about sessions and their turns."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Conflict, NotFound
from data.profile import BotProfile
from data.store import Store, bots, keys, sessions, turns, workspaces
from data.store.keys import NewKey
from data.store.sessions import NewSession, Session
from data.store.turns import NewTurn
from tests.crowd import at_once

IDLE = 1800.0


def a_bot(store: Store, name: str = "acme") -> tuple[str, str]:
    """A bot and a key of it."""
    with store.begin() as tx:
        bot = bots.create(tx, name, BotProfile(name=name)).id
        return bot, keys.create(tx, NewKey("page", (), "public", bot, ("https://shop.example",)))[0].id


def opened(store: Store, bot: str, key: str, hours: float = 24) -> Session:
    with store.begin() as tx:
        new = NewSession(bot, key, "https://shop.example", "net-1", tx.now + timedelta(hours=hours))
        return sessions.create(tx, new)


@pytest.fixture
def bot(store: Store) -> tuple[str, str]:
    return a_bot(store)


@pytest.fixture
def session(store: Store, bot: tuple[str, str]) -> Session:
    return opened(store, *bot)


def say(store: Store, session: Session, text: str = "hello", **said):
    with store.begin() as tx:
        return turns.add(tx, session, NewTurn(said.pop("role", "user"), text, **said))


def told(store: Store, session: Session) -> list[str]:
    with store.read() as tx:
        return [turn.text for turn in turns.of_session(tx, session.id)]


def test_a_session_begins_with_the_bot_and_without_turns(store: Store, session: Session, clock) -> None:
    assert (session.owner, session.turns, session.split, session.split_group) == ("bot", 0, None, None)
    assert session.created_at == session.last_seen_at == clock.now
    with store.read() as tx:
        assert sessions.get(tx, session.bot_id, session.id) == session


def test_turns_are_counted_and_come_back_as_they_were(store: Store, session: Session, clock) -> None:
    clock.turn(5)
    asked = say(store, session, "where is it?", client_id="m1")
    facts = {"release": 7, "intent": "track", "confidence": 0.93, "source": "approved", "action": "answer"}
    detail = {"reason": "sure", "in_scope": 0.9, "ranking": [["track", 0.93]]}
    answer = say(
        store, session, "On its way.", role="assistant", reply_to=asked.id, latency_ms=3.5, detail=detail, **facts
    )
    assert (asked.sequence, answer.sequence) == (1, 2)
    assert (answer.state, asked.detail, answer.detail) == ("complete", None, detail)
    with store.read() as tx:
        assert turns.of_session(tx, session.id) == [asked, answer]
        assert turns.get(tx, session.bot_id, asked.id) == turns.by_client_id(tx, session.id, "m1") == asked
        assert turns.reply_of(tx, asked.id) == answer
        assert turns.reply_of(tx, answer.id) is turns.by_client_id(tx, session.id, "m2") is None
        now = sessions.get(tx, session.bot_id, session.id)
    assert (now.turns, now.last_seen_at) == (2, clock.now)


def test_the_last_turns_and_those_before_one_are_told_oldest_first(store: Store, session: Session) -> None:
    said = [say(store, session, str(number)) for number in range(6)]
    with store.read() as tx:
        assert turns.of_session(tx, session.id, last=2) == said[4:]
        assert turns.before(tx, said[4], 3) == said[1:4]
        assert turns.before(tx, said[1], 50) == said[:1]
        assert turns.before(tx, said[0], 50) == []


def test_one_message_id_is_one_turn(store: Store, session: Session, bot: tuple[str, str]) -> None:
    say(store, session, "first", client_id="m1")
    with pytest.raises(Conflict, match="id"):
        say(store, session, "second", client_id="m1")
    say(store, session, "third")
    say(store, session, "fourth")
    say(store, opened(store, *bot), "elsewhere", client_id="m1")
    assert told(store, session) == ["first", "third", "fourth"]


def test_twenty_who_speak_at_once_are_counted_one_after_another(store: Store, session: Session) -> None:
    said = at_once(20, lambda number: say(store, session, str(number)).sequence)
    assert sorted(said) == list(range(1, 21))
    with store.read() as tx:
        assert [turn.sequence for turn in turns.of_session(tx, session.id)] == list(range(1, 21))
        assert sessions.get(tx, session.bot_id, session.id).turns == 20


def test_a_session_ends_when_it_is_old_or_silent(store: Store, bot: tuple[str, str], clock) -> None:
    short, long = opened(store, *bot, hours=0.4), opened(store, *bot)
    assert sessions.find(store, long.id, idle_seconds=IDLE) == ("default", long)
    clock.turn(0.4 * 3600 - 1)
    assert sessions.find(store, short.id, idle_seconds=IDLE) is not None
    clock.turn(1)
    assert sessions.find(store, short.id, idle_seconds=IDLE) is None
    say(store, long)
    clock.turn(IDLE - 1)
    assert sessions.find(store, long.id, idle_seconds=IDLE) is not None
    clock.turn(1)
    assert sessions.find(store, long.id, idle_seconds=IDLE) is None
    assert sessions.find(store, "session_0", idle_seconds=IDLE) is None
    with store.read() as tx:
        assert sessions.get(tx, long.bot_id, long.id).turns == 1


def test_who_answers_is_handed_on(store: Store, session: Session) -> None:
    with store.begin() as tx:
        assert sessions.hand(tx, session.bot_id, session.id, "human").owner == "human"
    with store.begin() as tx:
        assert sessions.page(tx, session.bot_id, owner="bot", limit=10) == []
        (waiting,) = sessions.page(tx, session.bot_id, owner="human", limit=10)
        assert sessions.hand(tx, session.bot_id, session.id, "bot") == replace(waiting, owner="bot")


def test_sessions_are_paged_newest_first_whatever_comes_meanwhile(store: Store, bot: tuple[str, str], clock) -> None:
    made = []
    for number in range(7):
        made.append(opened(store, *bot).id)
        clock.turn(number % 2)
    with store.read() as tx:
        everything = [session.id for session in sessions.page(tx, bot[0], limit=50)]
    assert sorted(everything) == sorted(made)
    seen, after = [], None
    while True:
        with store.read() as tx:
            page = sessions.page(tx, bot[0], after=after, limit=3)
        if not page:
            break
        seen += [session.id for session in page]
        after = seen[-1]
        clock.turn(1)
        opened(store, *bot)
    assert seen == everything


def test_a_split_is_set_once(store: Store, session: Session) -> None:
    with store.begin() as tx:
        sessions.assign_split(tx, session.id, "train", "g1")
        sessions.assign_split(tx, session.id, "train", "g2")
        with pytest.raises(Conflict, match="never change"):
            sessions.assign_split(tx, session.id, "test", "g1")
        with pytest.raises(NotFound):
            sessions.assign_split(tx, "session_0", "test", "g1")
        now = sessions.get(tx, session.bot_id, session.id)
    assert (now.split, now.split_group) == ("train", "g2")


def test_what_is_another_bots_or_another_workspaces_is_not_found(store: Store, session: Session) -> None:
    turn = say(store, session, client_id="m1")
    other_bot, _ = a_bot(store, "other")
    elsewhere = workspaces.ensure(store, "elsewhere")
    for place, bot in ((store, other_bot), (elsewhere, session.bot_id)):
        asks = (
            lambda tx, bot=bot: sessions.get(tx, bot, session.id),
            lambda tx, bot=bot: sessions.lock(tx, bot, session.id),
            lambda tx, bot=bot: sessions.hand(tx, bot, session.id, "human"),
            lambda tx, bot=bot: sessions.page(tx, bot, after=session.id, limit=5),
            lambda tx, bot=bot: turns.get(tx, bot, turn.id),
            lambda tx, bot=bot: turns.add(tx, replace(session, bot_id=bot), NewTurn("user", "mine")),
        )
        for ask in asks:
            with pytest.raises(NotFound), place.begin() as tx:
                ask(tx)
    with elsewhere.begin() as tx:
        assert turns.of_session(tx, session.id) == []
        assert turns.before(tx, replace(turn, sequence=9), 9) == []
        assert turns.by_client_id(tx, session.id, "m1") is turns.reply_of(tx, turn.id) is None
        with pytest.raises(NotFound):
            sessions.assign_split(tx, session.id, "train", "g")
        with pytest.raises(NotFound):
            sessions.create(tx, NewSession(session.bot_id, session.key_id, None, "net", tx.now))
    assert told(store, session) == ["hello"]
    # a visitor's token names its session alone, so that the workspace is told with it
    assert sessions.find(elsewhere, session.id, idle_seconds=IDLE)[0] == "default"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None, exclude_categories=()), max_size=50))
def test_any_text_survives(store: Store, session: Session, text: str) -> None:
    turn = say(store, session, text, detail={"candidates": [text]})
    with store.read() as tx:
        assert turns.get(tx, session.bot_id, turn.id) == turn
        assert turn.text == text
