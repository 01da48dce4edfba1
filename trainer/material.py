"""From a frozen dataset to what each task learns from and is measured on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import get_args

from data.augment.vary import Varying
from data.frozen import FrozenDataset
from data.profile import BotProfile
from data.schema import BRAND_ROLES, OUT_OF_SCOPE, Example, Split
from export.corrections import Correction
from export.hear import Spoken
from export.parity import Probe
from export.placeholders import echoes
from trainer.entities.entity_work import MarkedSplits, marked_splits
from trainer.intents.train_intent import IntentData, Utterances
from trainer.replies.train_reply import Pairs

PROBED = 1_000
ROUNDS = 5
"""Perturbed versions of a text at most."""


@dataclass(frozen=True)
class Material:
    """The examples of a dataset by split, as lists: a brand's labelled turns fit in memory, its logs need not.

    `corrected` are those of train and validation whose reply a reviewer wrote, oldest first, also where their words
    stand in train and they are therefore measured nowhere. What was corrected in test is measured, never learned.
    """

    train: Sequence[Example]
    validation: Sequence[Example]
    test: Sequence[Example]
    profile: BotProfile
    corrected: Sequence[Example] = ()

    @classmethod
    def read(cls, dataset: FrozenDataset, profile: BotProfile) -> Material:
        # Where some messages are marked, the others say what is no entity.
        marking = {row.upload for split in get_args(Split) for row in dataset.rows(split) if row.entities}

        def useful(split: Split) -> list[Example]:
            return [
                row
                for row in dataset.rows(split)
                if any((row.intent, row.reply, row.sentiment)) or row.upload in marking
            ]

        train, validation = useful("train"), useful("validation")
        learned = (row for row in (*train, *validation, *dataset.seen("validation")) if row.corrected)
        corrected = sorted(learned, key=lambda row: row.upload)  # ids of feedback sort by time
        return cls(train, validation, useful("test"), profile, corrected)

    def corrections(self, banned: Callable[[str], bool]) -> tuple[Correction, ...]:
        """What reviewers approved in the bot's place and may be said."""
        return tuple(_correction(row, row.reply) for row in self.corrected if row.reply and not banned(row.reply))

    def intent_data(self) -> IntentData:
        return IntentData(
            train=utterances(self.train),
            validation=utterances(self.validation),
            descriptions=descriptions(self.profile),
            target_precision=self.profile.target_precision,
            held_out=[row.text for row in self.test],
            synonyms=self.profile.synonyms,
        )

    @cached_property
    def marked(self) -> MarkedSplits:
        """The rows of uploads that mark spans."""
        return marked_splits(self.train, self.validation, self.test)

    def labels(self) -> list[str]:
        """The labels that may be learned from: those of train and validation."""
        return [row.intent for row in (*self.train, *self.validation) if row.intent is not None]

    def train_counts(self) -> Mapping[str, int]:
        return Counter(self.labels())

    def sentiments(self) -> Utterances:
        """The messages whose sentiment somebody has labelled, of train and validation."""
        return felt([*self.train, *self.validation])

    def probe(self) -> Probe:
        """Raw text for the parity of the export: the test split and validation; where they hold none, train."""
        asked = self._asked(utterances(self._probed(lambda row: row.intent is not None)))
        answered = self._probed(lambda row: row.reply is not None)
        return Probe(
            texts=list(asked),
            truth=list(asked.values()),
            conversations=[conversation(row) for row in answered],
            true_replies=[row.reply for row in answered],
        )

    def _asked(self, labelled: Utterances) -> dict[str, str]:
        """The texts and their labels, perturbed ones among them until there are `PROBED`: of few texts, what int8 costs
        is a matter of luck."""
        asked = dict(zip(labelled.texts, labelled.labels, strict=True))
        if len(asked) >= PROBED:
            return asked
        rows = labelled.varied(None)
        varying = Varying(rows, (), self.profile.synonyms)
        for seed in range(ROUNDS):
            for one in varying.perturbed(rows, seed):
                asked.setdefault(one.said.text, labelled.labels[one.origin])
        return dict(islice(asked.items(), PROBED))

    def _probed(self, wanted: Callable[[Example], bool]) -> list[Example]:
        held_out = [row for row in (*self.test, *self.validation) if wanted(row)]
        return held_out or [row for row in self.train if wanted(row)]


def _correction(row: Example, reply: str) -> Correction:
    role, before = row.context[-1] if row.context else ("user", "")
    said = [text for speaker, text in row.context if speaker == "user"] + [row.text]
    turn_before = before if role in BRAND_ROLES else None
    return Correction(row.upload, row.text, turn_before, reply, row.intent, echoes(reply, said))


def utterances(rows: Iterable[Example]) -> Utterances:
    kept = [row for row in rows if row.intent is not None]
    return Utterances(
        [row.text for row in kept],
        [str(row.intent) for row in kept],
        [row.weight for row in kept],
        [row.entities for row in kept],
        [row.language for row in kept],
        [row.conversation for row in kept],
    )


def felt(rows: Iterable[Example]) -> Utterances:
    """Those whose sentiment somebody has labelled, under that label."""
    return utterances(replace(row, intent=row.sentiment) for row in rows)


def pairs(rows: Iterable[Example]) -> Pairs:
    kept = [row for row in rows if row.reply is not None]
    contexts = [(*row.context, ("user", row.text)) for row in kept]
    return Pairs(contexts, [str(row.reply) for row in kept], [row.intent for row in kept])


def conversation(row: Example) -> list[Spoken]:
    return [*row.context, ("user", row.text)]


def descriptions(profile: BotProfile) -> dict[str, list[str]]:
    """What the profile says an intent is, as sentences to learn from: its title, and its description without us."""
    return {
        intent.name: [text for text in (intent.title, intent.description) if text.strip()]
        for intent in profile.intents
        if intent.name != OUT_OF_SCOPE
    }
