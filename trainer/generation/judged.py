"""How well what is served foretells the brand's replies of the test split: the candidate, its untuned base, and live.

Each model is told the same earlier replies of the brand before each conversation: those that the candidate's selector
found. Bits per byte compare models of any tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from data.catalogue import finding_of
from data.schema import Finding
from export.writer import Writer
from trainer.generation.lines import Ask
from trainer.generation.surprise import surprise
from trainer.generation.writing import Writing
from trainer.judgement.comparison import Beside, ModelName
from trainer.judgement.intervals import Difference
from trainer.judgement.likelihood import Likelihood
from trainer.judgement.regressions import KINDS, WRITING_LOST

METRIC = "bits_per_byte"
MOST = 200
"""Replies that are looked at, the first ones."""


def written_scores_of(writing: Writing | None, live: Writer | None, seed: int) -> Beside:
    """Nothing where the candidate does not write, or the brand says nothing in the test split."""
    if writing is None or not writing.tested:
        return Beside(METRIC)
    tested, base = writing.tested[:MOST], writing.generator.base
    said: dict[ModelName, Likelihood] = {
        "base": surprise(base.model(), writing.generator.renderer, tested),
        "candidate": foretelling(writing.packed.opened(writing.precision), tested),
    }
    if live is not None:
        said["live"] = foretelling(live, tested)
    scores = {name: likely.bits_per_byte(seed=seed) for name, likely in said.items()}
    if live is None:
        return Beside(METRIC, scores)
    return Beside(METRIC, scores, tuple(_lost(said["candidate"].less(said["live"], seed=seed))))


def foretelling(writer: Writer, asks: Sequence[Ask]) -> Likelihood:
    """What an exported generator thinks of the true replies."""
    nats, tokens = [], []
    for ask in asks:
        line = writer.renderer.exchange(ask.before, ask.reply, ask.told)
        begins = line.said.index(True)
        nats.append(-writer.log_likelihood(line.ids, begins))
        tokens.append(len(line.ids) - begins)
    return Likelihood.of(nats, tokens, [ask.reply for ask in asks])


def _lost(gap: Difference) -> Iterator[Finding]:
    if gap.low > 0:
        said = (
            f"The candidate foretells the brand's replies worse than the live release: {gap.value:+.3f} bits per byte "
            f"({gap.low:+.3f} to {gap.high:+.3f})."
        )
        yield finding_of(KINDS, WRITING_LOST, 1, said)
