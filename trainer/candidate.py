"""The candidate: trained heads over exported encoders, proven equal to what was trained, ready to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.profile import BotProfile
from data.schema import Finding
from data.settings import ImportSettings
from export.corrections import Correction, Corrections
from export.encoders import Precision
from export.parity import Choice, Comparison, Probe, Side, choose, compare, require
from export.predict import IntentModel, Parts, Predictor, ReplyModel
from export.release import GENERATE, running_versions
from export.replies import ReplyIndex
from export.span_parity import SpanProbe
from export.thresholds import Thresholds
from export.trained import torch_channel
from trainer.bases.catalogue import LocalBase
from trainer.entities.entity_work import exported_entities
from trainer.entities.train_entities import TrainedEntities
from trainer.generation.writing import Writing
from trainer.intents.train_intent import TrainedIntent
from trainer.labels.sentiment import TrainedSentiment
from trainer.package import Packed, pack
from trainer.replies.train_reply import TrainedReply


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What the runs left: one model a task, each None where it was not trained."""

    base: LocalBase
    profile: BotProfile
    imports: ImportSettings
    intent: TrainedIntent | None
    reply: TrainedReply | None
    index: ReplyIndex | None
    thresholds: Thresholds
    corrections: tuple[Correction, ...] = ()
    sentiment: TrainedSentiment | None = None
    entities: TrainedEntities | None = None
    writing: Writing | None = None
    noticed: tuple[Finding, ...] = ()
    """Of trainings that left no model."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What there is to say about the trainings."""
        models = (self.intent, self.reply, self.entities, self.writing, self.sentiment)
        return (*(one for model in models if model is not None for one in model.findings), *self.noticed)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What would be released: `packed` per task with the precision chosen, and the parity that allowed it."""

    parts: Parts
    packed: Mapping[str, tuple[Packed, Precision]]
    parity: Mapping[str, Any]
    writing: Writing | None = None

    @property
    def decoders(self) -> dict[str, str]:
        """The digest of what writes replies, where there is that."""
        return {} if self.writing is None else {GENERATE: self.writing.packed.digest(self.writing.precision)}

    @property
    def encoders(self) -> dict[str, str]:
        """The digest of each task's encoder."""
        return {task: packed.digests[precision] for task, (packed, precision) in self.packed.items()}

    @property
    def adapters(self) -> dict[str, str]:
        """The digest of what lies over that, where it is shared with other brands."""
        laid = None if self.writing is None else self.writing.packed.adapter(self.writing.precision)
        return {} if laid is None else {GENERATE: laid}

    def publish_encoders(self, shelf: Path) -> None:
        """Put the encoders under the folder `shelf`, each by its digest; those that stand there already stay."""
        for packed, precision in self.packed.values():
            packed.publish(precision, shelf)

    def publish_writer(self, home: Path) -> None:
        """The same of what writes replies, under `decoders` and `adapters` of `home`."""
        if self.writing is not None:
            self.writing.packed.publish(self.writing.precision, home)

    @property
    def size_bytes(self) -> int:
        distinct = {
            packed.digests[precision]: packed.size_bytes(precision) for packed, precision in self.packed.values()
        }
        head = self.parts.intent.head.size_bytes if self.parts.intent else 0
        index = self.parts.reply.index.size_bytes if self.parts.reply else 0
        tags = self.parts.entities.head.size_bytes if self.parts.entities else 0
        writer = self.writing.packed.size_bytes(self.writing.precision) if self.writing else 0
        return sum(distinct.values()) + head + index + tags + writer


def build_candidate(
    name: str, trained: Trained, probe: Probe, work: Path, marked: SpanProbe | None = None
) -> Candidate:
    """Export what was trained, compare it from raw text to reply (and to the spans of `marked`), choose the precision
    of each encoder.

    Raises ParityFailed when the full-precision export does not answer as the trained model.
    """
    parts = Parts(
        release=name,
        profile=trained.profile,
        thresholds=trained.thresholds,
        imports=trained.imports,
        intent=_intent_model(trained),
        reply=_reply_model(trained),
        sentiment=trained.sentiment.head if trained.sentiment and trained.sentiment.serves else None,
    )
    packs = _packs(trained, work)
    found: dict[str, Mapping[str, Any]] = {}
    chosen: dict[str, tuple[Packed, Precision]] = {}
    for task, packed in packs.items():
        # Only what a task's own encoder decides says whether int8 may serve it.
        own = replace(parts, reply=None) if task == "intent" else _without_intent(parts)
        asked = _asked(probe, task)
        compared = _compared(own, task, packed, asked)
        require(compared["fp32"])
        choice = choose(compared["int8"]) if "int8" in compared else Choice("fp32", "N-grams have no smaller form.")
        chosen[task] = (packed, choice.precision)
        found[task] = {
            **{precision: comparison.to_wire() for precision, comparison in compared.items()},
            "served": choice.precision,
            "why": choice.reason,
        }
    served = parts.behind(**{task: packed.channel(precision) for task, (packed, precision) in chosen.items()})
    served = replace(served, corrections=_corrections(trained.corrections, served))
    if trained.entities is not None:
        held = marked or SpanProbe([])
        model, packing, found["entities"] = exported_entities(trained.entities, trained.base, held, work / "entities")
        served, chosen["entities"] = replace(served, entities=model), packing
    if trained.writing is not None:
        found[GENERATE] = trained.writing.parity
    passed = all(part["fp32"]["passed"] for part in found.values())
    return Candidate(served, chosen, {"passed": passed, **found}, trained.writing)


def _without_intent(parts: Parts) -> Parts:
    """What the selector's encoder decides: the sentiment too where there is no other encoder."""
    return replace(parts, intent=None, sentiment=None if parts.intent else parts.sentiment)


def _corrections(given: Sequence[Correction], served: Parts) -> Corrections | None:
    """The corrections with the vectors that the served encoder makes of their messages; None where there are none."""
    channel = served.asking
    if not given or channel is None:
        return None
    return Corrections(channel.read([one.message for one in given]), given)


def _packs(trained: Trained, work: Path) -> dict[str, Packed]:
    packs: dict[str, Packed] = {}
    versions = running_versions()
    if trained.intent is not None:
        length = trained.intent.renderer.max_length
        packs["intent"] = pack(trained.intent.encoder, trained.base, length, work / "intent", versions)
    if trained.reply is not None and trained.index is not None:
        length = trained.reply.renderer.max_length
        packs["reply"] = pack(trained.reply.encoder, trained.base, length, work / "reply", versions)
    return packs


def _asked(probe: Probe, task: str) -> Probe:
    if task == "intent":
        return Probe(texts=probe.texts, truth=probe.truth)
    return Probe(conversations=probe.conversations, true_replies=probe.true_replies)


def _compared(parts: Parts, task: str, packed: Packed, probe: Probe) -> dict[Precision, Comparison]:
    """Every precision of what was packed, beside what was trained."""
    trained = Side.of(Predictor(parts), probe)
    found: dict[Precision, Comparison] = {}
    for precision in packed.folders:
        exported = Predictor(parts.behind(**{task: packed.channel(precision)}))
        found[precision] = compare(trained, Side.of(exported, probe), probe, precision)
    return found


def _intent_model(trained: Trained) -> IntentModel | None:
    if trained.intent is None:
        return None
    return IntentModel(torch_channel(trained.intent.encoder, trained.intent.renderer), trained.intent.head)


def _reply_model(trained: Trained) -> ReplyModel | None:
    if trained.reply is None or trained.index is None:
        return None
    return ReplyModel(torch_channel(trained.reply.encoder, trained.reply.renderer), trained.index)
