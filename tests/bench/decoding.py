"""Replies from exported decoders against transformers' `generate` of the same model, and fifty adapters over one base.

    python -m tests.bench.decoding [--base FOLDER] [--texts FILE] [--threads 2] [--adapters 50] [--only PART]

Greedy, no token ends a reply, so that every side writes as many. Each side runs in a process of its own, one after
the other, with the same number of threads. FOLDER is a model as Hugging Face saves one; without it the default chat
base is taken. With a file of text it also says what each precision costs in bits per byte of that text, read in windows
of the whole context. Memory is what the process holds, mapped files included.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.decoders import LoraShape, open_decoder, publish_decoder, seal_decoder
from export.sampling import Sampling
from tests.bench.apart import alone

ROUNDS = 7
CONTEXT, LENGTH = 40, 128
LONG = 200
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK = 16
BYTES = 100_000


@dataclass(frozen=True)
class Speed:
    """Medians over ROUNDS of tokens per second and of milliseconds to the first; bits per byte of a text."""

    tokens: float
    first_ms: float
    memory_mb: float
    bits: float | None


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def prompt(vocabulary: int, length: int) -> list[int]:
    import numpy as np

    return [int(one) for one in np.random.default_rng(length).integers(4, vocabulary, length)]


def timed(write: Callable[[Sequence[int], int], int], vocabulary: int) -> tuple[float, float]:
    """(tokens per second, milliseconds to the first) of `write(context, length)`, which says how many it wrote."""
    short, long = prompt(vocabulary, CONTEXT), prompt(vocabulary, LONG)
    write(short, 8)
    rates, firsts = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        rates.append(write(short, LENGTH) / (time.perf_counter() - started))
        started = time.perf_counter()
        write(long, 1)
        firsts.append((time.perf_counter() - started) * 1000)
    return statistics.median(rates), statistics.median(firsts)


def windows(base: Path, texts: Path, context: int) -> tuple[list[list[int]], int]:
    """Ids of the text in windows of a whole context, and the bytes that they stand for."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    text = texts.read_bytes()[:BYTES].decode("utf-8", errors="ignore")
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [ids[at : at + context] for at in range(0, len(ids), context) if len(ids) - at > 1], len(text.encode())


def bits_per_byte(score: Callable[[Sequence[int]], float], parts: tuple[list[list[int]], int]) -> float:
    import math

    return -sum(score(ids) for ids in parts[0]) / math.log(2) / parts[1]


def transformers_side(base: Path, threads: int, texts: Path | None) -> Speed:
    import torch

    from export.decoder_parity import Held, TrainedWriter

    torch.set_num_threads(threads)
    trained = TrainedWriter.load(base)
    model = trained._model
    model.generation_config.eos_token_id = None

    def write(context: Sequence[int], length: int) -> int:
        ids = torch.tensor([list(context)])
        with torch.inference_mode():
            found = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, do_sample=False,
                                   pad_token_id=0)  # fmt: skip
        return int(found.shape[1]) - len(context)

    rate, first = timed(write, model.config.vocab_size)
    memory, bits = resident_mb(), None
    if texts:
        parts = windows(base, texts, model.config.max_position_embeddings)
        bits = bits_per_byte(lambda ids: trained.log_likelihood(Held(tuple(ids[:1]), tuple(ids[1:]))), parts)
    return Speed(rate, first, memory, bits)


def exported_side(folder: Path, threads: int, texts: Path | None, adapter: Path | None = None) -> Speed:
    from export.decoding import Decoder, Wish

    decoder = Decoder.load(folder, threads)

    def write(context: Sequence[int], length: int) -> int:
        return sum(1 for _ in decoder.generate(Wish(context, Sampling(max_tokens=length, seconds=3600), adapter)))

    rate, first = timed(write, decoder.card.vocabulary)
    memory, bits = resident_mb(), None
    if texts:
        parts = windows(folder, texts, decoder.card.context)
        bits = bits_per_byte(lambda ids: decoder.log_likelihood(ids, 1), parts)
    return Speed(rate, first, memory, bits)


def lay_adapters(base: Path, decoder: Path, home: Path, count: int) -> list[Path]:
    """So many adapters of random matrices."""
    import torch
    from safetensors.torch import load_file, save_file

    from export.adapters import publish_adapter
    from export.genai_child import write_blank
    from export.lora import TENSORS, write_adapter

    write_blank(base, RANK, TARGETS, home / "blank")
    blank = load_file(home / "blank" / TENSORS)
    opened, found = open_decoder(decoder), []
    for seed in range(count):
        torch.manual_seed(seed)
        save_file({name: torch.randn_like(one) / 50 for name, one in blank.items()}, home / "blank" / TENSORS)
        work = home / "work"
        work.mkdir()
        write_adapter(home / "blank", opened, work)
        found.append(home / "adapters" / publish_adapter(work, home / "adapters"))
    return found


