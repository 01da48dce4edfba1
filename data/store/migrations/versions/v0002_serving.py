"""What serving needs: keys, sessions and turns, feedback, the audit log, answers to repeated calls; and of uploads
whether they are only examined, and who said that the rights are there.

The tables as they were then, frozen; `data.store.serving_tables` moves on with later revisions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id", *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def _body(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def _when(name: str = "created_at", *, nullable: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _refers(column: str, table: str, target: str = "id") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.{target}"])


def _table(name: str, *parts: SchemaItem) -> Table:
    return Table(name, _METADATA, _id("workspace_id"), *parts)


_WORKSPACES = Table("workspaces", _METADATA, _id(), PrimaryKeyConstraint("id"))
_BOTS = _table("bots", _id(), PrimaryKeyConstraint("workspace_id", "id"))

_API_KEYS = _table(
    "api_keys",
    _id(),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    _id("bot_id", nullable=True),
    _body("scopes", nullable=False),
    _body("origins", nullable=False),
    Column("secret_hash", String(64), nullable=False),
    _when(),
    _when("expires_at", nullable=True),
    _when("revoked_at", nullable=True),
    _when("last_used_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
    _refers("bot_id", "bots"),
)
Index("uq_api_keys_id", _API_KEYS.c.id, unique=True)

_SESSIONS = _table(
    "sessions",
    _id(),
    _id("bot_id"),
    _id("key_id"),
    Column("origin", Text),
    Column("source", String(64), nullable=False),
    Column("owner", String(16), nullable=False),
    Column("turns", Integer, nullable=False),
    Column("split", String(16)),
    Column("split_group", String(64)),
    _when(),
    _when("last_seen_at"),
    _when("expires_at"),
    PrimaryKeyConstraint("workspace_id", "id"),
    _refers("bot_id", "bots"),
    _refers("key_id", "api_keys"),
)
Index("uq_sessions_id", _SESSIONS.c.id, unique=True)
Index(None, _SESSIONS.c.workspace_id, _SESSIONS.c.bot_id, _SESSIONS.c.created_at)

_TURNS = _table(
    "turns",
    _id(),
    _id("bot_id"),
    _id("session_id"),
    Column("sequence", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    _body("text", nullable=False),
    Column("client_id", String(64)),
    _id("reply_to", nullable=True),
    Column("release", Integer),
    Column("intent", Text),
    Column("confidence", Float),
    Column("source", String(16)),
    Column("action", String(16)),
    Column("latency_ms", Float),
    Column("state", String(16), nullable=False),
    _body("detail"),
    _when(),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "session_id", "sequence"),
    UniqueConstraint("workspace_id", "session_id", "client_id"),
    _refers("bot_id", "bots"),
    _refers("session_id", "sessions"),
    _refers("reply_to", "turns"),
)
Index(None, _TURNS.c.workspace_id, _TURNS.c.reply_to)

_FEEDBACK = _table(
    "feedback",
    _id(),
    _id("bot_id"),
    _id("session_id"),
    _id("turn_id"),
    Column("author", Text, nullable=False),
    Column("by_visitor", Boolean, nullable=False),
    Column("source", String(64), nullable=False),
    Column("rating", Integer),
    _body("corrected_reply"),
    _body("corrected_intent"),
    _body("comment"),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("value", Float, nullable=False),
    _when(),
    _when("updated_at"),
    _when("reviewed_at", nullable=True),
    Column("reviewer", Text),
    _body("review"),
    _body("prepared"),
    Column("prepared_revision", Integer),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "turn_id", "author"),
    _refers("bot_id", "bots"),
    _refers("session_id", "sessions"),
    _refers("turn_id", "turns"),
)
Index(None, _FEEDBACK.c.workspace_id, _FEEDBACK.c.bot_id, _FEEDBACK.c.state, _FEEDBACK.c.value)

_FEEDBACK_REVISIONS = _table(
    "feedback_revisions",
    _id("feedback_id"),
    Column("revision", Integer, nullable=False),
    _body("body", nullable=False),
    Column("actor", Text, nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "feedback_id", "revision"),
    _refers("feedback_id", "feedback"),
)

_AUDIT = _table(
    "audit",
    Column("sequence", Integer, nullable=False),
    _when(),
    Column("actor", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    _body("object", nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("before", String(64)),
    Column("after", String(64)),
    _body("reason"),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("workspace_id", "sequence"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
)

_IDEMPOTENCY_KEYS = _table(
    "idempotency_keys",
    Column("actor", String(64), nullable=False),
    Column("route", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    _body("headers", nullable=False),
    _body("body"),
    _when(),
    PrimaryKeyConstraint("workspace_id", "actor", "route", "key"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
)
Index(None, _IDEMPOTENCY_KEYS.c.created_at)

_NEW = (_API_KEYS, _SESSIONS, _TURNS, _FEEDBACK, _FEEDBACK_REVISIONS, _AUDIT, _IDEMPOTENCY_KEYS)


def upgrade() -> None:
    """Add the tables and the columns; every upload there is was imported in full."""
    with op.batch_alter_table("uploads") as uploads:
        uploads.add_column(Column("dry_run", Boolean, nullable=False, server_default=sa.false()))
        uploads.add_column(Column("attested_by", Text))
    _METADATA.create_all(op.get_bind(), tables=_NEW, checkfirst=False)
