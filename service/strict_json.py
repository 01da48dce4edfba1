"""JSON as strangers send it, read strictly: what two readers could understand differently is refused.

Refused are duplicate keys, numbers that are not finite or not exact, text that is no Unicode (lone surrogates), NUL,
byte-order marks, encodings other than UTF-8 and nesting deeper than `DEPTH`.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEPTH = 32
LARGEST_INTEGER = 2**63 - 1
LARGEST_EXACT = 2**53


class NotJson(ValueError):
    """The bytes are not JSON, or not JSON that means one thing. Its text may be shown: it quotes nothing."""


def loads(body: bytes) -> Any:
    """The value that `body` holds. Raises NotJson."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise NotJson("The body begins with a byte-order mark; send it without.")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise NotJson(f"The body is nested deeper than {DEPTH} levels.") from None
    except NotJson:
        raise
    except ValueError:  # a syntax error, or a whole number of thousands of digits
        raise NotJson("The body is not JSON.") from None
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("An object of the body names a key twice.")
    return found


def _constant(_name: str) -> NoReturn:
    raise NotJson("A number of the body is not finite.")


def _float(digits: str) -> float | int:
    """JSON has one kind of number: 2.0 and 2 are the same."""
    number = float(digits)
    if not math.isfinite(number):
        raise NotJson("A number of the body is not finite.")
    return int(number) if number.is_integer() and abs(number) <= LARGEST_EXACT else number


def _check(value: Any) -> None:
    """Walk the value without recursion."""
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEPTH:
            raise NotJson(f"The body is nested deeper than {DEPTH} levels.")
        if isinstance(one, str):
            _check_text(one)
        elif isinstance(one, dict):
            for key in one:
                _check_text(key)
            waiting += ((inner, depth + 1) for inner in one.values())
        elif isinstance(one, list):
            waiting += ((inner, depth + 1) for inner in one)
        elif isinstance(one, int) and abs(one) > LARGEST_INTEGER:
            raise NotJson("A whole number of the body is too large.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise NotJson("A text of the body holds the character NUL.")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise NotJson("A text of the body holds half of a surrogate pair.")
