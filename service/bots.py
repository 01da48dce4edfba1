"""The live bots of a server: loaded aside, warmed up, swapped by one reference, drained, least recently used out.

Who answers holds a predictor for as long as the answer takes; a swap replaces the reference that the next one will
take, and the old predictor is closed when its last answer is given. The store says which release is live; a watcher
compares each second, so that a promotion made anywhere is seen by every server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from data.errors import AttuneError, IntegrityError, NotFound, ReleaseUnavailable, StorageError
from data.files import release_folder
from data.settings import Settings
from data.store import Store, bots, releases, workspaces
from data.store.bots import Bot
from data.store.releases import Live, Release
from export.predict import Predictor
from export.release import open_release
from export.runtime import EncoderPool
from service.resident import Key, Resident, Residents

_log = structlog.get_logger("attune.bots")
RETRY_SECONDS = 1.0
"""A release that did not load is not tried again sooner."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One bot in memory, for metrics. `alarm`: it answers with an earlier release, for the live one does not load."""

    workspace: str
    bot: str
    release: int
    bytes: int
    in_use: int
    alarm: bool


class Prepared:
    """A release that was loaded aside and has answered once. Adopt it, or close it."""

    def __init__(self, workspace: str, bot: Bot, number: int, predictor: Predictor) -> None:
        self.workspace = workspace
        self.bot = bot
        self.number = number
        self.predictor = predictor

    def close(self) -> None:
        self.predictor.close()


