"""The job that forgets, from beginning to end. Killed anywhere and taken up again, it ends as if it had not been.

    1 keep out what must not come in again      4 the files as they came
    2 nobody else at work on the bot            5 rows, reports, chats
    3 releases and datasets                     6 logs, backups, work files; the names; the database file

What is derived goes before what it was derived from: as long as anything of it is left to be found, there is still what
to find it by.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from data.erasing.derived import TRAIN, Heard, forget_derived, listen, trained_on
from data.erasing.ledger import Ledger
from data.erasing.leftovers import forget_leftovers
from data.erasing.originals import forget_originals
from data.erasing.quiet import ask_again, quieten
from data.erasing.rows import forget_rows
from data.erasing.targets import Target, conversations, target_of
from data.erasing.work import Unsay, Work
from data.errors import UsageError
from data.files import disk, sync
from data.jobs import JobContext
from data.settings import Settings
from data.store import audit, bots, datasets, erasures, jobs, uploads
from data.store.audit import Entry
from data.store.compaction import compact
from data.suppression import Marks

JOURNAL = "erasures.jsonl"
"""What was erased, kept outside of the database: after the restore of an older one it is erased again."""


def run_erasure(context: JobContext, settings: Settings, unsay: Unsay) -> dict[str, Any]:
    """The handler of erasure jobs; returns the report."""
    work = _begin(context, settings, unsay)
    if work.erasure.dry_run:
        return _looked(work)
    if work.erasure.finished_at is None:
        _keep_out(work)
        quieten(context, work.ledger)
        work = replace(work, target=target_of(work.store, work.marks, work.erasure))
        forget_derived(work, listen(work, work.target))
        forget_originals(work)
        forget_rows(work)
        forget_leftovers(work)
        _write_journal(settings.home, work)
        _finish(work)
    compact(context.store)
    return work.ledger.report


def _begin(context: JobContext, settings: Settings, unsay: Unsay) -> Work:
    if context.job.bot_id is None:
        raise UsageError("An erasure belongs to a bot.")
    with context.store.read() as tx:
        bot = bots.get_by_id(tx, context.job.bot_id)
        erasure = erasures.get(tx, bot.id, str(context.job.payload["erasure"]))
    marks = Marks.of(settings.home)
    target = target_of(context.store, marks, erasure)
    return Work(context, settings, bot, erasure, marks, target, Ledger(context, erasure), unsay)


def _keep_out(work: Work) -> None:
    erasure = work.erasure
    with work.ledger.begin() as tx:
        if erasure.kind == "customer":
            erasures.suppress(tx, work.bot.id, erasure.id, erasure.ids)
        if erasure.kind == "upload":
            digests = [uploads.get(tx, name).digest for name in erasure.ids]
            erasures.suppress(tx, work.bot.id, erasure.id, digests)


def _looked(work: Work) -> dict[str, Any]:
    """What would go, with nothing done."""
    heard = listen(work, work.target)
    report = {**work.ledger.report, **_counted(work, work.target, heard), "dry_run": True}
    with work.context.begin() as tx:
        erasures.finish(tx, work.erasure.id, report)
    return report


def _counted(work: Work, target: Target, heard: Heard) -> dict[str, Any]:
    of_datasets = heard.affected
    with work.store.read() as tx:
        numbers = {one.id: one.number for one in datasets.list_for(tx, work.bot.id)}
    return {
        "conversations": sum(1 for _ in conversations(work.store, work.bot.id, target.wanted)),
        "turns": len(target.turns),
        "feedback": len(target.feedback),
        "sessions": len(target.sessions) if work.erasure.kind == "session" else 0,
        "uploads": list(target.touched),
        "rows": sum(heard.rows.values()),
        "datasets": [{"dataset": numbers[one], "rows": heard.rows.get(one, 0)} for one in sorted(of_datasets)],
        "releases": [{"release": one.number, "rewritten": False} for one in trained_on(work, of_datasets)],
    }


def _finish(work: Work) -> None:
    """The names go; what others had asked for is asked for again."""
    with work.context.begin() as tx:
        ask_again(tx, work.ledger)
        report = work.ledger.report
        if report["releases"] and work.settings.erasure.policy == "auto_retrain" and "retraining" not in report:
            report["retraining"] = jobs.enqueue(tx, TRAIN, {}, bot_id=work.bot.id).id
        erasures.finish(tx, work.erasure.id, report)
        done = Entry("erasure", work.context.job.id, "erasures.finished", work.erasure.id)
        audit.record(tx, done)


def _write_journal(home: Path, work: Work) -> None:
    """One line an erasure. It names nobody: a customer stands there as keyed digests."""
    path = home / JOURNAL
    if any(one["erasure"] == work.erasure.id for one in read_journal(home)):
        return
    line = {
        "erasure": work.erasure.id,
        "workspace": work.store.workspace,
        "bot": work.bot.name,
        "kind": work.erasure.kind,
        "ids": work.erasure.ids,
        "at": work.erasure.created_at.astimezone(UTC).isoformat(),
    }
    with disk():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, json.dumps(line).encode("ascii") + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        sync(home)


def read_journal(home: Path) -> list[dict[str, Any]]:
    """The lines of the journal; one that a crash cut short is left out."""
    try:
        text = (home / JOURNAL).read_text(encoding="ascii")
    except OSError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]
