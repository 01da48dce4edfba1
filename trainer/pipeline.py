"""One retraining, read from top to bottom: dataset, runs, candidate, comparison, verdict, release.

Every step is idempotent and every lasting effect commits under the job's fence, so that a killed job taken up again
ends as the undisturbed one would have: the dataset is found by its fingerprint, fits go on from their recorded
checkpoints, a release folder that was never recorded is built anew, and one that was recorded ends the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from data.appraise import Lack
from data.build import freeze
from data.errors import DatasetError
from data.files import Blobs, remove
from data.frozen import FrozenDataset
from data.jobs import JobContext
from data.schema import Finding
from data.settings import Settings
from data.store import bots, jobs, releases
from data.store.releases import Release
from data.written import Written
from export.banned import says_banned
from export.drafts import known_names
from export.grounding import Grounding
from export.thresholds import Thresholds
from trainer.bases.catalogue import LocalBase, base_for
from trainer.candidate import Trained, build_candidate
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.entities.train_entities import TrainedEntities, train_entities
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import Estimate, foretold, sufficiency
from trainer.estimates.fitting import foretold_entities
from trainer.estimates.writing import foretold_writing
from trainer.generation.drafted import Brand
from trainer.generation.generator_work import train_writing
from trainer.insight.findings import judged
from trainer.intents.languages import Suited, suited
from trainer.intents.train_intent import TrainedIntent, check_trainable, train_intent
from trainer.judgement.metrics import finite
from trainer.judgement.weighing import Bench, judge
from trainer.labels.sentiment import reader_of, sentiment_for
from trainer.material import Material, pairs
from trainer.order import Order
from trainer.publishing import Built, Origin, build_release, promote_by_itself, publish_models, record_release
from trainer.recipes import IntentRecipe
from trainer.replies.calibrate import meaning_by, worth
from trainer.replies.details import private_details
from trainer.replies.indexing import Sayable, approved_answers, reply_indexes
from trainer.replies.train_reply import TrainedReply, mean_length, train_reply
from trainer.retraining import Emit, Retraining, bot_of, run_folder, settling
from trainer.search.searching import better

PHASES = ("dataset", "findings", "train", "evaluate", "export", "publish")


def retrain(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    """The handler of `train` jobs. Returns release number, state, verdict, dataset fingerprint and seconds by phase."""
    work = _start(context, settings, emit)
    done = _published(work)
    if done is not None:
        return done
    with work.phase("dataset"):
        dataset = freeze(context.store, settings, work.bot.id, work=context)
        left_out = {"set_aside": dict(dataset.set_aside), "feedback": dict(dataset.feedback)}
        context.event("dataset", dataset=dataset.fingerprint, rows=dict(dataset.manifest["rows"]), **left_out)
        material = Material.read(dataset, work.profile)
    with work.phase("findings"):
        base = base_for(settings, work.order.base)
        appraisal = judged(dataset, base, context.check)
        findings = appraisal.findings
        context.event("findings", findings=[finding.to_wire() for finding in findings])
        _foretell(work, material, base, appraisal.lacks)
    with work.phase("train"):
        trained, run_ids = _train(work, dataset, material, base)
    with work.phase("export"), work.blobs.scratch() as scratch:
        number = _number(work)
        candidate = build_candidate(
            f"{work.bot.name}@{number}", trained, material.probe(), scratch, material.marked.probe()
        )
        with work.phase("evaluate"):
            bench = Bench(context.store, settings.home, work.bot, work.order.seed)
            judgement = judge(
                bench, material, trained.base, candidate, findings + trained.findings + material.marked.findings()
            )
        with work.phase("publish"):
            with context.store.read() as tx:
                now = tx.now
            origin = Origin(work.bot, number, work.profile_version, dataset, run_ids, now)
            built = build_release(origin, trained, candidate, judgement, scratch / "release")
            release, promoted = _record(work, built)
    for run_id in run_ids.values():
        remove(settings.home / "runs" / run_id)  # nothing is taken up again once the release stands
    work.seconds["export"] = round(work.seconds["export"] - work.seconds["evaluate"] - work.seconds["publish"], 2)
    return _result(release, promoted, work.seconds)


def _foretell(work: Retraining, material: Material, base: LocalBase, lacks: Sequence[Lack]) -> None:
    """Say what the trainings will take, and whether the data suffices for them."""
    train = work.settings.train
    folder = work.settings.home / "tmp"
    run = RunFolder(
        folder, MemoryLedger(), work.report, work.context.check, train.threads, train.accelerator, keep=False
    )
    dry = DryRun(run)
    parts = (
        foretold(work.order, base, material, dry),
        foretold_entities(work.order, base, material, dry),
        foretold_writing(work.order, work.settings, material, dry),
    )
    if found := [part for part in parts if part is not None]:  # what cannot be trained is refused as it is begun
        event = {**reduce(Estimate.then, found).to_wire(), **sufficiency(lacks, work.order.tasks)}
        work.context.event("estimate", **event)
        work.emit({"type": "estimate", **event})


def _result(release: Release, promoted: bool, seconds: Mapping[str, float]) -> dict[str, Any]:
    assert release.manifest is not None  # it is published
    return {
        "release": release.number,
        "state": release.state,
        "promoted": promoted,
        "verdict": release.verdict,
        "dataset": release.manifest["lineage"]["dataset"],
        "seconds": {phase: seconds.get(phase, 0.0) for phase in PHASES},
    }


def _published(work: Retraining) -> dict[str, Any] | None:
    """The result of an attempt that was killed between recording its release and ending its job."""
    with work.context.store.read() as tx:
        for event in jobs.events(tx, work.context.job.id):
            if event.type == "published":
                release = releases.get(tx, work.bot.id, int(event.data["release"]))
                return _result(release, bool(event.data["promoted"]), event.data["seconds"])
    return None


def _start(context: JobContext, settings: Settings, emit: Emit) -> Retraining:
    order = Order.from_payload(context.job.payload)
    with context.store.read() as tx:
        bot = bots.get_by_id(tx, bot_of(context.job))
        version, profile = bots.profile(tx, bot.id)
    return Retraining(context, settings, emit, order, bot, profile, version, Blobs(settings.home), {})


def _train(
    work: Retraining, dataset: FrozenDataset, material: Material, base: LocalBase
) -> tuple[Trained, dict[str, str]]:
    ids: dict[str, str] = {}
    intent, bars = None, Thresholds()
    labels = material.labels()
    if "intent" in work.order.tasks and (labels or "reply" not in work.order.tasks):
        check_trainable(labels)
        intent = _train_intent(work, dataset, material, base, ids)
        bars = intent.calibration.thresholds()
    banned = lambda text: says_banned(text, work.profile.banned_phrases)  # noqa: E731
    reply = index = threshold = writing = None
    left_out: tuple[Finding, ...] = ()
    if "reply" in work.order.tasks and len(set(pairs(material.train).replies)) >= 2:
        reply = _train_reply(work, dataset, material, base, ids)
        learned = [*material.train, *material.validation]
        details = private_details(learned, Grounding(Written(work.settings.imports), known_names(work.profile)))
        sayable = Sayable(banned, details, approved_answers(work.profile))
        narrow, index = reply_indexes(reply, material.train, material.validation, sayable, work.context.check)
        if narrow is not None and index is not None:
            found = worth(reply, base, narrow, pairs(material.validation), work.profile.target_precision)
            work.context.event("selection", **found.to_wire())
            threshold, index = found.threshold, index.scored_by(found.scoring)
            brand = Brand(work.profile, work.settings.imports, reply, narrow.scored_by(found.scoring), meaning_by(base))
            writing, left_out = train_writing(work, dataset, material, brand, ids)
    if intent is None and index is None:
        if not {"intent", "reply"} & set(work.order.tasks):
            raise DatasetError(
                f"A release chooses intents or replies; asked for was neither, but {' and '.join(work.order.tasks)}.",
                remedy="Ask for --task intent or --task reply beside.",
            )
        raise DatasetError(
            "There is nothing to train on: no labelled messages, and no two different replies of the brand.",
            remedy="Import conversations with replies, or messages with intents.",
        )
    entities = _train_entities(work, dataset, material, base, ids) if "entities" in work.order.tasks else None
    model, felt = intent or reply, None
    if "sentiment" in work.order.tasks and model is not None:
        reader = reader_of(model, base, work.order.seed)
        felt = sentiment_for(material.sentiments(), work.profile.languages, reader)
        work.context.event("sentiment", **(felt.to_wire() if felt else {"source": None}))
    trained = Trained(
        base=base,
        profile=work.profile,
        imports=work.settings.imports,
        intent=intent,
        reply=reply,
        index=index,
        thresholds=replace(bars, reply=threshold, generated=writing.threshold if writing else None),
        corrections=material.corrections(banned),
        sentiment=felt,
        entities=entities,
        writing=writing,
        noticed=left_out,
    )
    return trained, ids


def _train_intent(
    work: Retraining, dataset: FrozenDataset, material: Material, base: LocalBase, ids: dict[str, str]
) -> TrainedIntent:
    data, recipe = material.intent_data(), work.order.intent_recipe(material.labels(), base.name)
    asked = isinstance(work.order.recipe, IntentRecipe)
    fitting = Suited(recipe) if asked else suited(recipe, base, data.train, work.context.check)
    fitting, of_search = better(work, dataset, data, base, fitting)
    ids |= of_search
    run, ids["intent"] = run_folder(work, "intent", dataset, fitting.recipe)
    with settling(work, ids["intent"]) as metrics:
        trained = fitting.told(train_intent(fitting.recipe, base, data, run))
        metrics["held_out_accuracy"] = finite(trained.calibration.accuracy)
        metrics["augmentation"] = trained.augmentation.to_wire()
        metrics["robustness"] = trained.robustness.to_wire()
        metrics["findings"] = [finding.to_wire() for finding in trained.findings]
    return trained


def _train_reply(
    work: Retraining, dataset: FrozenDataset, material: Material, base: LocalBase, ids: dict[str, str]
) -> TrainedReply:
    train, held = pairs(material.train), pairs(material.validation)
    recipe = work.order.reply_recipe(len(train), base, mean_length(train, base))
    run, ids["reply"] = run_folder(work, "reply", dataset, recipe)
    with settling(work, ids["reply"]) as metrics:
        trained = train_reply(recipe, base, train, held if len(held) else None, run)
        metrics["epochs"] = len(trained.history)
        metrics["hard_negatives"] = [one.to_wire() for one in trained.mined]
        metrics["findings"] = [finding.to_wire() for finding in trained.findings]
    return trained


def _train_entities(
    work: Retraining, dataset: FrozenDataset, material: Material, base: LocalBase, ids: dict[str, str]
) -> TrainedEntities | None:
    """None where too few spans are marked to learn any type."""
    if not material.marked.suffices:
        return None
    recipe = work.order.entity_recipe(len(material.marked.train), base)
    run, ids["entities"] = run_folder(work, "entities", dataset, recipe)
    with settling(work, ids["entities"]) as metrics:
        trained = train_entities(recipe, base, material.marked.data, run)
        metrics["held_out"] = trained.held_out.to_wire()
        metrics["findings"] = [finding.to_wire() for finding in trained.findings]
    return trained


def _number(work: Retraining) -> int:
    """The release number of this job, reserved once, however often the job is taken up."""
    with work.context.begin() as tx:
        for event in jobs.events(tx, work.context.job.id):
            if event.type == "reserved":
                return int(event.data["release"])
        number = releases.reserve(tx, work.bot.id)
        jobs.event(tx, work.context.job, "reserved", {"release": number})
    return number


def _record(work: Retraining, built: Built) -> tuple[Release, bool]:
    """Files, row, pointer and the job's word on them, while nobody else can own the job."""
    work.context.check()  # who was cancelled leaves no models that nobody needs
    publish_models(built, work.settings.home)
    with work.context.begin() as tx:
        release = record_release(tx, built, work.settings.home)
        promoted = work.profile.auto_promote and promote_by_itself(tx, built.origin, built.verdict)
        told = {"release": release.number, "promoted": promoted, "seconds": dict(work.seconds)}
        jobs.event(tx, work.context.job, "published", told)
    return release, promoted
