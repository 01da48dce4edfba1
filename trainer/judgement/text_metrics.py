"""Measures of written replies: beside a reference each (chrF2, BLEU, ROUGE-L), and by themselves (variety, repetition,
length, copies, silence), each with its 95 % interval; and the difference of two models on the same messages.

Texts are measured once, row by row; draws of the bootstrap add rows up again. All but lengths are shares in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from data.wording import terms
from trainer.judgement import overlap
from trainer.judgement.intervals import Array, Difference, Interval, bootstrap, paired_bootstrap
from trainer.judgement.metrics import finite, share
from trainer.judgement.variety import Known, distinct, lengths, repetition

CHRF_VARIANT = "chrF2"
"""sacrebleu's default: characters up to 6, beta 2, no words. torchmetrics calls chrF++ chrF."""
WORST = 5
"""Replies shown that share least with their reference."""
SHOWN_CHARS = 400


@dataclass(frozen=True)
class MeasuredReplies:
    """Replies of one model and the `references` that people gave instead, row by row; `known` holds what the model was
    trained on."""

    replies: tuple[str, ...]
    references: tuple[str, ...]
    known: Known

    def __post_init__(self) -> None:
        if len(self.replies) != len(self.references):
            raise ValueError(f"{len(self.replies)} replies, {len(self.references)} references")

    @cached_property
    def tokens(self) -> overlap.BleuTokens:
        return overlap.bleu_tokens(self.references)

    @cached_property
    def rows(self) -> dict[str, tuple[Callable[[Array], float], Array]]:
        """For each measure how rows come to one number, and the rows."""
        words = [terms(reply) for reply in self.replies]
        return {
            "chrf": (overlap.chrf, overlap.chrf_counts(self.replies, self.references)),
            "bleu": (overlap.bleu, overlap.bleu_counts(self.replies, self.references, self.tokens)),
            "rouge_l": (share, overlap.rouge_l(self.replies, self.references)),
            "repetition": (share, np.array([repetition(reply) for reply in words], dtype=float)),
            "copied_span": (share, np.array([self.known.copied_span(reply) for reply in self.replies], dtype=float)),
        }

    @cached_property
    def copied(self) -> tuple[bool, ...]:
        return tuple(self.known.is_copy(reply) for reply in self.replies)


@dataclass(frozen=True, slots=True)
class Shown:
    """A reply beside its reference, and the row where it stands."""

    row: int
    chrf: float
    reply: str
    reference: str

    def to_wire(self) -> dict[str, Any]:
        texts = {"reply": self.reply[:SHOWN_CHARS], "reference": self.reference[:SHOWN_CHARS]}
        return {"row": self.row, "chrf": round(self.chrf, 4), **texts}


@dataclass(frozen=True, slots=True)
class Length:
    """Mean words and characters, of replies and of their references."""

    words: float
    reference_words: float
    characters: float
    reference_characters: float

    def to_wire(self) -> dict[str, float | None]:
        return {name: finite(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class TextScores:
    """What replies are worth beside their references. NaN, null on the wire, where there is nothing to measure."""

    rows: int
    chrf: Interval
    bleu: Interval
    bleu_tokens: overlap.BleuTokens
    rouge_l: Interval
    distinct_1: float
    distinct_2: float
    repetition: Interval
    length: Length
    copies: Interval
    copied_span: Interval
    empty: Interval
    worst: tuple[Shown, ...] = ()

    @classmethod
    def of(cls, measured: MeasuredReplies, *, seed: int = 0) -> TextScores:
        words = [terms(reply) for reply in measured.replies]
        count = len(words)
        own = {name: bootstrap(metric, rows, seed=seed) for name, (metric, rows) in measured.rows.items()}
        return cls(
            rows=count,
            **own,
            bleu_tokens=measured.tokens,
            distinct_1=distinct(words, 1),
            distinct_2=distinct(words, 2),
            length=_length(measured),
            copies=Interval.of_share(sum(measured.copied), count),
            empty=Interval.of_share(sum(not reply.strip() for reply in measured.replies), count),
            worst=_worst(measured),
        )

    def to_wire(self) -> dict[str, Any]:
        intervals = ("chrf", "bleu", "rouge_l", "repetition", "copies", "copied_span", "empty")
        return {
            "rows": self.rows,
            **{name: getattr(self, name).to_wire() for name in intervals},
            "chrf_variant": CHRF_VARIANT,
            "bleu_tokens": self.bleu_tokens,
            "distinct_1": finite(self.distinct_1),
            "distinct_2": finite(self.distinct_2),
            "length": self.length.to_wire(),
            "worst": [one.to_wire() for one in self.worst],
        }


def differences(first: MeasuredReplies, second: MeasuredReplies, *, seed: int = 0) -> dict[str, Difference]:
    """What `second` has more than `first` of each measure that has rows, on the same messages."""
    if first.references != second.references:
        raise ValueError("the models answered different messages")
    truth = np.zeros(len(first.references))
    found = {}
    for name, (metric, rows) in second.rows.items():
        pair = (first.rows[name][1], rows)
        found[name] = paired_bootstrap(lambda _, drawn, metric=metric: metric(drawn), truth, pair, seed=seed)
    return found


def measured(replies: Sequence[str], references: Sequence[str], training: Sequence[str] | Known) -> MeasuredReplies:
    """Replies and references, ready to be scored; `training` are the replies that the model was trained on."""
    known = training if isinstance(training, Known) else Known(training)
    return MeasuredReplies(tuple(replies), tuple(references), known)


def _length(measured: MeasuredReplies) -> Length:
    own, given = lengths(measured.replies), lengths(measured.references)
    return Length(share(own[:, 0]), share(given[:, 0]), share(own[:, 1]), share(given[:, 1]))


def _worst(measured: MeasuredReplies) -> tuple[Shown, ...]:
    scores = overlap.chrf_by_row(measured.rows["chrf"][1])
    order = np.argsort(scores, kind="stable")[:WORST]
    return tuple(Shown(int(row), float(scores[row]), measured.replies[row], measured.references[row]) for row in order)
