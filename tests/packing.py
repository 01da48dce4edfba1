"""Exports that are made once: the same weights, read up to the same length, become the same sealed folders."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from export.ngrams import Ngrams
from export.onnx import AnyEncoder
from trainer.bases.catalogue import LocalBase
from trainer.package import Packed, pack


def packing_once(kept: Path) -> Callable[..., Packed]:
    """What stands in for `trainer.package.pack`: the first export of each encoder is real and laid in `kept`."""
    made: dict[str, Packed] = {}

    def once(
        encoder: AnyEncoder | Ngrams, base: LocalBase, max_length: int, work: Path, versions: Mapping[str, str]
    ) -> Packed:
        if isinstance(encoder, Ngrams):
            return pack(encoder, base, max_length, work, versions)
        digest = hashlib.sha256(repr((base.name, base.base.licence, max_length, encoder.output)).encode())
        for name, value in encoder.state_dict().items():
            digest.update(name.encode() + value.numpy().tobytes())
        key = digest.hexdigest()
        if key not in made:
            made[key] = pack(encoder, base, max_length, kept / key, versions)
        return _copied(made[key], work)

    return once


def _copied(made: Packed, work: Path) -> Packed:
    """For one who moves the folders to where they are served."""
    folders = {precision: work / precision for precision in made.folders}
    for precision, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made.folders[precision], folder)
    return Packed(folders, made.digests)
