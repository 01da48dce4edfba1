"""Tokens that callers carry: `att_<kind>_<id>_<secret><checksum>`.

The prefix lets scanners of leaked secrets find them; the checksum tells a typo from a revoked key without a look into
the database. A secret of `SECRET_CHARS` letters and digits holds 190 random bits, so that a plain SHA-256 is enough to
keep in its place.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

PREFIX = "att"
KINDS = ("key", "pub", "vis")
"""A secret key, a public bot key, a visitor's session."""
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_CHARS = 12
SECRET_CHARS = 32
CHECKSUM_CHARS = 6
LONGEST = 200
_FORM = re.compile(r"att_(key|pub|vis)_([0-9A-Za-z]{1,64})_([0-9A-Za-z]{16,96})([0-9A-Za-z]{6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, taken apart. `str(token)` is what its holder sends."""

    kind: str
    id: str
    secret: str

    def __str__(self) -> str:
        body = f"{PREFIX}_{self.kind}_{self.id}_{self.secret}"
        return body + _checksum(body)

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.id})"

    @property
    def digest(self) -> str:
        """SHA-256 of the whole text in hexadecimal: what is kept."""
        return hashlib.sha256(str(self).encode("ascii")).hexdigest()


def new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_CHARS))


def mint(kind: str, id: str) -> Token:  # noqa: A002 - what it is
    """A fresh token. Raises ValueError for a kind or an id that cannot stand in one."""
    token = Token(kind, id, "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS)))
    if parse(str(token)) != token:
        raise ValueError("a token is of one of the kinds, and its id is of letters and digits")
    return token


def parse(text: str) -> Token | None:
    """The token that `text` is; None for anything else."""
    if len(text) > LONGEST:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    kind, id_, secret, _ = found.groups()
    token = Token(kind, id_, secret)
    return token if str(token) == text else None


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_CHARS):
        number, rest = divmod(number, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits
