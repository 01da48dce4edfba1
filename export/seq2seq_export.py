"""From a trained sequence-to-sequence model to the two graphs of a rewriter. Write side: imports torch.

A decoder looks its source up by keys and values that follow from the encoder alone. So they are computed once, at the
end of the encoder's graph, and the decoder's graph reads one token at a time: its first step is one with an empty past.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

from data.errors import ParityFailed
from data.pair_render import Seq2SeqRenderer
from export.onnx import forget_origins, quietly
from export.quantise import quantise
from export.rewriters import (
    DECODERS,
    ENCODERS,
    TOKENIZER,
    CacheShape,
    Precision,
    RewriterCard,
    publish_rewriter,
    seal_rewriter,
)
from export.seq2seq import CROSS, LOGITS, PAST, PRESENT, SOURCE, TOKEN, Rewriter, cache_names

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class _LookUp:
    """How a layer of the decoder looks up the source: by keys and values of `heads` times `size` numbers a token."""

    key: nn.Module
    value: nn.Module
    heads: int
    size: int

    def __call__(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[batch, source, hidden] -> [batch, heads, source, size] twice."""
        shape = (states.shape[0], -1, self.heads, self.size)
        key, value = (part(states).view(shape).transpose(1, 2) for part in (self.key, self.value))
        return key, value


def _look_ups(model: Any) -> list[_LookUp]:
    """One for each layer of the decoder, lowest first."""
    decoder = model.get_decoder()
    if model.config.model_type == "bart":
        plain = [layer.encoder_attn for layer in decoder.layers]
        return [_LookUp(one.k_proj, one.v_proj, one.num_heads, one.head_dim) for one in plain]
    relative = [block.layer[1].EncDecAttention for block in decoder.block]
    return [_LookUp(one.k, one.v, one.n_heads, one.key_value_proj_dim) for one in relative]


