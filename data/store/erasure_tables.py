"""The tables of erasures and of what must not come in again.

`erasures.names` holds the names of a customer only until the erasure is done; what stays of them are keyed digests.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, String, Text

from data.store.tables import body_column, id_column, instant_column, refers_to, workspace_table

erasures = workspace_table(
    "erasures",
    id_column(),
    id_column("bot_id"),
    id_column("job_id", nullable=True),
    Column("kind", String(16), nullable=False),
    body_column("ids", nullable=False),
    body_column("names"),
    Column("requested_by", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    body_column("report"),
    instant_column(),
    instant_column("finished_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    refers_to("bot_id", "bots"),
    refers_to("job_id", "jobs"),
)

suppressions = workspace_table(
    "suppressions",
    id_column("bot_id"),
    Column("mark", String(64), nullable=False),
    id_column("erasure_id"),
    PrimaryKeyConstraint("workspace_id", "bot_id", "mark"),
    refers_to("bot_id", "bots"),
    refers_to("erasure_id", "erasures"),
)
