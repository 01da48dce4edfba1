"""`attune keys`: who may call over HTTP, and what for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

import typer

from data.errors import UsageError
from data.store import Tx, bots, keys
from data.store.keys import SCOPES, Key, NewKey
from service.session import Session
from service.tables import listing, text
from service.terminal import Answer
from service.verbs import verb


@dataclass(frozen=True, kw_only=True)
class KeysAsked:
    create: Annotated[
        str | None, typer.Option("--create", metavar="NAME", help="Make a secret key with the scopes of --scope.")
    ] = None
    scope: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help=f"What the key is for: {', '.join(SCOPES)}.")
    ] = field(default_factory=list)
    create_public: Annotated[
        str | None, typer.Option("--create-public", metavar="BOT", help="Make a public key for a bot's pages.")
    ] = None
    origin: Annotated[
        list[str], typer.Option("--origin", metavar="URL", help="A page the public key works on: https://shop.example.")
    ] = field(default_factory=list)
    days: Annotated[
        float | None, typer.Option("--days", metavar="N", help="The key ends after N days; else it does not.")
    ] = None
    revoke: Annotated[str | None, typer.Option("--revoke", metavar="ID", help="End this key at once.")] = None


def show_keys(session: Session, asked: KeysAsked) -> Answer:
    """List keys; or make one, shown this once; or end one."""
    chosen = [name for name in (asked.create, asked.create_public, asked.revoke) if name is not None]
    if len(chosen) > 1:
        raise UsageError("One thing at a time: --create, --create-public or --revoke.")
    with session.store() as store, store.begin() as tx:
        if asked.revoke is not None:
            keys.revoke(tx, asked.revoke)
            return Answer({"revoked": asked.revoke}, text(f"The key {asked.revoke} is revoked."))
        if chosen:
            key, token = keys.create(tx, _new(tx, asked))
            wire = {**_wire(key), "key": token}
            return Answer(wire, text(f"{token}\nThis is shown once; keep it. It is the key {key.id}."))
        found = keys.list_all(tx)
    rows = [
        (key.id, key.kind, key.name, " ".join(key.scopes) or " ".join(key.origins), _state(key), key.last_used_at)
        for key in found
    ]
    table = listing(["key", "kind", "name", "for", "state", "last used (UTC)"], rows, "There is no key.")
    return Answer({"keys": [_wire(key) for key in found]}, table)


def register(app: typer.Typer) -> None:
    verb(app, "keys")(show_keys)


def _new(tx: Tx, asked: KeysAsked) -> NewKey:
    if asked.days is not None and not 0 < asked.days <= 36_500:
        raise UsageError("--days is a number above 0.", remedy="Leave it out for a key that does not end.")
    expires = None if asked.days is None else tx.now + timedelta(days=asked.days)
    if asked.create_public is not None:
        if asked.scope:
            raise UsageError("A public key has no scopes: it opens sessions of its bot.", remedy="Leave out --scope.")
        bot = bots.get(tx, asked.create_public)
        origins = tuple(asked.origin)
        return NewKey(f"public key of {bot.name}", (), "public", bot.id, origins, expires)
    if asked.origin:
        raise UsageError("A secret key has no pages: it must not be sent to browsers.", remedy="Leave out --origin.")
    if not asked.scope:
        raise UsageError("What is the key for?", remedy=f"Name scopes: --scope {' --scope '.join(SCOPES)}")
    return NewKey(asked.create or "", tuple(dict.fromkeys(asked.scope)), expires_at=expires)


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.expires_at is None else f"until {key.expires_at:%Y-%m-%d %H:%M}"


def _wire(key: Key) -> dict[str, Any]:
    shown = ("kind", "name", "bot_id", "scopes", "origins", "created_at", "expires_at", "revoked_at", "last_used_at")
    return {"id": key.id, **{name: getattr(key, name) for name in shown}}
