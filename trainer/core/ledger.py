"""The store as a run's ledger: a checkpoint is trusted by the digest that the job's owner recorded."""

from __future__ import annotations

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
