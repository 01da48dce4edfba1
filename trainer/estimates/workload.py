"""How much work a training is, before it is begun: its fits, the texts it reads, its linear heads. Nothing is learned.

It follows `train_intent`, `train_reply` and the search of a recipe step by step. It supposes that variations are tried
where the budget allows it, and left out after the trial, which is what mostly happens; and that no fit stops early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.core.datamodule import Sizes, padded_tokens, plan_batches
from trainer.intents import folds
from trainer.intents.augmentation import cost_of, wanted
from trainer.intents.intent_work import MOST_BACKGROUND, MOST_PERTURBED, Work
from trainer.replies.indexing import MOST_PRECEDENTS
from trainer.replies.recipe import ReplyRecipe
from trainer.replies.train_reply import MOST_VALIDATION


@dataclass(frozen=True, slots=True)
class Fit:
    """One fine-tuning over `rows`; every epoch validates on `validated` others."""

    rows: int
    epochs: int
    validated: int = 0


@dataclass(frozen=True, slots=True)
class Workload:
    """All that a training does. `lengths` are the tokens of its rows, which stand for all that it reads: `texts` are
    read through the encoder without learning; `linear` sums rows times labels over all linear heads."""

    lengths: Sequence[int]
    batch_size: int
    fits: Sequence[Fit]
    texts: int
    linear: int = 0
    accumulate: int = 1

    @property
    def rows(self) -> int:
        return len(self.lengths)

    @property
    def batches(self) -> int:
        """That all fits learn from."""
        return sum(fit.epochs * self._batches(fit) for fit in self.fits)

    @property
    def steps(self) -> int:
        """Of the optimiser, in all fits."""
        return sum(fit.epochs * -(-self._batches(fit) // self.accumulate) for fit in self.fits)

    def _batches(self, fit: Fit) -> int:
        return max(-(-fit.rows // self.batch_size), 1)

    @property
    def read(self) -> int:
        """Texts that pass the encoder without being learned."""
        return self.texts + sum(fit.epochs * fit.validated for fit in self.fits)

    @property
    def tokens(self) -> float:
        """Of a batch, padding included, in the mean."""
        plan = plan_batches(self.lengths, Sizes(self.batch_size), (0, 0))
        return sum(padded_tokens(self.lengths, batch) for batch in plan) / max(len(plan), 1)


def of_intents(work: Work) -> Workload:
    """What `train_intent` will do."""
    rows = work.data.train if work.recipe.method == "full" else work.rows()
    lengths = [len(one) for one in work.renderer.utterances(rows.texts)]
    if work.recipe.method == "full":
        fits, texts, linear = _full(work, len(rows))
    else:
        fits, texts, linear = _folded(work, rows.labels)
    recipe, labels = work.recipe, len(set(rows.labels))
    return Workload(lengths, recipe.batch_size, fits, texts, linear * labels, recipe.accumulate)


def of_rehearsals(work: Work, recipes: int, parts: int) -> Workload:
    """What hearing so many recipes on each of `parts` of the rows will do, where each is as long as that of `work`."""
    recipe, rows = work.recipe, work.rows()
    heard, scored, labels = recipes * parts, len(rows) // parts, len(set(rows.labels))
    lengths = [len(one) for one in work.renderer.utterances(rows.texts)]
    beside, far, _ = _beside(work, rows.labels)
    learned = len(rows) - scored
    if recipe.method in ("frozen", "ngrams"):  # the base reads each text once for all of them
        times = 1 if recipe.method == "frozen" else heard
        texts, linear = times * (len(rows) + beside + far), heard * (learned + beside)
        return Workload(lengths, recipe.batch_size, [], texts, linear * labels)
    held = round(learned * recipe.validation_share) if recipe.method == "full" else 0
    fit = Fit(learned - held + beside, recipe.epochs, held)
    texts, linear = heard * (2 * fit.rows + scored + far), heard * fit.rows
    return Workload(lengths, recipe.batch_size, [fit] * heard, texts, linear * labels, recipe.accumulate)


def of_replies(recipe: ReplyRecipe, lengths: Sequence[int], pairs: tuple[int, int]) -> Workload:
    """What `train_reply` will do, and the index of replies after it; `lengths` are those of the context and reply of
    what is learned, `pairs` how many there are and how many are held out."""
    known, held = pairs
    fits = [Fit(len(lengths), recipe.epochs, min(held, MOST_VALIDATION))] if recipe.method == "full" else []
    mining = (recipe.epochs - 1) * len(lengths) if recipe.hard_negatives else 0
    precedents = min(known + held, MOST_PRECEDENTS) if recipe.precedents else 0
    texts = known + held + mining + precedents
    return Workload(lengths, recipe.batch_size, fits, texts, accumulate=recipe.accumulate)


_Counted = tuple[list[Fit], int, int]
"""Fits, texts read beside them, and the rows of all linear heads."""


def _folded(work: Work, labels: Sequence[str]) -> _Counted:
    recipe, rows = work.recipe, len(labels)
    plan = folds.plan(labels, recipe.folds, recipe.seed)
    most = wanted(recipe, rows, cost_of(recipe, rows, [len(fold.learn) for fold in plan])).most
    share, tried = most / max(rows, 1), recipe.augment == "auto" and most > 0
    beside, far, shaken = _beside(work, labels)
    used = share if recipe.augment == "on" else 0.0  # learned without a trial

    def learned(own: int, with_variations: float) -> int:
        return round(own * (1 + with_variations)) + beside

    own = [len(fold.learn) for fold in plan]
    parts = [learned(one, used) for one in own]
    if recipe.method != "top":
        again = [learned(one, share) for one in own] if tried else []
        texts = rows + most + beside + far + shaken
        return [], texts, sum(parts) + sum(again) + learned(rows, used)
    scored = [len(fold.score) for fold in plan]
    fits = [Fit(part, recipe.epochs, scored[0] if at == 0 else 0) for at, part in enumerate(parts)]
    if tried:
        fits.append(Fit(learned(own[0], share), recipe.epochs, scored[0]))
        scored.append(scored[0])
    fits.append(Fit(learned(rows, used), recipe.epochs))
    probed = sum(fit.rows for fit in fits)
    # Probing before each fit, its neighbours after it, what a fold scores, and the base's view of all rows, once.
    texts = 2 * probed + sum(scored) + shaken + far * len(scored) + rows + shaken
    return fits, texts, probed


def _full(work: Work, rows: int) -> _Counted:
    recipe = work.recipe
    given = work.data.validation
    held = len(given) if given is not None and len(given) else round(rows * recipe.validation_share)
    learned = rows if given is not None and len(given) else rows - held
    most = wanted(recipe, learned, cost_of(recipe, learned, ())).most
    beside, far, shaken = _beside(work, work.data.train.labels)
    shaken = min(shaken, held)
    first = learned + beside + (most if recipe.augment == "on" else 0)
    fits = [Fit(first, recipe.epochs, held)]
    if recipe.augment == "auto" and most:
        fits.append(Fit(learned + beside + most, recipe.epochs, held))
    if recipe.refit:
        fits.append(Fit(first + held, recipe.epochs))
    probed = sum(fit.rows for fit in fits)
    scored = len(fits) - recipe.refit
    texts = 2 * probed + scored * (held + shaken + far) + held + shaken + min(learned, recipe.neighbours)
    return fits, texts, probed


def _beside(work: Work, labels: Sequence[str]) -> tuple[int, int, int]:
    """(rows learned beside the data, general utterances and perturbed rows that are looked at)"""
    return len(work.beside(sorted(set(labels)))), MOST_BACKGROUND, min(len(labels), MOST_PERTURBED)
