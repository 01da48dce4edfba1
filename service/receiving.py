"""A file as it comes over HTTP: streamed to the disk piece by piece, raw or as the one file of a multipart form.

Nothing of it is held in memory, and no path is made of the name it comes with. What breaks off midway leaves nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from data.errors import ImportRefused
from data.files import Blob, Blobs, Readable
from service.errors import Refusal
from service.incoming import PIECE, Incoming, too_large

FRAME_BYTES = 1 << 16
"""What the frame of a form may take beside its file."""
MOST_PARTS = 16
MOST_FIELD_BYTES = 4_000
MOST_BUFFERED = 4 * PIECE
"""What may wait to be understood: a piece that just came, and the headers of a part."""
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

    def receive(self, incoming: Request, agree: Callable[[Mapping[str, str]], object]) -> Received:
        """Keep the file that `incoming` brings, if `agree` takes the fields of its form (a raw file has none).

        Raises Refusal: 400 for one that breaks off or is empty, 413, 503 when too many come at once; StorageFull; and
        what `agree` raises. Then nothing is kept.
        """
        body = Incoming(incoming, self._most_bytes + FRAME_BYTES)
        with self._slot(), _readable(self._most_bytes):
            if incoming.mimetype == "multipart/form-data":
                form = _Form(body, _boundary(incoming), agree)
                form.begin()
                return Received(self._blobs.put(form, max_bytes=self._most_bytes), form.file_name, form.fields)
            agree({})
            return Received(self._blobs.put(_NotEmpty(body), max_bytes=self._most_bytes))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            message = "Too many files are being received at once; try again."
            raise Refusal(503, "overloaded", message, headers={"Retry-After": "5"})
        try:
            yield
        finally:
            self._slots.release()


class _NotEmpty:
    """A stream of one byte at least. Raises Refusal at the end of one that has none."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._empty = True

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if not data and self._empty:
            raise _malformed("The file is empty.")
        self._empty = False
        return data


def _boundary(incoming: Request) -> bytes:
    boundary = incoming.mimetype_params.get("boundary", "")
    if not boundary or len(boundary) > MOST_BOUNDARY or not boundary.isascii():
        raise _malformed("The form has no boundary, or one that is too long.")
    return boundary.encode("ascii")


class _Form:
    """A multipart form with one file, read as it comes: `begin` goes to the file, `read` gives its bytes.

    The file ends only when the form does: fields may follow it, and a second file is refused before the first is kept.
    """

    def __init__(self, body: Readable, boundary: bytes, agree: Callable[[Mapping[str, str]], object]) -> None:
        self._body = body
        self._decoder = MultipartDecoder(boundary, max_form_memory_size=MOST_BUFFERED, max_parts=MOST_PARTS)
        self._agree = agree
        self._file = _NotEmpty(_Part(self._next))
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None

    def begin(self) -> None:
        """Go to the file; fields on the way are kept in `fields`."""
        file = self._to_file()
        if file is None:
            raise _malformed("The form holds no file.")
        self.file_name = file.filename

    def read(self, size: int, /) -> bytes:
        """The next bytes of the file; none at its end, once all else was seen to hold."""
        data = self._file.read(size)
        if not data:
            if self._to_file() is not None:
                raise _malformed("The form holds more than one file; send them one by one.")
            self._agree(self.fields)
        return data

    def _to_file(self) -> File | None:
        """Read on, keeping fields, to the next file; None at the end of the form."""
        name, value = "", b""
        while not isinstance(event := self._next(), Epilogue):
            if isinstance(event, File):
                return event
            if isinstance(event, Field):
                name, value = event.name, b""
            elif isinstance(event, Data):
                value += event.data
                if len(value) > MOST_FIELD_BYTES:
                    raise _malformed("A field of the form is too long.")
                if not event.more_data:
                    self._keep(name, value)
        return None

    def _keep(self, name: str, value: bytes) -> None:
        if not name:
            raise _malformed("A field of the form has no name.")
        if name in self.fields:
            raise _malformed("A field of the form is given twice.")
        try:
            self.fields[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed("A field of the form is not UTF-8.") from None

    def _next(self) -> object:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(self._body.read(PIECE) or None)
        except RequestEntityTooLarge:
            message = "The form has more parts, or longer headers and fields, than are taken here."
            raise Refusal(413, "body_too_large", message) from None
        except (ValueError, KeyError):  # the decoder's words for whatever is no form
            raise _malformed("The form cannot be read.") from None
        return event


class _Part:
    """The bytes of one part of a form, from the events that its decoder gives."""

    def __init__(self, events: Callable[[], object]) -> None:
        self._next = events
        self._more = True

    def read(self, _size: int, /) -> bytes:
        """As many bytes as came; none at the end of the part."""
        while self._more:
            event = self._next()
            if not isinstance(event, Data):
                raise _malformed("The form breaks off inside its file.")
            self._more = event.more_data
            if event.data:
                return bytes(event.data)
        return b""


@contextmanager
def _readable(most_bytes: int) -> Iterator[None]:
    """More than is taken is said in the words of HTTP."""
    try:
        yield
    except ImportRefused:
        raise too_large(most_bytes) from None


def _malformed(message: str) -> Refusal:
    return Refusal(400, "malformed", message)
