"""JSON documents of definitions, talks and exports: read whole, bounded, and looked into without trusting a shape."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from data.importers import json_stream
from data.importers.container import Member
from data.importers.kind import Source
from data.importers.nouns import Reason
from data.importers.strict_json import JsonError


def documents(source: Source, member: Member) -> Iterator[Any | Reason]:
    """The JSON documents in a file, one or several after each other; last a reason, where it cannot be read on."""
    limit = source.limits.max_document_bytes
    try:
        for _, value in json_stream.values(source.decoded(member), ("",), limit):
            yield value
    except JsonError as error:
        yield Reason.DOCUMENT_TOO_LARGE if error.reason is Reason.LINE_TOO_LONG else error.reason


def entries(source: Source, member: Member, paths: Collection[str]) -> Iterator[tuple[str, Any] | Reason]:
    """(path, value) for what stands at the paths, one at a time; last a reason, where the file cannot be read on."""
    try:
        yield from source.values(member, paths)
    except JsonError as error:
        yield error.reason


def text(value: Any) -> str:
    """The text that stands here; "" for anything else."""
    return value if isinstance(value, str) else ""


def table(value: Any) -> dict[str, Any]:
    """The object that stands here; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The list that stands here; an empty one for anything else."""
    return value if isinstance(value, list) else []


def tables(value: Any) -> list[dict[str, Any]]:
    """The objects of the list that stands here."""
    return [one for one in items(value) if isinstance(one, dict)]


def texts(value: Any) -> list[str]:
    """The texts of the list that stands here, or the one text; blank ones left out."""
    listed = [value] if isinstance(value, str) else items(value)
    return [one for one in listed if isinstance(one, str) and one.strip()]


def key(value: Any) -> str:
    """An id as text; "" for what is none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
