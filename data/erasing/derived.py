"""What was made of what is to be forgotten: releases that learned it, replies that repeat it, datasets that hold it.

Releases first, while the rows are there that say what to look for: they are marked, and what they repeat is taken out.
Then each dataset becomes a tombstone, and the rows that stay a dataset of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.erasing.quiet import FINDINGS, TRAIN
from data.erasing.quotes import GONE, findings_without_quotes, without_quotes
from data.erasing.remaining import records, tombstone, write_remaining
from data.erasing.rewriting import Rewriting
from data.erasing.targets import Target
from data.erasing.words import Listening, Record, Words
from data.erasing.work import Work
from data.errors import IntegrityError
from data.files import Blobs, disk, publish_folder, remove
from data.frozen import open_dataset
from data.store import Tx, census, datasets, forgetting, releases
from data.store.datasets import Dataset
from data.store.forgetting import BATCH, ERASED
from data.store.releases import Release

UNSAID = "(erased)"
QUOTING = ("candidates", "drafts")
"""What is kept of a turn that repeats what was once said."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was found in the datasets: the words, and how many rows of which dataset go."""

    words: Words = field(default_factory=Words)
    rows: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @property
    def affected(self) -> set[str]:
        return {*self.rows, *self.unreadable}


def listen(work: Work, target: Target) -> Heard:
    """Go over the datasets that may hold any of it."""
    listening, unreadable = Listening(target.is_gone, target.feedback), []
    with work.store.read() as tx:
        kept = [one for one in datasets.list_for(tx, work.bot.id) if one.erased_at is None]
        asked = [one for one in kept if target.lessons or set(datasets.sources(tx, one.id)) & set(target.touched)]
    for one in kept if asked else ():  # those that hold none of it say which replies are others' too
        try:
            for place, (_, record) in enumerate(records(open_dataset(work.folder(one)))):
                if place % BATCH == 0:
                    work.context.check()
                listening.hear(record, one.id)
        except IntegrityError:
            unreadable += [one.id] if one in asked else []
    words, rows = listening.words()
    return Heard(words, rows, tuple(unreadable))


def forget_derived(work: Work, heard: Heard) -> None:
    """Mark, rewrite, take out, and bury. Every step done again changes nothing."""
    if heard.affected:
        found = trained_on(work, heard.affected)
        for release in found:
            _mark(work, release, heard.words)
        rewriting = Rewriting(work, heard.words)
        for release in found:
            rewriting.rewrite(release)
        _scrub_results(work, heard.words)
        _unsay(work, heard.words)
        for one in _named(work, heard.affected):
            _bury(work, one, heard)
    _forget_buried(work)


def trained_on(work: Work, dataset_ids: set[str]) -> list[Release]:
    """The releases trained on these datasets, or on tombstones that these came of."""
    with work.store.read() as tx:
        every = datasets.list_for(tx, work.bot.id)
        made = releases.list_for(tx, work.bot.id)
    ids = set(dataset_ids)
    for one in reversed(every):  # successors are younger
        if one.successor in ids:
            ids.add(one.id)
    fingerprints = {one.fingerprint for one in every if one.id in ids}
    return [release for release in made if lineage_of(release).get("dataset") in fingerprints]


def lineage_of(release: Release) -> Mapping[str, Any]:
    lineage: Mapping[str, Any] = (release.manifest or {}).get("lineage") or {}
    return lineage


def _mark(work: Work, release: Release, words: Words) -> None:
    blocked = work.settings.erasure.policy == "block_promotion"
    with work.ledger.begin() as tx:
        forgetting.mark_release(tx, work.bot.id, release.number, blocked=blocked)
        if release.verdict is not None:
            forgetting.change_release(tx, work.bot.id, release.number, verdict=words.verdict(release.verdict))
        if release.number not in {one["release"] for one in work.ledger.report["releases"]}:
            work.ledger.list("releases", {"release": release.number, "rewritten": False})


def _scrub_results(work: Work, words: Words) -> None:
    """Results hold verdicts and findings as well, and so do the events on the way there."""
    after = ""
    while True:
        work.context.check()
        with work.ledger.begin() as tx:
            page = forgetting.results(tx, work.bot.id, after)
            for job in page:
                told = _scrubbed(job["kind"], job["result"], words)
                if told != job["result"]:
                    forgetting.change_result(tx, job["id"], told)
        if len(page) < BATCH:
            break
        after = page[-1]["id"]
    _scrub_events(work)


def _scrub_events(work: Work) -> None:
    place = ("", 0)
    while True:
        work.context.check()
        with work.ledger.begin() as tx:
            page = forgetting.quoting_events(tx, work.bot.id, FINDINGS, place)
            for event in page:
                found = {**event["data"], "findings": findings_without_quotes(event["data"])}
                if found != event["data"]:
                    forgetting.change_event(tx, event["job_id"], event["sequence"], found)
        if len(page) < BATCH:
            return
        place = (page[-1]["job_id"], page[-1]["sequence"])


