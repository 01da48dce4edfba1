"""Ledgers that outlive a process: a checkpoint is trusted by the digest that was recorded when it was written.

A job's are rows of the store. Where there is no job, a file beside the checkpoints holds them: it tells a whole
checkpoint from half a one, not a friend's from a stranger's.
"""

from __future__ import annotations

import json
from pathlib import Path

from data.files import disk, sync
from data.jobs import JobContext
from data.store import runs


class StoreLedger:
    """Records under the job's fence: a worker that lost its job can vouch for nothing."""

    def __init__(self, context: JobContext, run_id: str) -> None:
        self._context, self._run_id = context, run_id

    def record(self, name: str, digest: str) -> None:
        with self._context.begin() as tx:
            runs.record_checkpoint(tx, self._run_id, name, digest)

    def known(self, name: str) -> str | None:
        with self._context.store.read() as tx:
            kept = runs.checkpoints(tx, self._run_id)
        return next((checkpoint.digest for checkpoint in kept if checkpoint.name == name), None)


class FileLedger:
    """Digests in `ledger.json` of a folder that one process works in."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.json"

    def record(self, name: str, digest: str) -> None:
        part = self._path.with_suffix(".part")
        with disk():
            part.write_text(json.dumps({**self._all(), name: digest}) + "\n", encoding="utf-8")
            sync(part)
            part.replace(self._path)
            sync(self._path.parent)

    def known(self, name: str) -> str | None:
        return self._all().get(name)

    def _all(self) -> dict[str, str]:
        try:
            body = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return {str(name): str(digest) for name, digest in body.items()} if isinstance(body, dict) else {}
