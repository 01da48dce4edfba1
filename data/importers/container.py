"""What an upload is packed in: nothing, gzip or zip. The members of a zip are read one by one and never extracted.

A member's name is shown and matched, and never becomes a path. What a zip says about itself is checked before a byte is
unpacked: how many members, how large each and all are, that none overlaps another (the trick of most zip bombs), that
none is encrypted, a link, named out of the archive or named twice. A member never yields more than it declared.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path
from typing import Literal

from data.errors import ImportRefused
from data.importers.packed import CHUNK, RATIO_FLOOR, is_packed, open_plain
from data.settings import ImportSettings

Packing = Literal["plain", "gzip", "zip"]

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_LOCAL_HEADER = 30
_DIRECTORY_ENTRY = 1024
"""Bytes of the directory that one member may take on average: bounds what is parsed before members are counted."""
_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_OUTSIDE = re.compile(r"^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)|[\x00\r\n]")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a container. `size` is what it unpacks to, 0 where only unpacking would tell (gzip)."""

    name: str
    size: int
    _open: Callable[[], Generator[bytes, None, None]]

    def chunks(self) -> Generator[bytes, None, None]:
        """Its bytes, unpacked, from the first to the last; may be asked for again. Raises ImportRefused."""
        return self._open()

    def head(self, size: int) -> bytes:
        """Its first bytes, at least `size` of them where it has as many."""
        found = b""
        with closing(self._open()) as pieces:
            for piece in pieces:
                found += piece
                if len(found) >= size:
                    break
        return found


@dataclass(frozen=True, slots=True)
class Container:
    """An upload that is open for reading. `junk` names what operating systems leave in archives."""

    packing: Packing
    members: tuple[Member, ...]
    junk: tuple[str, ...] = ()


def packing_of(path: Path) -> Packing:
    """How the file at `path` is packed, by its first bytes."""
    with path.open("rb") as raw:
        head = raw.read(4)
    return "zip" if head in ZIP else "gzip" if is_packed(path) else "plain"


@contextmanager
def open_container(path: Path, name: str, limits: ImportSettings) -> Iterator[Container]:
    """The upload at `path`, which its owner calls `name`. Raises ImportRefused for an archive that is not taken."""
    packing = packing_of(path)
    with closing(_Readings()) as readings:
        if packing != "zip":
            size = path.stat().st_size if packing == "plain" else 0
            yield Container(packing, (Member(name, size, lambda: readings.begin(_plain(path, limits))),))
            return
        with _opened(path, limits) as archive:
            files = [info for info in archive.infolist() if not _name(info).endswith("/")]
            _check(archive, files, path.stat().st_size, limits)
            wanted = tuple(_member(archive, info, readings) for info in files if not _JUNK.search(_name(info)))
            junk = tuple(_name(info) for info in files if _JUNK.search(_name(info)))
            yield Container("zip", wanted, junk)


class _Readings:
    """The readings that were begun, so that one that was given up half-way keeps no file open."""

    def __init__(self) -> None:
        self._begun: list[Generator[bytes, None, None]] = []

    def begin(self, reading: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
        self._begun = [one for one in self._begun if getgeneratorstate(one) != GEN_CLOSED] + [reading]
        return reading

    def close(self) -> None:
        for reading in self._begun:
            reading.close()
        self._begun.clear()


def _opened(path: Path, limits: ImportSettings) -> zipfile.ZipFile:
    """Raises ImportRefused."""
    _check_directory(path, limits)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError):
        raise _damaged() from None


def _plain(path: Path, limits: ImportSettings) -> Generator[bytes, None, None]:
    with open_plain(path, limits) as plain:
        yield from plain.chunks()


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, readings: _Readings) -> Member:
    def unpack() -> Generator[bytes, None, None]:
        try:
            with archive.open(info) as stream:
                while piece := stream.read(CHUNK):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, OSError):
            raise _damaged() from None

    return Member(_name(info), info.file_size, lambda: readings.begin(unpack()))


def _name(info: zipfile.ZipInfo) -> str:
    return unicodedata.normalize("NFC", info.filename.replace("\\", "/"))


