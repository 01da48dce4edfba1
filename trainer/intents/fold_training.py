"""`frozen`, `ngrams` and `top`: parts of the rows score each other, then one model learns from everything.

Variations of the rows are tried in the same folds: in all of them where the encoder stays as it is, in the first where
it moves, since there a fold costs as much as a training. A variation belongs to the part of the rows that it comes of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.schema import OUT_OF_SCOPE
from export.heads import IntentHead
from export.onnx import PooledEncoder
from trainer.core.callbacks import Row, packed, unpacked
from trainer.core.embedding import Embedder
from trainer.core.health import Scoring
from trainer.core.run_folder import Arrays
from trainer.intents import folds
from trainer.intents.augmentation import Augmentation, cost_of, decide, untried, wanted
from trainer.intents.calibrate import Calibration, HeldOut
from trainer.intents.intent_data import Utterances, joined
from trainer.intents.intent_work import Varied, Vectors, Work, answers
from trainer.intents.linear import Floats, Labelled, head_of, log_loss, thin
from trainer.intents.robustness import FIELDS, Answers, Robustness
from trainer.intents.tuning import Taught, tune


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """The final model, not yet with its calibration, and what was found out on the way."""

    encoder: Embedder
    head: IntentHead
    calibration: Calibration
    history: tuple[Row, ...]
    augmentation: Augmentation
    robustness: Robustness
    scorings: tuple[Scoring, ...]
    """What was said of rows that had not been learned, by fold."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What one fold's model said of the rows that it had not learned from."""

    held: HeldOut
    answers: Answers


Score = Callable[[int, bool], Scored]
"""(number of the fold, whether its model also learns variations) -> what it said."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The rows, how they score each other, and how they vary; `why`: why they do not."""

    work: Work
    rows: Utterances
    plan: Sequence[folds.Fold]
    varied: Varied
    why: str

    @classmethod
    def of(cls, work: Work) -> Folded:
        rows = work.rows()
        plan = folds.plan(rows.labels, work.recipe.folds, work.recipe.seed)
        wish = wanted(work.recipe, len(rows), cost_of(work.recipe, len(rows), [len(fold.learn) for fold in plan]))
        return cls(work, rows, plan, Varied.of(work, rows, rows, wish.most), wish.why or "No row could be varied.")

    def languages(self, fold: folds.Fold) -> Sequence[str | None]:
        """Of the rows that this fold scores, where they are known."""
        return [self.rows.languages[row] for row in fold.score] if self.rows.languages else ()

    def scored(self, score: Score, tried: int) -> tuple[list[Scored], Augmentation]:
        """All folds scored by the models that are like the final one, after a trial in the first `tried` of them."""
        recipe, more = self.work.recipe, self.varied.more
        numbers = range(len(self.plan))
        if not more or recipe.augment == "on":
            verdict = untried(recipe, self.why, more)
            return [score(at, verdict.is_used) for at in numbers], verdict
        trial = numbers[:tried]
        without, having = ([score(at, used) for at in trial] for used in (False, True))
        verdict = decide(_together(without), _together(having), more, recipe.seed)
        first = having if verdict.is_used else without
        return [*first, *(score(at, verdict.is_used) for at in numbers[tried:])], verdict


def with_folds(work: Work) -> Learned:
    """Train by a recipe that has folds."""
    return (_tuned if work.recipe.method == "top" else _untuned)(Folded.of(work))


def _untuned(folded: Folded) -> Learned:
    work, recipe = folded.work, folded.work.recipe
    encoder = work.untrained()
    given = _Frozen(
        folded,
        everything=work.labelled(encoder, folded.rows),
        more=work.labelled(encoder, folded.varied.learned()),
        beside=work.labelled(encoder, work.beside(sorted(set(folded.rows.labels)))),
        far=work.background(encoder),
        shaken=work.embed(encoder, folded.varied.shaken()),
    )
    scored, verdict = folded.scored(given.score, len(folded.plan))
    calibration = work.calibrated([part.held for part in scored])
    real = given.everything.join(given.beside)
    learned = real.join(given.more) if verdict.is_used else real
    labels, weight, bias = work.head_weights(learned)
    warmth = calibration.temperature if recipe.method == "ngrams" else 1.0  # margins are no logits before that
    row = Row(log_loss(learned, weight / warmth, bias / warmth, labels), 1, 1, None, {"accuracy": calibration.accuracy})
    head = head_of(labels, weight, bias, thin(real, recipe.neighbours, recipe.seed))
    told = Robustness.of(_together(scored))
    return Learned(encoder, head, calibration, (row,), verdict, told, _scorings(scored))


@dataclass(frozen=True, slots=True, eq=False)
class _Frozen:
    """Everything embedded once: rows, their variations, what is learned beside them, general and perturbed texts."""

    folded: Folded
    everything: Labelled
    more: Labelled
    beside: Labelled
    far: Floats
    shaken: Floats

    def score(self, at: int, used: bool) -> Scored:
        fold, recipe = self.folded.plan[at], self.folded.work.recipe
        own = self.everything.pick(np.array(fold.learn, dtype=np.int64))
        known = set(own.labels)
        usable = np.array([label in known or label == OUT_OF_SCOPE for label in self.beside.labels], dtype=bool)
        real = own.join(self.beside.pick(usable))
        added = self.folded.varied.coming_of(fold.learn) if used else []
        learned = real.join(self.more.pick(np.array(added, dtype=np.int64)))
        labels, weight, bias = self.folded.work.head_weights(learned)
        head = head_of(labels, weight, bias, thin(real, recipe.neighbours, recipe.seed))
        scored = self.everything.pick(np.array(fold.score, dtype=np.int64))
        vectors = Vectors(self.everything.embeddings, self.shaken)
        return Scored(
            HeldOut(head, scored.embeddings, scored.labels, self.far, self.folded.languages(fold)),
            answers(self.folded.varied, fold.score, head, vectors, (vectors, own)),
        )


