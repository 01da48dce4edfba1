"""Moving the live pointer: only to a release whose files are whole, and only from where it was seen."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.errors import GateClosed, IntegrityError, NotFound, PointerMoved
from data.files import release_folder
from data.profile import BotProfile
from data.settings import Settings
from data.store import Store, bots, open_store, releases, workspaces
from data.store.bots import Bot
from data.store.releases import Promotion
from service.promotion import move, point
from tests.homes import lay_home

_spec = importlib.util.spec_from_file_location(
    "tiny_release", Path(__file__).parents[3] / "tests" / "flow" / "tiny_release.py"
)
assert _spec is not None
assert _spec.loader is not None
tiny_release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny_release)


@dataclass
class Counter:
    """A bot, and releases made for it."""

    store: Store
    settings: Settings
    bot: Bot

    def publish(self, decision: str = "promote") -> int:
        return int(tiny_release.publish(self.store, self.settings, self.bot.name, {"decision": decision}))

    def live(self) -> tuple[int | None, int]:
        with self.store.read() as tx:
            found = releases.live(tx, self.bot.id)
        return (found.release.number if found.release else None), found.version


def wanted(number: int, version: int, override: str | None = None) -> Promotion:
    return Promotion(number, version, "ann", "because", override)


@pytest.fixture(params=["default", "north"])
def counter(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Counter]:
    settings = Settings(home=tmp_path / "home")
    with open_store(settings.store_url, home=lay_home(settings.home)) as opened:
        store = workspaces.ensure(opened, request.param)
        with store.begin() as tx:
            bot = bots.create(tx, "acme", BotProfile(name="Acme"))
        yield Counter(store, settings, bot)


def test_the_pointer_moves_and_moves_back(counter):
    first, second = counter.publish(), counter.publish()
    assert move(counter.store, counter.bot, wanted(first, 0)).version == 1
    assert move(counter.store, counter.bot, wanted(second, 1)).version == 2
    assert move(counter.store, counter.bot, wanted(first, 2)).version == 3
    assert counter.live() == (first, 3)


def test_where_it_is_already_nothing_changes(counter):
    first = counter.publish()
    move(counter.store, counter.bot, wanted(first, 0))
    assert move(counter.store, counter.bot, wanted(first, 0)).version == 1
    with counter.store.begin() as tx:
        assert point(tx, counter.bot, wanted(first, 7)).version == 1
    assert counter.live() == (first, 1)


def test_it_moves_only_from_where_it_was_seen(counter):
    first, second = counter.publish(), counter.publish()
    move(counter.store, counter.bot, wanted(first, 0))
    with pytest.raises(PointerMoved):
        move(counter.store, counter.bot, wanted(second, 0))
    with pytest.raises(PointerMoved), counter.store.begin() as tx:
        point(tx, counter.bot, wanted(second, 2))
    assert counter.live() == (first, 1)


def test_what_the_verdict_holds_back_needs_a_reason(counter):
    held = counter.publish("hold")
    with pytest.raises(GateClosed):
        move(counter.store, counter.bot, wanted(held, 0))
    assert counter.live() == (None, 0)
    assert move(counter.store, counter.bot, wanted(held, 0, "seen by ann")).version == 1


def test_what_is_not_there_or_not_finished_does_not_go_live(counter):
    with counter.store.begin() as tx:
        reserved = releases.reserve(tx, counter.bot.id)
    for number in (reserved, 99):
        with pytest.raises(NotFound):
            move(counter.store, counter.bot, wanted(number, 0, "all the same"))
    assert counter.live() == (None, 0)


@pytest.mark.parametrize("how", ["a file", "the encoder", "the manifest", "the folder"])
def test_what_is_damaged_does_not_go_live(counter, how):
    number = counter.publish()
    folder = release_folder(counter.settings.home, counter.store.workspace, "acme", number)
    (encoder,) = (counter.settings.home / "encoders").iterdir()
    if how == "a file":
        (folder / "README.md").write_text("another card")
    elif how == "the encoder":
        (encoder / "tokenizer.json").write_bytes(b"{}")
    elif how == "the manifest":
        manifest = folder / "manifest.json"
        manifest.write_bytes(manifest.read_bytes() + b"\n")
    else:
        folder.rename(folder.with_name("aside"))
    with pytest.raises(NotFound if how == "the folder" else IntegrityError) as refused:
        move(counter.store, counter.bot, wanted(number, 0))
    assert str(counter.settings.home) not in str(refused.value)
    assert counter.live() == (None, 0)
