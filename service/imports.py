"""Importing a file of logs from the command line: kept as a blob, asked for as a job, worked on here and now."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from data import ingest
from data.errors import Conflict, JobCancelled, StorageError, UsageError
from data.files import Blobs
from data.importers import ImportOptions
from data.settings import Settings
from data.store import Store, jobs, uploads
from data.store.bots import Bot
from data.store.jobs import Job
from data.store.uploads import NewUpload
from service.child import error_of
from service.inline import Inline
from service.session import readable_file

POLL_SECONDS = 0.5
Tell = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """The report of one upload, and whether the same file had been imported before."""

    report: dict[str, Any]
    again: bool

    def to_wire(self, file: str) -> dict[str, Any]:
        return {**self.report, "file": file, "imported_before": self.again}


@dataclass(frozen=True)
class Desk:
    """Where files are handed in: a bot's store and settings."""

    store: Store
    settings: Settings
    bot: Bot

    def take(self, path: Path, options: ImportOptions, tell: Tell) -> Imported:
        """Import the file at `path`; `tell` hears of the progress. The same file read the same way changes nothing.

        Raises NotFound, UsageError, ImportRefused, StorageError, and InUse when it is being imported elsewhere.
        """
        readable_file(path)
        with opened(path) as stream:
            blob = Blobs(self.settings.home).put(stream, max_bytes=self.settings.imports.max_bytes)
        with ingest.taken(self.store, blob.digest), self.store.begin() as tx:
            new = NewUpload(path.name, blob.digest, blob.size, options.to_wire())
            upload, job = ingest.request_import(tx, self.bot.id, new)
        if upload.state == "imported" and upload.report is not None:
            return Imported(upload.report, again=True)
        done = self._work(job, tell)
        if done.state == "cancelled":
            raise JobCancelled("The import was cancelled.", job=job.id)
        if done.state == "failed":
            raise error_of(done.error)
        with self.store.read() as tx:
            report = uploads.get(tx, upload.id).report
        if report is None:
            raise Conflict("The import is not over yet.", remedy=f"`attune jobs {job.id}` shows it.", job=job.id)
        return Imported(report, again=False)

    def _work(self, job: Job, tell: Tell) -> Job:
        """Work on the job until it is over."""
        inline = Inline(
            self.store,
            self.settings,
            lambda context: ingest.run_import(context, self.settings),
            "This file is being imported by another process.",
        )
        return inline.work(job, lambda owned: self._watched(owned, tell))

    @contextmanager
    def _watched(self, job: Job, tell: Tell) -> Iterator[None]:
        """Tell of the job's progress now and then, from a thread of its own."""
        over = Event()

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                try:
                    with self.store.read() as tx:
                        progress = jobs.get(tx, job.id).progress
                except StorageError:
                    continue
                if progress:
                    tell(progress)

        thread = Thread(target=watch, name=f"watch {job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The bytes of a file the user named. Raises UsageError when it may not be read."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(
            f"The file {path.name!r} cannot be read: {error.strerror or type(error).__name__}.",
            remedy="Check its permissions.",
        ) from None
    with stream:
        yield stream


def read_table_file(path: Path) -> dict[str, Any]:
    """A JSON or TOML file as a dict; a byte-order mark is dropped. Raises NotFound, UsageError."""
    readable_file(path)
    try:
        with opened(path) as stream:
            text = stream.read().decode("utf-8-sig")
        body = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"The file {path.name!r} is neither TOML nor a JSON object: {type(error).__name__}.",
            remedy="Write it in TOML or JSON, in UTF-8.",
        ) from None
    return dict(body)


_SUMS = ("conversations", "rows_in", "rows_used")
_COUNTS = ("set_aside", "redacted", "languages", "labels")


def pooled(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several import reports as one of the same shape, each of them under `uploads`; one alone is itself."""
    if len(reports) == 1:
        return dict(reports[0])
    one: dict[str, Any] = {
        name: ", ".join(dict.fromkeys(str(report[name]) for report in reports))
        for name in ("upload", "format", "encoding")
    }
    one["format_confidence"] = min((report["format_confidence"] for report in reports), default=0.0)
    one["dry_run"] = any(report["dry_run"] for report in reports)
    one |= {name: sum(report[name] for report in reports) for name in _SUMS}
    for name in _COUNTS:
        total: Counter[str] = Counter()
        for report in reports:
            total.update(report[name])
        one[name] = dict(total)
    one["findings"] = [finding for report in reports for finding in report["findings"]]
    one["seconds"] = round(sum(report["seconds"] for report in reports), 3)
    return {**one, "uploads": [dict(report) for report in reports]}
