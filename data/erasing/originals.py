"""The files as they came, of those who are to be forgotten: found, and removed as a whole.

A file cannot be rewritten without its becoming another file, so one that holds a person goes; what was imported of
others stays. A row that was set aside, or a conversation that was a duplicate, may hold a person of whom no row is
kept: so files are searched, as bytes for the names that were given, and as conversations for customers and for what was
said. A file that was only looked at, or refused, serves nothing: it goes unsearched.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from data.dedupe import fingerprint
from data.erasing.work import Work
from data.errors import ImportRefused, NotFound
from data.files import CHUNK, Blobs, disk
from data.importers import ImportOptions, detect, read
from data.importers.nouns import Reason
from data.ingest import KIND as IMPORT
from data.ingest import discard_original
from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.schema import Conversation
from data.store import erasures, forgetting, jobs, uploads
from data.store.jobs import UNFINISHED
from data.store.uploads import Upload
from data.suppression import Sieve

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252", "gb18030", "cp932")


def forget_originals(work: Work) -> None:
    """Find the files and remove them; each is kept out from then on. Done again, it finds those that are left."""
    with work.store.read() as tx:
        every = uploads.list_for(tx, work.bot.id)
        waiting = {str(job.payload.get("upload")) for job in jobs.list_all(tx, work.bot.id, UNFINISHED)
                   if job.kind == IMPORT}  # fmt: skip
    for upload in every:
        if upload.original_erased_at is None and upload.id not in waiting and _goes(work, upload):
            _let_go(work, upload)
    with work.store.read() as tx:
        gone = [one for one in uploads.list_for(tx, work.bot.id) if one.original_erased_at is not None]
    for upload in gone:
        discard_original(work.store, upload.digest)


def _goes(work: Work, upload: Upload) -> bool:
    work.context.check()
    kind = work.erasure.kind
    if kind == "upload":
        return upload.id in work.target.wanted.uploads
    if kind not in ("customer", "conversation"):
        return False
    known = upload.id in work.target.touched or upload.digest in work.erasure.ids
    return upload.state != "imported" or known or _holds(work, upload)


def originals_gone(work: Work) -> list[str]:
    """The digests of the files that this erasure removed."""
    with work.store.read() as tx:
        return [uploads.get(tx, name).digest for name in work.ledger.report["uploads"]]


def _let_go(work: Work, upload: Upload) -> None:
    with work.ledger.begin() as tx:
        uploads.without_original(tx, upload.id)
        if upload.state == "imported":
            erasures.suppress(tx, work.bot.id, work.erasure.id, [upload.digest])
        else:
            uploads.free(tx, upload.id)  # nothing was imported of it: whoever needs it may send it again
        work.ledger.add("originals", 1)
        work.ledger.list("uploads", upload.id)


def _holds(work: Work, upload: Upload) -> bool:
    """Whether a file holds the person, or what they said, though nothing that is kept says so."""
    blobs = Blobs(work.settings.home)
    path = blobs.path(upload.digest)
    if not path.exists():
        return False
    names = work.erasure.names or ()
    if names and _holds_bytes(path, list(names)):
        return True
    try:
        return _holds_conversation(work, upload, path)
    except (ImportRefused, NotFound):  # what cannot be searched is not kept
        return True


def _holds_conversation(work: Work, upload: Upload, path: Path) -> bool:
    options = ImportOptions.from_wire(upload.options)
    sieve = Sieve(work.marks, frozenset(work.erasure.ids))
    repeats = (upload.report or {}).get("set_aside", {}).get(str(Reason.DUPLICATE_CONVERSATION), 0)
    prepare = ConversationPreparer(Redactor(work.settings.imports)) if repeats else None
    detection = detect(path, upload.name, options, work.settings.imports)
    for place, item in enumerate(read(path, detection, options, work.settings.imports)):
        if place % forgetting.BATCH == 0:
            work.context.check()
        if not isinstance(item, Conversation):
            continue
        if sieve.is_erased(item.customer):
            return True
        if prepare is not None and fingerprint(prepare(item).conversation) in work.target.fingerprints:
            return True
    return False


def _holds_bytes(path: Path, names: Sequence[str]) -> bool:
    """Whether any of the names stands in the file, packed or not, in one of the usual encodings and in any case of
    ASCII letters."""
    wanted = {form.lower() for name in names if name.strip() for form in _encoded(name.strip())}
    longest = max((len(form) for form in wanted), default=0)
    with suppress(OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        for stream in _streams(path):
            kept = b""
            while piece := stream.read(CHUNK):
                window = kept + piece.lower()
                if any(form in window for form in wanted):
                    return True
                kept = window[-longest:]
    return False


def _encoded(name: str) -> Iterator[bytes]:
    for encoding in ENCODINGS:
        with suppress(UnicodeEncodeError):
            yield name.encode(encoding)


def _streams(path: Path) -> Iterator[BinaryIO]:
    """The bytes of the file, or of the files in it."""
    with disk(), path.open("rb") as plain:
        head = plain.read(4)
        plain.seek(0)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(plain) as unpacked:
                yield unpacked  # type: ignore[misc]  # read as any stream of bytes
        elif head.startswith(b"PK") and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    with archive.open(member) as unpacked:
                        yield unpacked  # type: ignore[misc]
        else:
            yield plain
