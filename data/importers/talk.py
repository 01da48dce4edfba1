"""From single messages of a chat log to conversations: in order of time, cut by thread or silence, with roles.

A reader yields what was said, message by message and in any order, and is asked twice. The first pass keeps some
numbers of each message (25 bytes): what chat it belongs to, who spoke, when, and whether a later version takes its
place. They decide where conversations begin and who speaks for the brand. In the second pass a conversation is put
together while its messages come by, and yielded with the last of them: only open conversations are in memory.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from data.importers import records, speakers
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.speakers import Chat, Decision, Person
from data.schema import Conversation, Entity, Role, SetAside, Turn
from data.settings import ImportSettings

SAMPLE_CHARS = 400
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Said:
    """One message as its source has it; `row` is its place among all messages of the upload (1-based).

    `chat` names the channel, thread or ticket; with `whole` it is one conversation however long its silences. `author`
    is a key that stays the same within the log, "" for nobody known; `role` only where the format states it. `at`
    counts seconds since 1970 (UTC). Of messages with one `key` in one chat the last is used; `deleted` takes it back.
    """

    row: int
    chat: str
    author: str
    text: str
    at: float | None = None
    name: str = ""
    address: str = ""
    role: Role | None = None
    key: str = ""
    whole: bool = False
    deleted: bool = False
    intent: str | None = None
    rating: int | None = None
    entities: tuple[Entity, ...] = ()


Reading = Callable[[], Iterator[Said | SetAside | Remark]]


def conversations(reading: Reading, options: ImportOptions, limits: ImportSettings) -> Iterator[Item]:
    """What is said in the log as conversations; `reading` starts it from its beginning, each time it is called."""
    notes = _Notes()
    for item in reading():
        if isinstance(item, Said):
            notes.take(item)
    plan = notes.plan(limits)
    people = notes.people()
    chats = plan.chats()
    decision = speakers.decide(people, chats, options.brand)
    if people:
        found = decision.found(people, chats)
        yield found
        if decision.is_guess:
            yield Remark("speakers_guessed", 0, ", ".join(found.brand))
        if options.brand and decision.decided_by != "named":
            yield Remark("brand_not_found", 0)
    yield from _Assembly(plan, notes, decision, limits).read(reading)


@dataclass(slots=True)
class _Notes:
    """What the first pass keeps of every message."""

    chat: array[int] = field(default_factory=lambda: array("i"))
    author: array[int] = field(default_factory=lambda: array("i"))
    key: array[int] = field(default_factory=lambda: array("q"))
    at: array[float] = field(default_factory=lambda: array("d"))
    deleted: array[int] = field(default_factory=lambda: array("b"))
    chats: dict[str, int] = field(default_factory=dict)
    authors: dict[str, int] = field(default_factory=dict)
    whole: list[bool] = field(default_factory=list)
    _known: list[Person] = field(default_factory=list)
    _last: list[float] = field(default_factory=list)

    def take(self, said: Said) -> None:
        chat = self.chats.setdefault(said.chat, len(self.chats))
        if chat == len(self.whole):
            self.whole.append(said.whole)
            self._last.append(-1e18)
        author = self.authors.setdefault(said.author, len(self.authors))
        if author == len(self._known):
            self._known.append(Person(said.author, said.name, said.address, said.role))
        timed = said.at is not None and math.isfinite(said.at)
        at = float(said.at or 0) if timed else self._last[chat]  # without a time: after the one before it
        self._last[chat] = at
        self.chat.append(chat)
        self.author.append(author)
        self.key.append(hash((chat, said.key)) or 1 if said.key else 0)
        self.at.append(at)
        self.deleted.append(said.deleted)

    def people(self) -> list[Person]:
        return self._known

    def plan(self, limits: ImportSettings) -> _Plan:
        """Where conversations begin: at another chat, after a long silence, or where one grows too long."""
        chat, at = np.array(self.chat, dtype=np.int64), np.array(self.at, dtype=np.float64)
        fate = _fates(np.array(self.key, dtype=np.int64), np.array(self.deleted, dtype=np.bool_))
        alive = np.flatnonzero(fate == _USED)
        order = alive[np.lexsort((alive, at[alive], chat[alive]))]
        numbers = np.full(len(chat), -1, dtype=np.int64)
        if len(order):
            cuts = np.array([not whole for whole in self.whole], dtype=np.bool_)[chat[order]]
            other = np.diff(chat[order], prepend=-1) != 0
            begins = other | (cuts & (np.diff(at[order], prepend=at[order[0]]) > limits.silence_hours * 3600))
            place = np.arange(len(order)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
            begins |= cuts & (place % limits.max_turns == 0)
            numbers[order] = np.cumsum(begins) - 1
        return _Plan(chat, np.array(self.author, dtype=np.int64), fate, order, numbers)


_USED, _EARLIER, _DELETED = 0, 1, 2
_FATES = {_EARLIER: Reason.EARLIER_VERSION, _DELETED: Reason.DELETED_MESSAGE}


def _fates(keys: Whole, deleted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """What becomes of every message: used, replaced by a later version, or taken back."""
    fate = np.where(deleted, _DELETED, _USED).astype(np.int8)
    keyed = np.flatnonzero(keys)
    if not len(keyed):
        return fate
    _, last = np.unique(keys[keyed][::-1], return_index=True)
    final = keyed[len(keyed) - 1 - last]
    fate[np.setdiff1d(keyed, final)] = _EARLIER
    gone = np.isin(keys, keys[final[deleted[final]]]) & (keys != 0)
    fate[gone] = _DELETED
    return fate


@dataclass(frozen=True, slots=True)
class _Plan:
    """Of every message by its number: chat, author, fate and conversation; `order` is the order of reading them."""

    chat: Whole
    author: Whole
    fate: npt.NDArray[np.int8]
    order: Whole
    conversation: Whole

    def sizes(self) -> Whole:
        """How many messages each conversation has."""
        return np.bincount(self.conversation[self.order], minlength=1)

    def chats(self) -> list[Chat]:
        """Who speaks in each chat, in order, and who answers first."""
        spoken: list[dict[int, None]] = []
        answers: list[Counter[int]] = []
        opener, conversation = -1, -1
        for number in self.order.tolist():
            chat, author = int(self.chat[number]), int(self.author[number])
            while len(spoken) <= chat:
                spoken.append({})
                answers.append(Counter())
            spoken[chat].setdefault(author)
            if self.conversation[number] != conversation:
                conversation, opener = int(self.conversation[number]), author
            elif opener not in (-1, author):
                answers[chat][author] += 1
                opener = -1
        return [Chat(tuple(who), count) for who, count in zip(spoken, answers, strict=True)]


class _Assembly:
    """The second pass."""

    def __init__(self, plan: _Plan, notes: _Notes, decision: Decision, limits: ImportSettings) -> None:
        self._plan = plan
        self._notes = notes
        self._people = notes.people()
        self._decision = decision
        self._limits = limits
        self._left = plan.sizes()
        self._open: dict[int, list[tuple[int, Said]]] = {}
        self._rank = np.zeros(len(plan.chat), dtype=np.int64)
        self._rank[plan.order] = np.arange(len(plan.order))

    def read(self, reading: Reading) -> Iterator[Item]:
        number = -1
        for item in reading():
            if not isinstance(item, Said):
                yield item
                continue
            number += 1
            fate = int(self._plan.fate[number])
            if fate != _USED:
                yield SetAside(item.row, _FATES[fate], item.text[:SAMPLE_CHARS])
                continue
            conversation = int(self._plan.conversation[number])
            self._open.setdefault(conversation, []).append((int(self._rank[number]), item))
            self._left[conversation] -= 1
            if self._left[conversation] == 0:
                yield from self._close(conversation, self._open.pop(conversation))

    def _close(self, conversation: int, messages: list[tuple[int, Said]]) -> Iterator[Item]:
        messages.sort(key=lambda one: one[0])
        row = min(said.row for _, said in messages)
        if len(messages) > self._limits.max_turns:
            yield SetAside(row, Reason.TOO_MANY_TURNS, rows=len(messages))
            return
        turns: list[Turn] = []
        customer: str | None = None
        for _, said in messages:
            role = self._role(said)
            turn = self._turn(said, role)
            if isinstance(turn, Reason):
                yield SetAside(said.row, turn, said.text[:SAMPLE_CHARS])
                continue
            turns.append(turn)
            if role == "user" and customer is None and said.author:
                customer = speakers.customer_of(said.author)
        if turns:
            started = turns[0].ts
            yield Conversation(f"chat-{conversation + 1}", tuple(turns), customer=customer, started_at=started, row=row)

    def _role(self, said: Said) -> Role:
        number = self._notes.authors[said.author]
        person = self._people[number]
        if said.role is not None and self._decision.decided_by != "named":
            return said.role
        return self._decision.role(number, self._notes.chats[said.chat], person)

    def _turn(self, said: Said, role: Role) -> Turn | Reason:
        text = records.text_of(said.text, self._limits.max_cell_chars)
        if isinstance(text, Reason):
            return text
        facts: dict[str, Any] = {"intent": said.intent, "rating": said.rating, "entities": said.entities}
        return Turn(role, text, ts=moment(said.at), **facts)


def moment(at: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339; None for no time, or one that no calendar has."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, tz=UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
