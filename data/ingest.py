"""The import job: from an uploaded blob to conversations that readers see, and the report of what became of every row.

Conversations are kept in batches while the upload is `importing` and become visible all at once when it is `imported`.
A job that died in the middle starts over: what the dead attempt kept is dropped first, ids follow from content, so the
result is that of an undisturbed import. Every write commits only while this worker owns the job.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.dedupe import NearIndex
from data.errors import Erased, FindingsTooBad, ImportRefused
from data.examine import Examination, Numbers, Prepared, examine, opened
from data.files import Blobs, remove
from data.importers import ImportOptions
from data.jobs import JobContext
from data.near import known_utterances, near_index
from data.quality import failing
from data.schema import ImportReport
from data.settings import ImportSettings, Settings
from data.store import Store, Tx, census, conversations, jobs, uploads
from data.store.conversations import StoredConversation
from data.store.jobs import Job
from data.store.uploads import NewUpload, Upload
from data.suppression import Sieve, check_original

KIND = "import"
Clock = Callable[[], float]


def request_import(tx: Tx, bot_id: str, new: NewUpload) -> tuple[Upload, Job]:
    """Ask for an upload to be imported. The same bytes read the same way: the upload and the job of before.

    Raises UsageError when the import options do not hold, Erased for a file that must not come in again.
    """
    ImportOptions.from_wire(new.options)
    check_original(tx, bot_id, new.digest)
    upload, _ = uploads.create(tx, bot_id, new)
    return upload, jobs.enqueue(tx, KIND, {"upload": upload.id}, bot_id=bot_id, dedupe_key=f"{KIND}:{upload.id}")


@contextmanager
def taken(store: Store, digest: str) -> Iterator[None]:
    """While a file that came is asked to be imported: one that must not come in again does not stay on the disk."""
    try:
        yield
    except Erased:
        discard_original(store, digest)
        raise


def discard_original(store: Store, digest: str) -> None:
    """Remove a file as it came, unless an upload of anybody still needs it."""
    if not census.needs_blob(store, digest):
        remove(Blobs(store.home).path(digest))


def run_import(context: JobContext, settings: Settings, clock: Clock = time.monotonic) -> dict[str, Any]:
    """The handler of import jobs; returns the report. Raises ImportRefused, having recorded why on the upload."""
    upload_id = str(context.job.payload["upload"])
    with context.store.read() as tx:
        upload = uploads.get(tx, upload_id)
    if upload.state in ("imported", "examined") and upload.report is not None:
        if upload.original_erased_at is not None:  # killed before the file itself was gone
            discard_original(context.store, upload.digest)
        return upload.report
    with context.begin() as tx:
        conversations.drop_upload(tx, upload_id)
        uploads.start(tx, upload_id)
    try:
        if upload.dry_run:
            return _examined(context, settings, upload, clock)
        return _import(context, settings, upload, clock)
    except ImportRefused as refused:
        with context.begin() as tx:
            conversations.drop_upload(tx, upload_id)
            uploads.refuse(tx, upload_id, refused.to_wire())
        raise


def dry_run(
    path: Path, name: str, options: ImportOptions, settings: ImportSettings, clock: Clock = time.monotonic
) -> ImportReport:
    """The report an import would leave, with nothing kept and nothing compared to what is kept already."""
    started = clock()
    examination = examine(path, name, options, settings)
    for _ in examination.batches():
        pass
    return examination.report(Numbers(upload=name, dry_run=True, seconds=clock() - started))


def _examined(context: JobContext, settings: Settings, upload: Upload, clock: Clock) -> dict[str, Any]:
    """Look at the upload and keep nothing but the report."""
    started = clock()
    sieve = Sieve.of(context.store, settings.home, upload.bot_id)
    examination = _opened(settings, upload, sieve, near_index(context.store))
    for _ in examination.batches(sieve.stops):
        context.report(examination.progress, rows=examination.rows_in)
    report = examination.report(Numbers(upload.id, dry_run=True, seconds=clock() - started)).to_wire()
    with context.begin() as tx:
        uploads.examined(tx, upload.id, report)
        _let_go(tx, upload, sieve)
    if sieve.stopped:
        discard_original(context.store, upload.digest)
    return report


def _import(context: JobContext, settings: Settings, upload: Upload, clock: Clock) -> dict[str, Any]:
    started = clock()
    sieve = Sieve.of(context.store, settings.home, upload.bot_id)
    index = known_utterances(context.store, upload.bot_id, context.check)
    examination = _opened(settings, upload, sieve, index)

    def known(fingerprints: Sequence[str]) -> set[str]:
        with context.store.read() as tx:
            return conversations.existing(tx, upload.bot_id, fingerprints) | sieve.stops(fingerprints)

    sequence = 0
    for batch in examination.batches(known):
        rows = [_stored(one, upload, sequence + place) for place, one in enumerate(batch)]
        with context.begin() as tx:
            conversations.add_many(tx, upload.id, rows)
        sequence += len(rows)
        context.report(examination.progress, rows=examination.rows_in, conversations=sequence)
    made = examination.report(Numbers(upload.id, dry_run=False, seconds=clock() - started))
    _check_findings(made, ImportOptions.from_wire(upload.options).fail_on)
    report = made.to_wire()
    with context.begin() as tx:
        uploads.finish(tx, upload.id, report)
        _let_go(tx, upload, sieve)
    if sieve.stopped:
        discard_original(context.store, upload.digest)
    return report


def _opened(settings: Settings, upload: Upload, sieve: Sieve, index: NearIndex) -> Examination:
    """The examination of an upload whose bytes are those that came, without those who were erased."""
    blobs = Blobs(settings.home)
    blobs.verify(upload.digest)
    options = ImportOptions.from_wire(upload.options)
    detection, items = opened(blobs.path(upload.digest), upload.name, options, settings.imports)
    return Examination(detection, sieve.sift(items), settings.imports, index)


def _check_findings(report: ImportReport, level: str) -> None:
    """Raises FindingsTooBad when the owner wants nothing kept of a file that is so bad."""
    grave = failing(report.findings, level)
    if grave:
        found = [finding.to_wire() for finding in report.findings]
        raise FindingsTooBad(level, [finding.code for finding in grave], found, upload=report.upload)


def _let_go(tx: Tx, upload: Upload, sieve: Sieve) -> None:
    """A file that holds somebody who was erased is not kept."""
    if sieve.stopped:
        uploads.without_original(tx, upload.id)


def _stored(prepared: Prepared, upload: Upload, sequence: int) -> StoredConversation:
    key = hashlib.sha256(f"{upload.id}:{prepared.fingerprint}".encode()).hexdigest()[:32]
    return StoredConversation(
        key=f"conversation_{key}",
        conversation=prepared.conversation,
        fingerprint=prepared.fingerprint,
        sequence=sequence,
        near=prepared.near,
        languages=prepared.languages,
    )
