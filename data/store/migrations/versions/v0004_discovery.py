"""What intent discovery needs: what was looked at, the intents it suggests, the turns behind them.

The tables as they were then, frozen; `data.store.suggestion_tables` moves on with later revisions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id", *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def _body(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=False)


def _when(name: str = "created_at", *, nullable: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _refers(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"])


def _table(name: str, *parts: SchemaItem) -> Table:
    return Table(name, _METADATA, _id("workspace_id"), *parts)


for _there in ("bots", "jobs", "conversations"):
    _table(_there, _id(), PrimaryKeyConstraint("workspace_id", "id"))

_DISCOVERIES = _table(
    "discoveries",
    _id(),
    _id("bot_id"),
    _id("job_id", nullable=True),
    _body("facts"),
    _when(),
    PrimaryKeyConstraint("workspace_id", "id"),
    _refers("bot_id", "bots"),
    _refers("job_id", "jobs"),
)

_SUGGESTIONS = _table(
    "suggestions",
    _id(),
    _id("bot_id"),
    _id("discovery_id"),
    Column("sequence", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    _body("name"),
    _body("terms"),
    Column("revision", Integer, nullable=False),
    Column("reviewer", Text),
    _when(),
    _when("updated_at"),
    _when("accepted_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    _refers("bot_id", "bots"),
    _refers("discovery_id", "discoveries"),
)
Index(None, _SUGGESTIONS.c.workspace_id, _SUGGESTIONS.c.bot_id, _SUGGESTIONS.c.state)

_TURNS = _table(
    "suggestion_turns",
    _id("suggestion_id"),
    _id("conversation_id"),
    Column("place", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("origin", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    PrimaryKeyConstraint("workspace_id", "suggestion_id", "conversation_id", "place"),
    _refers("suggestion_id", "suggestions"),
    _refers("conversation_id", "conversations"),
)
Index(None, _TURNS.c.workspace_id, _TURNS.c.conversation_id)


def upgrade() -> None:
    """Add the tables."""
    _METADATA.create_all(op.get_bind(), tables=(_DISCOVERIES, _SUGGESTIONS, _TURNS), checkfirst=False)
