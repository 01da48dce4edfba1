"""Secrets that are made once and kept in the home folder, for its owner alone."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path

from data.files import disk, sync

SECRET_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """The secret in `path`, made at the first call. Of several processes that make one at once, the first one's holds.

    Raises StorageFull, StorageError.
    """
    with disk():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        if not path.exists():
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(handle, secrets.token_hex(SECRET_BYTES).encode())
                os.fsync(handle)
            finally:
                os.close(handle)
            try:
                os.link(aside, path)  # fails when another process was first: then its secret holds
            except FileExistsError:
                pass
            finally:
                aside.unlink()
            sync(path.parent)
        return path.read_bytes()
