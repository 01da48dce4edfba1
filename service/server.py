"""The web server: gunicorn with threads, hardened against slow callers, and stopping without dropping anybody.

One process answers, with one copy of every model in memory; threads share it. On Windows waitress takes its place.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from data.errors import UsageError
from data.settings import Settings

if TYPE_CHECKING:
    from flask import Flask  # loaded by the process that serves, after the fork

HEADER_SECONDS = 10
SEND_SECONDS = 30
GRACE_SECONDS = 10.0
LEAST_BYTES_PER_SECOND = 1_000
LINGER_BYTES = 1 << 20
"""What is still taken, and thrown away, from a caller who was answered before all was sent."""
HEADER_BYTES = 8_190
HEADERS = 100
BACKLOG = 512

MakeApp = Callable[[], "Flask"]


def serve(
    settings: Settings, make_app: MakeApp, *, ready: Callable[[str], None], ending: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT. `ready` hears the address once requests are taken.

    `ending` is called when the end begins, while open requests are still being answered; perhaps more than once.
    The application is made in the process that serves, after any fork: nothing open is shared between processes.
    """
    if sys.platform == "win32":
        _waitress(settings, make_app, ready)
    else:
        _gunicorn(settings, make_app, ready, ending)


def _waitress(settings: Settings, make_app: MakeApp, ready: Callable[[str], None]) -> None:
    import waitress

    serve_options = settings.serve
    app = make_app()
    server = waitress.create_server(
        app,
        host=serve_options.host,
        port=serve_options.port,
        threads=serve_options.web_threads,
        ident="",
        channel_timeout=HEADER_SECONDS,
        max_request_header_size=HEADER_BYTES,
    )
    ready(address(serve_options.host, server.effective_port))
    try:
        server.run()
    finally:
        app.extensions["attune"].close()


def _gunicorn(settings: Settings, make_app: MakeApp, ready: Callable[[str], None], ending: Callable[[], None]) -> None:
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter

    class Parent(Arbiter):  # type: ignore[misc]  # gunicorn has no types
        def stop(self, graceful: bool = True) -> None:
            ending()
            super().stop(graceful)

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in _options(settings, ready).items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return make_app()

    Parent(Application()).run()


def _options(settings: Settings, ready: Callable[[str], None]) -> dict[str, Any]:
    serve_options = settings.serve
    return {
        "bind": [address(serve_options.host, serve_options.port).removeprefix("http://")],
        "worker_class": "service.paced.PacedWorker",
        "workers": 1,
        "threads": serve_options.web_threads,
        "worker_connections": 1_000,
        "backlog": BACKLOG,
        "keepalive": 5,
        "timeout": 60,
        "graceful_timeout": serve_options.drain_seconds,
        "limit_request_line": 4_094,
        "limit_request_fields": HEADERS,
        "limit_request_field_size": HEADER_BYTES,
        "forwarded_allow_ips": "",
        "proxy_allow_ips": "",
        "accesslog": None,
        "loglevel": "warning",
        "logger_class": "service.paced.ForwardingLogger",
        "control_socket_disable": True,
        "when_ready": lambda server: ready(_bound(server.LISTENERS[0].sock)),
        "worker_exit": lambda _server, worker: _close(getattr(worker, "wsgi", None)),
    }


def _close(app: Flask | None) -> None:
    """Give back what the application holds; a worker that failed to begin has none."""
    if app is not None:
        app.extensions["attune"].close()


def _bound(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return address(host, port)


def address(host: str, port: int) -> str:
    """The URL of a host and port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_address(host: str, port: int) -> None:
    """Raises UsageError unless one can listen there; the servers themselves would say so late, and in many lines."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message, remedy = f"Something listens on port {port} of {host} already.", "Name another with --port."
        else:
            message, remedy = f"This machine cannot listen on port {port} of {host}.", "Name another with --host."
        raise UsageError(message, remedy=remedy) from error


class Pace:
    """Whether a caller sends fast enough: after some grace, at least `least` bytes a second over the whole request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, least: int = LEAST_BYTES_PER_SECOND) -> None:
        self._clock = clock
        self._least = least
        self._begun = clock()
        self._bytes = 0

    def restart(self) -> None:
        """A new request begins."""
        self._begun, self._bytes = self._clock(), 0

    def came(self, size: int) -> bool:
        """Note that `size` bytes came; False when that is too few for the time it took."""
        self._bytes += size
        late = self._clock() - self._begun - GRACE_SECONDS
        return late <= 0 or self._bytes >= late * self._least


def bound_waiting(connection: socket.socket) -> None:
    """No single wait for this caller is endless, neither to hear from it nor to be heard."""
    for option, seconds in ((socket.SO_RCVTIMEO, HEADER_SECONDS), (socket.SO_SNDTIMEO, SEND_SECONDS)):
        connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def half_close(connection: socket.socket) -> None:
    """Say that nothing more is said; what the caller still says can be read without waiting. Raises OSError."""
    connection.shutdown(socket.SHUT_WR)
    connection.setblocking(False)


def cut(connection: socket.socket) -> None:
    """End a connection under whoever waits for it; the one who does is told so."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
