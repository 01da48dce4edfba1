"""What erasing needs: how a customer is found, numbers of datasets, tombstones, marks on releases, and what must not
come in again.

The tables as they were then, frozen; `data.store.erasure_tables` and the others move on with later revisions.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAGE = 500
_METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
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


def _refers(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"])


_BOTS = Table("bots", _METADATA, _id("workspace_id"), _id(), PrimaryKeyConstraint("workspace_id", "id"))
_JOBS = Table("jobs", _METADATA, _id("workspace_id"), _id(), PrimaryKeyConstraint("workspace_id", "id"))

_ERASURES = Table(
    "erasures",
    _METADATA,
    _id("workspace_id"),
    _id(),
    _id("bot_id"),
    _id("job_id", nullable=True),
    Column("kind", String(16), nullable=False),
    _body("ids", nullable=False),
    _body("names"),
    Column("requested_by", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    _body("report"),
    _when(),
    _when("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    _refers("bot_id", "bots"),
    _refers("job_id", "jobs"),
)

_SUPPRESSIONS = Table(
    "suppressions",
    _METADATA,
    _id("workspace_id"),
    _id("bot_id"),
    Column("mark", String(64), nullable=False),
    _id("erasure_id"),
    PrimaryKeyConstraint("workspace_id", "bot_id", "mark"),
    _refers("bot_id", "bots"),
    _refers("erasure_id", "erasures"),
)


def upgrade() -> None:
    """Add the columns and tables; give datasets their numbers, and find out whose each conversation is."""
    with op.batch_alter_table("uploads") as uploads:
        uploads.add_column(_when("original_erased_at", nullable=True))
    with op.batch_alter_table("releases") as releases:
        releases.add_column(Column("revision", Integer, nullable=False, server_default="0"))
        releases.add_column(_when("trained_on_erased_data", nullable=True))
        releases.add_column(Column("promotion_blocked", Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("datasets") as datasets:
        datasets.add_column(Column("number", Integer, nullable=True))
        datasets.add_column(_when("erased_at", nullable=True))
        datasets.add_column(_id("successor", nullable=True))
    _number_datasets(op.get_bind())
    with op.batch_alter_table("datasets") as datasets:
        datasets.alter_column("number", existing_type=Integer(), nullable=False)
        datasets.create_unique_constraint(
            "uq_datasets_workspace_id_bot_id_number", ["workspace_id", "bot_id", "number"]
        )
    op.add_column("conversations", Column("customer", String(64)))
    _find_customers(op.get_bind())
    op.create_index(
        "ix_conversations_workspace_id_bot_id_customer", "conversations", ["workspace_id", "bot_id", "customer"]
    )
    _METADATA.create_all(op.get_bind(), tables=(_ERASURES, _SUPPRESSIONS), checkfirst=False)


def _number_datasets(bind: sa.Connection) -> None:
    rows = sa.table("datasets", *(sa.column(name) for name in ("workspace_id", "bot_id", "id", "created_at", "number")))
    c = rows.c
    numbers: dict[tuple[str, str], Any] = {}
    found = bind.execute(sa.select(c.workspace_id, c.bot_id, c.id).order_by(c.created_at, c.id)).all()
    for workspace, bot, name in found:
        number = next(numbers.setdefault((workspace, bot), count(1)))
        bind.execute(sa.update(rows).where(c.workspace_id == workspace, c.id == name).values(number=number))


def _find_customers(bind: sa.Connection) -> None:
    """A page at a time: a log may be larger than the memory."""
    rows = sa.table(
        "conversations", sa.column("workspace_id"), sa.column("id"), sa.column("body", JSON()), sa.column("customer")
    )
    c = rows.c
    last: tuple[str, str] | None = None
    while True:
        page = sa.select(c.workspace_id, c.id, c.body).order_by(c.workspace_id, c.id).limit(_PAGE)
        if last is not None:
            page = page.where(sa.tuple_(c.workspace_id, c.id) > last)
        found = bind.execute(page).all()
        for workspace, name, body in found:
            customer = dict(body).get("customer")
            if customer is not None:
                digest = hashlib.sha256(str(customer).encode("utf-8", "surrogatepass")).hexdigest()
                bind.execute(sa.update(rows).where(c.workspace_id == workspace, c.id == name).values(customer=digest))
        if len(found) < _PAGE:
            return
        last = (found[-1].workspace_id, found[-1].id)
