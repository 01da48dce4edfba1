"""Cursors of lists: where to go on, signed, so that nobody can make one up or carry it to another list."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any

from service.auth import Secret
from service.errors import Refusal

SIGNATURE = 16


def write(secret: Secret, about: str, position: Any) -> str:
    """The cursor that goes on after `position` (JSON) in the list `about`."""
    body = json.dumps(position, separators=(",", ":"))
    signature = secret.sign("cursor", f"{about}\x1f{body}")[:SIGNATURE]
    return _encoded(f"{signature}{body}")


def read(secret: Secret, about: str, cursor: str | None) -> Any:
    """The position in `cursor`; None without one. Raises 400 for one that was not written for this list."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise _foreign() from None
    signature, body = text[:SIGNATURE], text[SIGNATURE:]
    expected = secret.sign("cursor", f"{about}\x1f{body}")[:SIGNATURE]
    if not hmac.compare_digest(expected, signature) or _encoded(text) != cursor:
        raise _foreign()
    return json.loads(body)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _foreign() -> Refusal:
    return Refusal(400, "malformed", "The cursor is not one of this list.", param="cursor")
