"""What an erasure takes out of rows: a bounded number at a time, each step harmless when it is done again.

It deletes for good: SQLite overwrites what is deleted (`secure_delete`), and `compaction` leaves nothing of it behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Delete, Table, delete, func, or_, select, tuple_, update

from data.store.engine import Tx
from data.store.release_tables import releases
from data.store.runs import QUOTES
from data.store.serving_tables import feedback, feedback_revisions, idempotency_keys, turns
from data.store.serving_tables import sessions as session_rows
from data.store.tables import conversations, job_events, jobs, run_checkpoints, runs, uploads

BATCH = 200
"""Rows that one transaction takes out."""
ERASED = "erased"
"""Stands where a reply stood that other people were told in words that had to go."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations: of these uploads, of customers with these digests, or these by key or fingerprint."""

    uploads: Sequence[str] = ()
    customers: Sequence[str] = ()
    conversations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation that is to go."""

    key: str
    upload: str
    fingerprint: str


def conversations_of(tx: Tx, bot_id: str, wanted: Wanted, after: str = "", limit: int = BATCH) -> list[Found]:
    """At most `limit` of them, by key, from the one after `after` on."""
    c = conversations.c
    named: list[ColumnElement[bool]] = [
        c.upload_id.in_(wanted.uploads),
        c.customer.in_(wanted.customers),
        c.id.in_(wanted.conversations),
        c.fingerprint.in_(wanted.conversations),
    ]
    given = (wanted.uploads, wanted.customers, wanted.conversations, wanted.conversations)
    chosen = [one for one, values in zip(named, given, strict=True) if values]
    if not chosen:
        return []
    statement = select(c.id, c.upload_id, c.fingerprint).where(tx.owns(conversations), c.bot_id == bot_id)
    page = statement.where(or_(*chosen), c.id > after).order_by(c.id).limit(limit)
    return [Found(*row) for row in tx.connection.execute(page)]


def customers(tx: Tx, bot_id: str) -> list[str]:
    """The digests of all customers whose conversations are kept."""
    c = conversations.c
    named = select(c.customer).where(tx.owns(conversations), c.bot_id == bot_id, c.customer.is_not(None)).distinct()
    return list(tx.connection.execute(named.order_by(c.customer)).scalars())


def drop_conversations(tx: Tx, found: Sequence[Found]) -> int:
    """Delete them; their uploads hold that many fewer."""
    keys = [one.key for one in found]
    gone = tx.connection.execute(delete(conversations).where(tx.owns(conversations), conversations.c.id.in_(keys)))
    touched = sorted({one.upload for one in found})
    left = (
        select(func.count())
        .where(tx.owns(conversations), conversations.c.upload_id == uploads.c.id)
        .correlate(uploads)
        .scalar_subquery()
    )
    counted = update(uploads).where(tx.owns(uploads), uploads.c.id.in_(touched), uploads.c.state == "imported")
    tx.connection.execute(counted.values(conversations=left))
    return gone.rowcount


def forget_upload(tx: Tx, upload_id: str, **values: Any) -> None:
    """Change what is told of an upload."""
    tx.connection.execute(update(uploads).where(tx.owns(uploads), uploads.c.id == upload_id).values(**values))


def drop_feedback(tx: Tx, ids: Sequence[str]) -> int:
    """Delete feedback with all its revisions."""
    tx.connection.execute(_these(tx, feedback_revisions, feedback_revisions.c.feedback_id, ids))
    return tx.connection.execute(_these(tx, feedback, feedback.c.id, ids)).rowcount


def feedback_of(tx: Tx, session_ids: Sequence[str]) -> list[tuple[str, str]]:
    """(feedback, its turn) of all feedback on these sessions."""
    c = feedback.c
    named = select(c.id, c.turn_id).where(tx.owns(feedback), c.session_id.in_(session_ids)).order_by(c.id)
    return [(row.id, row.turn_id) for row in tx.connection.execute(named)]


def sessions_of(tx: Tx, bot_id: str, turn_ids: Sequence[str]) -> list[str]:
    """The sessions in which these turns of the bot were said."""
    named = select(turns.c.session_id).where(tx.owns(turns), turns.c.bot_id == bot_id, turns.c.id.in_(turn_ids))
    return list(tx.connection.execute(named.distinct().order_by(turns.c.session_id)).scalars())


def unprepare(tx: Tx, session_ids: Sequence[str]) -> None:
    """Feedback on these sessions is prepared anew before it is learned from: what it quotes has changed."""
    c = feedback.c
    stale = update(feedback).where(tx.owns(feedback), c.session_id.in_(session_ids))
    tx.connection.execute(stale.values(prepared=None, prepared_revision=None))


def drop_turns(tx: Tx, turn_ids: Sequence[str]) -> int:
    """Delete turns that no feedback speaks of any more. What answers them and stays answers nothing from now on."""
    answers = update(turns).where(tx.owns(turns), turns.c.reply_to.in_(turn_ids))
    tx.connection.execute(answers.values(reply_to=None))
    return tx.connection.execute(_these(tx, turns, turns.c.id, turn_ids)).rowcount


def drop_session(tx: Tx, session_id: str) -> tuple[int, int]:
    """Delete a session without feedback, with all its turns; how many turns and sessions those were."""
    gone = tx.connection.execute(delete(turns).where(tx.owns(turns), turns.c.session_id == session_id)).rowcount
    ended = delete(session_rows).where(tx.owns(session_rows), session_rows.c.id == session_id)
    return gone, tx.connection.execute(ended).rowcount


def answers_to(tx: Tx, turn_ids: Sequence[str]) -> list[str]:
    """The turns that answer these, and so may repeat them."""
    named = select(turns.c.id).where(tx.owns(turns), turns.c.reply_to.in_(turn_ids)).order_by(turns.c.id)
    return list(tx.connection.execute(named).scalars())


def said_by_bots(tx: Tx, bot_id: str, after: str, limit: int = BATCH) -> list[dict[str, Any]]:
    """What the bot said to anybody: id, session, text, source and detail of turns, by id after `after`."""
    c = turns.c
    page = select(c.id, c.session_id, c.text, c.source, c.detail).where(tx.owns(turns), c.bot_id == bot_id)
    chosen = page.where(c.role == "assistant", c.id > after).order_by(c.id).limit(limit)
    return [dict(row._mapping) for row in tx.connection.execute(chosen)]


def unsay(tx: Tx, turn_id: str, **values: Any) -> None:
    """Change what the bot is told to have said in a turn."""
    tx.connection.execute(update(turns).where(tx.owns(turns), turns.c.id == turn_id).values(**values))


def results(tx: Tx, bot_id: str, after: str, limit: int = BATCH) -> list[dict[str, Any]]:
    """id, kind, payload and result of the jobs of a bot that left one, by id after `after`."""
    c = jobs.c
    page = select(c.id, c.kind, c.payload, c.result).where(tx.owns(jobs), c.bot_id == bot_id, c.result.is_not(None))
    return [dict(row._mapping) for row in tx.connection.execute(page.where(c.id > after).order_by(c.id).limit(limit))]


def change_result(tx: Tx, job_id: str, result: dict[str, Any]) -> None:
    tx.connection.execute(update(jobs).where(tx.owns(jobs), jobs.c.id == job_id).values(result=result))


def quoting_events(tx: Tx, bot_id: str, type: str, after: tuple[str, int]) -> list[dict[str, Any]]:  # noqa: A002
    """job_id, sequence and data of the events of this type of a bot's jobs, in order, after `after`."""
    c = job_events.c
    of_bot = select(jobs.c.id).where(tx.owns(jobs), jobs.c.bot_id == bot_id)
    page = select(c.job_id, c.sequence, c.data).where(tx.owns(job_events), c.type == type, c.job_id.in_(of_bot))
    behind = page.where(tuple_(c.job_id, c.sequence) > after).order_by(c.job_id, c.sequence).limit(BATCH)
    return [dict(row._mapping) for row in tx.connection.execute(behind)]


