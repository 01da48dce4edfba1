"""Live bots over real releases and a real store: swaps under load, fallbacks, memory, locks, ends."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from data.errors import AttuneError, IntegrityError, NotFound, ReleaseUnavailable, StoreUnavailable
from data.files import release_folder
from data.profile import BotProfile
from data.settings import Settings
from data.store import Store, bots, forgetting, open_store, releases, workspaces
from data.store.bots import Bot
from data.store.releases import Live, Promotion
from export.predict import Predictor
from export.sealed import read_seal, seal
from service import promotion
from service.bots import LiveBots, Loaded
from tests.homes import lay_home

ROOT = Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("tiny_release", ROOT / "tests" / "flow" / "tiny_release.py")
assert _spec is not None
assert _spec.loader is not None
tiny_release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny_release)

ASKED = [("user", "when does my order come")]
PATIENCE = 30.0


@dataclass
class Seconds:
    """A monotonic clock that is turned by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shop:
    """A home folder with bots in it, and what a server makes of them."""

    store: Store
    settings: Settings
    clock: Seconds

    def bot(self, name: str, store: Store | None = None) -> Bot:
        with (store or self.store).begin() as tx:
            return bots.create(tx, name, BotProfile(name=name))

    def publish(self, bot: Bot, base: str = "tiny", store: Store | None = None) -> int:
        return int(tiny_release.publish(store or self.store, self.settings, bot.name, {"decision": "promote"}, base))

    def promote(self, bot: Bot, number: int, store: Store | None = None) -> Live:
        with (store or self.store).begin() as tx:
            version = releases.live(tx, bot.id).version
            return releases.promote(tx, bot.id, Promotion(number, version, "ann", "because"))

    def lively(self, name: str, base: str = "tiny") -> Bot:
        """A bot with one live release."""
        bot = self.bot(name)
        self.promote(bot, self.publish(bot, base))
        return bot

    def folder(self, bot: Bot, number: int) -> Path:
        return release_folder(self.settings.home, "default", bot.name, number)

    def damage(self, bot: Bot, number: int) -> Callable[[], None]:
        """Change one byte of the release's head; returns what mends it."""
        path = self.folder(bot, number) / "intent_head.safetensors"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        return lambda: path.write_bytes(whole) and None

    @contextmanager
    def open(self, **serve: float) -> Iterator[LiveBots]:
        wanted = self.settings.serve.model_copy(update={"watch_seconds": 0.05, **serve})
        live = LiveBots(self.store, self.settings.model_copy(update={"serve": wanted}), self.clock)
        try:
            yield live
        finally:
            live.close()
            assert live.encoder_bytes == 0, "something was never given back"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    home = tmp_path / "home"
    settings = Settings(home=home)
    with open_store(settings.store_url, home=lay_home(home), busy_seconds=0.2) as store:
        yield Shop(store, settings, Seconds())


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def ask(live: LiveBots, bot: Bot, workspace: str = "default") -> str:
    """The release that answers."""
    with live.answering(workspace, bot) as predictor:
        said = predictor.reply(ASKED)
    assert said.reply
    return said.release


def told(live: LiveBots, bot: Bot) -> Loaded:
    (one,) = [one for one in live.report() if one.bot == bot.name]
    return one


def swap(shop: Shop, live: LiveBots, bot: Bot, number: int) -> None:
    with live.prepare("default", bot, number) as prepared:
        live.adopt(prepared, shop.promote(bot, number))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event, list[str]]:
    """(a load of bot `slow` has begun, let it go on, all loads): real loads, held up."""
    begun, go = threading.Event(), threading.Event()
    loads: list[str] = []
    load = Predictor.load

    def slowly(folder, *given):  # type: ignore[no-untyped-def]
        loads.append(folder.parent.name)
        if folder.parent.name == "slow":
            begun.set()
            assert go.wait(PATIENCE)
        return load(folder, *given)

    monkeypatch.setattr(Predictor, "load", slowly)
    return begun, go, loads


