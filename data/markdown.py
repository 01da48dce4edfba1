"""Markdown and YAML that bear any text: labels come from customers' files and must not break the page they stand on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKED = re.compile(r"([\\`*\[\]|<>$])")


def plain(text: object) -> str:
    """`text` on one line, with everything escaped that Markdown or HTML would act on."""
    line = " ".join(str(text).split())
    return _MARKED.sub(r"\\\1", line.replace("&", "&amp;"))


def table(rows: Sequence[Sequence[object]], *, right: bool = True) -> str:
    """A Markdown table; the first row is the header. All columns but the first stand to the right unless told."""
    head, *body = [[plain(cell) for cell in row] for row in rows]
    ruler = [":--", *(["--:" if right else ":--"] * (len(head) - 1))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ruler, *body))


def front_matter(fields: Mapping[str, Any]) -> str:
    """`fields` (mappings, lists, text, numbers) as a YAML block between its two lines of dashes."""
    return "\n".join(["---", *_yaml(fields, 0), "---"])


def _yaml(value: Any, depth: int) -> list[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        entries = [(f"{pad}{name}:", part) for name, part in value.items()]
    else:
        entries = [(f"{pad}-", part) for part in value]
    lines: list[str] = []
    for start, part in entries:
        if isinstance(part, (Mapping, list, tuple)) and part:
            lines += [start, *_yaml(part, depth + 1)]
        else:
            lines.append(f"{start} {_scalar(part)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return str(value).lower()
    # Always quoted: unquoted, YAML reads `no` as false and 1.0 as a number.
    signs = (sign if sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08x}" for sign in str(value))
    return '"' + "".join(signs) + '"'
