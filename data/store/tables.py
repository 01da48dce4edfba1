"""The tables of what is trained; `release_tables`, `serving_tables` and `erasure_tables` hold those of what came of it.

Every one begins with the workspace its rows belong to, and every reference between tables carries it: a row can neither
be read nor referred to from another workspace.

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


def id_column(name: str = "id", *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def body_column(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def instant_column(name: str = "created_at", *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


def refers_to(column: str, table: str, target: str = "id") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.{target}"])


def _of_workspace() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id"], ["workspaces.id"])


def workspace_table(name: str, *parts: SchemaItem) -> Table:
    """A table whose rows belong to a workspace."""
    return Table(name, metadata, id_column("workspace_id"), *parts)


workspaces = Table("workspaces", metadata, id_column(), instant_column(), PrimaryKeyConstraint("id"))

bots = workspace_table(
    "bots",
    id_column(),
    Column("name", String(64), nullable=False),
    Column("profile_version", Integer, nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "name"),
    _of_workspace(),
)

bot_profiles = workspace_table(
    "bot_profiles",
    id_column("bot_id"),
    Column("version", Integer, nullable=False),
    body_column("profile", nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "bot_id", "version"),
    refers_to("bot_id", "bots"),
)

uploads = workspace_table(
    "uploads",
    id_column(),
    id_column("bot_id"),
    Column("sequence", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    body_column("options", nullable=False),
    Column("options_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("conversations", Integer, nullable=False),
    body_column("report"),
    body_column("error"),
    Column("dry_run", Boolean, nullable=False),
    Column("attested_by", Text),
    instant_column(),
    instant_column("finished_at", nullable=True),
    instant_column("original_erased_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "bot_id", "digest", "options_digest"),
    UniqueConstraint("workspace_id", "bot_id", "sequence"),
    refers_to("bot_id", "bots"),
)

conversations = workspace_table(
    "conversations",
    id_column(),
    id_column("bot_id"),
    id_column("upload_id"),
    Column("position", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("split", String(16)),
    Column("split_group", String(64)),
    body_column("body", nullable=False),
    body_column("near", nullable=False),
    body_column("languages", nullable=False),
    Column("customer", String(64)),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "upload_id", "position"),
    refers_to("bot_id", "bots"),
    refers_to("upload_id", "uploads"),
)
Index(None, conversations.c.workspace_id, conversations.c.bot_id, conversations.c.fingerprint)
Index(None, conversations.c.workspace_id, conversations.c.bot_id, conversations.c.customer)

datasets = workspace_table(
    "datasets",
    id_column(),
    id_column("bot_id"),
    Column("fingerprint", String(64), nullable=False),
    body_column("manifest", nullable=False),
    instant_column(),
    Column("number", Integer, nullable=False),
    instant_column("erased_at", nullable=True),
    id_column("successor", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "bot_id", "fingerprint"),
    UniqueConstraint("workspace_id", "bot_id", "number"),
    refers_to("bot_id", "bots"),
)

dataset_sources = workspace_table(
    "dataset_sources",
    id_column("dataset_id"),
    id_column("upload_id"),
    PrimaryKeyConstraint("workspace_id", "dataset_id", "upload_id"),
    refers_to("dataset_id", "datasets"),
    refers_to("upload_id", "uploads"),
)

jobs = workspace_table(
    "jobs",
    id_column(),
    id_column("bot_id", nullable=True),
    Column("kind", String(64), nullable=False),
    body_column("payload", nullable=False),
    Column("dedupe_key", String(200)),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_owner", String(200)),
    instant_column("lease_until", nullable=True),
    Column("lease_seconds", Float),
    body_column("progress"),
    body_column("result"),
    body_column("error"),
    Column("cancel_requested", Boolean, nullable=False),
    instant_column(),
    instant_column("started_at", nullable=True),
    instant_column("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    _of_workspace(),
    refers_to("bot_id", "bots"),
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

job_events = workspace_table(
    "job_events",
    id_column("job_id"),
    Column("sequence", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    body_column("data", nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "job_id", "sequence"),
    refers_to("job_id", "jobs"),
)

runs = workspace_table(
    "runs",
    id_column(),
    id_column("bot_id"),
    id_column("dataset_id"),
    id_column("job_id", nullable=True),
    Column("task", String(64), nullable=False),
    Column("base", Text, nullable=False),
    body_column("recipe", nullable=False),
    Column("state", String(16), nullable=False),
    body_column("metrics"),
    body_column("error"),
    instant_column(),
    instant_column("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    refers_to("bot_id", "bots"),
    refers_to("dataset_id", "datasets"),
    refers_to("job_id", "jobs"),
)
Index(None, runs.c.workspace_id, runs.c.bot_id)

run_checkpoints = workspace_table(
    "run_checkpoints",
    id_column("run_id"),
    Column("sequence", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "run_id", "sequence"),
    refers_to("run_id", "runs"),
)
