"""What a comparison shows that no figure of the whole does: parts that got worse, general language forgotten. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from data.catalogue import Kind, finding_of
from data.schema import Finding
from trainer.judgement.comparison import Comparison, Slice
from trainer.judgement.forgetting import MUCH

REGRESSED, FORGOTTEN = "slice_regressed", "language_forgotten"
WRITING_LOST, SENTIMENT_LOST, SENTIMENT_GONE = "writing_lost", "sentiment_lost", "sentiment_gone"
SENTIMENT_BELOW_FLOOR = "sentiment_below_floor"
SENTIMENT_WORSE = (SENTIMENT_LOST, SENTIMENT_BELOW_FLOOR)
KINDS: Mapping[str, Kind] = {
    REGRESSED: Kind("warning", "Label more messages of this part, then train again."),
    FORGOTTEN: Kind(
        "warning", "Take fewer epochs, a lower learning_rate, more frozen_layers, or more keep_base in the recipe."
    ),
    WRITING_LOST: Kind("warning", "Look at what was imported since the live release was trained, or name a chat base."),
    SENTIMENT_LOST: Kind("warning", "Look at what was labelled since the live release was trained; label more of it."),
    SENTIMENT_BELOW_FLOOR: Kind(
        "warning", "Label more messages with a sentiment, or train without it: name the other tasks (`--task`)."
    ),
    SENTIMENT_GONE: Kind(
        "warning", "Label more messages with a sentiment, or train with the sentiment among the tasks."
    ),
}
"""The findings on a comparison, explained with examples in docs/verdict.md."""


def regressions(comparison: Comparison) -> tuple[Finding, ...]:
    """One finding for each part that got worse by more than chance, and for each task that forgot too much."""
    return (*_worse(comparison), *_forgetful(comparison))


def worse_slices(slices: Iterable[Slice]) -> list[Slice]:
    """The parts on which the candidate is worse than the reference, by more than chance."""
    return [part for part in slices if part.exchange is not None and part.exchange.is_worse]


def in_words(part: Slice) -> str:
    """What became of the messages of a part that is worse."""
    exchange = part.exchange
    assert exchange is not None  # it is worse than something
    return (
        f"{part.name} {part.value}: of {part.rows} messages it got {exchange.lost} wrong that {exchange.model} "
        f"gets right, and {exchange.won} the other way round (p = {exchange.corrected:.3f}, corrected)."
    )


def _worse(comparison: Comparison) -> Iterator[Finding]:
    for part in worse_slices(comparison.slices):
        yield finding_of(KINDS, REGRESSED, part.rows, in_words(part))


def _forgetful(comparison: Comparison) -> Iterator[Finding]:
    for task, found in comparison.forgetting.items():
        if found.is_much:
            said = f"{task}: of the everyday sentences that the base tells apart, {found.forgotten:.1%} are lost; "
            yield finding_of(KINDS, FORGOTTEN, 1, f"{said}the limit is {MUCH:.0%}.")
