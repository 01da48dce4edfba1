"""gunicorn's threaded worker, made for callers one does not trust: the slow are let go, and streams hear of the end.

A thread is given only to a request that is here, its head and a small body whole; and it is taken back as soon as the
answer is sent. Whoever dawdles before or after that waits in the poller, which costs no thread: slow callers keep none
from being answered. Large bodies and bodies of unknown length come in at a pace, in a thread.
"""

from __future__ import annotations

import errno
import io
import logging
import math
import re
import selectors
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from service import server
from service.server import Pace, bound_waiting, cut, half_close
from service.warm_pool import WarmPool

SILENCE_SECONDS = 0.2
"""How long a caller may hold a thread without a byte where the poller cannot wait: at the end, and after an answer."""
HASTE_SECONDS = 1.0
"""How long, once the end has begun, a caller may take to say what they want; after Ctrl-C, to hear their answer too."""
FAREWELL_SECONDS = 2.0
"""How long one who was answered may take to hang up before the connection is cut."""
HEAD_BYTES = 32_768
BODY_BYTES = 65_536
"""Bodies up to this size are waited for as a whole."""
PIECE = 65_536

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r?\n", re.IGNORECASE)
_ASKS_FIRST = re.compile(rb"\nexpect:", re.IGNORECASE)

MARGIN_SECONDS = 1


class PacedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads, with a pace that callers must keep."""

    def init_process(self) -> None:
        """Begin. This process gives up a little before its parent would kill it, so that it ends in order."""
        self.wsgi: Any = None
        self._at_work: set[TConn] = set()
        self._leaving: set[TConn] = set()
        self._quit_at = math.inf
        self.cfg.set("graceful_timeout", max(1, self.cfg.graceful_timeout - MARGIN_SECONDS))
        super().init_process()

    def get_thread_pool(self) -> WarmPool:
        return WarmPool(self.cfg.threads)

    def run(self) -> None:
        """Serve until told to end; who still does not take their answer by the end of the grace is cut off."""
        super().run()
        for conn in tuple(self._at_work):
            cut(conn.sock)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Once the end has begun: let those in who stand at the door, then shut it, so that nobody waits in vain.

        Here the streams are told to end: the first thing `run` does of the end, and outside of the signal.
        """
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        self.wsgi.extensions["attune"].streams.drain()
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
        arrival = _arrival(conn)
        if self.alive and not arrival.is_here():
            return _DEFER
        if len(arrival.bytes) > HEAD_BYTES and not arrival.has_head():
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("limit request headers fields size"))
            return False
        if not conn.initialized:
            if not self.alive and not arrival.bytes and not conn.wait_for_data(SILENCE_SECONDS):
                return False
            bound_waiting(conn.sock)
            conn.init()
            conn.pace = Pace()
            _keep_pace(conn.parser.unreader, conn.pace)
        conn.parser.unreader.unread(arrival.taken())
        conn.pace.restart()
        return super().handle(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection goes on: only if what is left of the body is here already."""
        if not keepalive:
            return False
        conn.arrival = None
        return bool(conn.parser.finish_body(deadline=time.monotonic() + SILENCE_SECONDS))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """A thread is done with a connection; called in the main thread, which must wait for nobody."""
        failed = fs.cancelled() or fs.exception() is not None
        result = False if failed else fs.result()
        if result is _DEFER and not self.alive:  # it came in before the end began: its caller gets an answer
            self.enqueue_req(conn)
        elif result is _DEFER:
            super().finish_request(conn, fs)
            conn.timeout = conn.arrival.until
        elif result:
            super().finish_request(conn, fs)
        else:
            self._see_off(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One round of events. In haste, a short one."""
        super().wait_for_and_dispatch_events(timeout if self._quit_at == math.inf else min(timeout, SILENCE_SECONDS))

    def murder_pending(self) -> None:
        """Cut those who took too long to say what they want, or to hang up. In haste, end with whoever is left."""
        now = time.monotonic()
        if now > self._quit_at:
            sys.exit(0)
        if not self.alive:
            now += server.HEADER_SECONDS - HASTE_SECONDS
            self._hurry()
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self.pending_conns.remove(conn)
            self._close(conn)
        for conn in [conn for conn in self._leaving if conn.timeout <= now]:
            self._close(conn)

    def _hurry(self) -> None:
        """At the end, a request whose head is here gets a thread for the rest of it."""
        for conn in [conn for conn in self.pending_conns if conn.arrival.has_head()]:
            with suppress(KeyError):
                self.poller.unregister(conn.sock)
            self.pending_conns.remove(conn)
            self.enqueue_req(conn)

    def _see_off(self, conn: TConn) -> None:
        """Say that all is said, and let the caller hang up first, so that they hear the end of the answer."""
        try:
            half_close(conn.sock)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._heard_after, conn))
        except (OSError, ValueError, KeyError):
            self._close(conn)
            return
        conn.timeout, conn.left = time.monotonic() + FAREWELL_SECONDS, server.LINGER_BYTES
        self._leaving.add(conn)

    def _heard_after(self, conn: TConn, sock: Any) -> None:
        try:
            data = sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.left -= len(data)
        if not data or conn.left <= 0:
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        self._leaving.discard(conn)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT or SIGINT: the same as SIGTERM, with less patience.

        Signals come in twos, from a terminal or systemd and from the parent, and the second interrupts the first
        wherever it is: a handler that takes a lock can wait for itself for ever. Handlers only note; `run` does.
        """
        if self.wsgi is None:
            sys.exit(0)
        self._quit_at = min(self._quit_at, time.monotonic() + HASTE_SECONDS)
        self.handle_exit(sig, frame)


class ForwardingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """What gunicorn has to say goes where all lines go, in the same form."""

    def setup(self, cfg: Any) -> None:
        self.error_log.handlers.clear()
        self.access_log.handlers.clear()
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True

    def access(self, *_: Any) -> None:
        """Nothing: the application writes a line for each request. Asking all settings that could want one more takes
        a twentieth of a request."""


class Arrival:
    """What came so far of the next request of a connection. Never waits."""

    def __init__(self, sock: Any, before: bytes) -> None:
        self._sock = sock
        self._ended = False
        self.bytes = bytearray(before)
        self.until = time.monotonic() + server.HEADER_SECONDS

    def is_here(self) -> bool:
        """Whether a thread can go on with it without waiting; also when nothing more can come or may come."""
        self._sock.setblocking(False)
        while not (self._is_whole() or self._ended):
            try:
                data = self._sock.recv(PIECE)
            except BlockingIOError:
                return False
            except OSError:
                data = b""
            self._ended = not data
            self.bytes += data
        return True

    def has_head(self) -> bool:
        return _HEAD_END.search(self.bytes) is not None

    def taken(self) -> bytes:
        """What came, from now on the parser's."""
        taken = bytes(self.bytes)
        self.bytes.clear()
        return taken

    def _is_whole(self) -> bool:
        end = _HEAD_END.search(self.bytes)
        if end is None:
            return len(self.bytes) > HEAD_BYTES
        length = _LENGTH.search(self.bytes, 0, end.end())
        if length is None or int(length[1]) > BODY_BYTES or _ASKS_FIRST.search(self.bytes, 0, end.end()):
            return True
        return len(self.bytes) >= end.end() + int(length[1])


def _arrival(conn: TConn) -> Arrival:
    """What came so far of the next request; of one that follows another, what was read ahead with that one."""
    known: Arrival | None = getattr(conn, "arrival", None)
    if known is None:
        before = b""
        if conn.initialized:
            before = conn.parser.unreader.buf.getvalue()
            conn.parser.unreader.buf = io.BytesIO()
        known = conn.arrival = Arrival(conn.sock, before)
    return known


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