def _tuned(folded: Folded) -> Learned:
    work = folded.work
    given = _Tuned(folded, frozenset(work.exposure().labels))
    scored, verdict = folded.scored(given.score, 1)
    calibration = work.calibrated([part.held for part in scored])
    rows = joined(folded.rows, work.beside(sorted(set(folded.rows.labels))))
    more = folded.varied.learned() if verdict.is_used else Utterances([], [])
    encoder, head, history = tune(work, Taught(rows, more), None, "final", given.untouched())
    history = unpacked(given.stage(0, verdict.is_used)["history"]) or history
    told = Robustness.of(_together(scored))
    return Learned(encoder, head, calibration, history, verdict, told, _scorings(scored))


@dataclass(frozen=True, slots=True)
class _Tuned:
    """Folds whose models are fine-tuned, each computed once. `exposed`: the labels of what is learned beside the rows;
    `done`: what was computed, since not every run keeps it in its folder."""

    folded: Folded
    exposed: frozenset[str]
    done: dict[str, Arrays] = field(default_factory=dict)

    def stage(self, at: int, used: bool) -> Arrays:
        return self._once(_name("scored", at, used), lambda: self._fit(at, used))

    def _once(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        if name not in self.done:
            self.done[name] = self.folded.work.run.stage(name, compute)
        return self.done[name]

    def score(self, at: int, used: bool) -> Scored:
        rows, fold, stage = self.folded.rows, self.folded.plan[at], self.stage(at, used)
        labels = tuple(sorted({rows.labels[row] for row in fold.learn} | self.exposed))
        near = Labelled(stage["neighbours"], [labels[at] for at in stage["neighbour_labels"]], np.empty(0, np.float32))
        head = head_of(labels, stage["weight"], stage["bias"], near)
        truth = [rows.labels[row] for row in fold.score]
        held = HeldOut(head, stage["embeddings"], truth, stage["background"], self.folded.languages(fold))
        return Scored(held, Answers(*(stage[name].astype(bool) for name in FIELDS)))

    def _fit(self, at: int, used: bool) -> Arrays:
        work, varied, fold = self.folded.work, self.folded.varied, self.folded.plan[at]
        own, scored = self.folded.rows.pick(fold.learn), self.folded.rows.pick(fold.score)
        known = set(own.labels)
        validation = scored.pick([row for row, label in enumerate(scored.labels) if label in known])
        taught = Taught(
            joined(own, work.beside(sorted(known))),
            varied.learned(fold.learn) if used else Utterances([], []),
        )
        # The first fold's validation is the card's history; the others are there for their scores alone.
        shown = validation if at == 0 else None
        encoder, head, history = tune(work, taught, shown, _name("fold", at, used), self.untouched())
        vectors, base = self._vectors(encoder, fold), self._base()
        untuned = Vectors(base["rows"], base["perturbed"])
        plain = Labelled(untuned.rows[list(fold.learn)], own.labels, own.weight())
        found = answers(varied, fold.score, head, vectors, (untuned, plain))
        return {
            "weight": head.weight,
            "bias": head.bias,
            "neighbours": head.neighbours,
            "neighbour_labels": head.neighbour_labels,
            "embeddings": vectors.rows[list(fold.score)],
            "background": work.background(encoder),
            "history": packed(history),
            **{name: getattr(found, name).astype(np.uint8) for name in FIELDS},
        }

    def _vectors(self, encoder: PooledEncoder, fold: folds.Fold) -> Vectors:
        """Of the rows that this fold scores, and of what was made of them; the other places stay empty."""
        work, varied = self.folded.work, self.folded.varied
        score = sorted(set(fold.score))
        shaken = [at for at, one in enumerate(varied.perturbed) if one.origin in set(score)]
        found = work.embed(encoder, [*(self.folded.rows.texts[row] for row in score),
                                     *(varied.perturbed[at].said.text for at in shaken)])  # fmt: skip
        rows = np.zeros((len(self.folded.rows), found.shape[1]), dtype=np.float32)
        perturbed = np.zeros((len(varied.perturbed), found.shape[1]), dtype=np.float32)
        rows[score], perturbed[shaken] = found[: len(score)], found[len(score) :]
        return Vectors(rows, perturbed)

    def untouched(self) -> Mapping[str, Floats]:
        """What the untuned base makes of each text that some fit learns."""
        base, learned = self._base(), self._learned()
        return {text: vector for name in learned for text, vector in zip(learned[name], base[name], strict=True)}

    def _learned(self) -> dict[str, Sequence[str]]:
        folded = self.folded
        beside = folded.work.beside(sorted(set(folded.rows.labels)))
        return {"rows": folded.rows.texts, "beside": beside.texts, "more": folded.varied.learned().texts}

    def _base(self) -> Arrays:
        """What the untuned base makes of all texts, each part by itself: no vector hangs on what else is tried. Kept in
        the run's folder, so that a fit that is taken up again begins with the same numbers."""
        work = self.folded.work

        def compute() -> Arrays:
            encoder = work.base.encoder()
            texts = {**self._learned(), "perturbed": self.folded.varied.shaken()}
            return {name: work.embed(encoder, part) for name, part in texts.items()}

        return self._once("untouched", compute)


def _together(scored: Sequence[Scored]) -> Answers:
    return Answers.together([part.answers for part in scored])


def _scorings(scored: Sequence[Scored]) -> tuple[Scoring, ...]:
    return tuple(part.held.scoring() for part in scored)


def _name(of: str, at: int, used: bool) -> str:
    return f"{of}-{at}-varied" if used else f"{of}-{at}"
