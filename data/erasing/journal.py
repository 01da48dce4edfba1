"""What was erased, kept outside of the database: after the restore of an older one it is erased again.

One line an erasure. It names nobody: a customer stands there as keyed digests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from data.files import disk, sync
from data.store.erasures import AGAIN, Erasure

JOURNAL = "erasures.jsonl"


def write_journal(home: Path, workspace: str, bot: str, erasure: Erasure, originals: Sequence[str]) -> None:
    """Add the erasure, unless it stands there. `originals` are the digests of the files that went: one may have held a
    name where no row says so, and the names are not known any more when it is done again."""
    first = erasure.requested_by.removeprefix(AGAIN) if erasure.requested_by.startswith(AGAIN) else erasure.id
    if any(one["erasure"] == first for one in read_journal(home)):
        return
    line = {
        "erasure": first,
        "workspace": workspace,
        "bot": bot,
        "kind": erasure.kind,
        "ids": sorted({*erasure.ids, *originals}) if erasure.kind == "customer" else erasure.ids,
        "at": erasure.created_at.astimezone(UTC).isoformat(),
    }
    with disk():
        handle = os.open(home / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, b"\n" + json.dumps(line).encode("ascii") + b"\n")  # a line that broke off stays apart
            os.fsync(handle)
        finally:
            os.close(handle)
        sync(home)


def read_journal(home: Path) -> list[dict[str, Any]]:
    """The erasures in the journal; a line that a crash cut short is none."""
    try:
        text = (home / JOURNAL).read_text(encoding="ascii")
    except OSError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]
