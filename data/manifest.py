"""What a dataset's manifest says beside its rows: what is in them, where they come from, what decided them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from data.examples import CONTEXT_TURNS
from data.lessons import Lessons
from data.schema import SPLITS, Example
from data.shards import SHARD_ROWS
from data.split import MAX_SPAN, MIN_LETTERS, MIN_WORDS, SALT, Assignment, Shares
from data.store.uploads import Upload
from data.survey import Weighed
from data.version import attune_version

_SAID = ("rows_in", "rows_used", "set_aside", "redacted")


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides a dataset beside the conversations. `salt` belongs to the bot for good, like its splits."""

    shares: Shares = field(default_factory=Shares)
    salt: str = SALT
    context_turns: int = CONTEXT_TURNS
    shard_rows: int = SHARD_ROWS


class Tally:
    """What is in the rows, counted as they pass."""

    def __init__(self) -> None:
        self.labels: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self.sentiments: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self.entities: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self.replies: Counter[str] = Counter(dict.fromkeys(SPLITS, 0))
        self.languages: Counter[str] = Counter()
        self.conversations: dict[str, int] = dict.fromkeys(SPLITS, 0)
        self.rows: dict[str, int] = dict.fromkeys(SPLITS, 0)
        self.seen: dict[str, int] = dict.fromkeys(("validation", "test"), 0)
        self._latest = ""

    def add(self, room: str, example: Example) -> None:
        """Count one example of `room`. Those of a conversation come together."""
        if example.conversation != self._latest:
            self._latest = example.conversation
            self.conversations[example.split] += 1
        if room != example.split:
            self.seen[example.split] += 1
            return
        self.rows[room] += 1
        self.replies[room] += example.reply is not None
        self.languages.update([example.language] if example.language else [])
        self.labels[room].update([example.intent] if example.intent is not None else [])
        self.sentiments[room].update([example.sentiment] if example.sentiment is not None else [])
        self.entities[room].update(entity.type for entity in example.entities)

    def to_wire(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "seen": self.seen,
            "conversations": self.conversations,
            "labels": self.labels,
            "sentiments": self.sentiments,
            "entities": self.entities,
            "replies": self.replies,
            "languages": self.languages,
        }


def of_feedback(lessons: Lessons, assignment: Assignment) -> dict[str, Any]:
    """What became of the feedback that reviewers accepted: pieces used and set aside by reason, and those of each
    split."""
    splits: Counter[str] = Counter(assignment.splits[row.key] for row in lessons.rows if row.key in assignment.splits)
    left_out = Counter(lessons.set_aside.values())
    left_out.update(assignment.set_aside[row.key] for row in lessons.rows if row.key in assignment.set_aside)
    return {
        "rows_in": lessons.rows_in,
        "rows_used": splits.total(),
        "set_aside": dict(sorted(left_out.items())),
        "splits": {split: splits[split] for split in SPLITS},
    }


def describe(plan: Plan, assignment: Assignment, weighed: Weighed) -> dict[str, Any]:
    """What was decided about the conversations, and by which settings."""
    return {
        "attune": attune_version(),
        "set_aside": set_aside(assignment),
        "groups": len(set(assignment.groups.values())),
        "largest_group": assignment.largest_group,
        "near_duplicates_of_train": dict(weighed.near),
        "settings": {
            "shares": asdict(plan.shares),
            "salt": plan.salt,
            "context_turns": plan.context_turns,
            "max_span": MAX_SPAN,
            "min_words": MIN_WORDS,
            "min_letters": MIN_LETTERS,
        },
    }


def set_aside(assignment: Assignment) -> dict[str, int]:
    """How many conversations were set aside, by reason."""
    return dict(sorted(Counter(assignment.set_aside.values()).items()))


def source(upload: Upload) -> dict[str, Any]:
    """What a manifest says of an upload: nothing but what follows from its content."""
    report: dict[str, Any] = upload.report or {}
    said = {name: value for name, value in report.items() if name in _SAID}
    return {"digest": upload.digest, "size": upload.size, "conversations": upload.conversations, **said}
