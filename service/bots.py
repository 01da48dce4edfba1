"""The live bots of a server: loaded aside, warmed up, swapped by one reference, drained; least recently used out.

A request takes what answers for its bot and holds it until its end, so that nothing is swapped under it; a swap
changes what the next one takes. The store says what is live, a watcher looks there every second: a promotion made by
any process is followed within moments, and a store that does not answer stops nobody who is in memory.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog

from data.errors import AttuneError, ReleaseUnavailable, StorageError
from data.settings import Settings
from data.store import Store, releases, workspaces
from data.store.bots import Bot
from data.store.releases import Live, Pointer
from export.predict import Predictor
from export.runtime import EncoderPool
from service.answering import decoder_pool
from service.loading import Loader
from service.resident import Address, Choice, Holding, Loaded, Rank, Residents

__all__ = ["LiveBots", "Loaded", "Prepared"]

_log = structlog.get_logger("attune.bots")

RETRY_SECONDS = 1.0
"""A bot that could not be loaded is not looked at again before this."""
OVERTAKEN = 5
"""Times that a load may end to find that the pointer was moved on meanwhile."""


@dataclass(slots=True)
class _Queue:
    """Those who want one bot loaded: one does it, the others wait; what it fails of, they fail of."""

    loading: threading.Lock = field(default_factory=threading.Lock)
    refusal: AttuneError | None = None
    refused_until: float = 0.0


class Prepared:
    """A release loaded aside. Closing it gives it back, unless it was adopted meanwhile."""

    def __init__(self, address: Address, holding: Holding, residents: Residents) -> None:
        self.address = address
        self.number = holding.number
        self._holding: Holding | None = holding
        self._residents = residents
        self._lock = threading.Lock()

    def hand_over(self) -> Holding | None:
        """What was prepared, to whoever asks first."""
        with self._lock:
            holding, self._holding = self._holding, None
            return holding

    def close(self) -> None:
        holding = self.hand_over()
        if holding is not None:
            self._residents.give(holding)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class LiveBots:
    """The live bots of all workspaces in one process. Every method may be called from any thread."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._every = settings.serve.watch_seconds
        self._pool = EncoderPool(settings.home / "encoders", settings.serve.threads)
        self._decoders = decoder_pool(settings)
        exact = settings.serve.exact_replies
        self._loader = Loader(store, settings.home, (self._pool, self._decoders), clock, exact)
        self._residents = Residents(settings.serve.memory_bytes, clock)
        self._queues: dict[Address, _Queue] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def ready(self) -> bool:
        """Whether every live release was tried once, as far as the budget goes."""
        return self._ready.is_set()

    @property
    def encoder_bytes(self) -> int:
        """What all loaded encoders, decoders and adapters take, those included that are on their way in or out."""
        return self._pool.size_bytes + self._decoders.size_bytes

    def start(self) -> None:
        """Load all live releases in the background, and follow the pointers from now on."""
        self._threads = [
            threading.Thread(target=work, name=f"attune-{work.__name__.strip('_')}", daemon=True)
            for work in (self._preload, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop following and give everything back; what a request holds goes when that request ends."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._residents.close()

    @contextmanager
    def answering(self, workspace: str, bot: Bot) -> Iterator[Predictor]:
        """The predictor that answers for this bot, the same for the whole block.

        Raises NotFound when nothing is live, ReleaseUnavailable when nothing loads, and for a bot that is not in memory
        StorageError.
        """
        address = Address(workspace, bot.id, bot.name)
        holding = self._residents.take(address) or self._loaded(address)
        try:
            yield holding.predictor
        finally:
            self._residents.give(holding)

    def prepare(self, workspace: str, bot: Bot, number: int) -> Prepared:
        """Release `number`, verified, loaded aside, warm and tried. Raises NotFound or IntegrityError."""
        address = Address(workspace, bot.id, bot.name)
        return Prepared(address, self._loader.load(address, number), self._residents)

    def adopt(self, prepared: Prepared, live: Live) -> None:
        """Let what was prepared answer, now that the pointer is at `live`; unless it has moved on. Raises nothing."""
        holding = prepared.hand_over()
        if holding is None:
            return
        if live.release is not None and holding.held == (live.release.number, live.release.revision):
            rank = Rank(live.version, live.rewrites, True)
            self._residents.put(prepared.address, holding, Choice(holding.number, rank))
        self._residents.give(holding)
        self._residents.make_room(stays=prepared.address)

    def report(self) -> tuple[Loaded, ...]:
        """Every bot that is in memory, or should be and cannot."""
        return self._residents.report()

    def look(self) -> None:
        """Compare what is in memory with the store once, and load what was promoted since. Raises StorageError."""
        watched = self._residents.watched()
        for workspace in sorted({address.workspace for address in watched}):
            for pointer in self._pointers(workspace):
                address = Address(workspace, pointer.bot_id, pointer.bot)
                rank = watched.get(address)
                if self._stopping.is_set() or rank is None:
                    continue
                is_older = (pointer.version, pointer.rewrites) > (rank.version, rank.rewrites)
                if is_older or (not rank.exact and self._loader.is_worth_trying(address, pointer.number)):
                    self._refresh(address)
        self._residents.make_room()

    def _loaded(self, address: Address) -> Holding:
        """What answers for a bot that is not in memory: loaded by the first who asks, for all who ask meanwhile."""
        queue = self._queue(address)
        with queue.loading:
            holding = self._residents.take(address)
            if holding is not None:
                return holding
            if queue.refusal is not None and self._clock() < queue.refused_until:
                raise copy.copy(queue.refusal)
            holding = self._bring(address, queue)
            holding.last_used = self._clock()
        self._residents.make_room(stays=address)
        return holding

    def _bring(self, address: Address, queue: _Queue) -> Holding:
        """Load what should answer and put it in place. Whoever calls has the queue's lock, and gives back."""
        queue.refusal = None
        try:
            return self._brought(address)
        except AttuneError as error:
            queue.refusal, queue.refused_until = error, self._clock() + RETRY_SECONDS
            raise

    def _brought(self, address: Address) -> Holding:
        for _ in range(OVERTAKEN):
            if self._stopping.is_set():
                raise ReleaseUnavailable("The server is stopping.", bot=address.bot)
            found = self._loader.find(address, self._residents.held(address))
            if found.held is None:
                self._residents.fail(address, found.choice)
                break
            if found.holding is None:
                placed = self._residents.keep(address, found.held, found.choice)
            elif self._residents.put(address, found.holding, found.choice):
                placed = found.holding
            else:
                self._residents.give(found.holding)
                placed = self._residents.take(address)
            if placed is not None:
                return placed
        raise ReleaseUnavailable(
            "The live release of this bot cannot be loaded, nor one that was live before.",
            remedy="`attune doctor` says what is damaged; restore it from a backup, or promote another release.",
            bot=address.bot,
        )

    def _refresh(self, address: Address) -> bool:
        """Bring this bot up to date, unless somebody is at it. False when the store does not answer."""
        queue = self._queue(address)
        if not queue.loading.acquire(blocking=False):
            return True
        try:
            self._residents.give(self._bring(address, queue))
        except StorageError:
            return False
        except Exception as error:  # one bot that makes trouble must not keep the others from being followed
            _log.error("bot_unavailable", workspace=address.workspace, bot=address.bot_id, code=_code(error))
        finally:
            queue.loading.release()
        return True

    def _queue(self, address: Address) -> _Queue:
        with self._lock:
            return self._queues.setdefault(address, _Queue())

    def _pointers(self, workspace: str) -> list[Pointer]:
        with self._store.for_workspace(workspace).read() as tx:
            return releases.pointers(tx)

    def _watch(self) -> None:
        told = None
        while not self._stopping.wait(self._every):
            failed = None
            try:
                self.look()
            except Exception as error:  # the next look may go well; without a watcher no promotion would be seen
                failed = _code(error)
            if failed is not None and failed != told:
                _log.error("pointers_not_read", code=failed)
            told = failed

    def _preload(self) -> None:
        """Load what is live, the most recently promoted first, until the budget is used up."""
        for address in self._all_live():
            while not self._stopping.is_set() and not self._refresh(address):
                self._stopping.wait(self._every)
            if self._stopping.is_set():
                return
            if self._residents.size_bytes > self._residents.budget:
                self._residents.make_room()
                _log.warning("memory_budget_reached", bots=len(self._residents.report()))
                break
        self._ready.set()

    def _all_live(self) -> list[Address]:
        """The bots that have a live release, of all workspaces; waits for a store that does not answer."""
        while not self._stopping.is_set():
            try:
                names = workspaces.list_all(self._store)
                found = [(name, pointer) for name in names for pointer in self._pointers(name)]
            except Exception as error:  # without this list no server would ever be ready
                _log.error("pointers_not_read", code=_code(error))
                self._stopping.wait(self._every)
                continue
            found.sort(key=lambda one: one[1].moved_at, reverse=True)
            return [Address(name, pointer.bot_id, pointer.bot) for name, pointer in found]
        return []


def _code(error: Exception) -> str:
    return error.code if isinstance(error, AttuneError) else type(error).__name__