def adapters_side(folder: Path, adapters: Sequence[Path]) -> dict[str, float]:
    """Memory before and after all are loaded, milliseconds to load one, and to begin a reply with another one."""
    from export.decoding import Decoder, Wish

    decoder = Decoder.load(folder)
    context = prompt(decoder.card.vocabulary, 8)

    def first(adapter: Path | None) -> float:
        started = time.perf_counter()
        next(decoder.generate(Wish(context, Sampling(max_tokens=2), adapter)))
        return (time.perf_counter() - started) * 1000

    for _ in range(20):
        first(None)
    before = resident_mb()
    loading = [first(adapter) for adapter in adapters]
    after = resident_mb()
    same = [first(adapters[0]) for _ in range(4 * len(adapters))]
    switched = [first(adapter) for _ in range(4) for adapter in adapters]
    size = sum(path.stat().st_size for path in adapters[0].iterdir()) / 1e6
    return {
        "base alone, MB": before,
        "one adapter on disk, MB": size,
        "with all, MB": after,
        "more than base and adapters, MB": after - before - size * len(adapters),
        "first token, same adapter, ms": statistics.median(same),
        "first token, another loaded one, ms": statistics.median(switched),
        "switching, ms": statistics.median(switched) - statistics.median(same),
        "switching, worst, ms": max(switched) - statistics.median(same),
        "first token, one not loaded yet, ms": statistics.median(loading),
    }


def build(base: Path, home: Path, precisions: Sequence[str], lora: LoraShape | None) -> dict[str, Path]:
    """The decoders, published under `home`, without a token that ends a reply."""
    from export.genai import Order, build_decoders

    work = Path(tempfile.mkdtemp(dir=home))
    found = {}
    for precision, folder in build_decoders(base, Order(tuple(precisions), lora), work).items():  # type: ignore[arg-type]
        seal_decoder(folder, dataclasses.replace(open_decoder(folder, verify=False).card, stop=()))
        found[precision] = home / "decoders" / publish_decoder(folder, home / "decoders")
    return found


def report_speed(sides: dict[str, Speed]) -> None:
    peer = sides["transformers"]
    print(f"| side | tokens/s | times | first token of {LONG}, ms | memory, MB | bits per byte | change |")
    print("|---|---|---|---|---|---|---|")
    for name, one in sides.items():
        bits = "-" if one.bits is None else f"{one.bits:.4f}"
        change = "-" if one.bits is None or peer.bits is None else f"{100 * (one.bits / peer.bits - 1):+.2f} %"
        print(
            f"| {name} | {one.tokens:.0f} | {one.tokens / peer.tokens:.1f} | {one.first_ms:.1f} | {one.memory_mb:.0f} |"
            f" {bits} | {change} |"
        )


def compare_speed(base: Path, home: Path, threads: int, texts: Path | None) -> None:
    decoders = build(base, home, ("fp32", "int8", "int4"), None)
    sides = {"transformers": alone(transformers_side, base, threads, texts)}
    for precision, decoder in decoders.items():
        sides[precision] = alone(exported_side, decoder, threads, texts)
    report_speed(sides)


def count_adapters(base: Path, home: Path, count: int, threads: int) -> None:
    (plain,) = build(base, home, ("int8",), None).values()
    (ready,) = build(base, home, ("int8",), LoraShape(RANK, TARGETS)).values()
    adapters = lay_adapters(base, ready, home, count)
    rates = [alone(exported_side, one, threads, None, laid).tokens for one, laid in (
        (plain, None), (ready, None), (ready, adapters[0]),
    )]  # fmt: skip
    print(
        "\nint8, tokens a second: plain, with room for adapters, with one: " + ", ".join(f"{one:.0f}" for one in rates)
    )
    print(f"\n{len(adapters)} adapters of rank {RANK} on {len(TARGETS)} layers a block, int8 base, one thread:")
    for name, value in alone(adapters_side, ready, adapters).items():
        print(f"  {name}: {value:.2f}")


def default_base() -> Path:
    from trainer.bases.catalogue import find_base  # the sides whose memory is measured have no need of it
    from trainer.bases.known import CHAT

    return find_base(CHAT).folder


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--base", type=Path)
    asked.add_argument("--texts", type=Path)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--adapters", type=int, default=50)
    asked.add_argument("--only", choices=("speed", "adapters"))
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        base = options.base or default_base()
        if options.only != "adapters":
            compare_speed(base, home, options.threads, options.texts)
        if options.only != "speed":
            count_adapters(base, home, options.adapters, options.threads)


if __name__ == "__main__":
    main()
