"""Server-sent events: so many at a time, each ended in order when the server stops.

    event: delta
    data: {"text": "..."}

A comment every other second keeps proxies from closing a silent stream, and finds out whether anybody still listens.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Response

from service.errors import Refusal

KEEP_ALIVE = ": still here\n\n"
KEEP_ALIVE_SECONDS = 2.0
"""Only by writing does one learn that nobody listens; until then the place of the stream is taken."""
RETRY_SECONDS = "2"

Event = tuple[str, Mapping[str, Any]]
"""Its name and its data. A name of "" is a comment that keeps the stream alive."""


class Streams:
    """The open streams of this process."""

    def __init__(self, most: int) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._open = 0

    @property
    def open(self) -> int:
        return self._open

    @property
    def is_draining(self) -> bool:
        return self._ending.is_set()

    def drain(self) -> None:
        """Tell every stream to end, and start no more."""
        self._ending.set()

    def wait(self, seconds: float) -> bool:
        """Sleep inside a stream; True, at once, when the server is stopping."""
        return self._ending.wait(seconds)

    def answer(self, events: Iterable[Event], *, is_ready: bool = False) -> Response:
        """A streamed answer. Raises 503 when no slot is left, and when the server is stopping, unless all of it
        `is_ready`: who came in time and was answered is not sent away."""
        if self.is_draining and not is_ready:
            raise Refusal(503, "server_shutdown", "The server is stopping.", headers={"Retry-After": RETRY_SECONDS})
        if not self._slots.acquire(blocking=False):
            headers = {"Retry-After": RETRY_SECONDS}
            raise Refusal(503, "overloaded", "Too many streams are open. Try again.", headers=headers)
        return Response(_Stream(self, events), headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"},
                        content_type="text/event-stream; charset=utf-8")  # fmt: skip

    def opened(self) -> None:
        with self._lock:
            self._open += 1

    def closed(self) -> None:
        with self._lock:
            self._open -= 1
        self._slots.release()


class _Stream:
    """One stream: an iterable whose slot is given back exactly once, also when it was never iterated."""

    def __init__(self, streams: Streams, events: Iterable[Event]) -> None:
        self._streams = streams
        self._events = iter(events)
        self._closed = False
        streams.opened()

    def __iter__(self) -> Iterator[bytes]:
        for name, data in self._events:
            yield encoded(name, data)

    def close(self) -> None:
        """Called by the server when the answer is over, however it ended."""
        if self._closed:
            return
        self._closed = True
        close = getattr(self._events, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._streams.closed()


def encoded(name: str, data: Mapping[str, Any]) -> bytes:
    """One event as it is sent. JSON has no bare line break, so that no text can end an event."""
    if not name:
        return KEEP_ALIVE.encode()
    number = f"id: {data['sequence']}\n" if "sequence" in data else ""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{number}event: {name}\ndata: {body}\n\n".encode("utf-8", "backslashreplace")


def error_event(code: str, message: str, request_id: str) -> Event:
    """The last event of a stream that had to be cut."""
    return "error", {"error": {"code": code, "message": message, "type": "server_error", "request_id": request_id}}


def shutdown_event(request_id: str) -> Event:
    return error_event("server_shutdown", "The server is stopping; connect again.", request_id)
