"""The served demo: keys of its own, a server that ends with it, and a correction on its way into the next release."""

from __future__ import annotations

import io
import sys
import threading
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import AttuneError
from data.profile import BotProfile
from data.settings import Settings, load_settings
from data.store import Store, bots, feedback, jobs, keys, open_store, releases, sessions, turns
from data.store.feedback import Given
from data.store.keys import NewKey
from data.store.releases import Promotion
from data.store.sessions import NewSession
from data.store.turns import NewTurn
from service.auth import Doorkeeper, Secret
from service.commands import demo
from service.session import Session
from service.showroom import Showroom
from service.terminal import Terminal
from tests.homes import lay_home
from tests.unit.service.test_bots import tiny_release

ASKED = "do you mend the zips of tents in your workshop"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Showroom]:
    settings = load_settings(tmp_path / "home", {"serve.metrics_port": 0}, environ={})
    with open_store(settings.store_url, home=lay_home(settings.home)) as store:
        with store.begin() as tx:
            bot = bots.create(tx, "otterbrook", BotProfile(name="Otterbrook"))
        for _ in range(2):
            tiny_release.publish(store, settings, "otterbrook", {"decision": "hold"})
        with store.begin() as tx:
            releases.promote(tx, bot.id, Promotion(1, 0, "tests", "first", "for the tests"))
        yield Showroom(store, settings, bot, sleep=lambda _: None)


def corrected(store: Store, settings: Settings, room: Showroom) -> None:
    with store.begin() as tx:
        key, _ = keys.create(tx, NewKey("page", (), "public", room.bot.id))
        session = sessions.create(tx, NewSession(room.bot.id, key.id, None, "", tx.now + timedelta(hours=1)))
        asked = turns.add(tx, session, NewTurn("user", ASKED))
        reply = turns.add(tx, session, NewTurn("assistant", "No.", reply_to=asked.id, release=1, action="answer"))
        feedback.put(tx, room.bot.id, Given(reply, session.id, True, session.id, -1, "Yes, on Mondays."))
        feedback.put(tx, room.bot.id, Given(asked, "somebody", True, session.id, rating=1))


def test_its_keys_are_fresh_each_time(room: Showroom) -> None:
    first = room.make_keys("http://127.0.0.1:8000")
    again = room.make_keys("http://127.0.0.1:8000")
    assert keys.find(room.store, first.admin) is None, "those of before have ended"
    public = keys.find(room.store, again.public)
    assert public is not None
    assert set(public.origins) == {"http://127.0.0.1:8000", "http://localhost:8000"}
    door = Doorkeeper(room.store, Secret.of(room.settings), 60)
    caller = door.caller(again.visitor)
    assert caller is not None
    assert caller.bot_id == room.bot.id


def test_it_serves_until_the_block_ends(room: Showroom) -> None:
    public = room.make_keys("http://127.0.0.1:8000").public
    with room.serving(0, public) as served:
        served.check()
        with urllib.request.urlopen(f"{served.address}/", timeout=20) as page:
            assert public in page.read().decode()
        served.child.terminate()
        served.child.wait(30)
        with pytest.raises(AttuneError, match="has ended"):
            served.check()


def test_a_server_that_cannot_begin_says_why(room: Showroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(AttuneError, match="has ended"), room.serving(0, "att_pub_x"):
        pass


def test_a_correction_is_seen_accepted_trained_on_and_made_live(room: Showroom) -> None:
    corrected(room.store, room.settings, room)
    (waiting,) = room.corrections()
    assert (waiting.message, waiting.reply, waiting.wanted) == (ASKED, "No.", "Yes, on Mondays.")
    assert room.accept(waiting).split in ("train", "validation", "test")
    assert room.corrections() == []
    heard: list[dict[str, Any]] = []
    worker = threading.Thread(target=works_on_it, args=(room,))
    worker.start()
    done = room.retrain(heard.append)
    worker.join()
    assert done.state == "succeeded"
    assert [event["type"] for event in heard][:2] == ["queued", "started"]
    room.promote(2)
    with room.store.read() as tx:
        live = releases.live(tx, room.bot.id)
    assert live.release is not None
    assert live.release.number == 2
    assert room.ask(2, "thanks bye")


def works_on_it(room: Showroom) -> None:
    while True:
        with room.store.begin() as tx:
            job = jobs.claim(tx, "tests", lease_seconds=30)
            if job is not None:
                jobs.finish(tx, job, {"release": 2})
                return


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["", "n"])
def test_whoever_sits_at_the_terminal_decides(
    room: Showroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    corrected(room.store, room.settings, room)
    monkeypatch.setattr(sys, "stdin", Typed(f"{answer}\n"))
    worker = threading.Thread(target=works_on_it, args=(room,), daemon=True)
    worker.start()
    session = Session(room.settings.home, Terminal())
    demo._offer(session, room, room.corrections()[0])
    said = capsys.readouterr().err
    assert "should be Yes, on Mondays." in said
    with room.store.read() as tx:
        live = releases.live(tx, room.bot.id).release
    assert live is not None
    assert live.number == (1 if answer else 2)
    assert ("otterbrook@2 is live now." in said) is (answer == "")


def test_where_nobody_sits_it_says_what_to_type(room: Showroom, capsys: pytest.CaptureFixture[str]) -> None:
    corrected(room.store, room.settings, room)
    (waiting,) = room.corrections()
    demo._offer(Session(room.settings.home, Terminal()), room, waiting)
    said = capsys.readouterr().err
    assert f"attune feedback otterbrook --accept {waiting.feedback.id}" in said
    assert "attune promote otterbrook" in said
