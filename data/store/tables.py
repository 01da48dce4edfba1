"""The tables. Every one begins with the workspace its rows belong to, and every reference between tables carries it:
a row can neither be read nor referred to from another workspace.

Two column types are ours to explain: `Instant` is an aware UTC datetime on both databases; JSON is written by the
engine's serialiser (ASCII, no NaN), so that any text survives, lone surrogates and NUL included.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, to the microsecond. A naive one is a bug and refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


def columns_of(table: Table, noun: type[Any]) -> tuple[Column[Any], ...]:
    """The columns that make up the dataclass `noun`, in the order of its fields: `noun(*row)` reads a row back."""
    return tuple(table.c[field.name] for field in fields(noun))


def _id(name: str = "id", *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def _body(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def _when(name: str = "created_at", *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


def _refers(column: str, table: str, target: str = "id") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.{target}"])


def _of_workspace() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id"], ["workspaces.id"])


def _table(name: str, *parts: SchemaItem) -> Table:
    """A table whose rows belong to a workspace."""
    return Table(name, metadata, _id("workspace_id"), *parts)


workspaces = Table("workspaces", metadata, _id(), _when(), PrimaryKeyConstraint("id"))

bots = _table(
    "bots",
    _id(),
    Column("name", String(64), nullable=False),
    Column("profile_version", Integer, nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "name"),
    _of_workspace(),
)

bot_profiles = _table(
    "bot_profiles",
    _id("bot_id"),
    Column("version", Integer, nullable=False),
    _body("profile", nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "bot_id", "version"),
    _refers("bot_id", "bots"),
)

uploads = _table(
    "uploads",
    _id(),
    _id("bot_id"),
    Column("sequence", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    _body("options", nullable=False),
    Column("options_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("conversations", Integer, nullable=False),
    _body("report"),
    _body("error"),
    _when(),
    _when("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "bot_id", "digest", "options_digest"),
    UniqueConstraint("workspace_id", "bot_id", "sequence"),
    _refers("bot_id", "bots"),
)

conversations = _table(
    "conversations",
    _id(),
    _id("bot_id"),
    _id("upload_id"),
    Column("position", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("split", String(16)),
    Column("split_group", String(64)),
    _body("body", nullable=False),
    _body("near", nullable=False),
    _body("languages", nullable=False),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "upload_id", "position"),
    _refers("bot_id", "bots"),
    _refers("upload_id", "uploads"),
)
Index(None, conversations.c.workspace_id, conversations.c.bot_id, conversations.c.fingerprint)

datasets = _table(
    "datasets",
    _id(),
    _id("bot_id"),
    Column("fingerprint", String(64), nullable=False),
    _body("manifest", nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "bot_id", "fingerprint"),
    _refers("bot_id", "bots"),
)

dataset_sources = _table(
    "dataset_sources",
    _id("dataset_id"),
    _id("upload_id"),
    PrimaryKeyConstraint("workspace_id", "dataset_id", "upload_id"),
    _refers("dataset_id", "datasets"),
    _refers("upload_id", "uploads"),
)

jobs = _table(
    "jobs",
    _id(),
    _id("bot_id", nullable=True),
    Column("kind", String(64), nullable=False),
    _body("payload", nullable=False),
    Column("dedupe_key", String(200)),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_owner", String(200)),
    _when("lease_until", nullable=True),
    Column("lease_seconds", Float),
    _body("progress"),
    _body("result"),
    _body("error"),
    Column("cancel_requested", Boolean, nullable=False),
    _when(),
    _when("started_at", nullable=True),
    _when("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    _of_workspace(),
    _refers("bot_id", "bots"),
)
Index(None, jobs.c.workspace_id, jobs.c.state, jobs.c.created_at)
_WANTED = text("state IN ('queued', 'running', 'succeeded')")
Index(
    "uq_jobs_workspace_id_dedupe_key",
    jobs.c.workspace_id,
    jobs.c.dedupe_key,
    unique=True,
    sqlite_where=_WANTED,
    postgresql_where=_WANTED,
)

job_events = _table(
    "job_events",
    _id("job_id"),
    Column("sequence", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    _body("data", nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "job_id", "sequence"),
    _refers("job_id", "jobs"),
)

runs = _table(
    "runs",
    _id(),
    _id("bot_id"),
    _id("dataset_id"),
    _id("job_id", nullable=True),
    Column("task", String(64), nullable=False),
    Column("base", Text, nullable=False),
    _body("recipe", nullable=False),
    Column("state", String(16), nullable=False),
    _body("metrics"),
    _body("error"),
    _when(),
    _when("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    _refers("bot_id", "bots"),
    _refers("dataset_id", "datasets"),
    _refers("job_id", "jobs"),
)
Index(None, runs.c.workspace_id, runs.c.bot_id)

run_checkpoints = _table(
    "run_checkpoints",
    _id("run_id"),
    Column("sequence", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    _when(),
    PrimaryKeyConstraint("workspace_id", "run_id", "sequence"),
    _refers("run_id", "runs"),
)

releases = _table(
    "releases",
    _id("bot_id"),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("digest", String(64)),
    _body("manifest"),
    _body("verdict"),
    _when(),
    _when("published_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "bot_id", "number"),
    _refers("bot_id", "bots"),
)

deployments = _table(
    "deployments",
    _id("bot_id"),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("previous", Integer),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("override_reason", Text),
    _when(),
    PrimaryKeyConstraint("workspace_id", "bot_id", "version"),
    ForeignKeyConstraint(
        ["workspace_id", "bot_id", "number"], ["releases.workspace_id", "releases.bot_id", "releases.number"]
    ),
)
