"""Conversations and single utterances to make a base of: read, prepared as in serving, told apart for measuring."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import DatasetError
from data.importers import ImportOptions, detect, read
from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.schema import Conversation
from data.settings import ImportSettings
from trainer.generation.lines import Talk
from trainer.pretraining.plan import Plan, Source


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents to learn and to measure on; `counts` says how many of each source were read."""

    train: Sequence[Talk]
    held: Sequence[Talk]
    counts: dict[str, int]

    @property
    def digest(self) -> str:
        """Of every word in it, in order: the same corpus, the same digest."""
        found = hashlib.sha256()
        for part in (self.train, self.held):
            for document in part:
                found.update(_key(document))
        return found.hexdigest()


def read_corpus(plan: Plan, folder: Path, limits: ImportSettings) -> Corpus:
    """All that the plan names, each document once. Raises DatasetError for a file that is not there."""
    prepare = ConversationPreparer(Redactor(limits))
    train: list[Talk] = []
    held: list[Talk] = []
    counts: dict[str, int] = {}
    seen: set[bytes] = set()
    for source in plan.sources:
        counts[source.name] = 0
        for conversation in _conversations(source, folder, limits):
            ready = prepare(_joined(conversation) if source.tokenised else conversation).conversation
            document: Talk = tuple((turn.role, turn.text) for turn in ready.turns if turn.role != "system")
            key = _key(document)
            if not document or key in seen:
                continue
            seen.add(key)
            counts[source.name] += 1
            # By its own words, so that a document stays where it is when others come or go.
            (held if int.from_bytes(key[:4], "big") < plan.held * 2**32 else train).append(document)
    if not train or not held:
        raise DatasetError("The corpus is too small to learn from a part of it and to measure on another.")
    return Corpus(train, held, counts)


def _conversations(source: Source, folder: Path, limits: ImportSettings) -> Iterator[Conversation]:
    options = ImportOptions()
    for name in source.files:
        path = folder / name
        if not path.is_file():
            raise DatasetError(f"The corpus {source.name!r} lacks {name}.", remedy="Name the folder with --corpora.")
        for item in read(path, detect(path, path.name, options, limits), options, limits):
            if not isinstance(item, Conversation):
                continue
            if source.kind == "dialogues":
                yield item
            else:
                yield from (item.with_turns((turn,)) for turn in item.turns if turn.role == "user")


def _joined(conversation: Conversation) -> Conversation:
    return conversation.with_turns(tuple(replace(turn, text=joined(turn.text)) for turn in conversation.turns))


_BEFORE = re.compile(r"\s+([.,;:?!%)\]}]|'(?:s|m|re|ve|ll|d|t)\b|n't\b)")
_AFTER = re.compile(r"([(\[{$£€])\s+")
_SPLIT = re.compile(
    r"\b(ca|wo|do|does|did|is|are|was|were|has|have|had|could|would|should|need)\s+n't\b", re.IGNORECASE
)


def joined(text: str) -> str:
    """`text` as people write it, where marks and contractions stand apart as taggers like them."""
    whole = _SPLIT.sub(r"\1n't", text)
    return _AFTER.sub(r"\1", _BEFORE.sub(r"\1", whole)).strip()


def _key(document: Talk) -> bytes:
    return hashlib.sha256("\x1e".join(f"{role}\x1f{text}" for role, text in document).encode()).digest()
