"""Exported decoders, stored once by digest and shared by all releases that name them.

A folder `decoders/<digest>/` holds what onnxruntime-genai runs (`genai_config.json`, `model.onnx` and its weights
`model.onnx.data`), `tokenizer.json`, `chat_template.jinja` where the model has one, and the manifest `decoder.json`,
whose SHA-256 is the folder's name. Adapters lie apart (export/adapters): many fit one decoder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from data.errors import IntegrityError
from export.sealed import REMEDY, named_path, open_named, publish, read_seal, require_files, seal, size_of

MANIFEST = "decoder.json"
CONFIG = "genai_config.json"
GRAPH = "model.onnx"
WEIGHTS = "model.onnx.data"
TOKENIZER = "tokenizer.json"
TEMPLATE = "chat_template.jinja"
FORMAT = 1

Precision = Literal["fp32", "int8", "int4"]

# What a configuration may say. It can also name programs to load and files elsewhere; none of ours does.
_MODEL = {
    "bos_token_id", "bor_token_id", "bot_token_id", "context_length", "decoder", "eor_token_id", "eos_token_id",
    "eot_token_id", "pad_token_id", "type", "vocab_size",
}  # fmt: skip
_DECODER = {
    "filename", "head_size", "hidden_size", "inputs", "num_attention_heads", "num_hidden_layers",
    "num_key_value_heads", "outputs", "session_options", "sliding_window", "state_groups",
}  # fmt: skip
_SESSION = {"log_id", "provider_options"}


@dataclass(frozen=True, slots=True)
class LoraShape:
    """Which adapters fit a decoder: low-rank changes of at most `rank` to the layers called `targets`."""

    rank: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecoderCard:
    """What one must know of a decoder to use it: `context` in tokens, how many tokens its `vocabulary` has, and which
    of them end a reply (`stop`).

    `base` names the model it was tuned from, `licence` that model's licence; `versions` the tools that exported it.
    `lora` is None where no adapter can be laid over it.
    """

    context: int
    vocabulary: int
    stop: tuple[int, ...]
    precision: Precision = "fp32"
    base: str = ""
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    lora: LoraShape | None = None


@dataclass(frozen=True, slots=True)
class DecoderFolder:
    """A decoder on disk. `size_bytes` counts all of its files."""

    folder: Path
    digest: str
    card: DecoderCard
    size_bytes: int

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER

    @property
    def template(self) -> Path | None:
        """The chat template; None for a model that knows no roles."""
        path = self.folder / TEMPLATE
        return path if path.is_file() else None


def seal_decoder(folder: Path, card: DecoderCard) -> str:
    """Write the manifest of the decoder built in `folder`; returns the digest that names it.

    Raises IntegrityError when a file of it is missing, more stands there, or its configuration says what it must not.
    """
    optional = {TEMPLATE} if (folder / TEMPLATE).exists() else set()
    require_files(folder, MANIFEST, {CONFIG, GRAPH, WEIGHTS, TOKENIZER} | optional, what="decoder")
    _check_config(folder)
    return seal(folder, MANIFEST, {"format": FORMAT, **asdict(card)})


def publish_decoder(work: Path, decoders: Path) -> str:
    """Move the sealed decoder in `work` to `decoders/<digest>`, returned; one already there is kept."""
    _, digest = read_seal(work, MANIFEST, what="decoder")
    publish(work, decoders / digest, MANIFEST, what="decoder")
    return digest


def open_decoder(folder: Path, *, verify: bool = True) -> DecoderFolder:
    """The decoder in `folder`, every byte checked against the digest in the folder's name.

    `verify=False` skips hashing the files, for a decoder that this process has just sealed under another name.
    Raises NotFound when there is no such folder, IntegrityError when it is not what its name says.
    """
    body, digest = open_named(folder, MANIFEST, what="decoder", verify=verify)
    card = _card(body)
    _check_config(folder)
    return DecoderFolder(folder, digest, card, size_of(body))


def decoder_path(decoders: Path, digest: str) -> Path:
    """Where the decoder `digest` stands. Raises IntegrityError for what is no digest: no path is ever made of it."""
    return named_path(decoders, digest, what="decoder")


def lora_shape(given: Mapping[str, Any] | None) -> LoraShape | None:
    """Read one from a manifest. Raises KeyError, TypeError or ValueError for what is none."""
    if given is None:
        return None
    shape = LoraShape(given["rank"], tuple(given["targets"]))
    if shape.rank < 1 or not shape.targets or not all(isinstance(name, str) for name in shape.targets):
        raise ValueError("not the shape of an adapter")
    return shape


def _card(body: Mapping[str, Any]) -> DecoderCard:
    try:
        given = {name: body[name] for name in DecoderCard.__slots__}
        card = DecoderCard(**{**given, "stop": tuple(given["stop"]), "lora": lora_shape(given["lora"])})
        sound = (
            body["format"] == FORMAT
            and card.precision in get_args(Precision)
            and all(isinstance(n, int) and n > 0 for n in (card.context, card.vocabulary))
            and all(isinstance(one, int) and 0 <= one < card.vocabulary for one in card.stop)
        )
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise IntegrityError(
            f"The {MANIFEST} of this decoder is not of format {FORMAT}.", remedy="Export it again with this version."
        )
    return card


def _check_config(folder: Path) -> None:
    """Raise IntegrityError unless the configuration runs `model.onnx` and names no other file."""
    try:
        model = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
        decoder = model["decoder"]
        session = decoder["session_options"]
        sound = (
            decoder["filename"] == GRAPH
            and set(model) <= _MODEL
            and set(decoder) <= _DECODER
            and set(session) <= _SESSION
            and session.get("provider_options", []) == []
        )
    except (OSError, ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise IntegrityError(f"The {CONFIG} of this decoder says what none of ours does.", remedy=REMEDY)
