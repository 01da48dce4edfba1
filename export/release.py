"""A release: one immutable, numbered bundle of a bot's models, thresholds, verdict and card (`acme@7`).

A folder `releases/<bot>/<number>/` holds the bot's profile as it was, the heads, the reply index, whatever the run adds
(verdict, card, plots), and `manifest.json`, written last: labels, thresholds, versions, the encoders by digest, and
every file by hash. Encoders, and decoders that write replies with the adapters laid over them, stand once under
`encoders/`, `decoders/` and `adapters/`, shared by all releases that name them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.errors import IntegrityError, NotFound, ProfileError
from data.profile import BotProfile, parse_profile
from export.adapters import adapter_path, open_adapter
from export.decoders import decoder_path, open_decoder
from export.encoders import encoder_path, open_encoder
from export.sealed import REMEDY, publish, read_seal, seal, verify_files
from export.thresholds import Thresholds

MANIFEST = "manifest.json"
PROFILE = "profile.json"
FORMAT = 1
TASKS = ("intent", "reply", "entities")
GENERATE = "generate"
"""The task of a release's decoder."""
LATER = ("decoders", "adapters")
"""What manifests may lack: those do that were sealed before there were generators, or adapters apart from them."""
READ_SIDE = ("attune", "numpy", "onnxruntime", "safetensors", "tokenizers")


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a release says of itself, beside its files.

    `encoders` maps a task (`intent`, `reply`, `entities`) to the digest of its encoder; `prepare` holds the import
    settings that shape text (`phone_region`, `order_number`, `keep_kinds`), so that served text is prepared as the
    training's was; `lineage` names what it was made of (dataset fingerprint, run and recipe ids, base); `versions`
    the tools. `decoders` names what writes replies (`generate`), where the release has that, and `adapters` what lies
    over it, where it is shared by what other brands have tuned.
    """

    bot: str
    number: int
    created_at: str
    labels: tuple[str, ...]
    thresholds: Thresholds
    encoders: Mapping[str, str]
    prepare: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    decoders: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A verified release on disk. `digest` is the SHA-256 of its manifest, which the store records."""

    folder: Path
    digest: str
    facts: ReleaseFacts
    profile: BotProfile
    files: Mapping[str, Mapping[str, Any]]

    @property
    def name(self) -> str:
        """`bot@number`, as people write it."""
        return f"{self.facts.bot}@{self.facts.number}"

    def has(self, file: str) -> bool:
        return file in self.files


def seal_release(folder: Path, facts: ReleaseFacts, profile: BotProfile) -> str:
    """Write the profile and then the manifest into `folder`, which holds all else already. Returns the digest.

    Raises IntegrityError when the facts contradict each other.
    """
    if not facts.encoders or any(task not in TASKS for task in facts.encoders):
        raise IntegrityError(f"A release names encoders for one or more of {TASKS}.", remedy="Export it again.")
    text = json.dumps(profile.to_wire(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    (folder / PROFILE).write_text(text, encoding="utf-8", newline="\n")
    body = {**asdict(facts), "thresholds": facts.thresholds.to_wire(), "format": FORMAT}
    body["versions"] = {**running_versions(), **facts.versions}
    return seal(folder, MANIFEST, body)


def publish_release(work: Path, final: Path) -> bool:
    """Move the sealed folder `work` to `final`, durably and at once; see `export.sealed.publish`."""
    return publish(work, final, MANIFEST, what="release")


def open_release(folder: Path, *, verify: bool = True) -> Release:
    """The release in `folder`. Every file is hashed unless `verify=False`.

    Raises NotFound when nothing stands there, IntegrityError when it is no complete, untouched release.
    """
    if not folder.is_dir():
        raise NotFound("There is no such release.", remedy="`attune releases BOT` lists those there are.")
    body, digest = read_seal(folder, MANIFEST, what="release")
    if verify:
        verify_files(folder, MANIFEST, body, what="release")
    return Release(folder, digest, _facts(body), _profile(folder), body["files"])


def verify_release(folder: Path, encoders: Path) -> Release:
    """`open_release` and, byte for byte, every encoder it names under `encoders`, and every decoder and adapter beside
    them."""
    release = open_release(folder)
    for digest in sorted(set(release.facts.encoders.values())):
        open_encoder(encoder_path(encoders, digest))
    for digest in sorted(set(release.facts.decoders.values())):
        open_decoder(decoder_path(encoders.parent / "decoders", digest))
    for task, digest in sorted(release.facts.adapters.items()):
        open_adapter(adapter_path(encoders.parent / "adapters", digest), decoder=release.facts.decoders[task])
    return release


def running_versions() -> dict[str, str]:
    """The installed versions of what the read side runs on."""
    found = {}
    for package in READ_SIDE:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[package] = "unknown"
    return found


def _facts(body: Mapping[str, Any]) -> ReleaseFacts:
    try:
        if body["format"] != FORMAT:
            raise IntegrityError(
                f"This release is of format {body['format']}; this version reads format {FORMAT}.",
                remedy="Use the version that made it, or export it again.",
            )
        given = {name: body[name] for name in ReleaseFacts.__slots__ if name not in LATER or name in body}
        given["labels"] = tuple(given["labels"])
        given["thresholds"] = Thresholds.from_wire(given["thresholds"])
        encoders: Mapping[str, str] = given["encoders"]
        if not all(task in TASKS and isinstance(digest, str) for task, digest in encoders.items()):
            raise KeyError("encoders")
        decoders: Mapping[str, str] = given.get("decoders", {})
        if not all(task == GENERATE and isinstance(digest, str) for task, digest in decoders.items()):
            raise KeyError("decoders")
        adapters: Mapping[str, str] = given.get("adapters", {})
        if not all(task in decoders and isinstance(digest, str) for task, digest in adapters.items()):
            raise KeyError("adapters")
        return ReleaseFacts(**given)
    except (KeyError, TypeError, AttributeError):
        raise IntegrityError("The manifest of this release lacks what a release must name.", remedy=REMEDY) from None


def _profile(folder: Path) -> BotProfile:
    try:
        body = json.loads((folder / PROFILE).read_bytes())
        return parse_profile(body)
    except (OSError, ValueError, ProfileError):
        raise IntegrityError("The profile inside this release cannot be read.", remedy=REMEDY) from None
