"""From an object that holds a whole conversation to that conversation, whatever the shape it was written in.

A message takes one row, and so does a conversation without any. Of a pair of replies the better one is the reply, and
counts as liked; the messages of the worse one are counted and set aside: nobody is to learn them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data.importers import messages, records
from data.importers.nouns import Item, Reason, Remark
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

FACTS = frozenset(("id", "customer", "language", "started_at", "rating", "tags"))
"""What a conversation's object says beside its messages."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """What an object holds: messages in order, those of the worse reply, and the names of the fields that were read.

    `verdict` is what the last reply got: 1 or -1.
    """

    messages: list[Any]
    rejected: list[Any] = field(default_factory=list)
    verdict: int | None = None
    known: frozenset[str] = frozenset()


def items(dialog: Dialog, body: Mapping[str, Any], rows: Iterator[int], limits: ImportSettings) -> Iterator[Item]:
    """The conversation of `dialog`, which was read from `body`, and what is to be said of it."""
    size = len(dialog.messages)
    if not size or size > limits.max_turns:
        yield _not_taken(size, rows)
        yield from _rejected(dialog, rows)
        return
    first = next(rows)
    remarks = [Remark("fields_ignored", first, ", ".join(_unknown(dialog, body)))] if _unknown(dialog, body) else []
    turns: list[Turn] = []
    yield from messages.take(dialog.messages, _again(first, rows), limits, turns)
    if turns:
        yield Conversation(
            records.identifier_of(body.get("id", body.get("conversation_id"))) or f"line-{first}",
            _judged(turns, dialog.verdict),
            customer=records.identifier_of(body.get("customer")),
            language=records.language_of(body.get("language")),
            started_at=records.time_of(body.get("started_at"), first, remarks),
            rating=records.number_among(body.get("rating"), range(1, 6), first, remarks),
            tags=records.tags_of(body.get("tags")),
            row=first,
        )
    yield from _rejected(dialog, rows)
    yield from remarks


def _not_taken(size: int, rows: Iterator[int]) -> SetAside:
    row = next(rows)
    if not size:
        return SetAside(row, Reason.EMPTY_CONVERSATION)
    for _ in range(size - 1):
        next(rows)
    return SetAside(row, Reason.TOO_MANY_TURNS, rows=size)


def _again(first: int, rows: Iterator[int]) -> Iterator[int]:
    yield first
    yield from rows


def _judged(turns: list[Turn], verdict: int | None) -> tuple[Turn, ...]:
    """The turns, with the verdict at the last thing the brand said, unless it carries one."""
    last = max((place for place, turn in enumerate(turns) if turn.is_brand), default=None)
    if verdict is not None and last is not None and turns[last].rating is None:
        turns[last] = replace(turns[last], rating=verdict)
    return tuple(turns)


def _rejected(dialog: Dialog, rows: Iterator[int]) -> Iterator[SetAside]:
    for message in dialog.rejected:
        yield SetAside(next(rows), Reason.REJECTED_REPLY, messages.sample_of(message))


def _unknown(dialog: Dialog, body: Mapping[str, Any]) -> list[str]:
    """The fields of the object that nobody looked at."""
    return sorted(set(body) - FACTS - dialog.known)
