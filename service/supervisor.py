"""The worker beside the web server: one child process, started again when it dies, stopped with the server."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from service.child import GRACE_SECONDS

_log = structlog.get_logger("attune.supervisor")
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
SETTLED_SECONDS = 60.0
"""A worker that ran this long had begun well: the next one is started without a pause again."""


class Supervisor:
    """Keeps one child running. Belongs to the process that made it: in a fork of that it does nothing."""

    def __init__(self, command: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._command = list(command)
        self._clock = clock
        self._owner = os.getpid()
        self._ending = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> None:
        """Ask the child to give its job back and end; do not wait for it."""
        if os.getpid() != self._owner or self._ending.is_set():
            return
        self._ending.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def stop(self) -> None:
        """Ask the child to end, unless it was asked already, and wait; end it when it does not."""
        if os.getpid() != self._owner:
            return
        self.ask()
        if self._thread.ident is not None:  # it was started
            self._thread.join(GRACE_SECONDS)
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()

    def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._ending.is_set():
            begun = self._clock()
            self._child = child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=os.name != "nt"
            )
            if self._ending.is_set():  # asked to stop while it was being started
                child.terminate()
            status = child.wait()
            if child.stdin is not None:
                child.stdin.close()
            if self._ending.is_set():
                return
            pause = FIRST_PAUSE_SECONDS if self._clock() - begun >= SETTLED_SECONDS else pause
            _log.warning("worker_ended", status=status, again_in_seconds=pause)
            self._ending.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