def _check_directory(path: Path, limits: ImportSettings) -> None:
    """Refuse an archive whose directory alone would fill the memory; its own count of members may lie."""
    with path.open("rb") as raw:
        size = raw.seek(0, 2)
        raw.seek(max(0, size - 66_000))
        tail = raw.read()
    sizes = [length for (length,) in _records(tail, b"PK\x05\x06", "<12xL")]
    wide = [length for (length,) in _records(tail, b"PK\x06\x06", "<40xQ")]
    if not sizes:
        raise _damaged()
    if max(wide + [one for one in sizes if one != 0xFFFFFFFF], default=0) > limits.max_members * _DIRECTORY_ENTRY:
        raise _too_many(limits)


def _records(tail: bytes, magic: bytes, layout: str) -> Iterator[tuple[int]]:
    for found in re.finditer(re.escape(magic), tail):
        if found.start() + struct.calcsize(layout) <= len(tail):
            yield struct.unpack_from(layout, tail, found.start())


def _check(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo], packed: int, limits: ImportSettings) -> None:
    """Everything an archive must be before its first member is opened. Raises ImportRefused."""
    if len(archive.infolist()) > limits.max_members:
        raise _too_many(limits)
    _check_names(files)
    _check_overlaps(archive)
    for info in files:
        _check_member(info, limits)
    total = sum(info.file_size for info in files)
    if total > limits.max_bytes or any(info.file_size > limits.max_member_bytes for info in files):
        raise ImportRefused(
            f"The archive holds more than {limits.max_bytes} bytes, or a file of more than {limits.max_member_bytes}.",
            remedy="Split it, or raise imports.max_bytes or imports.max_member_bytes.",
            reason="too_large",
        )
    if total > max(RATIO_FLOOR, packed * limits.max_ratio):
        raise _bomb(limits)


def _check_names(files: list[zipfile.ZipInfo]) -> None:
    names = [_name(info) for info in files]
    if not all(info.orig_filename for info in files):
        raise _damaged()
    outside = [_OUTSIDE.search(name) or "\x00" in info.orig_filename for name, info in zip(names, files, strict=True)]
    if any(outside):
        raise ImportRefused(
            f"The names of {sum(map(bool, outside))} files in the archive lead out of it.",
            remedy="Pack the folder itself, without absolute names and without '..'.",
            reason="zip_unsafe_name",
        )
    if len(set(names)) < len(names):
        raise ImportRefused(
            "The archive holds two files of the same name.",
            remedy="Pack it again, each file once.",
            reason="zip_duplicate_name",
        )


def _check_member(info: zipfile.ZipInfo, limits: ImportSettings) -> None:
    if info.flag_bits & 0x1:
        raise ImportRefused(
            "The archive is encrypted.", remedy="Pack it again without a password.", reason="zip_encrypted"
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ImportRefused(
            "The archive holds a link or a device, not only files.",
            remedy="Pack the files that the links lead to.",
            reason="zip_link",
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ImportRefused(
            "The archive is packed in a way that is not read here.",
            remedy="Pack it again as an ordinary zip (deflate).",
            reason="zip_method",
        )
    if info.file_size > max(RATIO_FLOOR, info.compress_size * limits.max_ratio):
        raise _bomb(limits)


def _check_overlaps(archive: zipfile.ZipFile) -> None:
    """No two members may share bytes of the archive."""
    ends = 0
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.header_offset < ends:
            raise ImportRefused(
                "Files in the archive overlap each other: it is made to unpack to more than it holds.",
                remedy="Pack the files again.",
                reason="zip_overlap",
            )
        ends = info.header_offset + _LOCAL_HEADER + info.compress_size
    if ends > archive.start_dir:
        raise _damaged()


def _damaged() -> ImportRefused:
    return ImportRefused(
        "The zip archive is damaged or cut short.", remedy="Pack it again and upload it whole.", reason="zip_damaged"
    )


def _too_many(limits: ImportSettings) -> ImportRefused:
    return ImportRefused(
        f"The archive holds more than {limits.max_members} files.",
        remedy="Split it, or raise imports.max_members.",
        reason="zip_too_many",
    )


def _bomb(limits: ImportSettings) -> ImportRefused:
    return ImportRefused(
        f"The archive unpacks to more than {limits.max_ratio} times its size.",
        remedy="Upload the files unpacked, or raise imports.max_ratio.",
        reason="zip_ratio",
    )
