"""The tables of releases and of which one answers.

A release never changes but for an erasure, which takes words out of it: `revision` counts how often that happened.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
)

from data.store.tables import body_column, id_column, instant_column, refers_to, workspace_table

releases = workspace_table(
    "releases",
    id_column("bot_id"),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("digest", String(64)),
    body_column("manifest"),
    body_column("verdict"),
    instant_column(),
    instant_column("published_at", nullable=True),
    Column("revision", Integer, nullable=False),
    instant_column("trained_on_erased_data", nullable=True),
    Column("promotion_blocked", Boolean, nullable=False),
    PrimaryKeyConstraint("workspace_id", "bot_id", "number"),
    refers_to("bot_id", "bots"),
)

deployments = workspace_table(
    "deployments",
    id_column("bot_id"),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("previous", Integer),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("override_reason", Text),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "bot_id", "version"),
    ForeignKeyConstraint(
        ["workspace_id", "bot_id", "number"], ["releases.workspace_id", "releases.bot_id", "releases.number"]
    ),
)