def test_a_release_is_told_how_many_replies_are_all_compared(shop, monkeypatch):
    acme, load, told_of = shop.lively("acme"), Predictor.load, []

    def listening(folder, pool, decoders, exact_replies):  # type: ignore[no-untyped-def]
        told_of.append(exact_replies)
        return load(folder, pool, decoders, exact_replies)

    monkeypatch.setattr(Predictor, "load", listening)
    with shop.open(exact_replies=7) as live:
        assert ask(live, acme) == "acme@1"
    assert set(told_of) == {7}


def test_every_live_release_is_loaded_at_the_start_in_all_workspaces(shop):
    acme, brisk = shop.lively("acme"), shop.lively("brisk", "other")
    shop.bot("quiet")
    north = workspaces.ensure(shop.store, "north")
    namesake = shop.bot("acme", north)
    shop.publish(namesake, store=north)
    shop.promote(namesake, shop.publish(namesake, store=north), north)
    with shop.open() as live:
        assert (live.ready, live.report()) == (False, ())
        live.start()
        until(lambda: live.ready)
        found = [(one.workspace, one.bot, one.release, one.alarm, one.in_use) for one in live.report()]
        assert found == [
            ("default", "acme", 1, None, 0),
            ("default", "brisk", 1, None, 0),
            ("north", "acme", 2, None, 0),
        ]
        assert ask(live, acme) == "acme@1"
        assert ask(live, brisk) == "brisk@1"
        assert ask(live, namesake, "north") == "acme@2"
        with pytest.raises(NotFound), live.answering("north", acme):
            pass


def test_a_swap_is_seen_by_whoever_asks_next_and_fails_nobody(shop):
    acme = shop.lively("acme", "one")
    shop.publish(acme, "two")
    stop = threading.Event()
    heard: list[str] = []

    def keep_asking() -> int:
        asked = 0
        while not stop.is_set():
            with live.answering("default", acme) as predictor:
                names = {predictor.reply(ASKED).release, predictor.release, predictor.reply(ASKED).release}
                assert len(names) == 1, "one request, one release"
                heard.append(names.pop())
            asked += 1
        return asked

    with shop.open() as live, ThreadPoolExecutor(8) as pool:
        assert ask(live, acme) == "acme@1"
        size = live.encoder_bytes
        asking = [pool.submit(keep_asking) for _ in range(8)]
        try:
            for turn in range(24):
                swap(shop, live, acme, 2 - turn % 2)
                before = len(heard)
                until(lambda before=before: len(heard) > before + 8)
        finally:
            stop.set()
        assert min(one.result() for one in asking) > 0
        assert set(heard) == {"acme@1", "acme@2"}
        assert ask(live, acme) == "acme@1"
        assert told(live, acme).in_use == 0
        assert live.encoder_bytes == size, "the encoder of the other release is gone"


def test_a_request_keeps_what_it_began_with(shop):
    acme = shop.lively("acme", "one")
    shop.publish(acme, "two")
    with shop.open() as live:
        with live.answering("default", acme) as first:
            swap(shop, live, acme, 2)
            with live.answering("default", acme) as second:
                assert (first.reply(ASKED).release, second.reply(ASKED).release) == ("acme@1", "acme@2")
            both = live.encoder_bytes
        assert live.encoder_bytes < both


