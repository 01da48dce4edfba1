"""What stands behind `attune bases`: which base models there are, and how one comes in and goes again.

A model comes in by two calls. The first tells its terms and keeps nothing; the second names the digest of the terms
that were shown, and keeps the model when they are still those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.chat_files import CONFIG, TOKENIZER, ChatFiles
from data.errors import BaseRefused, InUse, NameTaken, UsageError
from data.files import Blobs, disk
from data.settings import Settings
from data.store import Tx, bots, jobs, open_store, releases, workspaces
from data.store.jobs import UNFINISHED
from export.sealed import file_hash
from trainer.bases import kept as kept_bases
from trainer.bases.catalogue import LocalBase, download, find_base
from trainer.bases.foreign.config import KINDS, rewrite
from trainer.bases.foreign.files import (
    CHAT_FILES,
    PICKLED,
    TERMS,
    WEIGHTS,
    take_config,
    take_model,
    take_terms,
)
from trainer.bases.foreign.jail import Limits, run_jailed
from trainer.bases.foreign.licence import Terms, read_terms
from trainer.bases.foreign.tokenizer import check_tokenizer
from trainer.bases.kept import NAME, Kept
from trainer.bases.known import CATALOGUE, CHAT, DEFAULT

USED = (CONFIG, TOKENIZER, WEIGHTS, *CHAT_FILES)
"""What of a base's folder is ever read; only a chat model has all of it."""
PROVING = "trainer.bases.foreign.proving"
BYTES_OF_A_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model to import: a folder, or the id of one on the hub. `accepted`: the digest of the terms that were shown."""

    source: str
    name: str
    licence: str | None = None
    languages: Sequence[str] = ()
    accepted: str | None = None


def listing(settings: Settings) -> list[dict[str, Any]]:
    """Every base there is, as `attune bases` prints it: the catalogue first, then what was imported."""
    return [_listed(settings, name) for name in [*CATALOGUE, *kept_bases.names(settings.home)]]


def import_base(settings: Settings, wanted: Wanted) -> dict[str, Any]:
    """`{"terms": ..., "digest": ...}` until they are accepted, then `{"base": ..., "kept": ...}`.

    Raises BaseRefused for a model that is not taken, NameTaken, UsageError.
    """
    if not NAME.fullmatch(wanted.name):
        raise UsageError(
            "A base's name is 1 to 64 lower-case letters, digits, '.', '-' or '_', a letter or digit at both ends.",
            remedy="Choose such a --name.",
        )
    if wanted.name in CATALOGUE:
        raise NameTaken(f"{wanted.name!r} is a base of the catalogue.", remedy="Choose another --name.")
    with Blobs(settings.home).scratch() as scratch:
        read, work = scratch / "read", scratch / "work"
        for folder in (read, work):
            folder.mkdir(mode=0o700)
        source = _source(settings, wanted, read, whole=False)
        take_terms(source, work)
        terms = read_terms(work, wanted.licence, wanted.languages)
        if wanted.accepted is None:
            return {"terms": terms.to_wire(), "digest": terms.digest}
        if wanted.accepted != terms.digest:
            raise BaseRefused(
                "The terms of this model are not those that were shown.", remedy="Look at them again, then decide."
            )
        kept, told = _made(_source(settings, wanted, read, whole=True), work, wanted, terms)
        new = kept_bases.keep(settings.home, work, kept)
        return {"base": _listed(settings, kept.name), "kept": new, **told}


def remove_base(settings: Settings, name: str) -> dict[str, Any]:
    """Forget an imported base. Raises NotFound; InUse while a release or an unfinished job of any bot names it."""
    if name in CATALOGUE:
        raise UsageError("A base of the catalogue is not removed: it comes with attune.")
    users = _users(settings, name)
    if users:
        raise InUse(
            f"The base {name!r} is needed by {', '.join(users[:5])}{' and others' if users[5:] else ''}.",
            remedy="A release cannot be told, or trained again, without the base it came from.",
            base=name,
        )
    kept_bases.forget(settings.home, name)
    return {"removed": name}


def _made(source: Path, work: Path, wanted: Wanted, terms: Terms) -> tuple[Kept, dict[str, Any]]:
    """The model, copied into `work`, rewritten and proven there."""
    take_config(source, work)
    config, left_out = rewrite(work / CONFIG)
    use = KINDS[config["model_type"]]
    vocabulary = config.get("vocab_size")
    if not isinstance(vocabulary, int):
        raise BaseRefused("The config.json names no vocab_size.", remedy="Save the model again with save_pretrained.")
    taken = take_model(source, work, chats=use == "write")
    check_tokenizer(work / TOKENIZER, vocabulary)
    if use == "write":
        ChatFiles.read(work).write(work)
    weights = next(path for name in (WEIGHTS, PICKLED) if (path := work / name).exists())
    proven = run_jailed(PROVING, work, Limits.for_weights(weights.stat().st_size))
    with disk():
        digests = {name: file_hash(work / name) for name in USED if (work / name).exists()}
    kept = Kept(
        name=wanted.name,
        digest=kept_bases.digest_of(digests),
        licence=terms.licence,
        limits=terms.limits,
        languages=terms.languages,
        source=source.name if Path(wanted.source).is_dir() else wanted.source,
        origin="folder" if Path(wanted.source).is_dir() else "hub",
        parameters=int(proven["parameters"]),
        hidden=int(proven["hidden"]),
        digests=digests,
        use=use,
    )
    told = {"converted": proven["converted"], "settings_left_out": list(left_out), "files_left": list(taken.left)}
    return kept, told


def _source(settings: Settings, wanted: Wanted, into: Path, *, whole: bool) -> Path:
    """The folder to take from; what the hub gives lies in `into`. A folder is taken for one before an id is."""
    try:
        if Path(wanted.source).is_dir():
            return Path(wanted.source).absolute()
    except (OSError, ValueError):  # no disk has names as long as people can type
        pass
    if not settings.train.online:
        raise BaseRefused(
            f"{wanted.source[:100]!r} is no folder, and the hub may not be asked.",
            remedy="Name a folder, or allow the hub with ATTUNE_TRAIN__ONLINE=true.",
        )
    names = [CONFIG, "README.md", *TERMS]
    return download(wanted.source, into, [*names, TOKENIZER, WEIGHTS, PICKLED, *CHAT_FILES] if whole else names)


def _listed(settings: Settings, name: str) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": name, "default": name in (DEFAULT, CHAT), "use": "read"}
    try:
        kept = None if name in CATALOGUE else kept_bases.find(settings.home, name)
        base = CATALOGUE[name] if kept is None else None
        if base is not None:
            wire |= {"licence": base.licence, "limits": [], "languages": list(base.languages), "use": base.use}
            wire |= {"hub_id": base.hub_id, "origin": "catalogue", "parameters": base.parameters}
        elif kept is not None:
            wire |= {"licence": kept.licence, "limits": list(kept.limits), "languages": list(kept.languages)}
            wire |= {"hub_id": kept.source, "origin": kept.origin, "parameters": kept.parameters, "use": kept.use}
        local = find_base(name, home=settings.home)
    except BaseRefused as error:
        return {**wire, "state": error.message, "here": False}
    longest = None if wire["use"] == "rewrite" else local.base.max_length  # which a recipe says
    return {**wire, "max_length": longest, "bytes": _size(local), "state": "ready", "here": True}


def _size(local: LocalBase) -> int:
    return sum(path.stat().st_size for name in USED if (path := local.folder / name).exists())


def _users(settings: Settings, name: str) -> list[str]:
    """The releases and the unfinished jobs of all workspaces that name the base."""
    if settings.store.url is None and not (settings.home / "attune.db").exists():
        return []
    found: list[str] = []
    with open_store(settings.store_url, home=settings.home, busy_seconds=settings.store.busy_seconds) as store:
        for workspace in workspaces.list_all(store):
            with store.for_workspace(workspace).read() as tx:
                found += _users_in(tx, name)
    return found


def _users_in(tx: Tx, name: str) -> list[str]:
    found = []
    for bot in bots.list_all(tx):
        found += [
            f"{bot.name}@{release.number}"
            for release in releases.list_for(tx, bot.id)
            if release.manifest is not None and name in _came_from(release.manifest["lineage"])
        ]
    for job in jobs.list_all(tx, states=UNFINISHED):
        recipe = job.payload.get("recipe") or {}
        if name in (job.payload.get("base"), job.payload.get("chat_base"), recipe.get("base")):
            found.append(f"the job {job.id}")
    return found


def _came_from(lineage: Mapping[str, Any]) -> tuple[object, ...]:
    """The base that reads, and the one that writes where there is one."""
    return lineage.get("base"), (lineage.get("writing") or {}).get("base")