class LiveBots:
    """The bots of all workspaces, as one process serves them. Every method may be called from any thread."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._pool = EncoderPool(settings.home / "encoders", settings.serve.threads)
        self._residents = Residents(settings.serve.memory_bytes, self._pool, clock)
        self._loading = threading.Lock()
        self._locks: dict[Key, threading.Lock] = {}
        self._failed: dict[Key, tuple[float, int]] = {}
        self._ending = threading.Event()
        self._tried_all = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live bots", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether every live release was tried once."""
        return self._tried_all.is_set()

    def start(self) -> None:
        """Begin to load what is live, and to follow the pointers."""
        self._watcher.start()

    def close(self) -> None:
        """Stop following and give everything back; answers under way finish."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._residents.clear()

    @contextmanager
    def answering(self, workspace: str, bot: Bot) -> Iterator[Predictor]:
        """The predictor that is live for `bot`, held for the whole block: it is never swapped under it.

        Raises NotFound where nothing is live, ReleaseUnavailable where nothing that was live can be loaded.
        """
        key = (workspace, bot.id)
        resident = self._residents.take(key)
        while resident is None:
            self._load(workspace, bot)
            resident = self._residents.take(key)
        try:
            yield resident.predictor
        finally:
            self._residents.give_back(resident)

    def prepare(self, workspace: str, bot: Bot, number: int) -> Prepared:
        """Load a release aside, check every byte of it and let it answer once. Raises NotFound, IntegrityError."""
        with self._store.for_workspace(workspace).read() as tx:
            release = releases.get(tx, bot.id, number)
        return Prepared(workspace, bot, number, self._predictor(workspace, bot, release))

    def adopt(self, prepared: Prepared, live: Live) -> None:
        """Answer with `prepared` from now on, unless a newer pointer was seen already; what answered before drains."""
        resident = Resident(
            (prepared.workspace, prepared.bot.id), prepared.bot.name, prepared.predictor, prepared.number, live.version
        )
        self._residents.put(resident)

    def report(self) -> tuple[Loaded, ...]:
        """What is in memory."""
        return tuple(
            Loaded(
                resident.key[0],
                resident.bot,
                resident.number,
                resident.own_bytes,
                resident.in_use,
                resident.alarm,
            )
            for resident in self._residents.all()
        )

    def _load(self, workspace: str, bot: Bot) -> None:
        """Bring what is live into memory. One thread loads; the others wait for it."""
        key = (workspace, bot.id)
        with self._loading:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if self._residents.holds(key):
                return
            with self._store.for_workspace(workspace).read() as tx:
                live = releases.live(tx, bot.id)
            if live.release is None:
                raise NotFound("No release of this bot is live.", remedy="Promote one.", bot=bot.name)
            self._refuse_too_soon(key, live.version)
            self._residents.put(self._resident(workspace, bot, live))

    def _refuse_too_soon(self, key: Key, version: int) -> None:
        at, failed = self._failed.get(key, (0.0, -1))
        if failed == version and self._clock() - at < RETRY_SECONDS:
            raise _unavailable()

    def _resident(self, workspace: str, bot: Bot, live: Live) -> Resident:
        """What is live, loaded; where that fails, the newest earlier release that loads, with an alarm."""
        assert live.release is not None, "somebody asked for a bot of which nothing is live"
        key = (workspace, bot.id)
        with self._store.for_workspace(workspace).read() as tx:
            moves = releases.history(tx, bot.id)
        wanted = list(dict.fromkeys([live.release.number, *(move.number for move in moves)]))
        for number in wanted:
            try:
                predictor = self.prepare(workspace, bot, number).predictor
            except (NotFound, IntegrityError) as error:
                _log.error("release_does_not_load", bot=bot.name, release=number, code=error.code)
                continue
            alarm = number != live.release.number
            return Resident(key, bot.name, predictor, number, live.version, alarm=alarm, since=self._clock())
        self._failed[key] = (self._clock(), live.version)
        raise _unavailable()

    def _predictor(self, workspace: str, bot: Bot, release: Release) -> Predictor:
        folder = release_folder(self._settings.home, workspace, bot.name, release.number)
        if release.state == "reserved" or open_release(folder, verify=False).digest != release.digest:
            raise IntegrityError(f"Release {release.number} is not the one that was published.", bot=bot.name)
        predictor = Predictor.load(folder, self._pool)
        try:
            predictor.warm_up()
        except BaseException:
            predictor.close()
            raise
        return predictor

    def _watch(self) -> None:
        """Load what is live at the start, then follow the pointers until the end."""
        for workspace, bot in self._all_live():
            if self._ending.is_set() or self._residents.is_full:
                break
            self._try(lambda workspace=workspace, bot=bot: self._load(workspace, bot))  # type: ignore[misc]
        self._tried_all.set()
        while not self._ending.wait(self._settings.serve.watch_seconds):
            for resident in self._residents.all():
                self._try(lambda resident=resident: self._follow(resident))  # type: ignore[misc]

    def _follow(self, resident: Resident) -> None:
        """Swap a bot whose pointer has moved; try the right release again where an earlier one stands in for it."""
        workspace, bot_id = resident.key
        with self._store.for_workspace(workspace).read() as tx:
            live = releases.live(tx, bot_id)
            bot = bots.get_by_id(tx, bot_id)
        if live.release is None or live.version < resident.version:
            return
        again = resident.alarm and self._clock() - resident.since >= 10 * RETRY_SECONDS
        if live.version == resident.version and not again:
            return
        fresh = self._resident(workspace, bot, live)
        if fresh.number == resident.number and fresh.version == resident.version:
            fresh.predictor.close()  # the right one does not load yet
            resident.since = self._clock()
            return
        self._residents.put(fresh)

    def _all_live(self) -> list[tuple[str, Bot]]:
        """Every bot of which something is live, the most recently promoted first."""
        found = []
        try:
            for workspace in workspaces.list_all(self._store):
                with self._store.for_workspace(workspace).read() as tx:
                    for bot in bots.list_all(tx):
                        moves = releases.history(tx, bot.id)
                        if moves:
                            found.append((moves[0].created_at, workspace, bot))
        except StorageError as error:
            _log.error("live_bots_unknown", code=error.code)
        return [(workspace, bot) for _, workspace, bot in sorted(found, key=lambda one: one[0], reverse=True)]

    def _try(self, work: Callable[[], None]) -> None:
        """Do it; what fails is told, and answers go on with what is in memory."""
        try:
            work()
        except AttuneError as error:
            _log.warning("bot_not_followed", code=error.code)
        except Exception as error:
            _log.error("bot_not_followed", kind=type(error).__name__)


def _unavailable() -> ReleaseUnavailable:
    return ReleaseUnavailable(
        "The live release of this bot cannot be loaded, nor any that was live before.",
        remedy="`attune doctor` says what is damaged; restore it, or promote another release.",
    )
