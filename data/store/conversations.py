"""Conversations of uploads, as kept after cleaning and redaction.

Readers see those of imported uploads only. An imported upload never changes, so `stream` reads it page by page in short
transactions of their own: memory stays bounded, and neither a writer nor a job's heartbeat waits for a long reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from data.errors import Conflict, NotFound
from data.schema import Conversation, Split
from data.store import uploads as upload_rows
from data.store.connections import keep_pages
from data.store.engine import Store, Tx
from data.store.packing import packed, unpacked
from data.store.tables import conversations, uploads

PAGE = 200
"""Conversations per page of `stream`."""
_CHUNK = 500
"""Values per IN (...): below the limit of variables of every SQLite build."""


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """A conversation and what was found out about it.

    `key` is our id; `sequence` its place in its upload. `near` and `languages` hold one value per turn: the key of the
    turn's near-duplicate cluster, its language. `split` never changes once set; `group` is the component it came from.
    """

    key: str
    conversation: Conversation
    fingerprint: str
    sequence: int
    near: tuple[str | None, ...] = ()
    languages: tuple[str | None, ...] = ()
    split: Split | None = None
    group: str | None = None
    upload: str = ""


def existing(tx: Tx, bot_id: str, fingerprints: Iterable[str], upload_id: str | None = None) -> set[str]:
    """Which of these fingerprints the bot has already: in imported uploads, and in `upload_id`, the one at work."""
    visible = uploads.c.state == "imported"
    if upload_id is not None:
        visible = visible | (uploads.c.id == upload_id)
    found: set[str] = set()
    for chunk in _chunks(sorted(set(fingerprints))):
        statement = (
            select(conversations.c.fingerprint)
            .join(uploads, (uploads.c.id == conversations.c.upload_id) & tx.owns(uploads))
            .where(tx.owns(conversations), conversations.c.bot_id == bot_id, visible)
            .where(conversations.c.fingerprint.in_(chunk))
        )
        found.update(tx.connection.execute(statement).scalars())
    return found


def add_many(tx: Tx, upload_id: str, rows: Sequence[StoredConversation]) -> None:
    """Keep a batch of an upload that is being imported. Raises Conflict when it is imported already, NotFound."""
    upload = upload_rows.open_for_import(tx, upload_id)
    if rows:
        keep_pages(tx.connection)
        tx.connection.execute(insert(conversations), [_values(tx.workspace, upload, row) for row in rows])


def drop_upload(tx: Tx, upload_id: str) -> int:
    """Forget what an unfinished import has kept so far, before it starts over; how many that were."""
    upload_rows.open_for_import(tx, upload_id)
    gone = delete(conversations).where(tx.owns(conversations), conversations.c.upload_id == upload_id)
    return tx.connection.execute(gone).rowcount


def count(tx: Tx, bot_id: str) -> int:
    """How many conversations the bot's readers see."""
    statement = select(func.coalesce(func.sum(uploads.c.conversations), 0)).where(
        tx.owns(uploads), uploads.c.bot_id == bot_id, uploads.c.state == "imported"
    )
    return int(tx.connection.execute(statement).scalar_one())


def stream(store: Store, bot_id: str, upload_ids: Sequence[str] | None = None) -> Iterator[StoredConversation]:
    """Every visible conversation of the bot, by upload and then in the upload's order; `PAGE` at a time in memory.

    With `upload_ids` only those uploads, in that order. What is imported after the first step is not seen.
    """
    with store.read() as tx:
        imported = [upload.id for upload in upload_rows.list_for(tx, bot_id) if upload.state == "imported"]
    for upload_id in imported if upload_ids is None else upload_ids:
        after = -1
        while True:
            with store.read() as tx:
                page = _page(tx, upload_id, after)
            yield from page
            if len(page) < PAGE:
                break
            after = page[-1].sequence


def assign_splits(tx: Tx, bot_id: str, splits: Mapping[str, tuple[Split, str]]) -> None:
    """Set split and group of conversations by key. Raises Conflict if one would move to another split, NotFound."""
    for keys in _chunks(sorted(splits)):
        current = select(conversations.c.id, conversations.c.split).where(
            tx.owns(conversations), conversations.c.bot_id == bot_id, conversations.c.id.in_(keys)
        )
        _refuse_moves({row.id: row.split for row in tx.connection.execute(current)}, splits, keys)
        statement = (
            update(conversations)
            .where(tx.owns(conversations), conversations.c.id == bindparam("key"))
            .values(split=bindparam("to"), split_group=bindparam("component"))
        )
        values = [{"key": key, "to": splits[key][0], "component": splits[key][1]} for key in keys]
        tx.connection.execute(statement, values)


def _refuse_moves(
    current: Mapping[str, str | None], splits: Mapping[str, tuple[Split, str]], keys: Sequence[str]
) -> None:
    for key in keys:
        if key not in current:
            raise NotFound("There is no such conversation.", conversation=key)
        if current[key] not in (None, splits[key][0]):
            raise Conflict(
                f"A conversation of split {current[key]} cannot move to {splits[key][0]}: splits never change.",
                conversation=key,
            )


def _page(tx: Tx, upload_id: str, after: int) -> list[StoredConversation]:
    c = conversations.c
    statement = (
        select(c.id, c.body, c.fingerprint, c.position, c.near, c.languages, c.split, c.split_group, c.upload_id)
        .join(uploads, (uploads.c.id == c.upload_id) & tx.owns(uploads))
        .where(tx.owns(conversations), c.upload_id == upload_id, c.position > after, uploads.c.state == "imported")
        .order_by(c.position)
        .limit(PAGE)
    )
    return [_stored(row) for row in tx.connection.execute(statement)]


def _stored(row: Row[*tuple[Any, ...]]) -> StoredConversation:
    return StoredConversation(
        key=row.id,
        conversation=unpacked(row.body),
        fingerprint=row.fingerprint,
        sequence=row.position,
        near=tuple(row.near),
        languages=tuple(row.languages),
        split=row.split,
        group=row.split_group,
        upload=row.upload_id,
    )


def _values(workspace: str, upload: upload_rows.Upload, row: StoredConversation) -> dict[str, Any]:
    return {
        "workspace_id": workspace,
        "id": row.key,
        "bot_id": upload.bot_id,
        "upload_id": upload.id,
        "position": row.sequence,
        "fingerprint": row.fingerprint,
        "split": row.split,
        "split_group": row.group,
        "body": packed(row.conversation),
        "near": list(row.near),
        "languages": list(row.languages),
        "customer": customer_digest(row.conversation.customer),
    }


def customer_digest(customer: str | None) -> str | None:
    """What a customer's conversations are found by: the SHA-256 of the name, or pseudonym, that they are kept under."""
    return None if customer is None else hashlib.sha256(customer.encode("utf-8", "surrogatepass")).hexdigest()


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