class _Reader(nn.Module):
    """A source to the keys and values of every layer of the decoder that looks it up."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.get_encoder()
        self.look_ups = _look_ups(model)
        self.projections = nn.ModuleList([part for one in self.look_ups for part in (one.key, one.value)])

    def forward(self, source: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """int64 [1, source] -> a key and a value a layer, [1, heads, source, size]."""
        states = self.encoder(input_ids=source, attention_mask=torch.ones_like(source)).last_hidden_state
        return tuple(part for look_up in self.look_ups for part in look_up(states))


class _Writer(nn.Module):
    """One token, what is looked up and what was written so far, to the scores of the next token and a longer past."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, token: torch.Tensor, cross: Sequence[torch.Tensor], past: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        """int64 [batch, 1] and two keys and values a layer -> [batch, vocabulary] and the past with this token."""
        cache = EncoderDecoderCache(DynamicCache(_paired(past)), DynamicCache(_paired(cross)))
        # The states themselves are not read any more where keys and values are known; only their size is.
        states = cross[0].new_zeros((token.shape[0], cross[0].shape[2], self.model.config.hidden_size))
        mask = torch.ones((token.shape[0], cross[0].shape[2]), dtype=torch.int64)
        found = self.model(
            decoder_input_ids=token,
            encoder_outputs=(states,),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        )
        return (found.logits[:, -1], *_flat(cache.self_attention_cache))


def export_seq2seq(model: PreTrainedModel, folder: Path) -> CacheShape:
    """Write `model` as float32 graphs into `folder`; returns what its decoder remembers. The model stays as it is.

    Raises ParityFailed when the exporter cannot take the model apart.
    """
    frozen: Any = copy.deepcopy(model)
    frozen.cpu().float().eval()
    frozen.set_attn_implementation("eager")  # the exporter cannot take T5's own fused attention apart
    looked_up = _look_ups(frozen)
    cache = CacheShape(len(looked_up), looked_up[0].heads, looked_up[0].size, int(frozen.config.vocab_size))
    try:
        with torch.inference_mode(False), torch.no_grad(), quietly():
            _reader(frozen, cache, folder / ENCODERS["fp32"])
            _writer(frozen, cache, folder / DECODERS["fp32"])
    except torch.onnx.OnnxExporterError as error:
        raise ParityFailed(
            f"The trained model could not be turned into ONNX ({type(error).__name__}).",
            remedy="Choose another base model; docs/recipes.md lists the kinds that are tested.",
        ) from error
    return cache


def _reader(model: PreTrainedModel, cache: CacheShape, path: Path) -> None:
    source = torch.ones((1, 5), dtype=torch.int64)  # ids stay small, so that every vocabulary holds them
    names = ((SOURCE,), cache_names(CROSS, cache.layers))
    _export(_Reader(model), (source,), path, names, {"source": {1: "source"}})


def _writer(model: PreTrainedModel, cache: CacheShape, path: Path) -> None:
    layers = cache.layers
    cross = [torch.zeros(2, cache.heads, 5, cache.size) for _ in range(2 * layers)]
    past = [torch.zeros(2, cache.heads, 3, cache.size) for _ in range(2 * layers)]
    axes = {
        "token": {0: "batch"},
        "cross": [{0: "batch", 2: "source"} for _ in cross],
        "past": [{0: "batch", 2: "past"} for _ in past],
    }
    inputs = (TOKEN, *cache_names(CROSS, layers), *cache_names(PAST, layers))
    outputs = (LOGITS, *cache_names(PRESENT, layers))
    _export(_Writer(model), (torch.ones((2, 1), dtype=torch.int64), cross, past), path, (inputs, outputs), axes)


def _export(
    module: nn.Module,
    example: tuple[Any, ...],
    path: Path,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    axes: Mapping[str, Any],
) -> None:
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=list(names[0]),
        output_names=list(names[1]),
        dynamic_shapes=dict(axes),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(str(path))
    forget_origins(model)
    onnx.save(model, str(path))


def _paired(flat: Sequence[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _flat(cache: DynamicCache) -> tuple[torch.Tensor, ...]:
    layers: list[Any] = list(cache.layers)
    return tuple(one for layer in layers for one in (layer.keys, layer.values))


@dataclass(frozen=True, slots=True)
class PackedRewriter:
    """One model exported in both precisions. `folders` are sealed and not published yet, `digests` name them."""

    folders: Mapping[Precision, Path]
    digests: Mapping[Precision, str]

    def opened(self, precision: Precision, threads: int = 1) -> Rewriter:
        """As it will be served: its own tokenizer file, its own graphs."""
        return Rewriter.load(self.folders[precision], threads, verify=False)

    def size_bytes(self, precision: Precision) -> int:
        return sum(path.stat().st_size for path in self.folders[precision].iterdir())

    def publish(self, precision: Precision, rewriters: Path) -> str:
        return publish_rewriter(self.folders[precision], rewriters)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from, as its card says it: what it was tuned for, from which base, how it is to write."""

    task: str
    base: str = ""
    licence: str = ""
    beams: int = 1
    versions: Mapping[str, str] = field(default_factory=dict)


def pack_seq2seq(
    model: PreTrainedModel, renderer: Seq2SeqRenderer, tokenizer: Path, origin: Origin, work: Path
) -> PackedRewriter:
    """Export `model` with its `tokenizer` file into `work/fp32` and `work/int8`, each sealed under its digest."""
    folders: dict[Precision, Path] = {precision: work / precision for precision in PRECISIONS}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copyfile(tokenizer, folder / TOKENIZER)
    cache = export_seq2seq(model, folders["fp32"])
    for names in (ENCODERS, DECODERS):
        quantise(folders["fp32"] / names["fp32"], folders["int8"] / names["int8"])
    card = RewriterCard(
        origin.task, renderer.shape, renderer.end_id, cache, beams=origin.beams,
        base=origin.base, licence=origin.licence, versions=dict(origin.versions),
    )  # fmt: skip
    digests = {p: seal_rewriter(folder, replace(card, precision=p)) for p, folder in folders.items()}
    return PackedRewriter(folders, digests)
