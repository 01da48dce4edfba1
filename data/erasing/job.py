"""The job that forgets, from beginning to end. Killed anywhere and taken up again, it ends as if it had not been.

    1 keep out what must not come in again      4 the files as they came
    2 nobody else at work on the bot            5 rows, reports, chats
    3 releases and datasets                     6 logs, backups, work files; the names; the database file

What is derived goes before what it was derived from: as long as anything of it is left to be found, there is still what
to find it by.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from data.erasing.derived import Heard, forget_derived, listen, trained_on
from data.erasing.journal import write_journal
from data.erasing.ledger import Ledger
from data.erasing.leftovers import forget_leftovers
from data.erasing.originals import forget_originals, originals_gone
from data.erasing.quiet import READERS, TRAIN, ask_again, quieten
from data.erasing.rows import forget_rows
from data.erasing.targets import Target, conversations, target_of
from data.erasing.work import Unsay, Work
from data.errors import UsageError
from data.jobs import JobContext
from data.settings import Settings
from data.store import audit, bots, datasets, erasures, forgetting, jobs, uploads
from data.store.audit import Entry
from data.store.compaction import compact
from data.suppression import Marks


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
        write_journal(settings.home, work.store.workspace, work.bot.name, work.erasure, originals_gone(work))
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
        forgetting.forget_keys(tx, work.bot.id, READERS)
        ask_again(tx, work.ledger)
        report = work.ledger.report
        if report["releases"] and work.settings.erasure.policy == "auto_retrain" and "retraining" not in report:
            report["retraining"] = jobs.enqueue(tx, TRAIN, {}, bot_id=work.bot.id).id
        erasures.finish(tx, work.erasure.id, report)
        done = Entry("erasure", work.context.job.id, "erasures.finished", work.erasure.id)
        audit.record(tx, done)