def test_a_promotion_by_another_process_is_followed(shop):
    acme = shop.lively("acme")
    shop.publish(acme, "two")
    with shop.open() as live:
        live.start()
        until(lambda: live.ready)
        assert ask(live, acme) == "acme@1"
        command = [sys.executable, "-m", "service.cli", "promote", "acme", "2", "--home", str(shop.settings.home)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
        until(lambda: ask(live, acme) == "acme@2")


def erase_from(shop: Shop, bot: Bot, number: int, *, seal_it: bool = True) -> None:
    """Write the release anew, as an erasure does: other words, another digest, one revision more."""
    folder = shop.folder(bot, number)
    body, _ = read_seal(folder, "manifest.json", what="release")
    (folder / "profile.json").write_text(json.dumps({"name": "Rewritten"}))
    digest = seal(folder, "manifest.json", body) if seal_it else "0" * 64
    with shop.store.begin() as tx:
        revision = releases.get(tx, bot.id, number).revision + 1
        forgetting.change_release(tx, bot.id, number, digest=digest, revision=revision)


def words_of(live: LiveBots, bot: Bot) -> str:
    with live.answering("default", bot) as predictor:
        return str(predictor.parts.profile.name)


def test_what_an_erasure_wrote_anew_is_loaded_anew_within_moments(shop):
    acme = shop.lively("acme")
    with shop.open() as live:
        live.start()
        assert words_of(live, acme) == "acme"
        erase_from(shop, acme, 1)
        until(lambda: words_of(live, acme) == "Rewritten")
        (loaded,) = live.report()
        assert (loaded.release, loaded.alarm) == (1, None)


def test_what_was_prepared_before_an_erasure_never_answers(shop):
    acme = shop.lively("acme")
    shop.publish(acme, "two")
    with shop.open() as live, live.prepare("default", acme, 2) as stale:
        erase_from(shop, acme, 2)
        live.adopt(stale, shop.promote(acme, 2))
        assert words_of(live, acme) == "Rewritten"


def test_an_earlier_release_that_answers_in_place_of_the_live_one_is_loaded_anew_as_well(shop):
    acme = shop.lively("acme")
    shop.promote(acme, shop.publish(acme, "two"))
    shop.damage(acme, 2)
    with shop.open() as live:
        assert ask(live, acme) == "acme@1"
        erase_from(shop, acme, 1)
        live.look()
        assert (ask(live, acme), words_of(live, acme)) == ("acme@1", "Rewritten")


def test_words_that_were_erased_are_dropped_even_where_nothing_can_be_loaded_instead(shop):
    acme = shop.lively("acme")
    with shop.open() as live:
        assert words_of(live, acme) == "acme"
        erase_from(shop, acme, 1, seal_it=False)
        live.look()
        with pytest.raises(ReleaseUnavailable):
            ask(live, acme)


def test_an_older_pointer_never_replaces_a_newer_one(shop):
    acme = shop.lively("acme")
    shop.publish(acme, "two")
    with shop.open() as live, live.prepare("default", acme, 1) as late, live.prepare("default", acme, 2) as early:
        with shop.store.read() as tx:
            before = releases.live(tx, acme.id)
        after = shop.promote(acme, 2)
        live.adopt(early, after)
        live.adopt(late, before)
        assert ask(live, acme) == "acme@2"
        live.look()
        assert ask(live, acme) == "acme@2"


def test_what_is_in_memory_already_is_not_loaded_again(shop, gate):
    acme = shop.lively("acme")
    shop.publish(acme)
    with shop.open() as live:
        ask(live, acme)
        shop.promote(acme, 2)
        shop.promote(acme, 1)
        live.look()
        live.look()
        assert (ask(live, acme), gate[2]) == ("acme@1", ["acme"])


def test_what_was_prepared_is_given_back(shop):
    acme = shop.lively("acme")
    shop.publish(acme, "two")
    with shop.open() as live:
        with live.prepare("default", acme, 2) as prepared:
            assert live.encoder_bytes > 0
        assert live.encoder_bytes == 0
        prepared.close()
        live.adopt(prepared, shop.promote(acme, 2))
        assert live.report() == (), "what was given back is not adopted"
        with live.prepare("default", acme, 1) as prepared:
            live.adopt(prepared, shop.promote(acme, 2))
        assert (live.report(), live.encoder_bytes) == ((), 0), "nor is another release than the one that went live"


def test_only_a_whole_release_is_prepared(shop):
    acme = shop.lively("acme")
    damaged, reserved = shop.publish(acme, "two"), 3
    shop.damage(acme, damaged)
    with shop.store.begin() as tx:
        assert releases.reserve(tx, acme.id) == reserved
    with shop.open() as live:
        for number, kind in ((damaged, IntegrityError), (reserved, NotFound), (99, NotFound)):
            with pytest.raises(kind) as refused:
                live.prepare("default", acme, number)
            assert str(shop.settings.home) not in str(refused.value)
        (shop.folder(acme, 1) / "manifest.json").write_bytes(
            (shop.folder(acme, 1) / "manifest.json").read_bytes().replace(b"2026-11-21", b"2026-11-22")
        )
        with pytest.raises(IntegrityError, match="not the one that was published"):
            live.prepare("default", acme, 1)
        assert live.encoder_bytes == 0


def test_one_loads_and_all_others_wait_for_it(shop, gate):
    begun, go, loads = gate
    slow, quick = shop.lively("slow"), shop.lively("quick", "other")
    with shop.open() as live, ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, live, slow) for _ in range(6)]
        assert begun.wait(PATIENCE)
        assert pool.submit(ask, live, quick).result(PATIENCE) == "quick@1", "one bot's load keeps no other waiting"
        assert not any(one.done() for one in asking)
        go.set()
        assert {one.result(PATIENCE) for one in asking} == {"slow@1"}
        assert sorted(loads) == ["quick", "slow"]


