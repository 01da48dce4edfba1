"""JSON as strict as data from strangers asks for: what Python's reader lets pass quietly is a reason here.

Refused: a key given twice (the last would win), NaN, Infinity and numbers beyond 64 bits, lone surrogates (they cannot
be written again), nesting beyond `MAX_DEPTH`.
"""

from __future__ import annotations

import json
import math
from typing import Any

from data.importers.nouns import Reason

MAX_DEPTH = 32


class JsonError(ValueError):
    """A JSON text that is not taken; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def loads(text: str) -> Any:
    """The value in `text`. Raises JsonError."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise JsonError(Reason.TOO_DEEP) from None
    except json.JSONDecodeError:
        raise JsonError(Reason.MALFORMED_JSON) from None
    if "\\u" in text and not _can_be_written(value):
        raise JsonError(Reason.LONE_SURROGATE)
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise JsonError(Reason.TOO_DEEP)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise JsonError(Reason.DUPLICATE_KEYS)
    return body


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError(Reason.NUMBER_OUT_OF_RANGE)
    return value


def _bounded(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise JsonError(Reason.NUMBER_OUT_OF_RANGE)
    return int(digits)


def _constant(_: str) -> Any:
    raise JsonError(Reason.NUMBER_OUT_OF_RANGE)


def _can_be_written(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except RecursionError:
        raise JsonError(Reason.TOO_DEEP) from None
    return True


def _depth(value: Any) -> int:
    """Levels of nesting, counted without recursion and no further than needed."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += (child for child in one.values() if isinstance(child, dict | list))
            elif isinstance(one, list):
                inner += (child for child in one if isinstance(child, dict | list))
        level = inner
    return depth


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_int=_bounded, parse_constant=_constant
)
