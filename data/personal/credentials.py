"""What opens a door in an address of the web: a name with its password, a token among the parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.personal.found import Found, Rank, Text

_LOGIN = re.compile(r"(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)")
_TOKEN = re.compile(
    r"(?<=[?&#;])(?:(?:access|auth|api|refresh|id|reset|csrf|session|client|private|security|x-amz)[_-]?)*"
    r"(?:token|key|apikey|password|passwd|passwort|pass|pwd|secret|signature|sig|sid|sessionid|session|auth|jwt|otp|credential)"
    r"=([!$%*+,./0-9:?@A-Z^_`a-z~=-]{4,2000})",
    re.IGNORECASE,
)
_STANDS_FOR_ONE = re.compile(
    r"(?:your|my|insert|enter|the|dein|ihr|votre|ton|su|tu|il_tuo|jouw|uw)[-_]?\w*|[x*.•…_-]+|(?:token|key|password|secret|null|"
    r"none|undefined|example|changeme|redacted|true|false)|%7b.*|\$.*",
    re.IGNORECASE,
)
"""What manuals write where a secret belongs."""


def credentials(text: Text) -> Iterator[Found]:
    """Logins and tokens in addresses; what only shows where one belongs is left alone."""
    if "://" in text.low:
        for match in _LOGIN.finditer(text.raw):
            yield Found(Rank.SECRET, match.start(), match.end(), "secret", match[0])
    if "=" in text.low:
        for match in _TOKEN.finditer(text.raw):
            value = match[1].rstrip(".,:!?")
            if len(value) >= 4 and not _STANDS_FOR_ONE.fullmatch(value):
                yield Found(Rank.SECRET, match.start(1), match.start(1) + len(value), "secret", value)
