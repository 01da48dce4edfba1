"""Physical lines of an upload, one at a time, whatever their encoding, in bounded memory.

A line ends at `\\n` (`\\r` in files that know no other), never at U+2028 or U+0085, which are text. A line that does
not decode is still yielded, with its broken bytes as lone surrogates, so that the reader can set it aside in its place.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from data.importers.nouns import Detection, Reason

_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


class Line(NamedTuple):
    """Line `number` (1-based) without its line break; `flaw` says why it cannot be read, if it cannot."""

    number: int
    text: str
    flaw: Reason | None = None


def read_lines(chunks: Iterable[bytes], detection: Detection, max_bytes: int) -> Iterator[Line]:
    """The lines in `chunks` (the file from its first byte). Those over `max_bytes` come with a flaw and their head."""
    encoding = codecs.lookup(detection.encoding).name
    pieces = _skip(chunks, detection.bom)
    if encoding in _WIDE or encoding in ("utf-16", "utf-32", "utf-7"):
        pieces, encoding = _transcode(pieces, encoding), "utf-8"
    if detection.old_mac_newlines:
        pieces = (piece.replace(b"\r", b"\n") for piece in pieces)
    for number, (raw, is_whole) in enumerate(_split(pieces, max_bytes), start=1):
        raw = raw.removesuffix(b"\r")
        if not is_whole:
            yield Line(number, raw[:200].decode(encoding, "replace"), Reason.LINE_TOO_LONG)
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            yield Line(number, raw.decode(encoding, "surrogateescape"), Reason.UNDECODABLE)
            continue
        yield Line(number, text)


def decoded(chunks: Iterable[bytes], detection: Detection) -> Iterator[bytes]:
    """The file as UTF-8, for readers of whole documents; what does not decode becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(detection.encoding)("replace")
    for chunk in _skip(chunks, detection.bom):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _skip(chunks: Iterable[bytes], count: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[count:]
        count = max(0, count - len(chunk))


def _transcode(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """To UTF-8. What does not decode becomes bytes that UTF-8 does not know either: its line is still flawed."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if encoding != "utf-7" else "replace")
    ended = False
    for chunk in chunks:
        try:
            yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            ended = True
            break
    if ended:
        yield b"\xff\n"
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        yield b"\xff"


def _split(chunks: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, bool]]:
    """Lines without their `\\n`; (head, False) for one longer than `limit` bytes, of which only the head is kept."""
    carry, skipping = b"", False
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        if not skipping:
            carry += first
            skipping = len(carry) > limit
        if not others:
            carry = carry[:limit] if skipping else carry
            continue
        yield carry, not skipping
        carry, skipping = others.pop(), False
        for line in others:
            yield line, len(line) <= limit
    if carry:
        yield carry, not skipping
