"""Looking for a word in every byte below a folder: as it lies there, and in what packed files unpack to."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def traces(home: Path, *words: str) -> list[str]:
    """Where any of the words is found, in whatever case: files by their place, with what was unpacked of them."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        for kind, content in _read(path.read_bytes()):
            low = content.lower()
            found += [f"{path.relative_to(home)} ({kind}): {word}" for word in words if _stands_in(low, word)]
        found += [f"{path.relative_to(home)} (its name): {word}" for word in words if word.lower() in path.name.lower()]
    return found


def _stands_in(content: bytes, word: str) -> bool:
    forms = (word.lower().encode("utf-8"), word.lower().encode("utf-16-le"), json.dumps(word.lower())[1:-1].encode())
    return any(form in content for form in forms)


def _read(content: bytes) -> Iterator[tuple[str, bytes]]:
    yield "as it is", content
    if content.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError):
            yield "gzip", gzip.decompress(content)
    if content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        yield "parquet", json.dumps(table.to_pylist(), ensure_ascii=False, default=str).encode("utf-8", "replace")
    if content.startswith(b"PK"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"zip {name}", archive.read(name)
    with suppress(pa.ArrowInvalid, OSError):
        if content.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
            yield "arrow", json.dumps(pa.ipc.open_stream(content).read_all().to_pylist(), default=str).encode()
