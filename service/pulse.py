"""Whether the store answers. Once it does not, nobody waits for it again: one thread asks on until it does.

Without this every request of every caller would hold a thread for as long as a locked database is waited for, and soon
there would be none left for those who need no store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import StorageError, StoreUnavailable
from data.store import Store, workspaces
from data.store.failures import storage_error

ASK_SECONDS = 0.25


class Pulse:
    """The pulse of one store, felt by all threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._silent = False
        self._ending = threading.Event()

    @property
    def is_silent(self) -> bool:
        return self._silent

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around asking the store. Raises StoreUnavailable at once while it is known not to answer."""
        if self._silent:
            raise storage_error(StoreUnavailable)
        try:
            yield
        except StoreUnavailable:
            self._lost()
            raise

    def stop(self) -> None:
        """Ask no more."""
        self._ending.set()

    def _lost(self) -> None:
        with self._lock:
            if self._silent or self._ending.is_set():
                return
            self._silent = True
        threading.Thread(target=self._ask_on, name="pulse", daemon=True).start()

    def _ask_on(self) -> None:
        try:
            while not self._ending.wait(ASK_SECONDS):
                try:
                    workspaces.list_all(self._store)
                except StoreUnavailable:
                    continue
                except StorageError:  # it answers, if only that it is damaged: whoever asks next is told
                    return
                return
        finally:
            self._silent = False