def _scrubbed(kind: str, result: Mapping[str, Any], words: Words) -> dict[str, Any]:
    if kind == FINDINGS and not result.get(GONE):
        return without_quotes(result)
    verdict = result.get("verdict")
    if kind == TRAIN and isinstance(verdict, Mapping):
        return {**result, "verdict": words.verdict(verdict)}
    return dict(result)


def _unsay(work: Work, words: Words) -> None:
    """Take out of other people's chats what the bot repeated there."""
    after, touched = "", set[str]()
    while True:
        work.context.check()
        with work.ledger.begin() as tx:
            page = forgetting.said_by_bots(tx, work.bot.id, after)
            changed = [(turn, values) for turn in page if (values := _unsaid(turn, words))]
            for turn, values in changed:
                forgetting.unsay(tx, turn["id"], **values)
                work.ledger.add("replies_told", "text" in values)
                touched |= {turn["id"], turn["session_id"]}
            forgetting.unprepare(tx, sorted({turn["session_id"] for turn, _ in changed}))
        if len(page) < BATCH:
            break
        after = page[-1]["id"]
    forget_answers(work, touched)


def forget_answers(work: Work, ids: set[str]) -> None:
    """Forget answers kept for repeated calls that name any of these."""
    after: tuple[str, ...] | None = ()
    while ids and after is not None:
        work.context.check()
        with work.ledger.begin() as tx:
            after = forgetting.forget_answers(tx, ids, after or None)


def _unsaid(turn: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """What changes of a turn; nothing where it repeats none of it."""
    detail = turn["detail"] or {}
    quoted = {name: detail[name] for name in QUOTING if detail.get(name)}
    left = {name: [one for one in told if not words.told(str(one.get("reply", "")))] for name, told in quoted.items()}
    lost = left != quoted
    if words.told(turn["text"]) or (lost and turn["source"] in ("retrieved", "generated")):
        kept = {name: value for name, value in detail.items() if name not in QUOTING}
        return {"text": UNSAID, "source": None, "action": ERASED, "detail": kept}
    return {"detail": {**detail, **left}} if lost else {}


def _named(work: Work, ids: set[str]) -> list[Dataset]:
    with work.store.read() as tx:
        return [one for one in datasets.list_for(tx, work.bot.id) if one.id in ids and one.erased_at is None]


def _bury(work: Work, one: Dataset, heard: Heard) -> None:
    """The tombstone, and the dataset of the rows that stay."""
    rows = heard.rows.get(one.id, 0)
    with Blobs(work.settings.home).scratch() as scratch:
        folder = scratch / "dataset"
        with disk():
            folder.mkdir()
        manifest = None
        if one.id not in heard.unreadable:
            left = _Left(heard.words, work.target)
            manifest = write_remaining(open_dataset(work.folder(one)), folder, left, work.context.check)
        if manifest is not None:
            publish_folder(folder, work.settings.home / "datasets" / str(manifest["fingerprint"]))
        with work.ledger.begin() as tx:
            successor = None if manifest is None else _succeed(tx, work, one, manifest)
            datasets.bury(tx, one.id, tombstone(one.manifest), None if successor is None else successor.id)
            work.ledger.add("rows", rows)
            told = {"dataset": one.number, "successor": successor and successor.number, "rows": rows}
            work.ledger.list("datasets", told, "dataset")


def _succeed(tx: Tx, work: Work, one: Dataset, manifest: Mapping[str, Any]) -> Dataset:
    left = [upload for upload in datasets.sources(tx, one.id) if upload not in work.target.wanted.uploads]
    told = [source for source in one.manifest["sources"] if source.get("upload") in left]
    return datasets.create(tx, work.bot.id, str(manifest["fingerprint"]), {**manifest, "sources": told}, left)


@dataclass(frozen=True, slots=True)
class _Left:
    words: Words
    target: Target

    def __call__(self, record: Record) -> Record | None:
        if self.target.is_gone(record) or record["id"] in self.words.rows:
            return None
        rejected = record.get("rejected")
        return {**record, "rejected": None} if rejected is not None and self.words.told(rejected) else record


def _forget_buried(work: Work) -> None:
    """The files of tombstones, and what killed trainings on them left."""
    with work.ledger.begin() as tx:
        buried = [one for one in datasets.list_for(tx, work.bot.id) if one.erased_at is not None]
        runs = forgetting.drop_checkpoints(tx, [one.id for one in buried])
        there = [work.settings.home / "runs" / run for run in runs]
        work.ledger.add("runs", sum(folder.exists() for folder in there))
    for folder in there:
        remove(folder)
    for one in buried:
        if not census.needs_dataset(work.store, one.fingerprint):
            remove(work.folder(one))