def test_a_failing_load_fails_all_who_wait_and_rests_for_a_second(shop, gate):
    begun, go, loads = gate
    slow = shop.lively("slow")
    mend = shop.damage(slow, 1)
    with shop.open() as live, ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, live, slow) for _ in range(6)]
        assert begun.wait(PATIENCE)
        go.set()
        for one in asking:
            refused = one.exception(PATIENCE)
            assert isinstance(refused, ReleaseUnavailable)
            assert str(shop.settings.home) not in str(refused)
        assert loads == ["slow"]
        mend()
        with pytest.raises(ReleaseUnavailable):
            ask(live, slow)
        shop.clock.now += 1.01
        assert ask(live, slow) == "slow@1"


def test_where_nothing_is_live_nothing_answers_until_something_is(shop):
    acme = shop.bot("acme")
    with shop.open() as live:
        with pytest.raises(NotFound):
            ask(live, acme)
        assert live.report() == ()
        shop.promote(acme, shop.publish(acme))
        shop.clock.now += 1.01
        assert ask(live, acme) == "acme@1"


def test_a_damaged_live_release_gives_way_to_an_earlier_one_until_it_is_mended(shop, gate):
    loads = gate[2]
    acme = shop.lively("acme")
    for base in ("two", "three"):
        shop.promote(acme, shop.publish(acme, base))
    shop.publish(acme)
    mend = shop.damage(acme, 3)
    (shop.folder(acme, 2) / "manifest.json").unlink()
    with shop.open() as live, capture_logs() as logs:
        assert ask(live, acme) == "acme@1", "the newest that was ever live and is whole"
        assert (told(live, acme).release, told(live, acme).alarm) == (1, "integrity_failed")
        assert [(log["log_level"], log["release"]) for log in logs] == [("error", 3), ("error", 2)]
        assert str(shop.settings.home) not in str(logs)
        live.look()
        assert (len(logs), len(loads)) == (2, 2), "what is damaged is not read again"
        shop.clock.now += 61
        live.look()
        assert (len(logs), told(live, acme).release) == (4, 1), "or seldom"
        mend()
        live.look()
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@3", None)


def test_a_promotion_of_what_does_not_load_changes_nothing_that_answers(shop):
    acme = shop.lively("acme")
    shop.publish(acme, "two")
    shop.publish(acme, "three")
    with shop.open() as live:
        ask(live, acme)
        shop.damage(acme, 2)
        shop.damage(acme, 1)  # harmless: it is in memory
        shop.promote(acme, 2)
        live.look()
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@1", "integrity_failed")
        shop.promote(acme, 3)
        live.look()
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@3", None)


def test_a_missing_encoder_is_missed_and_found_again(shop):
    acme = shop.lively("acme", "one")
    shop.promote(acme, shop.publish(acme, "two"))
    with shop.store.read() as tx:
        digest = releases.get(tx, acme.id, 2).manifest["encoders"]["intent"]
    folder = shop.settings.home / "encoders" / digest
    folder.rename(shop.settings.home / "aside")
    with shop.open() as live:
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@1", "not_found")
        (shop.settings.home / "aside").rename(folder)
        live.look()
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@2", None)


