"""The chores of a server: keys that are in use are noted, what was kept for a day is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import StoreUnavailable
from data.store import Store, idempotency, keys, open_store, workspaces
from data.store.idempotency import Ask, Kept
from data.store.keys import NewKey
from service.auth import Doorkeeper, Secret
from service.caretaker import PURGE_SECONDS, Caretaker
from tests.conftest import HandClock
from tests.homes import lay_home


class Hand:
    """A monotonic clock that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def kept(tmp_path: Path, clock: HandClock) -> Store:
    return open_store(f"sqlite:///{tmp_path}/attune.db", home=lay_home(tmp_path), clock=clock)


def test_a_round_notes_the_keys_and_forgets_what_is_a_day_old(kept: Store, clock: HandClock, hand: Hand) -> None:
    other = workspaces.ensure(kept, "north")
    door = Doorkeeper(kept, Secret(b"s" * 32), 60, hand)
    with other.begin() as tx:
        key, token = keys.create(tx, NewKey("x", ("read",)))
        idempotency.begin(tx, Ask("a", "POST /x", "k", "d"))
        idempotency.keep(tx, Ask("a", "POST /x", "k", "d"), Kept(201))
    caretaker = Caretaker(kept, door, hand)
    assert door.caller(token) is not None
    caretaker.make_round()
    with other.read() as tx:
        assert keys.get(tx, key.id).last_used_at == clock.now
        assert idempotency.find(tx, Ask("a", "POST /x", "k", "d")) == Kept(201)
    clock.turn(25 * 3600)
    hand.now += PURGE_SECONDS
    caretaker.make_round()
    with other.begin() as tx:
        assert keys.get(tx, key.id).last_used_at != clock.now, "nobody used it since"
        assert idempotency.purge(tx) == 0, "it is gone already"


def test_a_store_that_does_not_answer_is_asked_again(kept: Store, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_store: Store) -> list[str]:
        raise StoreUnavailable("Gone.")

    caretaker = Caretaker(kept, Doorkeeper(kept, Secret(b"s" * 32), 60, hand), hand)
    hand.now += PURGE_SECONDS
    with monkeypatch.context() as patched:
        patched.setattr(workspaces, "list_all", gone)
        caretaker.make_round()
    caretaker.make_round()


def test_it_ends_after_a_last_round(kept: Store, clock: HandClock, hand: Hand) -> None:
    door = Doorkeeper(kept, Secret(b"s" * 32), 60, hand)
    with kept.begin() as tx:
        key, token = keys.create(tx, NewKey("x", ("read",)))
    caretaker = Caretaker(kept, door, hand)
    caretaker.start()
    assert door.caller(token) is not None
    caretaker.stop()
    with kept.read() as tx:
        assert keys.get(tx, key.id).last_used_at == clock.now
