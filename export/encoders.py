"""Exported encoders, stored once by digest and shared by all releases that name them.

A folder `encoders/<digest>/` holds `encoder.onnx` or `encoder_int8.onnx` and `tokenizer.json`, or, of an encoder of
n-grams (export/ngrams), `ngrams.safetensors`; and the manifest `encoder.json`. The digest in its name is the SHA-256 of
that manifest, which names the other files by hash. So the name alone vouches for every byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from data.errors import IntegrityError
from export.sealed import named_path, open_named, publish, read_seal, require_files, seal, size_of

MANIFEST = "encoder.json"
TOKENIZER = "tokenizer.json"
NGRAMS = "ngrams.safetensors"
FORMAT = 1

Precision = Literal["fp32", "int8"]
Kind = Literal["graph", "ngrams"]
Output = Literal["embedding", "states"]
"""One vector a text, or one a token."""
GRAPHS: Mapping[str, str] = {"fp32": "encoder.onnx", "int8": "encoder_int8.onnx"}


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What one must know of an encoder to use it: `max_length` in tokens, `hidden` the size of a vector, `output` what
    there is one of.

    `base` names the model it was tuned from, `licence` that model's licence; `versions` the tools that exported it.
    `kind` tells a graph behind a tokenizer from n-grams, whose `max_length` counts characters.
    """

    max_length: int
    hidden: int
    precision: Precision = "fp32"
    base: str = ""
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    output: Output = "embedding"
    kind: Kind = "graph"


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """An encoder on disk. `size_bytes` counts all of its files."""

    folder: Path
    digest: str
    card: EncoderCard
    size_bytes: int

    @property
    def graph(self) -> Path:
        return self.folder / GRAPHS[self.card.precision]

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER


def seal_encoder(folder: Path, card: EncoderCard) -> str:
    """Write the manifest of the encoder built in `folder`; returns the digest that names it.

    Raises IntegrityError when the graph of the card's precision or the tokenizer is missing, or more stands there.
    """
    wanted = {NGRAMS} if card.kind == "ngrams" else {GRAPHS[card.precision], TOKENIZER}
    require_files(folder, MANIFEST, wanted, what="encoder")
    return seal(folder, MANIFEST, {"format": FORMAT, **asdict(card)})


def publish_encoder(work: Path, encoders: Path) -> str:
    """Move the sealed encoder in `work` to `encoders/<digest>`, returned; one already there is kept."""
    _, digest = read_seal(work, MANIFEST, what="encoder")
    publish(work, encoders / digest, MANIFEST, what="encoder")
    return digest


def open_encoder(folder: Path, *, verify: bool = True) -> EncoderFolder:
    """The encoder in `folder`, every byte checked against the digest in the folder's name.

    `verify=False` skips hashing the files, for an encoder that this process has just sealed under another name.
    Raises NotFound when there is no such folder, IntegrityError when it is not what its name says.
    """
    body, digest = open_named(folder, MANIFEST, what="encoder", verify=verify)
    return EncoderFolder(folder, digest, _card(body), size_of(body))


def encoder_path(encoders: Path, digest: str) -> Path:
    """Where the encoder `digest` stands. Raises IntegrityError for what is no digest: no path is ever made of it."""
    return named_path(encoders, digest, what="encoder")


def _card(body: Mapping[str, Any]) -> EncoderCard:
    try:
        # Those sealed before there were encoders of tokens or of n-grams say nothing of their output and kind.
        later = ("output", "kind")
        card = EncoderCard(**{name: body[name] for name in EncoderCard.__slots__ if name in body or name not in later})
        sound = (
            body["format"] == FORMAT
            and card.precision in get_args(Precision)
            and card.kind in get_args(Kind)
            and card.output in get_args(Output)
            and all(isinstance(n, int) and n > 0 for n in (card.max_length, card.hidden))
        )
    except KeyError:
        sound = False
    if not sound:
        raise IntegrityError(
            f"The {MANIFEST} of this encoder is not of format {FORMAT}.", remedy="Export it again with this version."
        )
    return card
