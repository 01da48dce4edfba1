"""Whether a caller still waits: what takes long for nobody is not gone on with."""

from __future__ import annotations

import socket
from collections.abc import Callable

from flask import Request

SOCKET = "gunicorn.socket"
"""Where the server hands its connection on."""


def hung_up(request: Request) -> Callable[[], bool]:
    """Tells, in a microsecond, whether the caller of `request` has closed the connection; never where the server
    does not show it (tests without one, waitress)."""
    line = request.environ.get(SOCKET)
    if not isinstance(line, socket.socket):
        return lambda: False

    def gone() -> bool:
        try:
            return line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except (BlockingIOError, InterruptedError, ValueError):  # still there; or a line that cannot be looked into
            return False
        except OSError:
            return True

    return gone
