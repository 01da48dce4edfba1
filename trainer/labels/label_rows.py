"""Texts with any number of labels each: reading them, folding them, drawing some of them.

A row of JSON Lines names its labels in a list, or in one text with `|` between them; an empty list is a text with none
of them. What another kind of file holds is read by its importer, whose rows have one label each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import DatasetError
from data.importers import ImportOptions, detect, jsonl, read, records
from data.importers.container import open_container
from data.importers.lines import read_lines
from data.importers.nouns import Reason
from data.schema import Conversation, SetAside, Turn
from data.settings import ImportSettings

BETWEEN = "|"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "labels": ("labels", "label", "intent"),
    "sentiment": ("sentiment", "label", "labels"),
}
"""Where a task looks for its labels, in this order: the first field that a row has."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Texts, the labels of each (none, one or several) and how much each counts; `set_aside` counts what could not be
    read, by reason. `sources`: whose customer's or conversation's each row is, where that is known."""

    texts: Sequence[str]
    labels: Sequence[Labels]
    weights: Sequence[float] = ()
    set_aside: Mapping[str, int] = field(default_factory=dict)
    sources: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def names(self) -> Labels:
        return tuple(sorted({label for labels in self.labels for label in labels}))

    @property
    def exclusive(self) -> bool:
        """Whether every text has exactly one label."""
        return all(len(labels) == 1 for labels in self.labels)

    def weight(self) -> npt.NDArray[np.float32]:
        return np.array(self.weights or [1.0] * len(self), dtype=np.float32)

    def targets(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """[n, names]: one where a text has a label, else zero."""
        column = {name: at for at, name in enumerate(names)}
        made = np.zeros((len(self), len(names)), dtype=np.float32)
        for row, labels in enumerate(self.labels):
            made[row, [column[label] for label in labels if label in column]] = 1
        return made

    def pick(self, rows: Iterable[int]) -> LabelRows:
        at, weight = list(rows), self.weight()
        texts, labels = [self.texts[row] for row in at], [self.labels[row] for row in at]
        sources = [self.sources[row] for row in at] if self.sources else ()
        return LabelRows(texts, labels, [float(weight[row]) for row in at], self.set_aside, sources)

    def rarest(self) -> list[str]:
        """The rarest label of each row, by which rows are spread evenly over parts; of those without a label, "none
        of them"."""
        counts = Counter(label for labels in self.labels for label in labels)
        return [min(labels, key=lambda label: (counts[label], label), default="") for labels in self.labels]

    def per_class(self, most: int, seed: int) -> LabelRows:
        """For every label up to `most` rows that have it, and up to `most` that have none; the others are as if they
        did not exist."""
        generator = np.random.default_rng(seed)
        taken: set[int] = set()
        for name in ("", *self.names):
            rows = [row for row, labels in enumerate(self.labels) if (name in labels if name else not labels)]
            taken.update(generator.permutation(rows)[:most].tolist() if rows else ())
        return self.pick(sorted(taken))


def together(has: npt.NDArray[np.bool_], names: Sequence[str]) -> list[str]:
    """The labels that each row `has`, as one word."""
    return [BETWEEN.join(name for name, yes in zip(names, row, strict=True) if yes) for row in has.tolist()]


def read_label_rows(path: Path, limits: ImportSettings, task: str) -> LabelRows:
    """The texts of `path` and what `task` (`labels` or `sentiment`) is to say of them. Raises ImportRefused, or
    DatasetError where no text has a label."""
    found = list(_rows(path, limits, task))
    kept = [row for row in found if isinstance(row, tuple)]
    if not any(labels for _, labels, _ in kept):
        raise DatasetError(
            f"{path.name} holds no labelled message.",
            remedy='Give lines of {"text": ..., "labels": [...]}; an empty list is a text with none of the labels.',
        )
    aside: Counter[str] = Counter()
    for row in found:
        if isinstance(row, SetAside):
            aside[row.reason] += row.rows
    texts, labels = [text for text, _, _ in kept], [labels for _, labels, _ in kept]
    return LabelRows(texts, labels, (), dict(aside), [source for _, _, source in kept])


_Row = tuple[str, Labels, str | None]


def _rows(path: Path, limits: ImportSettings, task: str) -> Iterator[_Row | SetAside]:
    options = ImportOptions()
    detection = detect(path, path.name, options, limits)
    if detection.format == "jsonl" and detection.packing != "zip":
        with open_container(path, path.name, limits) as container:
            lines = read_lines(container.members[0].chunks(), detection, limits.max_line_bytes)
            for number, body, _ in jsonl.bodies(lines):
                yield from [SetAside(number, body)] if isinstance(body, Reason) else _object(body, number, limits, task)
        return
    for item in read(path, detection, options, limits):
        yield from _item(item, task)


def _object(body: dict[str, Any], number: int, limits: ImportSettings, task: str) -> Iterator[_Row | SetAside]:
    """A labelled text by its own fields; any other shape as its importer reads it."""
    if "text" not in body and "tokens" not in body:
        for item in jsonl.items(body, number, limits):
            yield from _item(item, task)
        return
    named = next((body[name] for name in FIELDS[task] if body.get(name) is not None), None)
    text = records.text_of(_text(body), limits.max_cell_chars)
    labels = _labels(named)
    if named is None:
        yield SetAside(number, Reason.MISSING_FIELD)
    elif isinstance(text, Reason) or isinstance(labels, Reason):
        yield SetAside(number, text if isinstance(text, Reason) else labels)  # type: ignore[arg-type]
    else:
        yield text, labels, records.identifier_of(body.get("customer")) or records.identifier_of(body.get("id"))


def _item(item: object, task: str) -> Iterator[_Row | SetAside]:
    if isinstance(item, SetAside):
        yield item
    elif isinstance(item, Conversation):
        for turn in item.turns:
            label = _label(turn, task)
            if turn.role == "user" and label is not None:
                labels = _labels(label)
                assert not isinstance(labels, Reason)  # the importer has read it as one label
                yield turn.text, labels, item.customer or item.id


def _label(turn: Turn, task: str) -> str | None:
    if task == "sentiment" and turn.sentiment is not None:
        return turn.sentiment
    return turn.intent


def _text(body: Mapping[str, Any]) -> Any:
    tokens = body.get("tokens")
    if "text" in body or not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return body.get("text")
    return " ".join(tokens)


def _labels(named: Any) -> Labels | Reason:
    """The labels of a list, or of one text; in their order, each once."""
    given = named if isinstance(named, list) else str(named).split(BETWEEN) if isinstance(named, str) else [named]
    found: dict[str, None] = {}
    for one in given:
        label = records.label_of(one)
        if isinstance(label, Reason):
            return label
        if label is not None:
            found[label] = None
    return tuple(found)
