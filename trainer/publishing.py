"""From a judged candidate to a numbered release: card, plots, sealed folder, then one row by the job's owner.

The models a release names are published before it: a release never stands without them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from data.files import release_folder, remove, sync_tree
from data.frozen import FrozenDataset
from data.store import Tx, releases
from data.store.bots import Bot
from data.store.releases import NewRelease, Promotion, Release
from export.drafts import VOICE_FILE, write_voice
from export.label_head import SENTIMENT_FILE
from export.release import ReleaseFacts, publish_release, seal_release
from export.sealed import read_seal
from trainer.bases.foreign.licence import in_a_line
from trainer.bases.known import Base
from trainer.candidate import Candidate, Trained
from trainer.core.callbacks import Row
from trainer.judgement.card import model_card
from trainer.judgement.card_facts import BaseFacts, CardFacts, DataFacts, Epoch, TaskFacts
from trainer.judgement.comparison import Comparison
from trainer.judgement.plots import draw_plots
from trainer.judgement.verdict import Verdict

TRAINED_WITH = ("lightning", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the comparison found and what was decided on it."""

    comparison: Comparison
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a release comes from. `now` is when it was made; `runs` names the run of each task."""

    bot: Bot
    number: int
    profile_version: int
    dataset: FrozenDataset
    runs: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A sealed release that stands aside in `folder`; `digest` is that of its manifest."""

    origin: Origin
    candidate: Candidate
    verdict: Verdict
    folder: Path
    digest: str


def build_release(origin: Origin, trained: Trained, candidate: Candidate, judgement: Judgement, folder: Path) -> Built:
    """Write the whole release into the new `folder`, sealed. It is flushed to the disk, so that the publish point,
    which holds up other writers, has only to rename."""
    folder.mkdir()
    if candidate.parts.intent is not None:
        candidate.parts.intent.head.save(folder)
    if candidate.parts.reply is not None:
        candidate.parts.reply.index.save(folder)
    if candidate.parts.corrections is not None:
        candidate.parts.corrections.save(folder)
    if candidate.parts.entities is not None:
        candidate.parts.entities.head.save(folder)
    if candidate.parts.sentiment is not None:
        candidate.parts.sentiment.save(folder / SENTIMENT_FILE)
    if candidate.writing is not None:
        write_voice(candidate.writing.voice, folder / VOICE_FILE)
    _write_json(folder / "verdict.json", judgement.verdict.to_wire())
    facts = card_facts(origin, trained, judgement)
    facts = replace(facts, plots=draw_plots(facts, folder))
    (folder / "README.md").write_text(model_card(facts), encoding="utf-8")
    digest = seal_release(folder, _release_facts(origin, trained, candidate), trained.profile)
    sync_tree(folder)
    return Built(origin, candidate, judgement.verdict, folder, digest)


def publish_models(built: Built, home: Path) -> None:
    """Put what the release names where it is served from. Named by content, these are nobody's until a row names the
    release, and what others share is compared byte by byte: nothing to hold up other writers for."""
    built.candidate.publish_encoders(home / "encoders")
    built.candidate.publish_writer(home)


def record_release(tx: Tx, built: Built, home: Path) -> Release:
    """The publish point: release folder and row, after the models. For a number that is still merely reserved, in a
    transaction that has found the fence of its job: what a killed attempt left under the number is nobody's and makes
    room."""
    origin, verdict = built.origin, built.verdict
    final = release_folder(home, tx.workspace, origin.bot.name, origin.number)
    remove(final)
    publish_release(built.folder, final)
    manifest, _ = read_seal(final, "manifest.json", what="release")
    state: Literal["published", "rejected"] = "rejected" if verdict.decision == "reject" else "published"
    new = NewRelease(built.digest, dict(manifest), verdict.to_wire(), state)
    return releases.publish(tx, origin.bot.id, origin.number, new)


def promote_by_itself(tx: Tx, origin: Origin, verdict: Verdict) -> bool:
    """Move the live pointer to this release when the verdict says promote; the profile has allowed it."""
    if verdict.decision != "promote":
        return False
    live = releases.live(tx, origin.bot.id)
    reason = "auto_promote: the verdict says promote"
    releases.promote(tx, origin.bot.id, Promotion(origin.number, live.version, "trainer", reason))
    return True


