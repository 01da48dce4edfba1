"""Asking for something to be forgotten: checked, written down, and given to a job, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.erasing.journal import read_journal
from data.errors import NotFound, UsageError
from data.store import Tx, bots, erasures, forgetting, jobs, sessions, turns, uploads
from data.store.erasures import AGAIN, Erasure, Kind, NewErasure
from data.store.forgetting import Wanted
from data.store.jobs import Job
from data.suppression import Marks, kept_digests

KIND = "erase"
MOST = 100
"""Things that one erasure names."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be forgotten. `names`: ids of things, or the ways in which one customer is called."""

    kind: Kind
    names: tuple[str, ...]
    requested_by: str
    dry_run: bool = False


def request_erasure(tx: Tx, home: Path, bot_id: str, asked: Asked) -> tuple[Erasure, Job]:
    """Ask for it. Raises UsageError, and NotFound where it names something that the bot does not have; that a customer
    is unknown shows in the report alone, since an uploaded file may hold one who was never imported."""
    if not 0 < len(asked.names) <= MOST or not all(name.strip() for name in asked.names):
        raise UsageError(f"Name what is to be forgotten: 1 to {MOST} ids, or names of one customer.")
    if asked.kind == "customer":
        marks = Marks.of(home)
        ids = [mark for name in asked.names for mark in marks_of(marks, name)]
        new = NewErasure("customer", tuple(dict.fromkeys(ids)), asked.requested_by, asked.names, asked.dry_run)
    else:
        _check_there(tx, bot_id, asked.kind, asked.names)
        new = NewErasure(asked.kind, tuple(dict.fromkeys(asked.names)), asked.requested_by, (), asked.dry_run)
    return enqueue(tx, bot_id, new)


def enqueue(tx: Tx, bot_id: str, new: NewErasure) -> tuple[Erasure, Job]:
    """The row and the job. The job names nobody."""
    erasure = erasures.create(tx, bot_id, new)
    job = jobs.enqueue(tx, KIND, {"erasure": erasure.id}, bot_id=bot_id)
    erasures.assign(tx, erasure.id, job.id)
    return erasures.get(tx, bot_id, erasure.id), job


def replay(tx: Tx, home: Path, bot_id: str) -> list[tuple[Erasure, Job]]:
    """Ask again for what the journal says was erased and these rows know nothing of, since they come of a backup."""
    bot = bots.get_by_id(tx, bot_id)
    asked = []
    for line in read_journal(home):
        if (line["workspace"], line["bot"]) == (tx.workspace, bot.name) and not erasures.is_known(tx, line["erasure"]):
            new = NewErasure(line["kind"], tuple(line["ids"]), f"{AGAIN}{line['erasure']}")
            asked.append(enqueue(tx, bot_id, new))
    return asked


def marks_of(marks: Marks, name: str) -> list[str]:
    """All that a customer of this name is recognised by."""
    return [marks.named(name), *(marks.kept(digest) for digest in kept_digests(name))]


def _check_there(tx: Tx, bot_id: str, kind: Kind, names: Sequence[str]) -> None:
    for name in names:
        if kind == "upload" and uploads.get(tx, name).bot_id != bot_id:
            raise NotFound("There is no such upload.")
        if kind == "session":
            sessions.get(tx, bot_id, name)
        if kind == "turn":
            turns.get(tx, bot_id, name)
        if kind == "conversation" and not forgetting.conversations_of(tx, bot_id, Wanted(conversations=[name])):
            raise NotFound("There is no such conversation.", remedy="Its id stands in the rows of a dataset.")
