"""What people see in a cell of a table: values of programs as text."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_PADDED = re.compile(r"0{2,30}")
_ROUNDED = re.compile(r"(#,##)?0(?:\.(0{1,15}))?(%)?")
MOST_DIGITS = 15
"""A spreadsheet shows no more digits of a number."""


def shown(value: Any, number_format: str = "General") -> str | None:
    """A value as its table shows it, "" for none; None for what no cell can hold."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | Decimal):
        return _number(value, number_format)
    if isinstance(value, datetime):
        return _moment(value, number_format)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, list | tuple):
        inner = [shown(one) for one in value if not isinstance(one, list | tuple)]
        return ", ".join(one for one in inner if one) if len(inner) == len(value) and None not in inner else None
    return None


def _moment(value: datetime, number_format: str) -> str:
    is_day = value.time() == time(0) and value.tzinfo is None and "h" not in number_format.lower()
    return value.date().isoformat() if is_day and number_format != "General" else value.isoformat()


def _number(value: float | Decimal, number_format: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if _PADDED.fullmatch(number_format) and value == int(value):
        return str(int(value)).zfill(len(number_format))
    rounded = _ROUNDED.fullmatch(number_format)
    if rounded is not None and (rounded[2] or rounded[3] or rounded[1]):
        scaled = value * 100 if rounded[3] else value
        return f"{scaled:{',' if rounded[1] else ''}.{len(rounded[2] or '')}f}{rounded[3] or ''}"
    if isinstance(value, int):
        return str(value)
    try:
        plain = format(Decimal(format(value, f".{MOST_DIGITS}g")), "f")
    except InvalidOperation:
        return str(value)
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
