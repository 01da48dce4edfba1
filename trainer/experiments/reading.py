"""Reading labelled files and dialogues for an experiment, through the importers that uploads come through."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import DatasetError
from data.importers import ImportOptions, detect, read
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings
from trainer.intents.train_intent import Utterances


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """Rows of a labelled file as they stand in it; `set_aside` counts what could not be read, by reason. `sources`:
    whose customer's or conversation's each row is, where that is known."""

    texts: Sequence[str]
    labels: Sequence[str]
    set_aside: dict[str, int] = field(default_factory=dict)
    sources: Sequence[str | None] = ()

    def per_class(self, most: int, seed: int) -> LabelledFile:
        """`most` rows of every label, drawn by `seed`; the others are as if they did not exist."""
        rows_of: dict[str, list[int]] = {}
        for row, label in enumerate(self.labels):
            rows_of.setdefault(label, []).append(row)
        generator = random.Random(seed)
        drawn: list[int] = []
        for label in sorted(rows_of):
            drawn += generator.sample(rows_of[label], min(most, len(rows_of[label])))
        texts, labels = [self.texts[r] for r in drawn], [self.labels[r] for r in drawn]
        return LabelledFile(texts, labels, self.set_aside, [self.sources[r] for r in drawn] if self.sources else ())

    def utterances(self) -> Utterances:
        return Utterances(self.texts, self.labels, sources=self.sources)


def read_labelled(path: Path, limits: ImportSettings) -> LabelledFile:
    """The labelled user messages of `path`. Raises ImportRefused, or DatasetError when nothing is labelled."""
    texts: list[str] = []
    labels: list[str] = []
    sources: list[str | None] = []
    aside: Counter[str] = Counter()
    for item in _items(path, limits):
        if isinstance(item, SetAside):
            aside[item.reason] += item.rows
            continue
        for turn in item.turns:
            if turn.role == "user" and turn.intent is not None:
                texts.append(turn.text)
                labels.append(turn.intent)
                sources.append(item.customer or item.id)
    if not texts:
        raise DatasetError(
            f"{path.name} holds no labelled message.",
            remedy='Give lines of {"text": ..., "label": ...}, or a table with those columns.',
        )
    return LabelledFile(texts, labels, dict(aside), sources)


def read_dialogues(path: Path, limits: ImportSettings) -> list[Conversation]:
    """The conversations of `path`, consecutive turns of one side merged."""
    found = [merged(item) for item in _items(path, limits) if isinstance(item, Conversation)]
    if not any(turn.is_brand for conversation in found for turn in conversation.turns):
        raise DatasetError(
            f"{path.name} holds no reply of the brand.",
            remedy='Give conversations: {"id": ..., "turns": [{"role": ..., "text": ...}]} or {"messages": [...]}.',
        )
    return found


def merged(conversation: Conversation) -> Conversation:
    """Consecutive turns of one side as one turn, newline between them; empty ones dropped."""
    turns: list[Turn] = []
    for turn in conversation.turns:
        if not turn.text.strip():
            continue
        if turns and turns[-1].is_brand == turn.is_brand and "system" not in (turn.role, turns[-1].role):
            turns[-1] = Turn(turns[-1].role, f"{turns[-1].text}\n{turn.text}")
        else:
            turns.append(Turn(turn.role, turn.text))
    return conversation.with_turns(tuple(turns))


def _items(path: Path, limits: ImportSettings) -> Iterator[Conversation | SetAside]:
    options = ImportOptions()
    detection = detect(path, path.name, options, limits)
    for item in read(path, detection, options, limits):
        if isinstance(item, (Conversation, SetAside)):
            yield item