def test_where_nothing_loads_there_is_an_alarm_and_the_watcher_brings_it_back(shop):
    acme = shop.lively("acme")
    mend = shop.damage(acme, 1)
    with shop.open() as live:
        live.start()
        until(lambda: live.ready)
        assert (told(live, acme).release, told(live, acme).bytes, told(live, acme).alarm) == (1, 0, "integrity_failed")
        with pytest.raises(ReleaseUnavailable) as refused:
            ask(live, acme)
        assert (refused.value.code, str(shop.settings.home) in str(refused.value)) == ("release_unavailable", False)
        mend()
        until(lambda: told(live, acme).alarm is None)
        assert ask(live, acme) == "acme@1"


def test_a_release_that_fails_in_an_unforeseen_way_is_not_the_end(shop, monkeypatch):
    acme = shop.lively("acme")
    shop.promote(acme, shop.publish(acme, "two"))
    reply = Predictor.reply_many

    def fails(self, conversations):  # type: ignore[no-untyped-def]
        if self.release == "acme@2":
            raise RuntimeError("the graph divides by nothing")
        return reply(self, conversations)

    monkeypatch.setattr(Predictor, "reply_many", fails)
    with shop.open() as live:
        assert (ask(live, acme), told(live, acme).alarm) == ("acme@1", "RuntimeError")
        size = live.encoder_bytes
        with pytest.raises(IntegrityError, match="RuntimeError"):
            live.prepare("default", acme, 2)
        assert live.encoder_bytes == size, "what failed its trial was given back"


def test_a_store_that_does_not_answer_stops_nobody_who_is_in_memory(shop):
    acme, brisk = shop.lively("acme"), shop.lively("brisk")
    file = shop.settings.home / "attune.db"
    with shop.open() as live:
        ask(live, acme)
        shop.store.engine.dispose()
        file.rename(file.with_suffix(".aside"))
        with pytest.raises(StoreUnavailable):
            live.look()
        assert ask(live, acme) == "acme@1"
        with pytest.raises(StoreUnavailable):
            ask(live, brisk)
        file.with_suffix(".aside").rename(file)
        with pytest.raises(StoreUnavailable):
            ask(live, brisk)
        shop.clock.now += 1.01
        assert ask(live, brisk) == "brisk@1"


