"""gunicorn's threaded worker, made for callers one does not trust: the slow are let go, and streams hear of the end."""

from __future__ import annotations

import errno
import logging
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from service.server import Pace, bound_waiting, cut

SILENCE_SECONDS = 0.2
"""How long a new connection may hold a thread without a byte; then the poller waits for it, which costs nothing."""

MARGIN_SECONDS = 1


class PacedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads, with a pace that callers must keep."""

    def init_process(self) -> None:
        """Begin. This process gives up a little before its parent would kill it, so that it ends in order."""
        self._at_work: set[TConn] = set()
        self.cfg.set("graceful_timeout", max(1, self.cfg.graceful_timeout - MARGIN_SECONDS))
        super().init_process()

    def run(self) -> None:
        """Serve until told to end; who still does not take their answer by the end of the grace is cut off."""
        super().run()
        for conn in tuple(self._at_work):
            cut(conn.sock)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Once the end has begun: let those in who stand at the door, then shut it, so that nobody waits in vain."""
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        for listener in self.sockets:
            listener.setblocking(False)
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def handle(self, conn: TConn) -> Any:
        """Answer one request of a connection; called in a thread of the pool."""
        self._at_work.add(conn)
        try:
            return self._paced(conn)
        finally:
            self._at_work.discard(conn)

    def _paced(self, conn: TConn) -> Any:
        if not conn.initialized:
            if not conn.data_ready and not conn.wait_for_data(SILENCE_SECONDS):
                return _DEFER
            bound_waiting(conn.sock)
            conn.init()
            conn.pace = Pace()
            _keep_pace(conn.parser.unreader, conn.pace)
        conn.pace.restart()
        return super().handle(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: take no more, and tell the streams to end."""
        self._drain()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT or SIGINT: the same, with less patience."""
        self._drain()
        super().handle_quit(sig, frame)

    def _drain(self) -> None:
        if getattr(self, "wsgi", None) is not None:
            self.wsgi.extensions["attune"].streams.drain()


class ForwardingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """What gunicorn has to say goes where all lines go, in the same form."""

    def setup(self, cfg: Any) -> None:
        self.error_log.handlers.clear()
        self.access_log.handlers.clear()
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True


def _keep_pace(unreader: Any, pace: Pace) -> None:
    """Read from the socket only while the caller keeps the pace; one that does not has gone away, to us."""
    chunk = unreader.chunk

    def paced(size_hint: int | None = None) -> bytes:
        try:
            data: bytes = chunk(size_hint)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):  # the wait that `bound_waiting` allows is over
                return b""
            raise
        return data if pace.came(len(data)) else b""

    unreader.chunk = paced
