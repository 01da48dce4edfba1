"""From a tree of messages to the one conversation in it that was shown last."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.importers import records
from data.importers.ai_chats.trees import Node, live_branch
from data.importers.nouns import Item, Reason, Remark
from data.importers.talk import SAMPLE_CHARS, moment
from data.schema import Conversation, Role, SetAside, Turn
from data.settings import ImportSettings


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message of a tree; `reason` says why it is nothing that was said, where it is not."""

    role: Role
    text: str = ""
    at: float | None = None
    reason: Reason | None = None
    rating: int | None = None
    has_files: bool = False
    has_extras: bool = False


@dataclass(frozen=True, slots=True)
class Chat:
    """A tree of messages: their places, the one at which its owner left off, and what was said in each place."""

    nodes: Mapping[str, Node]
    current: str | None
    said: Mapping[str, Spoken]
    name: str | None = None
    tags: Sequence[str] = ()


def items(chat: Chat, rows: Iterator[int], limits: ImportSettings) -> Iterator[Item]:
    """The conversation on the live branch; what stands on the others is set aside, each message in its place."""
    said = chat.said
    if not said:
        yield SetAside(next(rows), Reason.EMPTY_CONVERSATION)
        return
    numbers = {one: next(rows) for one in said}
    live = [one for one in live_branch(chat.nodes, chat.current) if one in said]
    for one in said.keys() - set(live):
        yield SetAside(numbers[one], Reason.OTHER_BRANCH, said[one].text[:SAMPLE_CHARS])
    if len(live) > limits.max_turns:
        yield SetAside(numbers[live[0]], Reason.TOO_MANY_TURNS, rows=len(live))
        return
    turns: list[Turn] = []
    for one in live:
        turn = yield from _turn(said[one], numbers[one], limits)
        turns += [turn] if turn is not None else []
    if turns:
        first = min(numbers[one] for one in live)
        started = next((turn.ts for turn in turns if turn.ts is not None), None)
        yield Conversation(
            chat.name or f"chat-{first}",
            tuple(turns),
            started_at=started,
            tags=records.tags_of(list(chat.tags)),
            row=first,
        )


def _turn(spoken: Spoken, row: int, limits: ImportSettings) -> Generator[Item, None, Turn | None]:
    reason = spoken.reason
    text = records.text_of(spoken.text, limits.max_cell_chars)
    if reason is not None or isinstance(text, Reason):
        yield SetAside(row, reason or str(text), spoken.text[:SAMPLE_CHARS])
        return None
    for code, seen in (("attachments_ignored", spoken.has_files), ("extras_ignored", spoken.has_extras)):
        if seen:
            yield Remark(code, row)
    return Turn(spoken.role, text, ts=moment(spoken.at), rating=spoken.rating)
