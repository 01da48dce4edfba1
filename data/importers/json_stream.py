"""A large JSON document read value by value, so that no log is ever held as a whole.

Where a value stands is said as a path: `messages.item.text` is the text of an entry of the list `messages`; the
document itself is the empty path. `values` yields the values at the paths that are wanted, in their order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import Any

import ijson
from ijson.utils import sendable_list

from data.importers.nouns import Reason
from data.importers.strict_json import MAX_DEPTH, JsonError

PIECE = 1 << 16
MAX_PATHS = 2_000
LONG_TEXT = 1 << 12
_IN_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BESIDE_TEXTS = re.compile(rb'[^"]*+')
_OPENS = ("start_map", "start_array")
_CLOSES = ("end_map", "end_array")

Event = tuple[str, Any]


def values(chunks: Iterable[bytes], wanted: Collection[str], max_bytes: int) -> Iterator[tuple[str, Any]]:
    """(path, value) for every value in the UTF-8 `chunks` that stands at a path in `wanted`.

    Several documents may follow each other. Raises JsonError where the document breaks off or a value takes more than
    `max_bytes`; what was yielded before holds.
    """
    place = _Place(frozenset(wanted))
    since = 0
    for events, size in _events(chunks):
        since += size
        for event, value in events:
            if place.take(event, value):
                yield place.done
        if events and not place.is_building:
            since = 0
        if since > max_bytes:
            raise JsonError(Reason.LINE_TOO_LONG)


def paths_of(text: str) -> frozenset[str]:
    """Every path that the beginning of a document shows; `text` may end anywhere."""
    place = _Place(frozenset())
    found: set[str] = set()
    try:
        for events, _ in _events([text.encode("utf-8", "replace")], piece=1 << 10):
            for event, value in events:
                place.take(event, value)
                found.add(place.path)
            if len(found) > MAX_PATHS:
                break
    except JsonError:
        pass
    return frozenset(found - {""})


def abridged(chunks: Iterable[bytes], most: int, look: int) -> bytes:
    """The beginning of a document in UTF-8, `most` bytes of it or a little more, with its long texts left empty.

    So what stands behind a picture can be seen. About `look` bytes of the document are read at most.
    """
    short, begun, seen, rest = bytearray(), 0, 0, b""
    inside = is_long = False
    for chunk in chunks:
        seen += len(chunk)
        chunk, at = rest + chunk, 0
        rest = b""
        while at < len(chunk):
            found = (_IN_TEXT if inside else _BESIDE_TEXTS).match(chunk, at)
            end = found.end() if found is not None else len(chunk)
            if not is_long:
                short += chunk[at:end]
            if inside and len(short) - begun > LONG_TEXT:
                is_long = True
                del short[begun:]
            if chunk[end : end + 1] == b'"':
                inside, is_long, end = not inside, False, end + 1
                short += b'"'
                begun = len(short)
            elif end < len(chunk):  # half of an escape
                rest, end = chunk[end:], len(chunk)
            at = end
        if len(short) >= most or seen >= look:
            break
    return bytes(short)


def _events(chunks: Iterable[bytes], piece: int = PIECE) -> Iterator[tuple[list[Event], int]]:
    """What each piece of the document holds, and its size. Raises JsonError."""
    found = sendable_list()
    parser = ijson.basic_parse_coro(found, multiple_values=True)
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), piece):
                part = chunk[start : start + piece]
                parser.send(part)
                yield list(found), len(part)
                del found[:]
        parser.close()
    except (ijson.JSONError, UnicodeDecodeError):
        yield list(found), 0
        raise JsonError(Reason.MALFORMED_JSON) from None
    except (ValueError, ArithmeticError, SystemError):  # the last is what its C code makes of too many digits
        raise JsonError(Reason.NUMBER_OUT_OF_RANGE) from None
    yield list(found), 0


class _Place:
    """Where in the document we are, and the value that is being put together there, if it is a wanted one."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._above: list[tuple[str, bool]] = []
        self._key = ""
        self._building: list[Any] = []
        self._keys: list[str] = []
        self.path = ""
        self.done: tuple[str, Any] = ("", None)

    @property
    def is_building(self) -> bool:
        return bool(self._building)

    def take(self, event: str, value: Any) -> bool:
        """Go on by one event; True when a wanted value is complete and stands in `done`. Raises JsonError."""
        if event == "number":
            value = _number(value)
        if self._building:
            return self._build(event, value)
        if event == "map_key":
            self._key = value
            return False
        if event in _CLOSES:
            self._above.pop()
            self.path = self._above[-1][0] if self._above else ""
            return False
        self.path = self._here()
        if event in _OPENS:
            if len(self._above) >= MAX_DEPTH:
                raise JsonError(Reason.TOO_DEEP)
            if self.path in self._wanted:
                self._building.append({} if event == "start_map" else [])
            else:
                self._above.append((self.path, event == "start_map"))
            return False
        self.done = (self.path, value)
        return self.path in self._wanted

    def _here(self) -> str:
        if not self._above:
            return ""
        prefix, is_map = self._above[-1]
        name = self._key if is_map else "item"
        return f"{prefix}.{name}" if prefix else name

    def _build(self, event: str, value: Any) -> bool:
        if event == "map_key":
            self._keys.append(value)
            return False
        if event in _OPENS:
            if len(self._above) + len(self._building) >= MAX_DEPTH:
                raise JsonError(Reason.TOO_DEEP)
            self._building.append({} if event == "start_map" else [])
            return False
        if event in _CLOSES:
            value = self._building.pop()
            if not self._building:
                self.done = (self.path, value)
                return True
        inside = self._building[-1]
        if isinstance(inside, dict):
            inside[self._keys.pop()] = value
        else:
            inside.append(value)
        return False


def _number(value: Any) -> int | float:
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise JsonError(Reason.NUMBER_OUT_OF_RANGE)
    return int(value) if isinstance(value, int) else float(value)
