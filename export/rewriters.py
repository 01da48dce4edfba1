"""Exported sequence-to-sequence models ("rewriters": they read one text and write another), stored once by digest.

A folder `rewriters/<digest>/` holds two graphs and `tokenizer.json`. `encoder.onnx` reads a source once and gives, for
each layer of the decoder, the keys and values that it will look up there. `decoder.onnx` takes one token, those, and
the keys and values of the tokens so far (none at first), and gives the scores of the next token and the longer past.
The manifest `rewriter.json` names every file by hash; its own SHA-256 is the folder's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from data.errors import IntegrityError
from data.pair_render import PairShape
from export.sealed import named_path, open_named, publish, read_seal, require_files, seal, size_of

MANIFEST = "rewriter.json"
TOKENIZER = "tokenizer.json"
FORMAT = 1

Precision = Literal["fp32", "int8"]
ENCODERS: Mapping[str, str] = {"fp32": "encoder.onnx", "int8": "encoder_int8.onnx"}
DECODERS: Mapping[str, str] = {"fp32": "decoder.onnx", "int8": "decoder_int8.onnx"}

KEPT = "model"
"""The folder in which an experiment leaves its rewriter, beside its report."""


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What the decoder remembers of each token: `layers` times a key and a value of `heads` times `size` numbers.
    `vocabulary`: how many tokens it chooses from."""

    layers: int
    heads: int
    size: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class RewriterCard:
    """What one must know of a rewriter to use it; `shape` is how its texts are rendered, `end_id` what ends one.

    `task` says what it was tuned for, `base` from which model, `licence` is that model's; `versions` are those of the
    tools that exported it.
    """

    task: str
    shape: PairShape
    end_id: int
    cache: CacheShape
    beams: int = 1
    precision: Precision = "fp32"
    base: str = ""
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RewriterFolder:
    """A rewriter on disk. `size_bytes` counts all of its files."""

    folder: Path
    digest: str
    card: RewriterCard
    size_bytes: int

    @property
    def encoder(self) -> Path:
        return self.folder / ENCODERS[self.card.precision]

    @property
    def decoder(self) -> Path:
        return self.folder / DECODERS[self.card.precision]

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER


def seal_rewriter(folder: Path, card: RewriterCard) -> str:
    """Write the manifest of the rewriter built in `folder`; returns the digest that names it.

    Raises IntegrityError when a graph of the card's precision or the tokenizer is missing, or more stands there.
    """
    wanted = {ENCODERS[card.precision], DECODERS[card.precision], TOKENIZER}
    require_files(folder, MANIFEST, wanted, what="rewriter")
    return seal(folder, MANIFEST, {"format": FORMAT, **asdict(card)})


def publish_rewriter(work: Path, rewriters: Path) -> str:
    """Move the sealed rewriter in `work` to `rewriters/<digest>`, returned; one already there is kept."""
    _, digest = read_seal(work, MANIFEST, what="rewriter")
    publish(work, rewriters / digest, MANIFEST, what="rewriter")
    return digest


def open_rewriter(folder: Path, *, verify: bool = True) -> RewriterFolder:
    """The rewriter in `folder`, every byte checked against the digest in the folder's name.

    `verify=False` skips hashing the files, for a rewriter that this process has just sealed under another name.
    Raises NotFound when there is no such folder, IntegrityError when it is not what its name says.
    """
    body, digest = open_named(folder, MANIFEST, what="rewriter", verify=verify)
    return RewriterFolder(folder, digest, _card(body), size_of(body))


def rewriter_path(rewriters: Path, digest: str) -> Path:
    """Where the rewriter `digest` stands. Raises IntegrityError for what is no digest: no path is ever made of it."""
    return named_path(rewriters, digest, what="rewriter")


def _card(body: Mapping[str, Any]) -> RewriterCard:
    try:
        given = {name: body[name] for name in RewriterCard.__slots__}
        shape, cache = PairShape(**given["shape"]), CacheShape(**given["cache"])
        card = RewriterCard(**{**given, "shape": shape, "cache": cache})
        counts = (shape.source_length, shape.target_length, card.beams, *asdict(cache).values())
        sound = (
            body["format"] == FORMAT
            and card.precision in get_args(Precision)
            and isinstance(shape.instruction, str)
            and all(isinstance(n, int) and n > 0 for n in counts)
            and all(isinstance(i, int) and 0 <= i < cache.vocabulary for i in (shape.start_id, card.end_id))
        )
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise IntegrityError(
            f"The {MANIFEST} of this rewriter is not of format {FORMAT}.", remedy="Export it again with this version."
        )
    return card
