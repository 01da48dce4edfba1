"""Small chores of a server, beside its answers: which keys are in use, and forgetting what was kept for a day."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from data.errors import AttuneError
from data.files import Blobs
from data.store import Store, idempotency, keys, workspaces
from service.auth import Doorkeeper

_log = structlog.get_logger("attune.caretaker")
ROUND_SECONDS = 60.0
PURGE_SECONDS = 3600.0


class Caretaker:
    """Makes its round once a minute, in a thread of its own."""

    def __init__(self, store: Store, doorkeeper: Doorkeeper, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._purged_at = clock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="caretaker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End, after a last note of the keys in use."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def make_round(self) -> None:
        """Do what is due. A store that does not answer is asked again next time."""
        try:
            self._note_keys()
            if self._clock() - self._purged_at >= PURGE_SECONDS:
                self._purge()
        except AttuneError as error:
            _log.warning("round_not_made", code=error.code)

    def _note_keys(self) -> None:
        for workspace, key_id in self._doorkeeper.used():
            with self._store.for_workspace(workspace).begin() as tx:
                keys.touch(tx, key_id)

    def _purge(self) -> None:
        for workspace in workspaces.list_all(self._store):
            with self._store.for_workspace(workspace).begin() as tx:
                idempotency.purge(tx)
        Blobs(self._store.home).sweep_tmp(self._store.clock())
        self._purged_at = self._clock()

    def _keep(self) -> None:
        while not self._ending.wait(ROUND_SECONDS):
            self.make_round()
        self.make_round()
