"""From a tuned chat model to decoders that may be served, and their replies to conversations that were held out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.chat_files import GENERATION, TEMPLATE, TOKENIZER, TOKENIZER_CONFIG
from data.errors import ParityFailed
from export.adapters import open_adapter, publish_adapter
from export.decoder_parity import DecoderComparison, Held, TrainedWriter, compare_decoder, require_decoder
from export.decoders import LoraShape, Precision, open_decoder, publish_decoder
from export.decoding import Decoder
from export.genai import Order, build_decoders
from export.lora import write_adapter
from export.sampling import Sampling
from export.writer import Brief, Writer
from trainer.bases.chat_base import ChatBase
from trainer.generation.adapters import TARGETS, save_adapters, shape_of
from trainer.generation.lines import Ask
from trainer.generation.train_generator import TrainedGenerator

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

ROOM = 16
"""The least rank that a shared decoder leaves room for: brands of lower ranks share it, too."""
LONGEST = 64
"""Tokens of a reply that is written to be measured."""
COSTS_AT_MOST = 0.02
"""Nats that a token of a true reply may lose by fewer bits; more, and the full precision is served."""


@dataclass(frozen=True, slots=True)
class PackedGenerator:
    """One model exported in each precision: a decoder, or one of its base and for each precision an adapter to be laid
    over that. All are sealed and not published yet; an adapter's folder bears its digest."""

    folders: Mapping[Precision, Path]
    adapters: Mapping[Precision, Path] = field(default_factory=dict)

    def opened(self, precision: Precision, threads: int = 1) -> Writer:
        decoder = Decoder.load(self.folders[precision], threads, verify=False)
        return Writer.of(decoder, self.adapters.get(precision))

    def digest(self, precision: Precision) -> str:
        """Of the decoder."""
        return open_decoder(self.folders[precision], verify=False).digest

    def adapter(self, precision: Precision) -> str | None:
        """The digest of what lies over it."""
        return self.adapters[precision].name if self.adapters else None

    def size_bytes(self, precision: Precision) -> int:
        size = open_decoder(self.folders[precision], verify=False).size_bytes
        if not self.adapters:
            return size
        return size + open_adapter(self.adapters[precision], decoder=self.digest(precision)).size_bytes

    def publish(self, precision: Precision, home: Path) -> None:
        """Put it under `decoders` and `adapters` of `home`, each by its digest; what stands there already stays."""
        publish_decoder(self.folders[precision], home / "decoders")
        if self.adapters:
            publish_adapter(self.adapters[precision], home / "adapters")


def pack_tuned(
    tuned: TrainedGenerator, work: Path, precisions: Sequence[Precision] = ("fp32", "int8")
) -> PackedGenerator:
    """Export what was tuned under `work`, which is made anew: the whole model, or, where adapters learned, its base as
    it came and them apart, so that all brands that tune it so share one decoder. Raises ParityFailed."""
    if tuned.adapted is not None and set(shape_of(tuned.adapted).targets) <= set(TARGETS):
        with suppress(ParityFailed):  # no decoder of this base can be built that has room for them
            return _pack_apart(tuned.adapted, tuned.base, work, precisions)
    return pack_generator(tuned.model, tuned.base, work, precisions)


def _pack_apart(adapted: PeftModel, base: ChatBase, work: Path, precisions: Sequence[Precision]) -> PackedGenerator:
    shape = shape_of(adapted)
    _emptied(work)
    lay_model(base.model(), base, work / "model")  # which nobody holds while the decoder is built
    packed = _built(base, work, precisions, replace(shape, rank=max(shape.rank, ROOM)))
    save_adapters(adapted, work / "peft")
    adapters: dict[Precision, Path] = {}
    for precision, folder in packed.folders.items():
        made = work / "adapters" / precision
        made.mkdir(parents=True)
        digest = write_adapter(work / "peft", open_decoder(folder, verify=False), made)
        adapters[precision] = made.rename(made.parent / digest)
    return PackedGenerator(packed.folders, adapters)


def pack_generator(
    model: PreTrainedModel,
    base: ChatBase,
    work: Path,
    precisions: Sequence[Precision] = ("fp32", "int8"),
) -> PackedGenerator:
    """Export `model` under `work`, which is made anew. Raises ParityFailed for a kind that cannot be exported."""
    _emptied(work)
    lay_model(model, base, work / "model")
    return _built(base, work, precisions, None)


def _emptied(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    (work / "decoders").mkdir(parents=True)


def _built(base: ChatBase, work: Path, precisions: Sequence[Precision], lora: LoraShape | None) -> PackedGenerator:
    """Decoders of the model that lies under `work`."""
    whole, decoders = work / "model", work / "decoders"
    order = Order(tuple(precisions), lora, base.name, base.local.base.licence)
    folders = build_decoders(whole, order, decoders)
    shutil.rmtree(whole)
    return PackedGenerator(folders)


def lay_model(model: PreTrainedModel, base: ChatBase, folder: Path) -> None:
    """As Hugging Face saves a model, with the tokenizer and the template of its base; the template names its tokens by
    itself, since no tokenizer's configuration goes with a decoder."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    for name in (TOKENIZER, TOKENIZER_CONFIG, GENERATION):
        if (base.local.folder / name).is_file():
            shutil.copyfile(base.local.folder / name, folder / name)
    template = base.renderer().template
    named = "".join(f"{{% set {name} = {json.dumps(token)} %}}" for name, token in sorted(template.tokens.items()))
    (folder / TEMPLATE).write_text(named + template.source, encoding="utf-8", newline="")


def compared(
    model: PreTrainedModel, packed: PackedGenerator, asks: Sequence[Ask], check: Callable[[], None]
) -> dict[Precision, DecoderComparison]:
    """Every precision beside the trained model, greedily. Raises ParityFailed where full precision differs."""
    trained = TrainedWriter(model)
    found: dict[Precision, DecoderComparison] = {}
    for precision in packed.folders:
        check()
        writer = packed.opened(precision)
        held = [
            Held(writer.renderer.prompt(ask.before, ask.told, LONGEST), writer.renderer.reply(ask.reply))
            for ask in asks
        ]
        found[precision] = compare_decoder(trained, writer.decoder, _fitting(held, writer), LONGEST, writer.adapter)
    require_decoder(found["fp32"])
    return found


def cheapest(found: Mapping[Precision, DecoderComparison]) -> Precision:
    """The fewest bits whose replies lose next to nothing."""
    order: tuple[Precision, ...] = ("int4", "int8")
    for precision in order:
        drift = found[precision].drift if precision in found else None
        if drift is not None and drift <= COSTS_AT_MOST:
            return precision
    return "fp32"


def replies_to(asks: Sequence[Ask], writer: Writer, check: Callable[[], None], longest: int = LONGEST) -> list[str]:
    """What the exported model answers, its likeliest tokens."""
    found = []
    for ask in asks:
        check()
        found.append(writer.write(Brief(ask.before, ask.told, Sampling(max_tokens=longest, seconds=600))).text)
    return found


def _fitting(held: Sequence[Held], writer: Writer) -> list[Held]:
    """A reply that would not fit behind its context is scored as far as it does."""
    room = writer.renderer.context
    return [Held(one.context, one.reply[: room - len(one.context)]) for one in held]
