"""Adapters: small low-rank changes to one decoder, stored by digest and switched per reply.

A folder `adapters/<digest>/` holds `adapter.onnx_adapter` and the manifest `adapter.json`, which names the digest of
the only decoder it fits. Laid over any other it would give plausible nonsense, so that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data.errors import IntegrityError
from export.decoders import LoraShape, lora_shape
from export.sealed import named_path, open_named, publish, read_seal, require_files, seal, size_of

MANIFEST = "adapter.json"
WEIGHTS = "adapter.onnx_adapter"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """`decoder` is the digest of the decoder it fits, `shape` what it was trained as."""

    decoder: str
    shape: LoraShape
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdapterFolder:
    """An adapter on disk."""

    folder: Path
    digest: str
    card: AdapterCard
    size_bytes: int

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS


def seal_adapter(folder: Path, card: AdapterCard) -> str:
    """Write the manifest of the adapter written in `folder`; returns the digest that names it."""
    require_files(folder, MANIFEST, {WEIGHTS}, what="adapter")
    return seal(folder, MANIFEST, {"format": FORMAT, **asdict(card)})


def publish_adapter(work: Path, adapters: Path) -> str:
    """Move the sealed adapter in `work` to `adapters/<digest>`, returned; one already there is kept."""
    _, digest = read_seal(work, MANIFEST, what="adapter")
    publish(work, adapters / digest, MANIFEST, what="adapter")
    return digest


def open_adapter(folder: Path, *, decoder: str) -> AdapterFolder:
    """The adapter in `folder`, every byte checked against the digest in the folder's name.

    Raises NotFound when there is no such folder, IntegrityError when it is not what its name says, or was made for
    another decoder than `decoder`.
    """
    body, digest = open_named(folder, MANIFEST, what="adapter", verify=True)
    opened = AdapterFolder(folder, digest, _card(body), size_of(body))
    if opened.card.decoder != decoder:
        raise IntegrityError(
            f"The adapter {digest[:12]} was made for the decoder {opened.card.decoder[:12]}, not for {decoder[:12]}.",
            remedy="Use the decoder it was made for, or train it again over this one.",
        )
    return opened


def adapter_path(adapters: Path, digest: str) -> Path:
    """Where the adapter `digest` stands. Raises IntegrityError for what is no digest: no path is ever made of it."""
    return named_path(adapters, digest, what="adapter")


def _card(body: Mapping[str, Any]) -> AdapterCard:
    try:
        shape = lora_shape(body["shape"])
        sound = body["format"] == FORMAT and isinstance(body["decoder"], str) and shape is not None
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound or shape is None:
        raise IntegrityError(
            f"The {MANIFEST} of this adapter is not of format {FORMAT}.", remedy="Export it again with this version."
        )
    return AdapterCard(body["decoder"], shape, dict(body["versions"]))
