"""What the views share: the store, the live bots, the limits. One per process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from werkzeug.routing import MapAdapter

from data.errors import NotFound, StoreUnavailable
from data.settings import Settings
from data.store import Store, Tx, bots, keys, sessions
from data.store.bots import Bot
from service.api._spec import Caller
from service.auth import Doorkeeper, Secret
from service.bots import LiveBots
from service.caretaker import Caretaker
from service.chatting import Chats
from service.limits import Limiter
from service.metrics import Metrics
from service.receiving import Desk
from service.streams import Streams

KNOWN_SECONDS = 1.0
"""How long what seldom changes is taken from memory."""
MOST_KNOWN = 10_000


@dataclass
class Service:
    """What the views share. One per process."""

    settings: Settings
    store: Store
    bots: LiveBots
    secret: Secret
    doorkeeper: Doorkeeper
    limiter: Limiter
    streams: Streams
    metrics: Metrics
    chats: Chats
    desk: Desk
    caretaker: Caretaker
    address_book: Callable[[], MapAdapter]
    _origins: tuple[float, frozenset[str]] = field(default=(0.0, frozenset()))
    _bots: dict[tuple[str, str], tuple[float, Bot]] = field(default_factory=dict)

    def store_of(self, caller: Caller) -> Store:
        """The store, seen from the caller's workspace."""
        return self.store.for_workspace(caller.workspace)

    def origins(self) -> frozenset[str]:
        """The origins whose pages may call at all: those of all public keys, looked up at most once a second."""
        until, known = self._origins
        now = time.monotonic()
        if now >= until:
            known = keys.origins(self.store)
            self._origins = (now + KNOWN_SECONDS, known)
        return known

    def bot(self, workspace: str, name: str) -> Bot:
        """The bot of that name, from memory where it was looked up just now, or while the store does not answer.

        Raises NotFound, StoreUnavailable.
        """
        now = time.monotonic()
        until, known = self._bots.get((workspace, name), (0.0, None))
        if known is not None and now < until:
            return known
        try:
            with self.doorkeeper.pulse.asked(), self.store.for_workspace(workspace).read() as tx:
                known = bots.get(tx, name)
        except StoreUnavailable:
            if known is None:
                raise
            return known
        if len(self._bots) >= MOST_KNOWN:
            self._bots.clear()
        self._bots[workspace, name] = (now + KNOWN_SECONDS, known)
        return known

    def check_session(self, tx: Tx, caller: Caller, bot_id: str, session_id: str) -> None:
        """Raises NotFound unless the session is the caller's: its own, or one it opened with this key."""
        if caller.session is not None:
            return
        found = sessions.find(self.store, session_id, idle_seconds=self.settings.serve.session_idle_minutes * 60)
        if found is None or found[1].key_id != caller.id or found[1].bot_id != bot_id:
            raise NotFound("There is no such session.")

    def close(self) -> None:
        self.streams.drain()
        self.doorkeeper.pulse.stop()
        self.caretaker.stop()
        self.bots.close()
        self.store.close()
