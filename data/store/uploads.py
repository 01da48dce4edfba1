"""Uploads: files of logs as they came.

pending -> importing -> imported | examined | refused. One that was only to be examined (a dry run) leaves a report and
nothing else. A refused one may be started again; an imported one never changes, which is what lets readers page through
its conversations without holding a transaction. Erasing alone takes conversations out of it, or all of it: then it is
erased, a row without content.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select, update

from data.errors import Conflict, NotFound
from data.store import bots
from data.store.engine import Tx
from data.store.tables import columns_of, conversations, uploads

State = Literal["pending", "importing", "imported", "examined", "refused", "erased"]
_NAME_CHARS = 200
_FREED = "freed:"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What came: the file's own name (display only, never a path), the digest and size of its blob, how to read it.

    `attested_by` says who stated that the rights are there; `dry_run` that a report is all that is wanted.
    """

    name: str
    digest: str
    size: int
    options: dict[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    attested_by: str | None = None

    @property
    def options_digest(self) -> str:
        """What tells two ways of reading the same bytes apart."""
        chosen = {**self.options, "dry_run": True} if self.dry_run else self.options
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Upload:
    """`sequence` counts the uploads of a bot from 1; `conversations` is how many there are of an imported one.

    From `original_erased_at` on the file itself is gone, since it held what was erased.
    """

    id: str
    bot_id: str
    sequence: int
    name: str
    digest: str
    size: int
    options: dict[str, Any]
    state: State
    conversations: int
    report: dict[str, Any] | None
    error: dict[str, Any] | None
    dry_run: bool
    attested_by: str | None
    created_at: datetime
    finished_at: datetime | None
    original_erased_at: datetime | None


_COLUMNS = columns_of(uploads, Upload)


def create(tx: Tx, bot_id: str, new: NewUpload) -> tuple[Upload, bool]:
    """The upload of these bytes read this way, and whether it is new: the same file again is the upload of before.

    Who states that the rights are there is kept of the first who does.
    """
    bots.lock(tx, bot_id)
    same = (uploads.c.bot_id == bot_id, uploads.c.digest == new.digest, uploads.c.options_digest == new.options_digest)
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(uploads), *same)).first()
    if row is not None:
        upload = _upload(row)
        if upload.attested_by is None and new.attested_by is not None:
            upload = _set(tx, upload.id, attested_by=new.attested_by)
        return upload, False
    newest = select(func.max(uploads.c.sequence)).where(tx.owns(uploads), uploads.c.bot_id == bot_id)
    upload_id = tx.new_id("upload")
    body: dict[str, Any] = {
        "id": upload_id,
        "bot_id": bot_id,
        "sequence": (tx.connection.execute(newest).scalar() or 0) + 1,
        "name": _displayable(new.name),
        "digest": new.digest,
        "size": new.size,
        "options": new.options,
        "options_digest": new.options_digest,
        "state": "pending",
        "conversations": 0,
        "dry_run": new.dry_run,
        "attested_by": new.attested_by,
        "created_at": tx.now,
    }
    tx.insert(uploads, body)
    return get(tx, upload_id), True


