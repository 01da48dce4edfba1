"""Locks on files, which end with the process that holds them, however it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

WAIT_SECONDS = 0.1


def taken(path: Path) -> IO[bytes] | None:
    """The file, locked for as long as it stays open; None where another holder has it."""
    file = path.open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
    return file


def is_held(path: Path) -> bool:
    """Whether somebody alive holds the lock of `path`."""
    file = taken(path) if path.exists() else None
    if file is not None:
        file.close()
    return file is None and path.exists()


@contextmanager
def holding(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Wait for the lock and hold it for the length of the block; `check` may raise meanwhile."""
    while (file := taken(path)) is None:
        check()
        time.sleep(WAIT_SECONDS)
    with file:
        yield


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def forget(path: Path) -> None:
    """Remove the file of a lock that nobody needs any more."""
    with suppress(OSError):
        path.unlink()
