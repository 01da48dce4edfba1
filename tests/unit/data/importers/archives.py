"""Archives for tests: well-made ones, and ones that no packer would make."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def zipped(files: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def overlapping(copies: int) -> bytes:
    """A zip whose directory names the same bytes many times."""
    packed = zlib.compress(b"text\n" + b"a" * 100_000, 9)[2:-4]
    plain = b"text\n" + b"a" * 100_000
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(plain), len(packed), len(plain), 1, 0)
    body = local + b"x" + packed
    entries = b""
    for number in range(copies):
        name = f"{number:03}".encode()
        entries += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(plain), len(packed), len(plain), len(name),
            0, 0, 0, 0, 0, 0,
        ) + name  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, copies, copies, len(entries), len(body), 0)
    return body + entries + end


def flagged(archive: bytes, bits: int) -> bytes:
    """The same zip with flag bits set in its directory (1: encrypted)."""
    at = archive.index(b"PK\1\2")
    return archive[: at + 8] + struct.pack("<H", bits) + archive[at + 10 :]


def linked(files: dict[str, bytes]) -> bytes:
    """A zip whose members say that they are symbolic links."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = 0o120777 << 16
            archive.writestr(info, content)
    return out.getvalue()


def nameless(content: str) -> bytes:
    """An archive whose only file has an empty name: the one letter it had counts as an extra field."""
    packed = bytearray(zipped({"a": content}))
    for magic, at in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        lengths = packed.index(magic) + at
        packed[lengths : lengths + 4] = struct.pack("<HH", 0, 1)
    return bytes(packed)
