"""Field maps as people write them: `text=Message,role=Author`, a JSON object, or a file of either form's content.

A key is a field of the house (`text`, `role`, ...), or `role.` and a value of the role column; what it is mapped to is
the name of a column, or a role.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.errors import UsageError
from service.imports import read_table_file

REMEDY = "Write --map text=Message,role=Author, a JSON object, or name a JSON or TOML file."
ReadJson = Callable[[str], Any]


def of_command_line(given: Sequence[str]) -> dict[str, str]:
    """All that is given together; a text that is neither pairs nor JSON names a file. Raises UsageError."""
    fields: dict[str, str] = {}
    for text in given:
        is_file = "=" not in text and not text.lstrip().startswith("{")
        if is_file and not Path(text).exists():
            raise UsageError(f"{text!r} is no field map, and there is no file of that name.", remedy=REMEDY)
        fields.update(_checked(read_table_file(Path(text))) if is_file else of_text(text))
    return fields


def of_text(text: str, read_json: ReadJson = json.loads) -> dict[str, str]:
    """One text: pairs divided by commas, or a JSON object. Raises UsageError."""
    try:
        body = read_json(text) if text.lstrip().startswith("{") else dict(map(_pair, text.split(",")))
    except ValueError:
        raise UsageError("The field map cannot be read.", remedy=REMEDY) from None
    return _checked(body)


def _checked(body: Any) -> dict[str, str]:
    if not isinstance(body, dict) or not all(isinstance(column, str) for column in body.values()):
        raise UsageError("A field map goes from fields to the names of columns.", remedy=REMEDY)
    return body


def _pair(piece: str) -> tuple[str, str]:
    name, equals, column = piece.partition("=")
    if not equals or not name.strip() or not column.strip():
        raise ValueError(piece)
    return name.strip(), column.strip()
