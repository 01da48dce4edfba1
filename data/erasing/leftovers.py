"""Files beside the store's own that may quote somebody: logs of libraries, backups of upgrades, work that broke off."""

from __future__ import annotations

from data.erasing.work import Work
from data.files import RECEIVED, Blobs, disk, remove
from data.store import census

ERRORS = "error-"
"""How the files begin that hold details of errors nobody foresaw (`service.failures`)."""


def forget_leftovers(work: Work) -> None:
    """Remove them. What others may be using is left, and swept by whoever comes after a day."""
    _empty_logs(work)
    _drop_backups(work)
    _sweep(work)


def _empty_logs(work: Work) -> None:
    """A log that somebody writes to is emptied under the pen; what they write next stands at its beginning."""
    count = 0
    for path in sorted((work.settings.home / "logs").glob("*")):
        with disk():
            if path.is_file() and path.stat().st_size > 0:
                count += 1
                if path.name.startswith(ERRORS):
                    path.unlink()
                else:
                    path.write_bytes(b"")
    with work.ledger.begin():
        work.ledger.add("logs", count)


def _drop_backups(work: Work) -> None:
    """They are for the hour after an upgrade, and hold everybody."""
    there = sorted((work.settings.home / "backups").glob("*"))
    for path in there:
        remove(path)
    with work.ledger.begin():
        work.ledger.add("backups", len(there))


def _sweep(work: Work) -> None:
    """While no other job runs, what lies under `tmp/` is of killed ones, but for files that are being received."""
    blobs, now = Blobs(work.settings.home), work.store.clock()
    if census.busy(work.store) <= 1:
        swept = [path for path in sorted(blobs.tmp.glob("*")) if not (path / RECEIVED).exists()]
    else:
        swept = blobs.abandoned(now)
    for path in swept:
        remove(path)
    with work.ledger.begin():
        work.ledger.report["left_in_tmp"] = len(list(blobs.tmp.glob("*")))
