"""The candidate beside what is live: which rows they are asked, what each says, and what is decided on it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import IntegrityError, NotFound
from data.files import release_folder
from data.frozen import open_dataset
from data.schema import Finding
from data.store import Store, releases
from data.store.bots import Bot
from data.store.releases import Release
from export.decoder_pool import DecoderPool
from export.predict import Predictor
from export.runtime import EncoderPool
from trainer.bases.catalogue import LocalBase
from trainer.candidate import Candidate
from trainer.entities.entity_work import span_scores_of
from trainer.generation.judged import written_scores_of
from trainer.judgement.evaluate import compare
from trainer.judgement.heeded import heeded
from trainer.judgement.judged_sentiment import sentiment_scores_of
from trainer.judgement.judging import forgotten, judge_all
from trainer.judgement.verdict import LIVE_NOT_COMPARED, decide
from trainer.material import Material
from trainer.publishing import Judgement


@dataclass(frozen=True, slots=True)
class Bench:
    """Where what is live is found, and the seed that intervals are drawn with."""

    store: Store
    home: Path
    bot: Bot
    seed: int


def judge(
    bench: Bench, material: Material, base: LocalBase, candidate: Candidate, found: tuple[Finding, ...]
) -> Judgement:
    """Ask floor, base, live and candidate the same test rows, and decide by the goals of the profile; `found` is what
    there is to say about data and trainings."""
    with bench.store.read() as tx:
        release = releases.live(tx, bench.bot.id).release
    live, missing = (None, ()) if release is None else _loaded(bench, release)
    tested = None if live is None or release is None else _tested(bench, release)
    with live or nullcontext():
        test, judged = judge_all(material, base, live, candidate, tested)
        spans = span_scores_of(material.marked.test, candidate.parts, live.parts if live else None, bench.seed)
        drafting = None if live is None else live.parts.drafting
        written = written_scores_of(candidate.writing, drafting.writer if drafting else None, bench.seed)
        predictor = Predictor(candidate.parts)
        sentiment = sentiment_scores_of(material, base, predictor, live, bench.seed)
        feedback = heeded(material, predictor, live).to_wire()
    comparison = replace(compare(test, judged, seed=bench.seed), forgetting=forgotten(base, candidate))
    for beside in (spans, written, sentiment):
        comparison = beside.into(comparison)
        found += beside.findings
    verdict = decide(comparison, candidate.parity, material.profile.acceptance, found + missing)
    return Judgement(comparison, replace(verdict, feedback=feedback))


def _loaded(bench: Bench, release: Release) -> tuple[Predictor | None, tuple[Finding, ...]]:
    """What answers now, loaded as the server loads it. None, with a finding, where it is damaged: a better candidate is
    what helps then."""
    folder = release_folder(bench.home, bench.store.workspace, bench.bot.name, release.number)
    try:
        return Predictor.load(folder, EncoderPool(bench.home / "encoders"), DecoderPool(bench.home)), ()
    except (NotFound, IntegrityError):
        remedy = "`attune doctor` says what is damaged."
        return None, (Finding(LIVE_NOT_COMPARED, "warning", 1, remedy),)


def _tested(bench: Bench, release: Release) -> frozenset[str] | None:
    """The labelled test rows of the dataset that a release came from; None where it is no longer there."""
    fingerprint = str((release.manifest or {})["lineage"]["dataset"])
    try:
        rows = open_dataset(bench.home / "datasets" / fingerprint).rows("test")
        return frozenset(row.id for row in rows if row.intent is not None)
    except IntegrityError:
        return None
