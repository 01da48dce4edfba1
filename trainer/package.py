"""From a trained encoder to the sealed folders that may be served: full precision and int8, side by side."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.ngrams import MAX_CHARACTERS
from data.render import Renderer
from export.encoders import GRAPHS, TOKENIZER, EncoderCard, Precision, publish_encoder, seal_encoder
from export.entities import TokenChannel
from export.ngrams import Ngrams
from export.onnx import AnyEncoder, export_encoder
from export.predict import Channel, Predictor
from export.quantise import quantise
from export.runtime import Encoder
from trainer.bases.catalogue import LocalBase
from trainer.intents.calibrate import background_utterances

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
ORDINARY = 128
"""General utterances that show the quantiser which numbers inside an encoder are large."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One encoder exported in both precisions, or n-grams, which have one. `folders` are sealed and not published yet,
    `digests` name them."""

    folders: Mapping[Precision, Path]
    digests: Mapping[Precision, str]

    def channel(self, precision: Precision, threads: int = 1) -> Channel:
        """The exported encoder as it will be served: its own tokenizer file, its own graph."""
        encoder = Encoder.load(self.folders[precision], threads, verify=False)
        return Channel(encoder.renderer(), encoder.embed)

    def tokens(self, precision: Precision, threads: int = 1) -> TokenChannel:
        """The same of an encoder of tokens."""
        encoder = Encoder.load(self.folders[precision], threads, verify=False)
        return TokenChannel(encoder.renderer(), encoder.states)

    def size_bytes(self, precision: Precision) -> int:
        return sum(path.stat().st_size for path in self.folders[precision].iterdir())

    def publish(self, precision: Precision, encoders: Path) -> str:
        return publish_encoder(self.folders[precision], encoders)


def pack(
    encoder: AnyEncoder | Ngrams, base: LocalBase, max_length: int, work: Path, versions: Mapping[str, str]
) -> Packed:
    """Export `encoder` into `work/fp32` and `work/int8`, each sealed under its digest."""
    if isinstance(encoder, Ngrams):
        return _pack_ngrams(encoder, work, versions)
    folders: dict[Precision, Path] = {precision: work / precision for precision in PRECISIONS}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copyfile(base.folder / TOKENIZER, folder / TOKENIZER)
    hidden = export_encoder(encoder, folders["fp32"] / GRAPHS["fp32"])
    renderer = Renderer.from_file(base.folder / TOKENIZER, max_length)
    ordinary = renderer.utterances(background_utterances()[:ORDINARY])
    quantise(folders["fp32"] / GRAPHS["fp32"], folders["int8"] / GRAPHS["int8"], ordinary)
    digests: dict[Precision, str] = {}
    for precision, folder in folders.items():
        named = (base.name, base.base.licence, dict(versions))
        card = EncoderCard(max_length, hidden, precision, *named, output=encoder.output)
        digests[precision] = seal_encoder(folder, card)
    return Packed(folders, digests)


def _pack_ngrams(encoder: Ngrams, work: Path, versions: Mapping[str, str]) -> Packed:
    """Nothing of the base is in them: neither its name nor its licence is on their card."""
    folder = work / "fp32"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    encoder.save(folder)
    card = EncoderCard(MAX_CHARACTERS, encoder.hidden, versions=dict(versions), kind="ngrams")
    return Packed({"fp32": folder}, {"fp32": seal_encoder(folder, card)})


def median_latency_ms(predictor: Predictor, texts: Sequence[str], most: int = 200) -> float:
    """Median milliseconds from one raw text to its understanding; see `median_ms`."""
    return median_ms(predictor.understand, texts, most)


def median_ms(answer: Callable[[str], object], texts: Sequence[str], most: int = 200) -> float:
    """Median milliseconds that `answer` takes, after warming up, over `most` distinct texts."""
    distinct = list(dict.fromkeys(texts))[:most]
    for text in distinct[:10]:
        answer(text)
    taken = []
    for text in distinct:
        started = time.perf_counter()
        answer(text)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000 if taken else 0.0