def test_a_server_that_starts_under_a_locked_store_is_ready_once_the_lock_goes(shop):
    acme = shop.lively("acme")
    lock = sqlite3.connect(shop.settings.home / "attune.db", isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    try:
        with shop.open() as live, capture_logs() as logs:
            live.start()
            until(lambda: bool(logs))
            assert (live.ready, {log["event"] for log in logs}) == (False, {"pointers_not_read"})
            lock.execute("ROLLBACK")
            lock.close()
            until(lambda: live.ready)
            assert told(live, acme).release == 1
    finally:
        lock.close()


def size_of_one(shop: Shop, bot: Bot) -> int:
    with shop.open() as live:
        ask(live, bot)
        return told(live, bot).bytes


def test_what_was_not_used_for_longest_leaves_when_there_is_no_room(shop):
    first, second, third = (shop.lively(name, name) for name in ("first", "second", "third"))
    room = size_of_one(shop, first) * 5 // 2
    with shop.open(memory_bytes=room) as live:
        for bot in (first, second, first, third):
            shop.clock.now += 1
            ask(live, bot)
        assert [one.bot for one in live.report()] == ["first", "third"]
        assert sum(one.bytes for one in live.report()) <= room
        shop.clock.now += 1
        assert ask(live, second) == "second@1", "whoever is asked for comes back"
        assert [one.bot for one in live.report()] == ["second", "third"]


def test_whoever_is_in_use_stays_and_whoever_is_asked_for_comes(shop):
    first, second = shop.lively("first", "first"), shop.lively("second", "second")
    with shop.open(memory_bytes=1) as live:
        with live.answering("default", first) as predictor:
            ask(live, second)
            assert [one.bot for one in live.report()] == ["first", "second"]
            assert predictor.reply(ASKED).release == "first@1"
            live.look()
            assert [(one.bot, one.in_use) for one in live.report()] == [("first", 1)]
        live.look()
        assert (live.report(), live.encoder_bytes) == ((), 0)


def test_encoders_that_bots_share_count_once(shop):
    several = [shop.lively(f"bot{number}") for number in range(4)]
    with shop.open() as live:
        ask(live, several[0])
        encoder = live.encoder_bytes
        arrays = told(live, several[0]).bytes - encoder
    assert arrays > 0
    with shop.open(memory_bytes=encoder + 3 * arrays) as live:
        for bot in several:
            shop.clock.now += 1
            ask(live, bot)
        assert [one.bot for one in live.report()] == ["bot1", "bot2", "bot3"]


def test_the_start_fills_the_budget_with_what_was_promoted_last(shop):
    first, second, third = (shop.lively(name, name) for name in ("first", "second", "third"))
    shop.promote(first, shop.publish(first, "fourth"))
    with shop.open(memory_bytes=size_of_one(shop, second) * 5 // 2) as live:
        live.start()
        until(lambda: live.ready)
        assert [one.bot for one in live.report()] == ["first", "third"]
        assert ask(live, second) == "second@1"
    assert third


def test_the_end_waits_for_nobody_and_lets_all_finish(shop):
    acme = shop.lively("acme")
    with shop.open() as live:
        live.start()
        until(lambda: live.ready)
        with live.answering("default", acme) as predictor:
            live.close()
            assert predictor.reply(ASKED).release == "acme@1"
            assert live.encoder_bytes > 0
        assert (live.encoder_bytes, live.report()) == (0, ())
        with pytest.raises(ReleaseUnavailable, match="stopping"):
            ask(live, acme)
        with live.prepare("default", acme, 1) as prepared:
            live.adopt(prepared, Live(None, 2))


def test_a_load_that_ends_after_the_end_is_given_back(shop, gate):
    begun, go, _ = gate
    slow = shop.lively("slow")
    with shop.open() as live, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, live, slow)
        assert begun.wait(PATIENCE)
        live.close()
        go.set()
        assert isinstance(asking.exception(PATIENCE), ReleaseUnavailable)


def test_errors_in_a_request_give_the_predictor_back(shop):
    acme = shop.lively("acme")
    with shop.open() as live:
        with pytest.raises(AttuneError), live.answering("default", acme):
            raise AttuneError("a view failed")
        assert told(live, acme).in_use == 0


def test_swaps_evictions_and_requests_at_once_leave_nothing_behind(shop):
    """Three bots that do not fit together, asked by six threads while their pointers move."""
    several = [shop.lively(name, name) for name in ("first", "second", "third")]
    for bot in several:
        shop.publish(bot, f"{bot.name}-again")
    room = size_of_one(shop, several[0]) * 3 // 2
    stop = threading.Event()

    def keep_asking(start: int) -> int:
        turn = start
        while not stop.is_set():
            bot = several[turn % 3]
            assert ask(live, bot).startswith(bot.name)
            turn += 1
        return turn - start

    with shop.open(memory_bytes=room) as live, ThreadPoolExecutor(6) as pool:
        live.start()
        asking = [pool.submit(keep_asking, start) for start in range(6)]
        try:
            for turn in range(12):
                bot = several[turn % 3]
                number = 2 - (turn // 3) % 2
                if turn % 2:
                    swap(shop, live, bot, number)
                else:
                    promotion.move(shop.store, bot, Promotion(number, _version(shop, bot), "ann", "because"))
                time.sleep(0.02)
        finally:
            stop.set()
        assert min(one.result(PATIENCE) for one in asking) > 0
        wanted = {f"{bot.name}@{_live(shop, bot)}" for bot in several}
        until(lambda: {ask(live, bot) for bot in several} == wanted)
        assert all(one.in_use == 0 for one in live.report())


def _version(shop: Shop, bot: Bot) -> int:
    with shop.store.read() as tx:
        return releases.live(tx, bot.id).version


def _live(shop: Shop, bot: Bot) -> int:
    with shop.store.read() as tx:
        found = releases.live(tx, bot.id).release
    assert found is not None
    return found.number