def change_event(tx: Tx, job_id: str, sequence: int, data: dict[str, Any]) -> None:
    is_it = (tx.owns(job_events), job_events.c.job_id == job_id, job_events.c.sequence == sequence)
    tx.connection.execute(update(job_events).where(*is_it).values(data=data))


def forget_keys(tx: Tx, bot_id: str, kinds: Sequence[str]) -> None:
    """Work of these kinds that was done before is no answer any more to whoever asks for the same."""
    same = update(jobs).where(tx.owns(jobs), jobs.c.bot_id == bot_id, jobs.c.kind.in_(kinds))
    tx.connection.execute(same.values(dedupe_key=None))


def mark_release(tx: Tx, bot_id: str, number: int, *, blocked: bool) -> None:
    """Say that a release was trained on what is erased; since when stays as it was first said."""
    c = releases.c
    is_it = (tx.owns(releases), c.bot_id == bot_id, c.number == number)
    fresh = update(releases).where(*is_it, c.trained_on_erased_data.is_(None))
    tx.connection.execute(fresh.values(trained_on_erased_data=tx.now))
    if blocked:
        tx.connection.execute(update(releases).where(*is_it).values(promotion_blocked=True))


def change_release(tx: Tx, bot_id: str, number: int, **values: Any) -> None:
    """Change what is recorded of a release that erasing takes words out of."""
    is_it = (tx.owns(releases), releases.c.bot_id == bot_id, releases.c.number == number)
    tx.connection.execute(update(releases).where(*is_it).values(**values))


def drop_checkpoints(tx: Tx, dataset_ids: Sequence[str]) -> list[str]:
    """The runs on these datasets; nothing is taken up again from what they left, nor do they quote it any more."""
    is_on = (tx.owns(runs), runs.c.dataset_id.in_(dataset_ids))
    named = tx.connection.execute(select(runs.c.id, runs.c.metrics).where(*is_on).order_by(runs.c.id)).all()
    found = [str(row.id) for row in named]
    for row in named:
        if QUOTES in (row.metrics or {}):
            left = {name: value for name, value in row.metrics.items() if name != QUOTES}
            tx.connection.execute(update(runs).where(*is_on, runs.c.id == row.id).values(metrics=left))
    tx.connection.execute(_these(tx, run_checkpoints, run_checkpoints.c.run_id, found))
    return found


def forget_answers(tx: Tx, ids: Set[str], after: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Look through some of the answers that are kept for repeated calls, and delete those that name one of `ids`.

    Where to go on; None at the end.
    """
    c = idempotency_keys.c
    place = (c.actor, c.route, c.key)
    page = select(*place, c.body).where(tx.owns(idempotency_keys)).order_by(*place).limit(BATCH)
    found = tx.connection.execute(page if after is None else page.where(tuple_(*place) > after)).all()
    for row in found:
        if not ids.isdisjoint(_NAMED.findall(json.dumps(row.body))):
            same = (c.actor == row.actor, c.route == row.route, c.key == row.key)
            tx.connection.execute(delete(idempotency_keys).where(tx.owns(idempotency_keys), *same))
    return (found[-1].actor, found[-1].route, found[-1].key) if len(found) == BATCH else None


def _these(tx: Tx, table: Table, column: Column[Any], ids: Sequence[str]) -> Delete:
    return delete(table).where(tx.owns(table), column.in_(ids))


_NAMED = re.compile(r"[a-z]+_[0-9a-f]{28}")
"""What ids look like (`Tx.new_id`)."""
