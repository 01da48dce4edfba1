"""Tickets and chats of help desks on their way to conversations.

A reader fills a `Thread` with messages and hands it to the `Desk`, which puts them in order of time, tells who speaks,
takes the words out of their HTML and leaves the earlier mails below them out. Where messages come by in any order,
`gathered` holds those of a thread until its last one is there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from data.importers import quoting, records, speakers
from data.importers.hints import SpeakersFound
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.speakers import Person
from data.importers.talk import SAMPLE_CHARS, moment
from data.schema import BRAND_ROLES, Conversation, Role, SetAside, Turn
from data.settings import ImportSettings

MAX_NAMES = 1_000
"""Names of the brand that are remembered for the report."""
MILLISECONDS = 1e11
"""A time above this counts milliseconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a ticket or chat, as it came. `author.role` is None where the format does not state it; `body` is
    text or HTML; `at` a time of any kind. Of messages with one `key` in one thread the last is used."""

    row: int
    author: Person
    body: Any
    at: Any = None
    has_files: bool = False
    key: str = ""


@dataclass(slots=True)
class Thread:
    """A ticket or chat. `customer` is the key of who asks, "" where the format does not say; `is_explained`: words came
    with its rating."""

    id: str
    customer: str = ""
    rating: int | None = None
    tags: Any = None
    language: str | None = None
    is_explained: bool = False
    messages: list[Message] = field(default_factory=list)
    size: int = 0

    def add(self, message: Message, limits: ImportSettings) -> None:
        """Take a message in; beyond imports.max_turns they are only counted."""
        self.size += 1
        if self.size <= limits.max_turns:
            self.messages.append(message)


class Desk:
    """Makes conversations of threads, and keeps count of who took part."""

    def __init__(self, options: ImportOptions, limits: ImportSettings) -> None:
        self._brand = options.brand
        self._limits = limits
        self._names: dict[str, None] = {}
        self._staff: set[int] = set()
        self._customers: set[int] = set()
        self._is_guess = False
        self._is_named = False

    def close(self, thread: Thread) -> Iterator[Item]:
        """The conversation of a thread, and what is to be said of its messages."""
        if not thread.messages:
            return
        row = min(message.row for message in thread.messages)
        if thread.size > self._limits.max_turns:
            yield SetAside(row, Reason.TOO_MANY_TURNS, rows=thread.size)
            return
        turns: list[Turn] = []
        customer = ""
        last = {message.key: message.row for message in thread.messages if message.key}
        for message, at in self._in_order(thread):
            if last.get(message.key, message.row) != message.row:
                yield SetAside(message.row, Reason.EARLIER_VERSION, _sample(message.body))
                continue
            role = self._role(message.author, thread)
            text = yield from self._words(message)
            if isinstance(text, Reason):
                yield SetAside(message.row, text, _sample(message.body))
                continue
            if message.at is not None and at is None:
                yield Remark("timestamp_ignored", message.row)
            customer = customer or (message.author.key if role == "user" else "")
            turns.append(Turn(role, text, ts=moment(at)))
        if turns:
            yield Conversation(
                records.identifier_of(thread.id) or f"thread-{row}",
                tuple(turns),
                customer=speakers.customer_of(thread.customer or customer) if thread.customer or customer else None,
                language=thread.language,
                started_at=turns[0].ts,
                rating=thread.rating,
                tags=records.tags_of(thread.tags),
                row=row,
            )

    def summary(self) -> Iterator[Item]:
        """Who spoke for the brand; to be asked for once, at the end."""
        if self._staff or self._customers:
            how, sure = ("first_answer", 0.5) if self._is_guess else ("named" if self._is_named else "roles", 1.0)
            names = sorted(self._names)[: speakers.MAX_NAMES]
            yield SpeakersFound(how, sure, tuple(names), len(self._staff), len(self._customers - self._staff))
        if self._is_guess:
            yield Remark("speakers_guessed", 0, ", ".join(sorted(self._names)[: speakers.MAX_NAMES]))
        if self._brand and not self._is_named:
            yield Remark("brand_not_found", 0)

    def _in_order(self, thread: Thread) -> list[tuple[Message, float | None]]:
        """By time; a message without one stays behind the one it came after."""
        placed: list[tuple[float, Message, float | None]] = []
        last = -math.inf
        for message in thread.messages:
            at = seconds_of(message.at)
            last = last if at is None else at
            placed.append((last, message, at))
        return [(message, at) for _, message, at in sorted(placed, key=lambda one: one[0])]

    def _role(self, author: Person, thread: Thread) -> Role:
        role = author.role
        if self._brand and speakers.is_named(author, self._brand):
            self._is_named = True
            role = role if role in BRAND_ROLES else "agent"
        if role is None:
            if not thread.customer:  # nobody says who asks: whoever begins
                thread.customer = author.key
                self._is_guess = True
            role = "user" if author.key == thread.customer else "agent"
        if role in BRAND_ROLES:
            self._staff.add(hash(author.key))
            name = author.name or author.address
            if name and len(self._names) < MAX_NAMES:
                self._names.setdefault(name)
        else:
            self._customers.add(hash(author.key or thread.id))
        return role

    def _words(self, message: Message) -> Generator[Item, None, str | Reason]:
        """The words of a message, or why there are none."""
        body = message.body
        if body is not None and not isinstance(body, str):
            return Reason.WRONG_TYPE
        own = quoting.own_words(body or "")
        text = own.text if own.text.strip() else ""
        if not text:
            has_files = message.has_files or "<img" in (body or "").lower()
            return Reason.ATTACHMENT_ONLY if has_files else Reason.EMPTY_MESSAGE
        found = records.text_of(text, self._limits.max_cell_chars)
        if not isinstance(found, Reason):
            if own.is_cut:
                yield Remark("quotes_cut", message.row)
            if message.has_files or "<img" in (body or "").lower():
                yield Remark("attachments_ignored", message.row)
        return found


class Gathering(Generic[T]):
    """Pieces of threads that come by in any order, put together. Only open threads are in memory, and a number each."""

    def __init__(self) -> None:
        self._left: Counter[str] = Counter()
        self._open: dict[str, list[T]] = {}

    def expect(self, key: str) -> None:
        """First pass: one more piece of this thread will come."""
        self._left[key] += 1

    def knows(self, key: str) -> bool:
        """Whether pieces of this thread come, or came."""
        return key in self._left

    def take(self, key: str, piece: T) -> list[T] | None:
        """Second pass: all pieces of the thread with its last one, else None."""
        if key not in self._left:
            return [piece]
        self._open.setdefault(key, []).append(piece)
        self._left[key] -= 1
        return self._open.pop(key) if self._left[key] == 0 else None


Reading = Callable[[], Iterator[Item | tuple[str, Any]]]


def gathered(reading: Reading, *, is_scattered: bool) -> Iterator[Item | tuple[str, list[Any]]]:
    """(thread, its pieces) for what `reading` yields as (thread, piece), each time from the beginning; items pass.
    Where pieces are not scattered, each is a thread of its own and read once."""
    gathering: Gathering[Any] = Gathering()
    for item in reading() if is_scattered else ():
        if isinstance(item, tuple):
            gathering.expect(item[0])
    for item in reading():
        if not isinstance(item, tuple):
            yield item
            continue
        pieces = gathering.take(*item)
        if pieces is not None:
            yield item[0], pieces


def seconds_of(value: Any) -> float | None:
    """Seconds since 1970 of a time as programs write it: RFC 3339, seconds or milliseconds; None for anything else."""
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00"))
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    seconds = float(value) if abs(value) < MILLISECONDS else value / 1000
    return seconds if abs(seconds) < MILLISECONDS else None


def _sample(body: Any) -> str:
    return body[:SAMPLE_CHARS] if isinstance(body, str) else ""
