"""From an upload to conversations that can be kept, and to the report of what became of every row. Needs no store.

    importer -> clean -> redact -> merge -> set duplicates aside -> group near-duplicates, tell languages

`rows_in` is counted where the importer hands rows over, `rows_used` and `set_aside` where they end; the report checks
that the two agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data.clean import clean
from data.dedupe import NearIndex, fingerprint
from data.figures import Figures
from data.importers import Detection, ImportOptions, Item, ProfileHint, Reason, Remark, SpeakersFound, detect, read
from data.importers.encoding import GUESSED
from data.language import languages_of
from data.mapped import Table
from data.mend import Mender, spellings
from data.prepare import ConversationPreparer, Readied
from data.proposal import Proposal
from data.quality import Tally
from data.redact import Memory, Redactor
from data.schema import Conversation, ImportReport, SetAside
from data.settings import ImportSettings

BATCH = 256
"""Conversations worked on, and kept, at a time."""
MAX_LABELS_SHOWN = 1_000
SAMPLE_CHARS = 80
UNREADABLE = frozenset(
    (Reason.MALFORMED_JSON, Reason.MALFORMED_YAML, Reason.MALFORMED_ROW, Reason.NOT_AN_OBJECT, Reason.UNKNOWN_SHAPE,
     Reason.WRONG_TYPE, Reason.UNREADABLE_FILE)
)  # fmt: skip
"""Reasons that say: what stands here is nothing that the format knows."""

Known = Callable[[Sequence[str]], set[str]]
"""Which of these fingerprints are kept already."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A conversation ready to be kept; `near` and `languages` hold one value per turn."""

    conversation: Conversation
    fingerprint: str
    near: tuple[str | None, ...]
    languages: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a report says beside its counts."""

    upload: str
    dry_run: bool
    seconds: float


def nothing_known(_: Sequence[str]) -> set[str]:
    """For an upload that is looked at on its own."""
    return set()


def examine(
    path: Path, name: str, options: ImportOptions, settings: ImportSettings, index: NearIndex | None = None
) -> Examination:
    """Look at the upload at `path`, called `name`. Raises ImportRefused when it cannot be read as a whole."""
    detection, items = opened(path, name, options, settings)
    return Examination(detection, items, settings, index if index is not None else NearIndex())


def opened(path: Path, name: str, options: ImportOptions, settings: ImportSettings) -> tuple[Detection, Iterator[Item]]:
    """What the file is, and what it holds, mended where the options say so. Raises ImportRefused.

    Which spelling of a label is the usual one is known at the end of the file only: to mend, it is read twice.
    """
    detection = detect(path, name, options, settings)
    better = spellings(read(path, detection, options, settings)) if options.fix else None
    return detection, Mender(fix=options.fix, better=better).sift(read(path, detection, options, settings))


class Examination:
    """One pass over one upload. Iterate `batches` to the end, then ask for the `report`."""

    def __init__(self, detection: Detection, items: Iterable[Item], settings: ImportSettings, index: NearIndex) -> None:
        self.detection = detection
        self._items = iter(items)
        self._redactor = Redactor(settings)
        self._preparer = ConversationPreparer(self._redactor)
        self._index = index
        self._tally = Tally()
        self._figures = Figures()
        self._seen = Table(index.space)
        self._redacted: Counter[str] = Counter()
        self._set_aside: Counter[str] = Counter()
        self._last_row = 0
        self._proposal = Proposal(self._shown)
        self._speakers: SpeakersFound | None = None
        self.conversations = self.rows_in = self.rows_used = 0

    @property
    def progress(self) -> float:
        """How far reading has come, from 0 to just below 1."""
        return min(0.99, self._last_row / max(1, self.detection.lines))

    def batches(self, known: Known = nothing_known) -> Iterator[list[Prepared]]:
        """The conversations to keep, some at a time; those that `known` names are set aside as duplicates."""
        prepared = self._prepared()
        while batch := list(islice(prepared, BATCH)):
            kept = self._without_duplicates(batch, known)
            if kept:
                yield self._finished(kept)

    def report(self, numbers: Numbers) -> ImportReport:
        """What became of every row. Only meaningful once `batches` is exhausted."""
        notes = self._tally.notes
        if self.detection.encoding_confidence < GUESSED:
            notes.add("encoding_guessed", sample=self.detection.encoding)
        if self._proposal.left_out:
            notes.add("definition_left_out", count=self._proposal.left_out)
        if self.rows_used == 0 and not self._proposal.to_wire():
            mistaken = self.rows_in and self.detection.is_named and UNREADABLE.issuperset(self._set_aside)
            notes.add("format_mistaken" if mistaken else "nothing_used" if self.rows_in else "no_rows")
        report = ImportReport(
            upload=numbers.upload,
            format=self.detection.format,
            format_confidence=self.detection.confidence,
            encoding=self.detection.encoding,
            dry_run=numbers.dry_run,
            conversations=self.conversations,
            rows_in=self.rows_in,
            rows_used=self.rows_used,
            set_aside=dict(self._set_aside),
            redacted=dict(self._redacted),
            languages=dict(self._tally.languages),
            labels=dict(self._tally.labels.most_common(MAX_LABELS_SHOWN)),
            findings=self._tally.findings(),
            seconds=numbers.seconds,
            extra=self._extra(),
        )
        report.check()
        return report

    def _prepared(self) -> Iterator[tuple[Conversation, str, Counter[str]]]:
        for item in self._items:
            if not isinstance(item, Conversation | SetAside):
                self._note(item)
                continue
            self.rows_in += item.rows
            self._last_row = max(self._last_row, item.row)
            if isinstance(item, SetAside):
                self._put_aside(item.reason, item.row, item.rows, item.sample)
                continue
            readied = self._prepare(item)
            if readied.conversation.turns:
                yield readied.conversation, fingerprint(readied.conversation), readied.redacted

    def _note(self, item: Remark | ProfileHint | SpeakersFound) -> None:
        if isinstance(item, Remark):
            self._tally.notes.add(item.code, item.row, self._safe(item.sample))
        elif isinstance(item, ProfileHint):
            self._proposal.add(item)
        else:
            self._speakers = item

    def _extra(self) -> dict[str, Any]:
        """What a report says beside the fields that every report has."""
        extra: dict[str, Any] = {
            "turns": self._tally.turns,
            "distinct_labels": len(self._tally.labels),
            "redacted_share": round(self._tally.redacted_share, 4),
            "figures": self._figures.to_wire(self._tally.said.values()),
        }
        if len(self.detection.members) > 1:
            extra["files"] = len(self.detection.members)
        if self._speakers is not None:
            found = self._speakers
            extra["speakers"] = {
                "decided_by": found.decided_by,
                "confidence": round(found.confidence, 3),
                "brand": [name for name in map(self._safe, found.brand) if name],
                "brand_speakers": found.brand_count,
                "customers": found.customer_count,
            }
        proposed = self._proposal.to_wire()
        return {**extra, "profile": proposed} if proposed else extra

    def _prepare(self, raw: Conversation) -> Readied:
        """Clean, redact and merge one conversation, and tell what was found; messages that end empty are set aside."""
        readied = self._preparer(raw)
        for notice in readied.notices:
            if notice.rows:
                self._put_aside(notice.code, raw.row, notice.rows)
            else:
                self._tally.notes.add(notice.code, raw.row, self._safe(notice.sample), count=notice.count)
        return readied

    def _without_duplicates(
        self, batch: list[tuple[Conversation, str, Counter[str]]], known: Known
    ) -> list[tuple[Conversation, str]]:
        kept_already = known([key for _, key, _ in batch])
        shorts = np.array([int(key[:16], 16) | 1 for _, key, _ in batch], np.uint64)
        seen = (self._seen.find(shorts) != 0).tolist()
        met: set[int] = set()
        kept = []
        for (conversation, key, redacted), short, again in zip(batch, shorts.tolist(), seen, strict=True):
            if key in kept_already or again or short in met:
                self._put_aside(Reason.DUPLICATE_CONVERSATION, conversation.row, conversation.rows)
                continue
            met.add(short)
            self._redacted.update(redacted)
            kept.append((conversation, key))
        self._seen.put(np.array(sorted(met), np.uint64))
        return kept

    def _finished(self, kept: list[tuple[Conversation, str]]) -> list[Prepared]:
        texts = [turn.text for conversation, _ in kept for turn in conversation.turns if turn.role == "user"]
        keys = iter(self._index.assign(texts))
        done = []
        for conversation, key in kept:
            near = tuple(next(keys) if turn.role == "user" else None for turn in conversation.turns)
            languages = languages_of([turn.text for turn in conversation.turns], conversation.language)
            self._tally.watch(conversation, near, languages)
            self._figures.watch(conversation)
            self.conversations += 1
            self.rows_used += conversation.rows
            done.append(Prepared(conversation, key, near, languages))
        return done

    def _put_aside(self, reason: str, row: int, rows: int, sample: str = "") -> None:
        code = str(reason)
        self._set_aside[code] += rows
        self._tally.notes.add(code, row, self._safe(sample), count=rows)

    def _safe(self, sample: str) -> str:
        """A sample that may be shown: redacted before it is cut, so that no half of a number is left."""
        return self._shown(sample)[:SAMPLE_CHARS] if sample else ""

    def _shown(self, text: str) -> str:
        return self._redactor.redact(clean(text).text, Memory()).text
