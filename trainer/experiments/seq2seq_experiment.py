"""An experiment with summaries, translations, or replies by a base that rewrites: trained, exported, and what it writes
of TEST beside what people wrote.

The untuned base stands beside it in the same report. Which precision is measured as served is decided on pairs held out
of TRAIN; there, and on TEST, the exported model must write token by token what the trained one writes.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.appraise import ENOUGH_PAIRS, too_few_in_all
from data.errors import UsageError
from data.pair_files import Pair, PairFile, read_pairs
from data.schema import Finding
from data.settings import Settings
from export.release import running_versions
from export.rewriters import KEPT, TOKENIZER, Precision, publish_rewriter
from export.seq2seq import Rewriter
from export.seq2seq_export import Origin, PackedRewriter, pack_seq2seq
from export.seq2seq_parity import (
    WritingParity,
    compare_writing,
    require_writing,
    serves_int8,
    written_exported,
    written_in_torch,
)
from trainer.bases.catalogue import LocalBase, base_for
from trainer.bases.known import CATALOGUE
from trainer.bases.seq2seq_base import WITHOUT, Seq2SeqBase
from trainer.core.health import Scoring, Signs, diagnose
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import sufficiency
from trainer.estimates.fitting import for_seq2seq
from trainer.experiments.experiment_report import history_row
from trainer.experiments.precision import THREADS
from trainer.experiments.question import Outcome, Settled, common
from trainer.experiments.talks import parted, read_talks
from trainer.generation.lines import Talk, asks_of
from trainer.judgement.likelihood import Likelihood
from trainer.judgement.text_metrics import MeasuredReplies, TextScores, differences, measured
from trainer.judgement.variety import Known
from trainer.package import median_ms
from trainer.recipes import Seq2SeqRecipe, pick_seq2seq
from trainer.seq2seq.train_seq2seq import TrainedSeq2Seq, apart, likelihood, train_seq2seq
from trainer.tasks.seq2seq import Seq2SeqTask

MOST_WRITTEN = 1000
"""Pairs of TEST of which texts are written and compared; how well all are foretold is measured on all of them."""
PROBED = 200
"""Pairs held out of TRAIN on which int8 is weighed."""
TIMED = 50


@dataclass(frozen=True, slots=True)
class _Asked:
    recipe: Seq2SeqRecipe
    base: LocalBase
    train: PairFile
    test: PairFile
    held: Sequence[Pair] | None

    @property
    def train_rows(self) -> int:
        return len(self.train.rows) + len(self.held or ())


@dataclass(frozen=True, slots=True)
class _Side:
    """What one model, tuned or not, makes of TEST."""

    likelihood: Likelihood
    texts: MeasuredReplies
    seed: int

    @property
    def exact(self) -> float:
        """The share of texts that are what people wrote, white space aside."""
        pairs = zip(self.texts.replies, self.texts.references, strict=True)
        equal = [one.split() == other.split() for one, other in pairs]
        return sum(equal) / len(equal)

    def to_wire(self) -> dict[str, Any]:
        scores = TextScores.of(self.texts, seed=self.seed)
        return {
            "bits_per_byte": self.likelihood.bits_per_byte(seed=self.seed).value,
            "perplexity_per_token": self.likelihood.perplexity(),
            "chrf": scores.chrf.value,
            "bleu": scores.bleu.value,
            "rouge_l": scores.rouge_l.value,
            "exact_match": self.exact,
            "copies": scores.copies.value,
            "likelihood": self.likelihood.to_wire(seed=self.seed),
            "texts": scores.to_wire(),
        }


@dataclass(frozen=True, slots=True)
class _Test:
    """Pairs to measure on, those among them of which texts are written, and what targets the model had learned."""

    rows: Sequence[Pair]
    written: Sequence[Pair]
    known: Known
    seed: int

    @classmethod
    def of(cls, asked: _Asked, seed: int) -> _Test:
        rows = asked.test.rows
        drawn = sorted(random.Random(seed).sample(range(len(rows)), min(MOST_WRITTEN, len(rows))))
        return cls(rows, [rows[at] for at in drawn], Known([pair.target for pair in asked.train.rows]), seed)

    def side(self, likely: Likelihood, texts: Sequence[str]) -> _Side:
        return _Side(likely, measured(texts, [pair.target for pair in self.written], self.known), self.seed)


def seq2seq_experiment(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """Train on TRAIN, measure on TEST what the exported model writes; (report, predictions)."""
    asked = _asked(question, settings)
    recipe, test = asked.recipe, _Test.of(asked, question.seed)
    run.report({"type": "phase", "phase": "train"})
    told = for_seq2seq(recipe, asked.base, asked.train.rows, DryRun(run)).to_wire()
    lacks = too_few_in_all(question.task, asked.train_rows, ENOUGH_PAIRS, "texts with what they become")
    foretold = {**told, **sufficiency(lacks, [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = train_seq2seq(recipe, asked.base, asked.train.rows, asked.held, run)
    run.report({"type": "phase", "phase": "export"})
    packed = _packed(trained, asked.base, run)
    run.report({"type": "phase", "phase": "evaluate"})
    probe = _compared(trained, packed, apart(asked.train.rows, asked.held, recipe)[1][:PROBED], run)
    parity = _compared(trained, packed, test.written, run)
    precision, why = serves_int8(probe["int8"])
    tuned = _tuned(trained, packed.opened(precision, THREADS), test, run)
    plain = _untuned(trained, asked.base, test, run)
    result = {
        **common(question, recipe, (asked.train_rows, len(asked.test.rows)), trained.seconds),
        **tuned.to_wire(),
        "base": plain.to_wire(),
        "base_model": recipe.base,
        "gain": {name: one.to_wire() for name, one in differences(plain.texts, tuned.texts, seed=test.seed).items()},
        "written_rows": len(test.written),
        "latency_ms": round(_latency(packed.opened(precision), test.written), 3),
        "size_bytes": packed.size_bytes(precision),
        "precision": precision,
        "precision_why": why,
        **{f"{name}_agreement": one.share for name, one in parity.items()},
        "parity": [one.to_wire() for one in probe.values()],
        "estimate": foretold,
        "held_out": trained.held_out,
        "set_aside": {"train": asked.train.set_aside, "test": asked.test.set_aside},
        "findings": (*trained.findings, *_of_answers(trained, tuned)),
        "history": [history_row(row) for row in trained.history],
    }
    if question.keeps:
        result["model"] = _kept(packed.folders[precision], question.out)
    return result, _predictions(test.written, tuned, plain)


def _kept(sealed: Path, out: Path) -> str:
    """A copy of the rewriter for `attune rewrite`, under its digest, returned."""
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as work:
        copied = Path(shutil.copytree(sealed, Path(work) / KEPT))
        return publish_rewriter(copied, out / KEPT)


def _asked(question: Settled, settings: Settings) -> _Asked:
    """Raises UsageError for what no such experiment can be, BaseRefused for a base that does not write."""
    if question.per_class is not None:
        raise UsageError("--per-class draws labelled rows; pairs of texts have no labels.", remedy="Leave it out.")
    name = question.base
    if name in CATALOGUE:
        raise UsageError(
            f"To {question.task} takes a base that rewrites (T5, mT5 or BART); {name!r} is none.", remedy=WITHOUT
        )
    base = base_for(settings, name)
    Seq2SeqBase.of(base)  # before the files are read, which may take a while
    train, test, held = _given(question, settings)
    recipe = question.recipe or pick_seq2seq(len(train.rows), question.task, base=name, seed=question.seed)
    if not isinstance(recipe, Seq2SeqRecipe):
        raise UsageError(
            f"The recipe is for a chat model; {base.name!r} rewrites.",
            remedy="Take its `method` out, or name another base.",
        )
    return _Asked(recipe, base, train, test, held)


def _given(question: Settled, settings: Settings) -> tuple[PairFile, PairFile, list[Pair] | None]:
    """(TRAIN, TEST, what of TRAIN tells when to stop; None where that is drawn from its pairs)"""
    if question.task != "generate":
        train, test = (read_pairs(path, settings.imports) for path in (question.train, question.test))
        return train, test, None
    # A conversation is learned or held out as a whole: its earlier replies stand in the sources of its later ones.
    learned, held = parted(read_talks(question.train, settings.imports), question.seed)
    test_talks = read_talks(question.test, settings.imports)
    return PairFile(_replies(learned)), PairFile(_replies(test_talks)), _replies(held) or None


def _replies(talks: Sequence[Talk]) -> list[Pair]:
    """What the brand said, each time with all that was said before it."""
    return [Pair(ask.before, ask.reply) for ask in asks_of(talks)]


def _packed(trained: TrainedSeq2Seq, base: LocalBase, run: RunFolder) -> PackedRewriter:
    recipe = trained.recipe
    origin = Origin(recipe.task, base.name, base.base.licence, recipe.beams, running_versions())
    return pack_seq2seq(trained.model, trained.renderer, base.folder / TOKENIZER, origin, run.folder)


def _compared(
    trained: TrainedSeq2Seq, packed: PackedRewriter, pairs: Sequence[Pair], run: RunFolder
) -> dict[Precision, WritingParity]:
    """Both precisions against the trained model, greedily. Raises ParityFailed where full precision differs."""
    renderer = trained.renderer
    sources = [renderer.source(pair.source) for pair in pairs]
    truth = [renderer.target(pair.target) or () for pair in pairs]
    ours = written_in_torch(trained.model, renderer, sources)
    found: dict[Precision, WritingParity] = {}
    for precision in packed.folders:
        theirs = written_exported(packed.opened(precision, THREADS), sources, check=run.check)
        found[precision] = compare_writing(ours, theirs, truth, precision)
    require_writing(found["fp32"])
    return found


def _tuned(trained: TrainedSeq2Seq, served: Rewriter, test: _Test, run: RunFolder) -> _Side:
    sources = [trained.renderer.source(pair.source) for pair in test.written]
    written = written_exported(served, sources, trained.recipe.beams, run.check)
    likely = likelihood(trained.model, trained.renderer, test.rows, run.check)
    return test.side(likely, [trained.renderer.written(ids) for ids in written])


def _untuned(trained: TrainedSeq2Seq, base: LocalBase, test: _Test, run: RunFolder) -> _Side:
    model, renderer = Seq2SeqBase.of(base).model(), trained.renderer
    sources = [renderer.source(pair.source) for pair in test.written]
    written = written_in_torch(model, renderer, sources, trained.recipe.beams)
    return test.side(likelihood(model, renderer, test.rows, run.check), [renderer.written(ids) for ids in written])


def _latency(served: Rewriter, pairs: Sequence[Pair]) -> float:
    """Median milliseconds from one source to the text that is written of it."""
    sources = {pair.said: pair.source for pair in pairs}
    return median_ms(lambda said: served.rewrite(sources[said]), list(sources), TIMED)


def _of_answers(trained: TrainedSeq2Seq, tuned: _Side) -> Iterator[Finding]:
    """What there is to say now that it is known what the model writes: one text of everything, say."""
    said = Scoring(tuned.texts.references, tuned.texts.replies)
    told = {finding.code for finding in trained.findings}
    for finding in diagnose(Signs(trained.history, (said,), trained.guess_loss, Seq2SeqTask.primary)):
        if finding.code not in told:
            yield finding


def _predictions(pairs: Sequence[Pair], tuned: _Side, plain: _Side) -> list[dict[str, Any]]:
    return [
        {"text": pair.said, "label": pair.target, "predicted": ours, "base": theirs}
        for pair, ours, theirs in zip(pairs, tuned.texts.replies, plain.texts.replies, strict=True)
    ]