def get(tx: Tx, upload_id: str) -> Upload:
    """Raises NotFound."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(uploads), uploads.c.id == upload_id)).first()
    if row is None:
        raise NotFound("There is no such upload.", remedy="`attune data report BOT` lists them.", upload=upload_id)
    return _upload(row)


def list_for(tx: Tx, bot_id: str) -> list[Upload]:
    """The uploads of a bot, oldest first."""
    statement = select(*_COLUMNS).where(tx.owns(uploads), uploads.c.bot_id == bot_id).order_by(uploads.c.sequence)
    return [_upload(row) for row in tx.connection.execute(statement)]


def stored_bytes(tx: Tx) -> int:
    """What the uploads of the workspace take together, as they came."""
    kept = select(func.coalesce(func.sum(uploads.c.size), 0))
    there = kept.where(tx.owns(uploads), uploads.c.original_erased_at.is_(None))
    return int(tx.connection.execute(there).scalar_one())


def page(tx: Tx, bot_id: str, *, after: int | None = None, limit: int) -> list[Upload]:
    """At most `limit` uploads of a bot, the newest first, from the one after sequence number `after` on."""
    statement = select(*_COLUMNS).where(tx.owns(uploads), uploads.c.bot_id == bot_id)
    if after is not None:
        statement = statement.where(uploads.c.sequence < after)
    ordered = statement.order_by(uploads.c.sequence.desc()).limit(limit)
    return [_upload(row) for row in tx.connection.execute(ordered)]


def start(tx: Tx, upload_id: str) -> Upload:
    """Mark an upload as being imported; also one whose import died or was refused. Raises Conflict when imported."""
    open_for_import(tx, upload_id)
    return _set(tx, upload_id, state="importing", error=None, report=None, finished_at=None)


def finish(tx: Tx, upload_id: str, report: dict[str, Any]) -> Upload:
    """Make the upload's conversations visible, with the report of what became of every row.

    Raises Conflict for one that was only to be examined.
    """
    if open_for_import(tx, upload_id).dry_run:
        raise Conflict("This upload is only examined; nothing of it is kept.", upload=upload_id)
    kept = select(func.count()).where(tx.owns(conversations), conversations.c.upload_id == upload_id)
    count = tx.connection.execute(kept).scalar_one()
    return _set(tx, upload_id, state="imported", report=report, conversations=count, finished_at=tx.now)


def examined(tx: Tx, upload_id: str, report: dict[str, Any]) -> Upload:
    """Keep the report of a dry run; nothing becomes visible. Raises Conflict for an upload that is to be imported."""
    if not open_for_import(tx, upload_id).dry_run:
        raise Conflict("This upload is to be imported, not only examined.", upload=upload_id)
    return _set(tx, upload_id, state="examined", report=report, finished_at=tx.now)


def refuse(tx: Tx, upload_id: str, error: dict[str, Any]) -> Upload:
    """Record why the file as a whole could not be imported."""
    open_for_import(tx, upload_id)
    return _set(tx, upload_id, state="refused", error=error, finished_at=tx.now)


def is_gone(tx: Tx, bot_id: str, digest: str) -> bool:
    """Whether this file came before and was let go since it held what is erased, and nobody has let it in again."""
    c = uploads.c
    same = select(c.options_digest).where(tx.owns(uploads), c.bot_id == bot_id, c.digest == digest)
    found = tx.connection.execute(same.where(c.original_erased_at.is_not(None))).scalars()
    return any(not name.startswith(_FREED) for name in found)


def free(tx: Tx, upload_id: str) -> None:
    """Let the same file come again as an upload of its own."""
    _set(tx, upload_id, options_digest=f"{_FREED}{upload_id}"[:64])


def without_original(tx: Tx, upload_id: str) -> Upload:
    """The file itself is kept no longer; what was imported of it stays."""
    return _set(tx, upload_id, original_erased_at=tx.now)


def open_for_import(tx: Tx, upload_id: str) -> Upload:
    """The upload, held until the transaction ends. Raises Conflict when it is imported, for then it never changes."""
    held = select(*_COLUMNS).where(tx.owns(uploads), uploads.c.id == upload_id).with_for_update()
    row = tx.connection.execute(held).first()
    if row is None:
        raise NotFound("There is no such upload.", upload=upload_id)
    upload = _upload(row)
    if upload.state in ("imported", "erased"):
        raise Conflict(f"This upload is {upload.state} already and never changes.", upload=upload_id)
    return upload


def _set(tx: Tx, upload_id: str, **values: Any) -> Upload:
    tx.connection.execute(update(uploads).where(tx.owns(uploads), uploads.c.id == upload_id).values(**values))
    return get(tx, upload_id)


def _displayable(name: str) -> str:
    """The file's name as it can be shown: no control or broken characters, no folders, not endless."""
    shown = "".join(char for char in name.replace("\\", "/").rpartition("/")[2] if char.isprintable())
    return shown[:_NAME_CHARS] or "upload"


def _upload(row: Row[*tuple[Any, ...]]) -> Upload:
    return Upload(*row)
