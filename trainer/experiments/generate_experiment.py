"""An experiment on replies that are written: tune a chat model on TRAIN, measure on TEST what the exported one says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.appraise import too_few_in_all
from data.errors import UsageError
from data.settings import Settings
from data.written import Written
from export.abusive import abusive
from export.decoders import Precision
from export.grounding import Grounding
from export.writer import Brief, Writer
from trainer.bases.catalogue import base_for
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import CHAT, DEFAULT
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import sufficiency
from trainer.estimates.writing import for_writing
from trainer.experiments.experiment_report import history_row
from trainer.experiments.question import Outcome, Settled, common
from trainer.experiments.talks import parted, read_talks
from trainer.generation.lines import Ask, Talk, asks_of, said
from trainer.generation.packed import (
    PackedGenerator,
    cheapest,
    compared,
    pack_generator,
    pack_tuned,
    replies_to,
)
from trainer.generation.recipe import GenerateRecipe, pick_generate
from trainer.generation.surprise import divergence, surprise
from trainer.generation.train_generator import TrainedGenerator, train_generator
from trainer.generation.writing import LEAST_REPLIES
from trainer.intents.calibrate import background_utterances
from trainer.judgement.brand_voice import BrandVoice
from trainer.judgement.intervals import Interval
from trainer.judgement.likelihood import Likelihood
from trainer.judgement.text_metrics import MeasuredReplies, TextScores, differences, measured
from trainer.judgement.variety import Known
from trainer.package import median_ms

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WRITTEN = 200
"""Replies that are written to be measured."""
PROBED = 24
"""Contexts on which the export is held against the trained model."""
TIMED = 20
DRIFTED = 100
"""Conversations of TEST on which the distance from the base is measured."""
GENERAL = 400
"""General utterances that tell what was forgotten of ordinary language."""
THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """What is measured on: conversations, drawn points of them where the brand answers, and what was learned from."""

    talks: Sequence[Talk]
    asks: Sequence[Ask]
    known: Known
    voice: BrandVoice | None
    grounding: Grounding
    seed: int


@dataclass(frozen=True, slots=True)
class _Side:
    """What one model, tuned or not, makes of TEST."""

    likelihood: Likelihood
    texts: MeasuredReplies

    def to_wire(self, test: _Test) -> dict[str, Any]:
        scores = TextScores.of(self.texts, seed=test.seed)
        return {
            "bits_per_byte": self.likelihood.bits_per_byte(seed=test.seed).value,
            "perplexity_per_token": self.likelihood.perplexity(),
            "chrf": scores.chrf.value,
            "bleu": scores.bleu.value,
            "rouge_l": scores.rouge_l.value,
            "distinct_2": scores.distinct_2,
            "copies": scores.copies.value,
            **_manners(self.texts.replies, test),
            "likelihood": self.likelihood.to_wire(seed=test.seed),
            "texts": scores.to_wire(),
        }


def generate_experiment(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """(report, predictions). Raises UsageError, BaseRefused, DatasetError, ParityFailed."""
    if question.per_class is not None:
        raise UsageError("--per-class draws labelled rows; dialogues have no labels.", remedy="Leave it out.")
    base = _base(question, settings)
    train, held = parted(read_talks(question.train, settings.imports), question.seed)
    test = _test(read_talks(question.test, settings.imports), train, settings, question.seed)
    recipe = _recipe(question, base, train)
    run.report({"type": "phase", "phase": "train"})
    told = for_writing(recipe, base, train, DryRun(run)).to_wire()
    lacks = too_few_in_all(question.task, len(asks_of(train)), LEAST_REPLIES, "replies of the brand")
    foretold = {**told, **sufficiency(lacks, [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = train_generator(recipe, base, train, held, run)
    run.report({"type": "phase", "phase": "export"})
    packed = pack_tuned(trained, run.folder / "tuned")
    parity = compared(trained.model, packed, test.asks[:PROBED], run.check)
    precision = cheapest(parity)
    run.report({"type": "phase", "phase": "evaluate"})
    writer, untuned = packed.opened(precision, THREADS), base.model()
    tuned = _tuned(trained, writer, test, run)
    plain = _untuned(untuned, trained, packed, test, run)
    result = {
        **common(question, recipe, (len(train) + len(held), len(test.talks)), trained.seconds),
        **tuned.to_wire(test),
        "base": plain.to_wire(test),
        "base_model": base.name,
        "people": {**_manners(tuned.texts.references, test), "distinct_2": _distinct(tuned.texts)},
        "gain": {name: one.to_wire() for name, one in differences(plain.texts, tuned.texts, seed=test.seed).items()},
        "less_bits_per_byte": tuned.likelihood.less(plain.likelihood, seed=test.seed).to_wire(),
        "forgetting": _forgotten(untuned, trained),
        "divergence": divergence(trained.model, untuned, trained.renderer, _lines(trained, test.talks)),
        "estimate": foretold,
        "written_rows": len(test.asks),
        "latency_ms": round(_latency(packed.opened(precision), test.asks), 3),
        "size_bytes": packed.size_bytes(precision),
        "precision": precision,
        "parity": {name: one.to_wire() for name, one in parity.items()},
        "example": trained.example,
        "findings": trained.findings,
        "history": [history_row(row) for row in trained.history],
    }
    return result, _predictions(test.asks, tuned, plain)


def _base(question: Settled, settings: Settings) -> ChatBase:
    """The chat model asked for; the default of other tasks only reads."""
    return ChatBase(base_for(settings, _name(question)))


def _name(question: Settled) -> str:
    return CHAT if question.base == DEFAULT else question.base


def _recipe(question: Settled, base: ChatBase, train: Sequence[Talk]) -> GenerateRecipe:
    if question.recipe is None:
        tokens = sum(len(base.renderer().reply(text)) for talk in train for _, text in talk)
        return pick_generate(tokens, base.parameters, base=base.name, seed=question.seed)
    if not isinstance(question.recipe, GenerateRecipe):
        raise UsageError(
            f"The recipe names no method, as for a base that rewrites; {base.name!r} is a chat model.",
            remedy="Add method = 'full' or 'lora', or name the base that rewrites in the recipe (`base`).",
        )
    return question.recipe.model_copy(update={"base": _name(question)})


def _test(talks: Sequence[Talk], train: Sequence[Talk], settings: Settings, seed: int) -> _Test:
    every = asks_of(talks)
    drawn = sorted(random.Random(seed).sample(range(len(every)), min(WRITTEN, len(every))))
    own = [text for talk in train for text in said(talk)]
    voice = BrandVoice.fit(own, [text for talk in train for role, text in talk if role == "user"], seed=seed)
    return _Test(talks, [every[at] for at in drawn], Known(own), voice, Grounding(Written(settings.imports)), seed)


def _tuned(trained: TrainedGenerator, writer: Writer, test: _Test, run: RunFolder) -> _Side:
    likely = surprise(trained.model, trained.renderer, test.talks)
    return _side(likely, replies_to(test.asks, writer, run.check), test)


def _untuned(
    model: PreTrainedModel, trained: TrainedGenerator, beside: PackedGenerator, test: _Test, run: RunFolder
) -> _Side:
    """The base as it came, exported the same way."""
    likely = surprise(model, trained.renderer, test.talks)
    precisions: tuple[Precision, ...] = ("fp32",) if "int8" not in beside.folders else ("int8",)
    packed = pack_generator(model, trained.base, run.folder / "untuned", precisions)
    return _side(likely, replies_to(test.asks, packed.opened(precisions[0], THREADS), run.check), test)


def _side(likely: Likelihood, replies: Sequence[str], test: _Test) -> _Side:
    return _Side(likely, measured(replies, [ask.reply for ask in test.asks], test.known))


def _manners(replies: Sequence[str], test: _Test) -> dict[str, Any]:
    """What is wrong with replies by themselves: facts from nowhere, abuse; and whether they sound like the brand."""
    asked = zip(replies, test.asks, strict=True)
    loose = sum(bool(test.grounding.ungrounded(reply, [text for _, text in ask.before])) for reply, ask in asked)
    return {
        "ungrounded": Interval.of_share(loose, len(replies)).to_wire(),
        "abusive": sum(bool(abusive(reply)) for reply in replies) / len(replies),
        "voice": test.voice.judged(replies, seed=test.seed).to_wire() if test.voice else None,
    }


def _distinct(texts: MeasuredReplies) -> float:
    return TextScores.of(measured(texts.references, texts.references, texts.known)).distinct_2


def _forgotten(untuned: PreTrainedModel, trained: TrainedGenerator) -> dict[str, Any]:
    """Bits per byte of general utterances, as somebody's answers, before and after: ordinary language."""
    general: list[Talk] = [(("agent", text),) for text in background_utterances()[:GENERAL]]
    before, after = (surprise(model, trained.renderer, general) for model in (untuned, trained.model))
    return {
        "before": before.bits_per_byte().value,
        "after": after.bits_per_byte().value,
        "more_bits_per_byte": after.less(before).to_wire(),
    }


def _lines(trained: TrainedGenerator, talks: Sequence[Talk]) -> list[Any]:
    return [trained.renderer.dialogue(talk) for talk in talks[:DRIFTED]]


def _latency(writer: Writer, asks: Sequence[Ask]) -> float:
    """Median milliseconds from a conversation to a whole reply."""
    by_name: Mapping[str, Ask] = {str(at): ask for at, ask in enumerate(asks)}
    return median_ms(lambda name: writer.write(Brief(by_name[name].before)), list(by_name), TIMED)


def _predictions(asks: Sequence[Ask], tuned: _Side, plain: _Side) -> list[dict[str, Any]]:
    return [
        {"text": ask.before[-1][1], "label": ask.reply, "predicted": ours, "base": theirs}
        for ask, ours, theirs in zip(asks, tuned.texts.replies, plain.texts.replies, strict=True)
    ]
