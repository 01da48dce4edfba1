"""The nouns that pass between the rooms: frozen values, no behaviour beyond their own shape.

The wire (JSON in files, reports and HTTP) says `messages` and `content`; the house says `turns` and `text`.
`to_wire` is the only place where the two meet on the way out; the importers are where they meet on the way in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

Role = Literal["user", "assistant", "agent", "system"]
ROLES: tuple[str, ...] = get_args(Role)
BRAND_ROLES: tuple[str, ...] = ("assistant", "agent")
"""Who speaks for the brand: a bot or one of its people. Both are the brand's voice."""

Split = Literal["train", "validation", "test"]
SPLITS: tuple[str, ...] = get_args(Split)

Severity = Literal["error", "warning", "info"]

TASKS = ("intent", "reply", "generate", "sentiment", "entities")
"""What a retraining may be asked for."""

LEAST_TRIALS, MOST_TRIALS = 2, 1_000
"""How many recipes a search may be asked to try."""
MOST_SEARCH_MINUTES = 7 * 24 * 60
"""How long it may be asked to go on."""

DEFAULT_WORKSPACE = "default"
"""The one workspace of a fresh install."""

FEEDBACK = "feedback"
"""What a conversation that was made of feedback names as its upload."""

OUT_OF_SCOPE = "oos"
"""The label of a message that no intent of the bot covers."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A typed span of an utterance; `start` and `end` count Unicode code points, `end` exclusive."""

    start: int
    end: int
    type: str
    value: str | None = None

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"start": self.start, "end": self.end, "type": self.type}
        return wire if self.value is None else {**wire, "value": self.value}


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of one side. `rows` is how many source messages were merged into it; `corrected`: a reviewer
    approved these words in the place of the bot's own, which were `rejected`, where the bot had answered."""

    role: Role
    text: str
    ts: str | None = None
    intent: str | None = None
    sentiment: str | None = None
    entities: tuple[Entity, ...] = ()
    rating: int | None = None
    rows: int = 1
    corrected: bool = False
    rejected: str | None = None

    @property
    def is_brand(self) -> bool:
        return self.role in BRAND_ROLES

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"role": self.role, "content": self.text}
        for name in ("ts", "intent", "sentiment", "rating"):
            value = getattr(self, name)
            if value is not None:
                wire[name] = value
        if self.entities:
            wire["entities"] = [entity.to_wire() for entity in self.entities]
        return wire


@dataclass(frozen=True, slots=True)
class Conversation:
    """Ordered turns between one customer and the brand. `row` is where it began in its upload (1-based).

    `only`: the place of the single user turn that may be learned, where consent was given for that turn alone; the
    others are what was said before it, nothing more.
    """

    id: str
    turns: tuple[Turn, ...]
    customer: str | None = None
    language: str | None = None
    started_at: str | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    row: int = 0
    only: int | None = None

    @property
    def rows(self) -> int:
        return sum(turn.rows for turn in self.turns)

    def with_turns(self, turns: tuple[Turn, ...]) -> Conversation:
        return replace(self, turns=turns)

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"id": self.id}
        for name in ("customer", "language", "started_at", "rating"):
            value = getattr(self, name)
            if value is not None:
                wire[name] = value
        if self.tags:
            wire["tags"] = list(self.tags)
        return {**wire, "messages": [turn.to_wire() for turn in self.turns]}


@dataclass(frozen=True, slots=True)
class SetAside:
    """Source rows that were not used: which (1-based), why, and how many of them."""

    row: int
    reason: str
    sample: str = ""
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check has to say, with what to do about it. `rows` holds at most the first twenty."""

    code: str
    severity: Severity
    count: int
    remedy: str
    rows: tuple[int, ...] = ()
    sample: str = ""
    fixable: bool = False

    def to_wire(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "rows": list(self.rows[:20]),
            "count": self.count,
            "sample": self.sample,
            "remedy": self.remedy,
            "fixable": self.fixable,
        }


@dataclass(frozen=True, slots=True)
class Example:
    """One user turn as every task sees it: its labels, the turns before it, and what the brand answered.

    A row of a frozen dataset. `context` holds the turns before it, oldest first; `reply` is None where the brand said
    nothing, or nothing that may be learned; `rating` is what that answer got; `corrected`: a reviewer approved the
    reply in the place of the bot's own, which is `rejected`, where the bot had answered: never a target. `weight` is
    1 / size of its near-duplicate cluster within its split, so that repeats count once. `conversation` is a
    conversation's fingerprint and `upload` an upload's digest: an example follows from content alone, so that equal
    logs give equal rows. One made of feedback names that feedback instead.
    """

    id: str
    conversation: str
    upload: str
    split: Split
    text: str
    language: str | None = None
    intent: str | None = None
    sentiment: str | None = None
    entities: tuple[Entity, ...] = ()
    context: tuple[tuple[Role, str], ...] = ()
    reply: str | None = None
    reply_role: Role | None = None
    rating: int | None = None
    weight: float = 1.0
    corrected: bool = False
    rejected: str | None = None

    @property
    def is_taught(self) -> bool:
        """Whether it was made of feedback, not of an upload."""
        return self.upload.startswith(f"{FEEDBACK}_")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every row of one upload. `check()` is the promise that none was lost."""

    upload: str
    format: str
    format_confidence: float
    encoding: str
    dry_run: bool
    conversations: int
    rows_in: int
    rows_used: int
    set_aside: dict[str, int]
    redacted: dict[str, int]
    languages: dict[str, int]
    labels: dict[str, int]
    findings: tuple[Finding, ...]
    seconds: float
    extra: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise AssertionError when rows are unaccounted for: a bug, never the user's fault."""
        accounted = self.rows_used + sum(self.set_aside.values())
        if self.rows_in != accounted:
            raise AssertionError(f"{self.rows_in} rows came in, {accounted} are accounted for")

    def to_wire(self) -> dict[str, Any]:
        return {
            "upload": self.upload,
            "format": self.format,
            "format_confidence": round(self.format_confidence, 3),
            "encoding": self.encoding,
            "dry_run": self.dry_run,
            "conversations": self.conversations,
            "rows_in": self.rows_in,
            "rows_used": self.rows_used,
            "set_aside": dict(sorted(self.set_aside.items())),
            "redacted": dict(sorted(self.redacted.items())),
            "languages": dict(sorted(self.languages.items(), key=lambda item: (-item[1], item[0]))),
            "labels": dict(sorted(self.labels.items(), key=lambda item: (-item[1], item[0]))),
            "findings": [finding.to_wire() for finding in self.findings],
            "seconds": round(self.seconds, 3),
            **self.extra,
        }
