"""The bases that an operator imported: their files under the home folder, named by digest, and what is known of each.

`bases/<digest>/` holds config.json, model.safetensors and tokenizer.json, a chat model's template and the tokens it
names, and the texts of the licence;
`bases/NAME.json` says what the name stands for, and the digest of every file, which is compared again at every use.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from data.errors import BaseRefused, NameTaken, NotFound
from data.files import disk, make_folder, publish_folder, remove, sync
from export.sealed import file_hash
from trainer.bases.known import Use

FOLDER = "bases"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Kept:
    """An imported base. `source` is the hub id or the name of the folder it came from; `limits` what its licence's
    name warns of; `digests` the SHA-256 of each file that is used. Records from before other models were taken name no
    `use`."""

    name: str
    digest: str
    licence: str
    limits: tuple[str, ...]
    languages: tuple[str, ...]
    source: str
    origin: str
    parameters: int
    hidden: int
    digests: Mapping[str, str] = field(default_factory=dict)
    use: Use = "read"


def folder_of(home: Path, kept: Kept) -> Path:
    return home / FOLDER / kept.digest


def digest_of(digests: Mapping[str, str]) -> str:
    """One digest of all files."""
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()


def find(home: Path, name: str) -> Kept | None:
    """What `name` stands for; None where nothing of that name was imported. Raises BaseRefused for a broken record."""
    path = home / FOLDER / f"{name}.json"
    if not NAME.fullmatch(name) or not path.is_file():
        return None
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        lists = {key: tuple(body[key]) for key in ("limits", "languages")}
        kept = Kept(**{**body, **lists})
        named = kept.name == name and kept.use in get_args(Use)
        if named and re.fullmatch(r"[0-9a-f]{64}", kept.digest) and digest_of(kept.digests) == kept.digest:
            return kept
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise BaseRefused(
        f"What is kept of the base {name!r} cannot be read.",
        remedy=f"`attune bases remove {name}`, then import it again.",
        base=name,
    )


def names(home: Path) -> list[str]:
    """The names of what was imported, in order."""
    return sorted(path.stem for path in (home / FOLDER).glob("*.json") if NAME.fullmatch(path.stem))


def keep(home: Path, work: Path, kept: Kept) -> bool:
    """Move the folder `work` to where `kept` says, and write its record; False when it was there already, and sound.

    Raises NameTaken when the name stands for another model.
    """
    before = find(home, kept.name)
    if before is not None and (before.digest, before.licence, before.languages) != (
        kept.digest, kept.licence, kept.languages,
    ):  # fmt: skip
        raise NameTaken(
            f"The base {kept.name!r} is another model, or was kept on other terms.",
            remedy=f"Choose another --name, or `attune bases remove {kept.name}` first.",
            base=kept.name,
        )
    folder = folder_of(home, kept)
    damaged = folder.is_dir() and not _is_sound(folder, kept)
    if damaged:
        remove(folder)
    publish_folder(work, folder)
    _write(home / FOLDER / f"{kept.name}.json", kept)
    return before is None or damaged


def _is_sound(folder: Path, kept: Kept) -> bool:
    """Whether every file of the folder is the one that was kept."""
    try:
        return all(file_hash(folder / name) == digest for name, digest in kept.digests.items())
    except OSError:
        return False


def forget(home: Path, name: str) -> None:
    """Remove a base; its files go when no other name stands for them. Raises NotFound."""
    if not NAME.fullmatch(name) or name not in names(home):
        raise NotFound(f"No base called {name!r} was imported.", remedy="`attune bases` lists them.")
    try:
        kept = find(home, name)
    except BaseRefused:  # a record that cannot be read names no files
        kept = None
    remove(home / FOLDER / f"{name}.json")
    if kept is not None and kept.digest not in _digests(home):
        remove(folder_of(home, kept))


def _digests(home: Path) -> set[str]:
    """Of all names; one that cannot be read holds back nothing of its own, for what it stood for is unknown."""
    found = set()
    for name in names(home):
        try:
            kept = find(home, name)
        except BaseRefused:
            continue
        if kept is not None:
            found.add(kept.digest)
    return found


def _write(path: Path, kept: Kept) -> None:
    body: dict[str, Any] = asdict(kept)
    with disk():
        make_folder(path.parent)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        sync(part)
        part.replace(path)
        sync(path.parent)
