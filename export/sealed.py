"""Sealed folders: a manifest that names every file by hash, written last, published by one rename.

A folder is built aside, under the home's `tmp/`. Sealing hashes what stands in it and writes the manifest, so that a
manifest's presence means the folder is complete. Publishing makes every byte durable (fsync of files and folder),
then renames, then makes the rename durable: after a crash at any point the final name holds all of it or does not
exist. Opening hashes again, so that what is loaded is what was published. Encoders, decoders, adapters and releases are
such folders.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from data.errors import Conflict, IntegrityError, NotFound
from data.files import disk, publish_folder, sync_tree

REMEDY = "Export it again, or restore it from a backup; `attune doctor` lists everything that is damaged."
_DIGEST = re.compile(r"[0-9a-f]{64}")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path, name: str, body: Mapping[str, Any]) -> str:
    """Write the manifest `name` into `folder`: `body` plus `files`, every file by SHA-256 and size. Returns its digest.

    The same body and files give the same bytes and so the same digest.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise IntegrityError("A folder to be sealed may hold plain files only.", remedy="Remove links from it.")
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative != name:
            files[relative] = {"sha256": file_hash(path), "size": path.stat().st_size}
    text = json.dumps({**body, "files": files}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    raw = text.encode()
    with disk():
        (folder / name).write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


def read_seal(folder: Path, name: str, *, what: str) -> tuple[dict[str, Any], str]:
    """(manifest, its digest). Raises IntegrityError when there is none or it is not JSON; checks no file."""
    try:
        raw = (folder / name).read_bytes()
    except OSError:
        raise IntegrityError(f"This is not a complete {what}: it has no {name}.", remedy=REMEDY) from None
    try:
        body = json.loads(raw)
        files = body["files"]
        named = all(isinstance(entry["sha256"], str) and isinstance(entry["size"], int) for entry in files.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        named = False
    if not named:
        raise IntegrityError(f"The {name} of this {what} cannot be read.", remedy=REMEDY)
    return body, hashlib.sha256(raw).hexdigest()


def verify_files(folder: Path, name: str, body: Mapping[str, Any], *, what: str) -> None:
    """Compare every file with the manifest. Raises IntegrityError naming all that differ, are missing, or are extra."""
    problems = []
    expected: Mapping[str, Mapping[str, Any]] = body["files"]
    for relative, entry in sorted(expected.items()):
        path = folder / relative
        if not _is_inside(relative) or path.is_symlink() or not path.is_file():
            problems.append(f"{relative} is missing")
        elif path.stat().st_size != entry["size"] or file_hash(path) != entry["sha256"]:
            problems.append(f"{relative} has changed")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    problems += [f"{relative} does not belong there" for relative in sorted(present - set(expected) - {name})]
    if problems:
        raise IntegrityError(f"This {what} is not as it was published: {'; '.join(problems)}.", remedy=REMEDY)


def publish(work: Path, final: Path, name: str, *, what: str) -> bool:
    """Move the sealed folder `work` to `final`, durably and all at once. True when it was published now.

    Publishing the same bytes again changes nothing, and other bytes under a published name are a Conflict; `work` is
    gone in each case. A damaged copy that is already there gives way to this good one: what others are served from is
    mended by whoever makes it again. Raises StorageFull or StorageError when the disk fails: then `final` is as it was.
    """
    _, digest = read_seal(work, name, what=what)
    aside = _set_aside(work, final) if _is_damaged(final, name, digest, what=what) else None
    try:
        is_new = publish_folder(work, final)
    except BaseException:
        if aside is not None:
            with suppress(OSError):
                aside.rename(final)
        raise
    with disk():
        os.utime(final)  # for a row that names what is young the doctor waits
    if not is_new and read_seal(final, name, what=what)[1] != digest:
        raise Conflict(f"Another {what} is already published under this name.", remedy="Publish under a new number.")
    return is_new


def _is_damaged(final: Path, name: str, digest: str, *, what: str) -> bool:
    """Whether `final` was once what `digest` names, by its own name or its manifest's, and is so no more."""
    if not final.is_dir():
        return False
    try:
        body, present = read_seal(final, name, what=what)
    except IntegrityError:
        return final.name == digest
    if present != digest:
        return final.name == digest
    try:
        verify_files(final, name, body, what=what)
    except IntegrityError:
        return True
    return False


def _set_aside(work: Path, final: Path) -> Path | None:
    """Move a damaged folder beside `work`, which is removed with all that stands there; None where somebody else has
    just done so. What takes its place is on the disk before."""
    aside = work.with_name(f"{work.name}.damaged")
    with disk():
        sync_tree(work)
        with suppress(FileNotFoundError):
            final.rename(aside)
            return aside
    return None


def named_path(folders: Path, digest: str, *, what: str) -> Path:
    """Where the folder `digest` stands. Raises IntegrityError for what is no digest: no path is ever made of it."""
    if not _DIGEST.fullmatch(digest):
        raise IntegrityError(
            f"{what.capitalize()}s are named by 64 hexadecimal digits, which this is not.", remedy=REMEDY
        )
    return folders / digest


def open_named(folder: Path, name: str, *, what: str, verify: bool) -> tuple[dict[str, Any], str]:
    """(manifest, digest) of a folder that is called by its manifest's digest, every byte checked against that.

    `verify=False` checks neither name nor files, for a folder that this process has just sealed under another name.
    Raises NotFound when there is no such folder, IntegrityError when it is not what its name says.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no {what} under this digest.", remedy=REMEDY, **{what: folder.name})
    body, digest = read_seal(folder, name, what=what)
    if verify:
        if digest != folder.name:
            raise IntegrityError(f"The {what}'s manifest is not the one its name promises.", remedy=REMEDY)
        verify_files(folder, name, body, what=what)
    return body, digest


def size_of(body: Mapping[str, Any]) -> int:
    """Bytes of all files that the manifest names."""
    return sum(int(entry["size"]) for entry in body["files"].values())


def require_files(folder: Path, name: str, wanted: set[str], *, what: str) -> None:
    """Raise IntegrityError when there is less in `folder`, or more, than a `what` is made of, its manifest aside."""
    present = {path.name for path in folder.iterdir()} - {name}
    if present != wanted:
        raise IntegrityError(
            f"A sealed {what} holds {_names(wanted)}; this one holds {_names(present)}.", remedy="Build it again."
        )


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _is_inside(relative: str) -> bool:
    parts = Path(relative).parts
    return bool(parts) and not Path(relative).is_absolute() and ".." not in parts
