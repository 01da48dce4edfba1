"""A file as it comes over HTTP: streamed to the disk piece by piece, raw or as the one file of a multipart form.

Nothing of it is held in memory, and no path is made of the name it comes with. What breaks off midway leaves nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from data.errors import ImportRefused
from data.files import Blob, Blobs
from service.errors import Refusal
from service.reading import too_large

PIECE = 1 << 16
MOST_PARTS = 16
MOST_FIELD_BYTES = 4_000
MOST_BOUNDARY = 200


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is kept. `name` is what the sender calls it, for show only; `form` the other fields of its form."""

    blob: Blob
    name: str | None = None
    form: dict[str, str] = field(default_factory=dict)


class Desk:
    """Receives a few files at a time: each costs the disk its bandwidth."""

    def __init__(self, blobs: Blobs, most_bytes: int, at_once: int) -> None:
        self._blobs = blobs
        self._most_bytes = most_bytes
        self._slots = threading.BoundedSemaphore(at_once)

    def receive(self, incoming: Request) -> Received:
        """Keep the file that `incoming` brings.

        Raises Refusal: 400 for one that breaks off or is empty, 413, 503 when too many come at once; StorageFull.
        """
        if incoming.content_length is not None and incoming.content_length > self._most_bytes + PIECE:
            raise too_large(self._most_bytes)
        incoming.max_content_length = self._most_bytes + PIECE
        with self._slot(), _broken_off(self._most_bytes):
            if incoming.mimetype == "multipart/form-data":
                return self._multipart(incoming)
            return self._kept(Received(self._blobs.put(incoming.stream, max_bytes=self._most_bytes)))

    def _multipart(self, incoming: Request) -> Received:
        boundary = incoming.mimetype_params.get("boundary", "")
        if not boundary or len(boundary) > MOST_BOUNDARY or not boundary.isascii():
            raise _malformed("The form has no boundary, or one that is too long.")
        form = _Form(incoming.stream, boundary.encode("ascii"))
        blob = None
        for _ in form.files():
            if blob is not None:
                raise _malformed("The form holds more than one file; send them one by one.")
            blob = self._blobs.put(form, max_bytes=self._most_bytes)
        if blob is None:
            raise _malformed("The form holds no file.")
        return self._kept(Received(blob, form.file_name, form.fields))

    def _kept(self, received: Received) -> Received:
        if received.blob.size == 0:
            raise _malformed("The file is empty.")
        return received

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            message = "Too many files are being received at once; try again."
            raise Refusal(503, "overloaded", message, headers={"Retry-After": "5"})
        try:
            yield
        finally:
            self._slots.release()


class _Form:
    """A multipart form, read as it comes. While `files` stands at a file, `read` gives that file's bytes."""

    def __init__(self, stream: object, boundary: bytes) -> None:
        self._stream = stream
        self._decoder = MultipartDecoder(boundary, max_form_memory_size=MOST_FIELD_BYTES * 4, max_parts=MOST_PARTS)
        self._in_file = False
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None

    def files(self) -> Iterator[None]:
        """Stand at each file in turn; fields on the way are kept in `fields`."""
        name, value = "", b""
        while True:
            event = self._next()
            if isinstance(event, Epilogue):
                return
            if isinstance(event, File):
                self.file_name, self._in_file = event.filename, True
                yield
                while self._in_file:
                    self.read(PIECE)
            elif isinstance(event, Field):
                name, value = event.name, b""
            elif isinstance(event, Data):
                value += event.data
                if len(value) > MOST_FIELD_BYTES:
                    raise _malformed("A field of the form is too long.")
                if not event.more_data:
                    self._keep(name, value)

    def read(self, _size: int, /) -> bytes:
        """The next bytes of the file, as many as came; nothing at its end."""
        while self._in_file:
            event = self._next()
            if not isinstance(event, Data):
                raise _malformed("The form breaks off inside its file.")
            self._in_file = event.more_data
            if event.data:
                return bytes(event.data)
        return b""

    def _keep(self, name: str, value: bytes) -> None:
        if name in self.fields:
            raise _malformed("A field of the form is given twice.")
        try:
            self.fields[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed("A field of the form is not UTF-8.") from None

    def _next(self) -> object:
        while isinstance(event := self._decoder.next_event(), NeedData):
            piece: bytes = self._stream.read(PIECE)  # type: ignore[attr-defined]  # a WSGI input
            self._decoder.receive_data(piece or None)
        return event


@contextmanager
def _broken_off(most_bytes: int) -> Iterator[None]:
    """What goes wrong with the bytes themselves, in our words."""
    try:
        yield
    except (RequestEntityTooLarge, ImportRefused):
        raise too_large(most_bytes) from None
    except ClientDisconnected:
        raise _malformed("The body ended before its Content-Length.") from None
    except ValueError:  # the decoder's word for whatever is no form
        raise _malformed("The form cannot be read.") from None


def _malformed(message: str) -> Refusal:
    return Refusal(400, "malformed", message)
