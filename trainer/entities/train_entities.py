"""Training an entity model: texts with typed spans in, an encoder of tokens and a tagging head out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.catalogue import finding_of
from data.errors import DatasetError
from data.render import Renderer
from data.schema import Finding
from export.entities import EntityModel
from export.onnx import TokenEncoder
from export.surface import surface
from export.tagging import TaggingHead, places, tags_of
from export.trained import torch_tokens
from trainer.bases.catalogue import LocalBase
from trainer.core import health
from trainer.core.callbacks import Row
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import fit
from trainer.core.health import Signs, diagnose, guess_loss, refuse
from trainer.core.run_folder import RunFolder
from trainer.entities.entity_data import (
    FEWEST_SPANS,
    KINDS,
    SPANS_SET_ASIDE,
    EntityData,
    Readable,
    check_markable,
    readable_rows,
    span_counts,
    too_few_spans,
)
from trainer.entities.span_metrics import SpanScores, span_scores
from trainer.intents import folds
from trainer.recipes import EntityRecipe
from trainer.tasks.chain import IGNORED
from trainer.tasks.entities import EntityRows, EntityTask, tagged

WORTHLESS_FROM = 10
"""Held-out spans of which none is found, from which nothing was learned."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedEntities:
    """An encoder and a head that belong together. `held_out`: how well they find the spans of rows they did not learn
    from."""

    encoder: TokenEncoder
    renderer: Renderer
    head: TaggingHead
    recipe: EntityRecipe
    history: tuple[Row, ...]
    seconds: float
    held_out: SpanScores
    set_aside: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    """What there is to say about the training; no error is among them."""

    def model(self) -> EntityModel:
        """What was trained, as it answers before it is exported."""
        return model_of(self.encoder, self.renderer, self.head)


def model_of(encoder: TokenEncoder, renderer: Renderer, head: TaggingHead) -> EntityModel:
    return EntityModel(torch_tokens(encoder, renderer), head)


def train_entities(recipe: EntityRecipe, base: LocalBase, data: EntityData, run: RunFolder) -> TrainedEntities:
    """Train by `recipe`. Raises DatasetError when the data cannot feed it, Collapsed or Diverged when it is no use."""
    started = time.monotonic()
    check_markable(data.train)
    renderer = base.renderer(recipe.max_length)
    train, held = apart(data, recipe, renderer)
    counts, types = span_counts(train.rows), types_of(train)
    if not types:
        raise DatasetError(
            "Too few of the marked spans can be read to learn from.",
            remedy="Mark whole words, and no word twice.",
        )
    task = EntityTask(TokenEncoder(base.encoder().transformer), recipe, types)
    learned = rows_of(train, types)
    rows = TextData(learned, rows_of(held, types), renderer, Sizes.of(recipe), recipe.seed)
    history = fit(task, rows, recipe, run, "entities").history
    encoder, head = task.encoder, task.head()
    assert isinstance(encoder, TokenEncoder)
    found = model_of(encoder, renderer, head).find_many([row.asked for row in held.rows])
    scores = span_scores([places(row.spans) for row in held.rows], [places(spans) for spans in found])
    signs = Signs(history, (), guess_loss(_said(learned, types)), EntityTask.primary)
    findings = (*diagnose(signs), *_of_spans(held, sum(map(len, found))))
    refuse(findings)
    aside = train.set_aside + held.set_aside
    findings += (*too_few_spans(counts), *_aside(aside))
    taken = time.monotonic() - started
    return TrainedEntities(encoder, renderer, head, recipe, history, taken, scores, dict(aside), findings)


def apart(data: EntityData, recipe: EntityRecipe, renderer: Renderer) -> tuple[Readable, Readable]:
    """(rows to learn from, rows to be stopped by and scored on): as the data has them, or drawn from its rows."""
    train = readable_rows(data.train, renderer)
    if data.validation is not None and any(row.spans for row in data.validation):
        return train, readable_rows(data.validation, renderer)
    kinds = ["/".join(sorted(row.types)) for row in train.rows]
    kept, out = folds.hold_out(kinds, recipe.validation_share, recipe.seed, 0)
    own, held = (
        Readable([train.rows[row] for row in rows], [train.rendered[row] for row in rows]) for rows in (kept, out)
    )
    own.set_aside.update(train.set_aside)
    return own, held


def types_of(read: Readable) -> tuple[str, ...]:
    """Those with spans enough to be learned."""
    return tuple(sorted(name for name, count in span_counts(read.rows).items() if count >= FEWEST_SPANS))


def rows_of(read: Readable, types: tuple[str, ...]) -> EntityRows:
    """What the task learns from or is scored on; spans of other types are text like any other."""
    known = [[span for span in row.spans if span.type in types] for row in read.rows]
    return EntityRows(
        rendered=read.rendered,
        signs=[surface(row.text, one.offsets) for row, one in zip(read.rows, read.rendered, strict=True)],
        tags=[tagged(one, spans, types) for one, spans in zip(read.rendered, known, strict=True)],
    )


def _said(rows: EntityRows, types: Sequence[str]) -> list[str]:
    """The tag of every token that stands for text."""
    names = tags_of(types)
    return [names[tag] for tags in rows.tags for tag in tags if tag != IGNORED]


def _of_spans(held: Readable, found: int) -> Iterator[Finding]:
    there = sum(len(row.spans) for row in held.rows)
    if found == 0 and there >= WORTHLESS_FROM:
        said = f"It finds no span in {len(held.rows)} messages it had not learned from; they hold {there}."
        yield finding_of(health.KINDS, health.COLLAPSED, there, said)


def _aside(counts: Mapping[str, int]) -> Iterator[Finding]:
    if counts:
        said = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
        yield finding_of(KINDS, SPANS_SET_ASIDE, sum(counts.values()), f"Set aside, by reason: {said}.")
