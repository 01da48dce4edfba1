"""Keys: who may call, and what for. Only the digest of a key is kept; the key itself is shown once.

A public key names a bot and the pages it works on, and may open sessions with that bot; it is no secret. `find` and
`origins` look across workspaces: who calls is known before the workspace is.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Row, select, update

from data import tokens
from data.errors import NotFound, UsageError
from data.store import bots
from data.store.engine import Store, Tx
from data.store.serving_tables import api_keys

Kind = Literal["secret", "public"]
SCOPES = ("visitor", "read", "data", "review", "operate", "admin")
_TOKEN_KINDS = {"secret": "key", "public": "pub"}
_USUAL_PORTS = {"http": 80, "https": 443}
"""Browsers leave these out of an Origin."""
_NAME_CHARS = 200
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made. `origins` are the pages a public one works on."""

    name: str
    scopes: Sequence[str]
    kind: Kind = "secret"
    bot_id: str | None = None
    origins: Sequence[str] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is known afterwards: everything but the key."""

    workspace: str
    id: str
    kind: Kind
    name: str
    bot_id: str | None
    scopes: tuple[str, ...]
    origins: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_COLUMNS = (
    api_keys.c.workspace_id,
    api_keys.c.id,
    api_keys.c.kind,
    api_keys.c.name,
    api_keys.c.bot_id,
    api_keys.c.scopes,
    api_keys.c.origins,
    api_keys.c.created_at,
    api_keys.c.expires_at,
    api_keys.c.revoked_at,
    api_keys.c.last_used_at,
)


def create(tx: Tx, new: NewKey) -> tuple[Key, str]:
    """A key, and the text its holder sends: told now, and never again.

    Raises UsageError when it does not hold together, NotFound for a bot that is not there.
    """
    _check(new)
    if new.bot_id is not None:
        bots.get_by_id(tx, new.bot_id)
    token = tokens.mint(_TOKEN_KINDS[new.kind], tokens.new_id())
    body: dict[str, Any] = {
        "id": token.id,
        "kind": new.kind,
        "name": _shown(new.name),
        "bot_id": new.bot_id,
        "scopes": list(new.scopes),
        "origins": list(new.origins),
        "secret_hash": token.digest,
        "created_at": tx.now,
        "expires_at": new.expires_at,
    }
    tx.insert(api_keys, body)
    return get(tx, token.id), str(token)


def find(store: Store, text: str) -> Key | None:
    """The valid key that `text` is, of whatever workspace; None for any other text."""
    token = tokens.parse(text)
    if token is None or token.kind not in _TOKEN_KINDS.values():
        return None
    with store.read() as tx:
        row = tx.connection.execute(select(*_COLUMNS, api_keys.c.secret_hash).where(api_keys.c.id == token.id)).first()
        now = tx.now
    if row is None or not hmac.compare_digest(row.secret_hash, token.digest):
        return None
    key = _key(row[:-1])
    return key if key.is_valid(now) and _TOKEN_KINDS[key.kind] == token.kind else None


def get(tx: Tx, key_id: str) -> Key:
    """Raises NotFound."""
    row = tx.connection.execute(select(*_COLUMNS).where(tx.owns(api_keys), api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFound("There is no such key.", remedy="`attune keys` lists them.", key=key_id)
    return _key(row)


def list_all(tx: Tx) -> list[Key]:
    """The keys of the workspace, the oldest first, revoked ones included."""
    statement = select(*_COLUMNS).where(tx.owns(api_keys)).order_by(api_keys.c.created_at, api_keys.c.id)
    return [_key(row) for row in tx.connection.execute(statement)]


def has_any(tx: Tx) -> bool:
    """Whether a key was ever made here."""
    return tx.connection.execute(select(api_keys.c.id).where(tx.owns(api_keys)).limit(1)).first() is not None


def revoke(tx: Tx, key_id: str) -> Key:
    """End the key. Doing so twice is harmless. Raises NotFound."""
    alive = (tx.owns(api_keys), api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
    tx.connection.execute(update(api_keys).where(*alive).values(revoked_at=tx.now))
    return get(tx, key_id)


def touch(tx: Tx, key_id: str) -> None:
    """Note that the key was used now."""
    used = update(api_keys).where(tx.owns(api_keys), api_keys.c.id == key_id).values(last_used_at=tx.now)
    tx.connection.execute(used)


def origins(store: Store) -> frozenset[str]:
    """Every origin that some valid public key, of whatever workspace, works on."""
    with store.read() as tx:
        rows = tx.connection.execute(select(*_COLUMNS).where(api_keys.c.kind == "public"))
        return frozenset(origin for key in map(_key, rows) if key.is_valid(tx.now) for origin in key.origins)


def _check(new: NewKey) -> None:
    unknown = sorted(set(new.scopes) - set(SCOPES))
    if unknown:
        raise UsageError(f"Scopes are {', '.join(SCOPES)}.", remedy="Name some of those.")
    if not _shown(new.name):
        raise UsageError("A key needs a name, so that one knows later what it was for.")
    if new.kind == "public" and (new.bot_id is None or new.scopes):
        raise UsageError("A public key names a bot and has no scopes.", remedy="Leave the scopes out.")
    if new.kind == "secret" and not new.scopes:
        raise UsageError("A secret key without scopes may do nothing.", remedy=f"Name some of {', '.join(SCOPES)}.")
    wrong = [origin for origin in new.origins if not is_origin(origin)]
    if wrong or (new.origins and new.kind != "public"):
        raise UsageError(
            "An origin is what a browser sends for a page: https://shop.example, or http://localhost:3000.",
            remedy="Give scheme and host in lower case, a port where it is not the usual one, and nothing after it.",
        )


def is_origin(text: str) -> bool:
    """Whether `text` is exactly what browsers send as the Origin of a page."""
    scheme, _, host = text.partition("://")
    if scheme not in _USUAL_PORTS or not _HOST.fullmatch(host):
        return False
    try:
        port = urlsplit(text).port
    except ValueError:
        return False
    return port != _USUAL_PORTS[scheme]


def _shown(name: str) -> str:
    """The key's name as it can be shown: no control or broken characters, not endless."""
    return "".join(char for char in name if char.isprintable()).strip()[:_NAME_CHARS]


def _key(row: Row[Any] | Sequence[Any]) -> Key:
    values = dict(zip(Key.__slots__, row, strict=False))
    return Key(**{**values, "scopes": tuple(values["scopes"]), "origins": tuple(values["origins"])})
