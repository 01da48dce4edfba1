"""Open an upload as plain bytes, gzip or not, within limits. What is no text at all is refused by its first bytes.

Names decide nothing: an upload called `.csv` that begins like a spreadsheet or an archive is refused as what it is.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from data.errors import ImportRefused
from data.settings import ImportSettings

GZIP = b"\x1f\x8b"
RATIO_FLOOR = 1_000_000
"""Bytes that may come out of any gzip before its ratio is looked at: small repetitive logs pack well."""
CHUNK = 1 << 18

_TAR, _TAR_AT = b"ustar", 257
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\x0b\x0c\r\x1b")
FEW_CONTROLS, MOST_CONTROLS = 16, 0.03
"""Control characters that a text may hold, also as a share of its bytes; of packed bytes they are a tenth."""
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0": "an old office document, or one with a password",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a database",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x89PNG": "an image",
    b"\x7fELF": "a program",
}


class PlainBytes:
    """The unpacked bytes of an upload, counted as they are read."""

    def __init__(self, stream: BinaryIO, packed_size: int | None, limits: ImportSettings) -> None:
        self._stream = stream
        self._packed_size = packed_size
        self._limits = limits
        self._seen = 0

    def read(self, size: int = CHUNK) -> bytes:
        """At most `size` bytes, empty at the end. Raises ImportRefused over a limit or on a damaged gzip."""
        try:
            piece = self._stream.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise ImportRefused(
                "The gzip file is damaged or cut short.",
                remedy="Pack it again and upload it whole.",
                reason="gzip_damaged",
            ) from None
        self._seen += len(piece)
        if self._seen > self._limits.max_bytes:
            raise ImportRefused(
                f"The file holds more than {self._limits.max_bytes} bytes (after unpacking).",
                remedy="Split it, or raise imports.max_bytes.",
                reason="too_large",
            )
        if self._packed_size is not None and self._seen > max(RATIO_FLOOR, self._packed_size * self._limits.max_ratio):
            raise ImportRefused(
                f"The gzip file unpacks to more than {self._limits.max_ratio} times its size.",
                remedy="Upload it unpacked, or raise imports.max_ratio.",
                reason="gzip_ratio",
            )
        return piece

    def chunks(self) -> Iterator[bytes]:
        """All that is left, in pieces of at most CHUNK bytes."""
        while piece := self.read():
            yield piece


@contextmanager
def open_plain(path: Path, limits: ImportSettings) -> Iterator[PlainBytes]:
    """The bytes of the upload at `path`, unpacked."""
    with path.open("rb") as raw:
        if not is_packed(path):
            yield PlainBytes(raw, None, limits)
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield PlainBytes(cast(BinaryIO, stream), path.stat().st_size, limits)


def is_packed(path: Path) -> bool:
    """Whether the file begins like a gzip file."""
    with path.open("rb") as raw:
        return raw.read(2) == GZIP


def refuse_foreign(head: bytes) -> None:
    """Raise ImportRefused when the (unpacked) file begins like something that is no text."""
    if head.startswith(GZIP):
        raise ImportRefused(
            "There is a gzip file inside the gzip file.", remedy="Unpack it once.", reason="gzip_nested"
        )
    what = "a tar archive" if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR else None
    what = next((named for magic, named in _FOREIGN.items() if head.startswith(magic)), what)
    if what is not None:
        raise ImportRefused(
            f"Expected a log of conversations (docs/formats.md); this is {what}.",
            remedy="Export the conversations as they are, in a zip archive, or as CSV (UTF-8) or JSON Lines.",
            reason="not_text",
        )


def refuse_binary(head: bytes) -> None:
    """Raise ImportRefused for bytes that are no text in any encoding that leaves ASCII as it is."""
    if len(head) - len(head.translate(None, _CONTROLS)) > max(FEW_CONTROLS, MOST_CONTROLS * len(head)):
        raise ImportRefused(
            "Expected a log of conversations (docs/formats.md); these bytes are no text that can be read.",
            remedy="Export the conversations as CSV (UTF-8) or JSON Lines. If it is a text, name its encoding"
            " (--encoding; HTTP: encoding).",
            reason="not_text",
        )
