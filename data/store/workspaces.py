"""Workspaces: the tenants. Each row of each other table belongs to one, and is seen from there alone."""

from __future__ import annotations

from sqlalchemy import select

from data.errors import UsageError
from data.store import bots
from data.store.engine import Store
from data.store.tables import workspaces


def ensure(store: Store, name: str) -> Store:
    """The store seen from the workspace `name`, which is made where there is none. Raises UsageError for a bad name."""
    if not bots.NAME.fullmatch(name):
        raise UsageError(
            "A workspace's name is 1 to 64 lower-case letters, digits, '-' or '_', a letter or digit at both ends.",
            remedy="Choose such a name.",
        )
    if name in list_all(store):
        return store.for_workspace(name)
    with store.begin() as tx:
        tx.insert_whole(workspaces, {"id": name, "created_at": tx.now})
    return store.for_workspace(name)


def list_all(store: Store) -> list[str]:
    """The names of all workspaces. What works for all of them (the worker, the server) begins here."""
    with store.read() as tx:
        return list(tx.connection.execute(select(workspaces.c.id).order_by(workspaces.c.id)).scalars())