def card_facts(origin: Origin, trained: Trained, judgement: Judgement) -> CardFacts:
    manifest = origin.dataset.manifest
    thresholds = trained.thresholds
    return CardFacts(
        release=f"{origin.bot.name}@{origin.number}",
        languages=trained.profile.languages,
        created_at=origin.now.date().isoformat(),
        bases=tuple(map(_base_facts, _bases(trained))),
        data=DataFacts(
            fingerprint=origin.dataset.fingerprint,
            splits=dict(manifest["rows"]),
            conversations=sum(manifest["conversations"].values()),
            uploads=len(manifest["sources"]),
            set_aside=_summed(manifest["sources"], "set_aside"),
            redacted=_summed(manifest["sources"], "redacted"),
            languages=dict(manifest["languages"]),
        ),
        tasks=_tasks(trained),
        comparison=judgement.comparison,
        verdict=judgement.verdict,
        thresholds={
            "answer": thresholds.answer,
            "oos": thresholds.oos,
            "reply": thresholds.reply,
            "generated": thresholds.generated,
            **{f"answer in {code}": bar for code, bar in thresholds.by_language.items()},
        },
        reproduce=(f"attune train {origin.bot.name}",),
        versions={name: version(name) for name in TRAINED_WITH},
        sentiment=trained.sentiment,
    )


def _bases(trained: Trained) -> tuple[Base, ...]:
    """The one that reads, and the one that writes where one does."""
    writing = trained.writing
    return (trained.base.base,) if writing is None else (trained.base.base, writing.generator.base.local.base)


def _base_facts(base: Base) -> BaseFacts:
    terms = f"Terms: {in_a_line(base.licence, base.limits)}."
    return BaseFacts(base.hub_id, base.licence, base.digests.get("model.safetensors", ""), terms)


def _release_facts(origin: Origin, trained: Trained, candidate: Candidate) -> ReleaseFacts:
    intent = candidate.parts.intent
    return ReleaseFacts(
        bot=origin.bot.name,
        number=origin.number,
        created_at=origin.now.isoformat(),
        labels=intent.head.labels if intent else (),
        thresholds=trained.thresholds,
        encoders=candidate.encoders,
        prepare=trained.imports.model_dump(mode="json", include={"phone_region", "order_number", "keep_kinds"}),
        lineage={
            "dataset": origin.dataset.fingerprint,
            "profile_version": origin.profile_version,
            "runs": dict(origin.runs),
            "base": trained.base.name,
            "licence": trained.base.base.licence,
            "licence_limits": list(trained.base.base.limits),
            "recipes": dict(_recipes(trained)),
            "sentiment": trained.sentiment.to_wire() if trained.sentiment else None,
            "writing": trained.writing.to_wire() if trained.writing else None,
        },
        versions={name: version(name) for name in TRAINED_WITH},
        decoders=candidate.decoders,
        adapters=candidate.adapters,
    )


def _recipes(trained: Trained) -> dict[str, dict[str, Any]]:
    models: dict[str, Any] = {"intent": trained.intent, "reply": trained.reply, "entities": trained.entities}
    if trained.writing is not None:
        models["generate"] = trained.writing.generator
    return {task: model.recipe.model_dump(mode="json") for task, model in models.items() if model is not None}


def _tasks(trained: Trained) -> list[TaskFacts]:
    facts = []
    if trained.intent is not None:
        intent = trained.intent
        rows, recipe = _epochs(intent.history, "f1"), intent.recipe.model_dump(mode="json")
        facts.append(TaskFacts("intent", recipe, rows, "F1", intent.augmentation, intent.robustness))
    if trained.reply is not None:
        rows = _epochs(trained.reply.history, "recall_at_1")
        facts.append(TaskFacts("reply", trained.reply.recipe.model_dump(mode="json"), rows, "Recall@1"))
    if trained.entities is not None:
        rows = _epochs(trained.entities.history, "span_f1")
        facts.append(TaskFacts("entities", trained.entities.recipe.model_dump(mode="json"), rows, "Span F1"))
    if trained.writing is not None:
        generator = trained.writing.generator
        rows = _epochs(generator.history, "log_likelihood")
        recipe, written = generator.recipe.model_dump(mode="json"), trained.writing.to_wire()
        facts.append(TaskFacts("generate", recipe, rows, "Log-likelihood", written=written))
    return facts


def _epochs(history: Sequence[Row], score: str) -> list[Epoch]:
    return [Epoch(r.epoch, r.step, r.training_loss, r.validation_loss, r.metrics.get(score)) for r in history]


def _summed(sources: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for source in sources:
        for key, count in (source.get(name) or {}).items():
            total[key] = total.get(key, 0) + int(count)
    return total


def _write_json(path: Path, body: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
