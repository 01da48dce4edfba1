"""The bytes of a request's body: to their end, never beyond a limit, and never taken for whole when they broke off.

Web servers differ in what they do when a caller goes away midway: some raise errors of their own, some just end the
body. So the bytes are counted here, against what the caller promised.
"""

from __future__ import annotations

from flask import Request

from service.errors import Refusal

PIECE = 1 << 16


class Incoming:
    """The body of `request`, to be read once. Raises Refusal: 400 for a broken body, 413 for a large one."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._stream = request.input_stream
        self._declared = request.content_length if has_body(request) else 0
        self._most_bytes = most_bytes
        self._came = 0
        if self._declared is not None and self._declared > most_bytes:
            raise too_large(most_bytes)

    def read(self, size: int, /) -> bytes:
        """The next bytes, `size` of them at most; none at the end."""
        wanted = size if self._declared is None else min(size, self._declared - self._came)
        if wanted <= 0:
            return b""
        try:
            data: bytes = self._stream.read(wanted)
        except Exception:  # each server has its own words for bytes that make no sense, or stopped coming
            raise _broken() from None
        if not data and self._declared is not None:
            raise _broken()
        self._came += len(data)
        if self._came > self._most_bytes:
            raise too_large(self._most_bytes)
        return data

    def all(self) -> bytes:
        """The whole body."""
        pieces = []
        while piece := self.read(PIECE):
            pieces.append(piece)
        return b"".join(pieces)


def has_body(request: Request) -> bool:
    """Whether a body comes with `request`, of a declared length or piece by piece."""
    return bool(request.content_length) or "chunked" in request.headers.get("Transfer-Encoding", "").lower()


def too_large(most_bytes: int) -> Refusal:
    return Refusal(413, "body_too_large", f"The body is larger than {most_bytes} bytes.")


def _broken() -> Refusal:
    return Refusal(400, "malformed", "The body ended before it was whole, or cannot be read.")
