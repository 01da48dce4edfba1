"""The tables of what is served: keys, sessions and their turns, feedback, the audit log, answers to repeated calls.

What visitors, reviewers and models say is kept in JSON columns, so that any text survives.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

from data.store.tables import body_column, id_column, instant_column, refers_to, workspace_table

api_keys = workspace_table(
    "api_keys",
    id_column(),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    id_column("bot_id", nullable=True),
    body_column("scopes", nullable=False),
    body_column("origins", nullable=False),
    Column("secret_hash", String(64), nullable=False),
    instant_column(),
    instant_column("expires_at", nullable=True),
    instant_column("revoked_at", nullable=True),
    instant_column("last_used_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
    refers_to("bot_id", "bots"),
)
Index("uq_api_keys_id", api_keys.c.id, unique=True)

sessions = workspace_table(
    "sessions",
    id_column(),
    id_column("bot_id"),
    id_column("key_id"),
    Column("origin", Text),
    Column("source", String(64), nullable=False),
    Column("owner", String(16), nullable=False),
    Column("turns", Integer, nullable=False),
    Column("split", String(16)),
    Column("split_group", String(64)),
    instant_column(),
    instant_column("last_seen_at"),
    instant_column("expires_at"),
    PrimaryKeyConstraint("workspace_id", "id"),
    refers_to("bot_id", "bots"),
    refers_to("key_id", "api_keys"),
)
Index("uq_sessions_id", sessions.c.id, unique=True)
Index(None, sessions.c.workspace_id, sessions.c.bot_id, sessions.c.created_at)

turns = workspace_table(
    "turns",
    id_column(),
    id_column("bot_id"),
    id_column("session_id"),
    Column("sequence", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    body_column("text", nullable=False),
    Column("client_id", String(64)),
    id_column("reply_to", nullable=True),
    Column("release", Integer),
    Column("intent", Text),
    Column("confidence", Float),
    Column("source", String(16)),
    Column("action", String(16)),
    Column("latency_ms", Float),
    Column("state", String(16), nullable=False),
    body_column("detail"),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "session_id", "sequence"),
    UniqueConstraint("workspace_id", "session_id", "client_id"),
    refers_to("bot_id", "bots"),
    refers_to("session_id", "sessions"),
    refers_to("reply_to", "turns"),
)
Index(None, turns.c.workspace_id, turns.c.reply_to)

feedback = workspace_table(
    "feedback",
    id_column(),
    id_column("bot_id"),
    id_column("session_id"),
    id_column("turn_id"),
    Column("author", Text, nullable=False),
    Column("by_visitor", Boolean, nullable=False),
    Column("source", String(64), nullable=False),
    Column("rating", Integer),
    body_column("corrected_reply"),
    body_column("corrected_intent"),
    body_column("comment"),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("value", Float, nullable=False),
    instant_column(),
    instant_column("updated_at"),
    instant_column("reviewed_at", nullable=True),
    Column("reviewer", Text),
    body_column("review"),
    body_column("prepared"),
    Column("prepared_revision", Integer),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "turn_id", "author"),
    refers_to("bot_id", "bots"),
    refers_to("session_id", "sessions"),
    refers_to("turn_id", "turns"),
)
Index(None, feedback.c.workspace_id, feedback.c.bot_id, feedback.c.state, feedback.c.value)

feedback_revisions = workspace_table(
    "feedback_revisions",
    id_column("feedback_id"),
    Column("revision", Integer, nullable=False),
    body_column("body", nullable=False),
    Column("actor", Text, nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "feedback_id", "revision"),
    refers_to("feedback_id", "feedback"),
)

audit = workspace_table(
    "audit",
    Column("sequence", Integer, nullable=False),
    instant_column(),
    Column("actor", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    body_column("object", nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("before", String(64)),
    Column("after", String(64)),
    body_column("reason"),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("workspace_id", "sequence"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
)

idempotency_keys = workspace_table(
    "idempotency_keys",
    Column("actor", String(64), nullable=False),
    Column("route", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    body_column("headers", nullable=False),
    body_column("body"),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "actor", "route", "key"),
    ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
)
Index(None, idempotency_keys.c.created_at)
