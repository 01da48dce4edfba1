"""What the store keeps of what is to be forgotten: conversations, chats, feedback, and what reports quote of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data.erasing.derived import forget_answers
from data.erasing.quotes import GONE, without_quotes
from data.erasing.work import Work
from data.ingest import KIND as IMPORT
from data.store import Tx, erasures, forgetting, suggested_turns, uploads
from data.store.forgetting import BATCH
from data.store.uploads import Upload


def forget_rows(work: Work) -> None:
    """Take them out, a bounded number at a time."""
    _forget_reports(work)
    _forget_results(work)
    _forget_chats(work)
    _forget_conversations(work)
    if work.erasure.kind == "upload":
        _forget_uploads(work)


def _forget_conversations(work: Work) -> None:
    suggested = set[str]()
    while True:
        work.context.check()
        with work.ledger.begin() as tx:
            page = forgetting.conversations_of(tx, work.bot.id, work.target.wanted)
            suggested |= suggested_turns.forget(tx, work.bot.id, [one.key for one in page])
            work.ledger.add("conversations", forgetting.drop_conversations(tx, page) if page else 0)
            if work.erasure.kind == "conversation":
                marks = [work.marks.conversation(one.fingerprint) for one in page]
                erasures.suppress(tx, work.bot.id, work.erasure.id, marks)
        if len(page) < BATCH:
            break
    forget_answers(work, suggested)


def _forget_chats(work: Work) -> None:
    target = work.target
    forget_answers(work, {*target.sessions, *target.turns, *target.feedback})
    for part in _parts(target.feedback):
        with work.ledger.begin() as tx:
            work.ledger.add("feedback", forgetting.drop_feedback(tx, part))
    if work.erasure.kind == "turn":
        with work.ledger.begin() as tx:
            forgetting.unprepare(tx, target.sessions)
    for part in _parts(target.turns):
        with work.ledger.begin() as tx:
            work.ledger.add("turns", forgetting.drop_turns(tx, part))
    for session in target.sessions if work.erasure.kind == "session" else ():
        with work.ledger.begin() as tx:
            _end_session(tx, work, session)


def _end_session(tx: Tx, work: Work, session: str) -> None:
    """The session itself, and whatever was said in it while its turns went."""
    late = [one for one, _ in forgetting.feedback_of(tx, [session])]
    work.ledger.add("feedback", forgetting.drop_feedback(tx, late))
    turns, there = forgetting.drop_session(tx, session)
    work.ledger.add("turns", turns)
    work.ledger.add("sessions", there)


def _forget_reports(work: Work) -> None:
    """Reports of files that are gone quote nothing any more."""
    for upload in _gone(work):
        if upload.report is not None and not upload.report.get(GONE):
            with work.ledger.begin() as tx:
                name = GONE if _names_somebody(work, upload) else upload.name
                forgetting.forget_upload(tx, upload.id, report=without_quotes(upload.report), name=name)
                work.ledger.add("reports", 1)


def _forget_results(work: Work) -> None:
    """What their imports returned is the same report."""
    gone, after = {upload.id for upload in _gone(work)}, ""
    while gone:
        work.context.check()
        with work.ledger.begin() as tx:
            page = forgetting.results(tx, work.bot.id, after)
            for job in page:
                if job["kind"] == IMPORT and job["payload"].get("upload") in gone and not job["result"].get(GONE):
                    forgetting.change_result(tx, job["id"], without_quotes(job["result"]))
        if len(page) < BATCH:
            return
        after = page[-1]["id"]


def _forget_uploads(work: Work) -> None:
    """Of an upload that is erased as a whole a row stays that says so."""
    for upload_id in work.target.wanted.uploads:
        with work.ledger.begin() as tx:
            values: dict[str, Any] = {"state": "erased", "name": GONE, "options": {}, "error": None, "conversations": 0}
            forgetting.forget_upload(tx, upload_id, **values)
            uploads.free(tx, upload_id)
            work.ledger.list("uploads", upload_id)


def _names_somebody(work: Work, upload: Upload) -> bool:
    shown = upload.name.casefold()
    return any(name.strip().casefold() in shown for name in work.erasure.names or ())


def _gone(work: Work) -> list[Upload]:
    with work.store.read() as tx:
        return [one for one in uploads.list_for(tx, work.bot.id) if one.original_erased_at is not None]


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
