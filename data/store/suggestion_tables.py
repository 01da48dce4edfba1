"""The tables of intent discovery: what was looked at, the intents it suggests, and the turns behind each.

A turn is named by its conversation and its place there; its words stand in the conversation alone, so that nothing of
them is left here when the conversation goes. The database refuses to delete a conversation that is still named.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Text

from data.store.tables import body_column, id_column, instant_column, refers_to, workspace_table

discoveries = workspace_table(
    "discoveries",
    id_column(),
    id_column("bot_id"),
    id_column("job_id", nullable=True),
    body_column("facts", nullable=False),
    instant_column(),
    PrimaryKeyConstraint("workspace_id", "id"),
    refers_to("bot_id", "bots"),
    refers_to("job_id", "jobs"),
)

suggestions = workspace_table(
    "suggestions",
    id_column(),
    id_column("bot_id"),
    id_column("discovery_id"),
    Column("sequence", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    body_column("name", nullable=False),
    body_column("terms", nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reviewer", Text),
    instant_column(),
    instant_column("updated_at"),
    instant_column("accepted_at", nullable=True),
    PrimaryKeyConstraint("workspace_id", "id"),
    refers_to("bot_id", "bots"),
    refers_to("discovery_id", "discoveries"),
)
Index(None, suggestions.c.workspace_id, suggestions.c.bot_id, suggestions.c.state)

suggestion_turns = workspace_table(
    "suggestion_turns",
    id_column("suggestion_id"),
    id_column("conversation_id"),
    Column("place", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("origin", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    PrimaryKeyConstraint("workspace_id", "suggestion_id", "conversation_id", "place"),
    refers_to("suggestion_id", "suggestions"),
    refers_to("conversation_id", "conversations"),
)
Index(None, suggestion_turns.c.workspace_id, suggestion_turns.c.conversation_id)
