"""Who is calling: from a bearer token to a Caller. Only `Authorization: Bearer`, never a query string or a cookie.

Keys are looked up in the store and remembered for a second, so that a revocation holds within one. While the store
does not answer, keys that were in use go on being known for a minute. A visitor's token
is not stored at all: it names a session and carries a signature made with the server's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from data import tokens
from data.errors import StoreUnavailable
from data.secret_file import kept_secret
from data.settings import Settings
from data.store import Store, keys, sessions
from data.store.keys import Key
from data.tokens import Token
from service.api._spec import PUBLIC, Caller
from service.pulse import Pulse

REMEMBERED_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long a key is taken from memory while the store cannot say whether it was revoked."""
MOST_REMEMBERED = 10_000
SECRET_FILE = "secret.key"  # noqa: S105 - a name, not a secret


class Secret:
    """The server's secret: signs visitors' tokens and cursors, and makes digests nobody else can make."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Secret:
        """The configured one, or the one in the home folder, made at the first start for its owner alone."""
        if settings.serve.secret is not None:
            return cls(settings.serve.secret.get_secret_value().encode("utf-8", "surrogateescape"))
        return cls(kept_secret(settings.home / SECRET_FILE))

    def sign(self, purpose: str, text: str) -> str:
        """A digest of `text` in hexadecimal; different purposes never share one."""
        said = f"{purpose}\x1f{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()

    def agrees(self, purpose: str, text: str, signature: str) -> bool:
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode("utf-8", "replace"))


class Doorkeeper:
    """Tells callers by their tokens."""

    def __init__(self, store: Store, secret: Secret, idle_seconds: float, clock: Callable[[], float] = time.monotonic):
        self._store = store
        self._secret = secret
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Key, float]] = OrderedDict()
        self._used: set[tuple[str, str]] = set()
        self.pulse = Pulse(store)

    def caller(self, text: str) -> Caller | None:
        """Whose token this is; None when it is nobody's, or no longer."""
        token = tokens.parse(text)
        if token is None:
            return None
        return self._visitor(token) if token.kind == "vis" else self._holder(text, token)

    def used(self) -> set[tuple[str, str]]:
        """The keys, by workspace and id, that were used since this was last asked."""
        with self._lock:
            used, self._used = self._used, set()
        return used

    def visitor_token(self, workspace: str, session_id: str) -> str:
        """The token of a session. It follows from the session and the secret, so that it need not be kept."""
        return str(Token("vis", _bare(session_id), self._signature(workspace, session_id)))

    def _holder(self, text: str, token: Token) -> Caller | None:
        key = self._key(text, token)
        if key is None:
            return None
        scopes = frozenset((PUBLIC,)) if key.kind == "public" else frozenset(key.scopes)
        return Caller(key.id, key.workspace, scopes, key.bot_id, key.origins, key=key)

    def _key(self, text: str, token: Token) -> Key | None:
        digest, now = token.digest, self._clock()
        with self._lock:
            known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        try:
            with self.pulse.asked():
                key = keys.find(self._store, text)
        except StoreUnavailable:
            if known is None or self._clock() >= known[1] + PATIENCE_SECONDS:
                raise
            return known[0]
        with self._lock:
            self._known.pop(digest, None)
            if key is not None:
                self._known[digest] = (key, now + REMEMBERED_SECONDS)
                self._used.add((key.workspace, key.id))
                if len(self._known) > MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return key

    def _visitor(self, token: Token) -> Caller | None:
        session_id = f"session_{token.id}"
        with self.pulse.asked():
            found = sessions.find(self._store, session_id, idle_seconds=self._idle_seconds)
        if found is None:
            return None
        workspace, session = found
        expected = self._signature(workspace, session_id)
        if not hmac.compare_digest(expected.encode(), token.secret.encode("utf-8", "replace")):
            return None
        origins = (session.origin,) if session.origin else ()
        return Caller(session.id, workspace, frozenset(("visitor",)), session.bot_id, origins, session=session)

    def _signature(self, workspace: str, session_id: str) -> str:
        return self._secret.sign("visitor", f"{workspace}\x1f{session_id}")[:48]


def _bare(session_id: str) -> str:
    return session_id.removeprefix("session_")
