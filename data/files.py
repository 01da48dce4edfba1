"""Files that are kept: blobs named by the hash of their bytes, and folders that appear whole or not at all.

Everything is written aside under `tmp/`, flushed to the disk, renamed, and the rename flushed too: after a crash at any
point a name holds all of its bytes or does not exist. No path is ever made of user text.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from data.errors import ImportRefused, IntegrityError, NotFound, StorageError, StorageFull
from data.schema import DEFAULT_WORKSPACE

CHUNK = 1 << 20
ABANDONED_SECONDS = 24 * 3600.0
"""What nobody has touched under `tmp/` for this long belongs to nobody."""

RECEIVED = "blob"
"""What a file is called under `tmp/` until all of it came."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    """A stream of bytes, read once."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are kept: their SHA-256 in hexadecimal, and how many they are."""

    digest: str
    size: int


class Blobs:
    """The files under `home`. Every method that touches the disk raises StorageFull or StorageError when it fails."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "blobs"
        self.tmp = home / "tmp"

    def put(self, stream: Readable, *, max_bytes: int) -> Blob:
        """Keep what `stream` yields; once this returns, it survives a crash.

        The same bytes again replace themselves, which also mends a damaged copy. Raises ImportRefused beyond
        `max_bytes`, having kept nothing.
        """
        with self.scratch() as folder:
            aside = folder / RECEIVED
            with disk(), aside.open("xb") as target:
                blob = _copy(stream, target, max_bytes)
                target.flush()
                os.fsync(target.fileno())
            final = self.path(blob.digest)
            with disk():
                make_folder(final.parent)
                aside.replace(final)
                sync(final.parent)
        return blob

    def path(self, digest: str) -> Path:
        """Where the blob of that digest lies or would lie. Raises NotFound for what is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound("There is no such file.")
        return self.folder / digest[:2] / digest

    def open(self, digest: str) -> BufferedReader:
        """The blob's bytes, to be read and closed. Raises NotFound."""
        path = self.path(digest)
        with disk():
            try:
                return path.open("rb")
            except FileNotFoundError:
                raise NotFound("There is no such file.", blob=digest) from None

    def verify(self, digest: str) -> None:
        """Read the blob and compare. Raises IntegrityError when its bytes have changed, NotFound."""
        with self.open(digest) as stream, disk():
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != digest:
            raise IntegrityError(
                "A stored file no longer has the bytes it was stored with.",
                remedy="Upload it again, or restore it from a backup.",
                blob=digest,
            )

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A fresh folder under `tmp/`, on the disk of all the rest, gone when the block ends (unless renamed away)."""
        with disk():
            make_folder(self.tmp)
            folder = Path(tempfile.mkdtemp(dir=self.tmp))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def abandoned(self, now: datetime, age_seconds: float = ABANDONED_SECONDS) -> list[Path]:
        """What lies under `tmp/` untouched for `age_seconds`: the leftovers of processes that were killed."""
        if not self.tmp.is_dir():
            return []
        with disk():
            return [path for path in sorted(self.tmp.iterdir()) if seconds_old(path, now) >= age_seconds]

    def sweep_tmp(self, now: datetime | None = None, age_seconds: float = ABANDONED_SECONDS) -> int:
        """Remove what is `abandoned`; how many things that were."""
        leftovers = self.abandoned(datetime.now(UTC) if now is None else now, age_seconds)
        for path in leftovers:
            remove(path)
        return len(leftovers)


def publish_folder(work: Path, final: Path) -> bool:
    """Move the complete folder `work` to `final`: durably, and whole or not at all.

    True when it was published now; False when `final` was there already: it stays untouched, `work` is removed, and
    the caller compares if it has reason to. Both must lie on one disk (see Blobs.scratch).
    """
    with disk():
        sync_tree(work)
        make_folder(final.parent)
        try:
            work.rename(final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            shutil.rmtree(work)
            return False
        sync(final.parent)
    return True


def release_folder(home: Path, workspace: str, bot: str, number: int) -> Path:
    """Where a release of a bot lies. All names are plain by their own rules, and none holds a dot."""
    return home / "releases" / release_name(workspace, bot, number)


def release_name(workspace: str, bot: str, number: int) -> str:
    """The folder of a release, relative to `releases/`: a bot of another workspace than the first carries its name."""
    shelf = bot if workspace == DEFAULT_WORKSPACE else f"{workspace}.{bot}"
    return f"{shelf}/{number}"


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, so that they survive a crash."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        sync(path.parent)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, and itself, to the disk."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(root) / name)
        sync(Path(root))


def sync(path: Path) -> None:
    """Flush a file or folder to the disk. Windows cannot open folders, and keeps a journal of names itself."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds; it may be gone already."""
    with disk():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def seconds_old(path: Path, now: datetime) -> float:
    """Seconds since anything at or below `path` was last changed."""
    touched = [path.lstat().st_mtime]
    touched += [below.lstat().st_mtime for below in path.rglob("*")] if path.is_dir() else []
    return now.timestamp() - max(touched)


@contextmanager
def disk() -> Iterator[None]:
    """Raise the disk's refusals as StorageFull or StorageError; the message names no path."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk is full; nothing was kept.", remedy="Free space, then try again.") from error
        remedy = "Check the home folder and its disk."
        if error.errno in _CLOSED:
            remedy = "Check who may write to the home folder; --home or ATTUNE_HOME names another."
        raise StorageError(f"The disk refused: {error.strerror or type(error).__name__}.", remedy=remedy) from error


def _copy(stream: Readable, target: BinaryIO, max_bytes: int) -> Blob:
    digest = hashlib.sha256()
    size = 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > max_bytes:
            raise ImportRefused(
                f"The file is larger than {max_bytes} bytes, the most that is taken.",
                remedy="Split it, or raise imports.max_bytes.",
            )
        digest.update(piece)
        target.write(piece)
    return Blob(digest.hexdigest(), size)
