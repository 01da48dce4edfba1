"""Adapters over one decoder: each as if baked in, several at once, none over a decoder it was not made for."""

from __future__ import annotations

import json
import shutil
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from data.errors import IntegrityError, NotFound, ParityFailed
from export.adapter_shelf import AdapterShelf
from export.adapters import adapter_path, open_adapter, publish_adapter, seal_adapter
from export.decoder_parity import Held, TrainedWriter, compare_decoder, require_decoder
from export.decoders import open_decoder
from export.decoding import Decoder, Wish
from export.lora import write_adapter
from export.sampling import Sampling
from tests.tiny_llama import END

SHAPES = (
    {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]},
    {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "gate_proj"]},  # a lower rank, fewer layers
    {"r": 8, "lora_alpha": 16, "target_modules": ["v_proj", "down_proj"], "use_rslora": True},
)
PROMPTS = [tuple(np.random.default_rng(seed).integers(4, 260, 12 + seed).tolist()) for seed in range(6)]
GREEDY = Sampling(max_tokens=16)


@dataclass(frozen=True)
class Tuned:
    """An adapter as peft saved it and as it is served, with the model into which it was baked."""

    peft: Path
    sealed: Path
    baked: LlamaForCausalLM


def tune(base: Path, folder: Path, shape: dict[str, object], seed: int) -> LlamaForCausalLM:
    """An adapter of random matrices, as large as the weights they change."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what peft asks transformers for
        base_model = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
        model = get_peft_model(base_model, LoraConfig(init_lora_weights=False, **shape))
        model.save_pretrained(folder)
        return model.merge_and_unload().eval()


@pytest.fixture(scope="module")
def tuned(written, tmp_path_factory) -> list[Tuned]:
    folder = tmp_path_factory.mktemp("tuned")
    found = []
    for seed, shape in enumerate(SHAPES):
        baked = tune(written.base, folder / f"peft{seed}", shape, seed)
        work = folder / f"work{seed}"
        work.mkdir()
        digest = write_adapter(folder / f"peft{seed}", open_decoder(written.folder()), work)
        assert publish_adapter(work, written.home / "adapters") == digest
        found.append(Tuned(folder / f"peft{seed}", adapter_path(written.home / "adapters", digest), baked))
    return found


def reply(decoder: Decoder, ids: tuple[int, ...], adapter: Path | None) -> list[int]:
    return list(decoder.generate(Wish(ids, GREEDY, adapter)))


def baked_reply(model: LlamaForCausalLM, ids: tuple[int, ...]) -> tuple[int, ...]:
    with torch.inference_mode():
        found = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=16, pad_token_id=0)
    return tuple(one for one in found[0, len(ids) :].tolist() if one != END)


@pytest.mark.parametrize("which", range(len(SHAPES)))
def test_an_adapter_laid_over_is_the_model_it_was_baked_into(decoders, tuned, which):
    one = tuned[which]
    held = [Held(ids, baked_reply(one.baked, ids)) for ids in PROMPTS]
    found = compare_decoder(TrainedWriter(one.baked), decoders["fp32"], held, 16, one.sealed)
    require_decoder(found)
    assert abs(found.drift) < 1e-5


def test_without_one_the_base_answers_before_and_after(decoders, tuned, written):
    base = LlamaForCausalLM.from_pretrained(written.base, dtype=torch.float32).eval()
    for ids in PROMPTS[:2]:
        expected = list(baked_reply(base, ids))
        assert reply(decoders["fp32"], ids, None) == expected
        assert reply(decoders["fp32"], ids, tuned[0].sealed) != expected
        assert reply(decoders["fp32"], ids, None) == expected


def test_three_at_once_do_not_meet(decoders, tuned):
    """Steps of all adapters and of none taken in turn on one model, then from a thread each."""
    decoder = decoders["fp32"]
    laid = [None, *(one.sealed for one in tuned)]
    alone = [reply(decoder, PROMPTS[0], adapter) for adapter in laid]
    beside = [decoder.generate(Wish(PROMPTS[0], GREEDY, adapter)) for adapter in laid]
    found: list[list[int]] = [[] for _ in laid]
    for _ in range(GREEDY.max_tokens):
        for tokens, generation in zip(found, beside, strict=True):
            tokens += [token for token in [next(generation, None)] if token is not None]
    assert found == alone

    replies: dict[int, list[int]] = {}
    start = threading.Barrier(4 * len(laid))

    def write(at: int) -> None:
        start.wait(30)
        replies[at] = reply(decoder, PROMPTS[0], laid[at % len(laid)])

    threads = [threading.Thread(target=write, args=(at,)) for at in range(4 * len(laid))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [replies[at] for at in range(4 * len(laid))] == alone * 4


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_over_fewer_bits_it_keeps_its_own(written, decoders, tuned, tmp_path, precision):
    """The base is rounded, the adapter is not: what it changes is nearly what it changes in fp32."""
    write_adapter(tuned[0].peft, open_decoder(written.folder(precision)), tmp_path)
    made = ort.AdapterFormat.read_adapter(str(tmp_path / "adapter.onnx_adapter")).get_parameters()
    fp32 = ort.AdapterFormat.read_adapter(str(tuned[0].sealed / "adapter.onnx_adapter")).get_parameters()
    assert set(made) == set(fp32)
    assert all(np.array_equal(made[name].numpy(), fp32[name].numpy()) for name in made)
    digest = publish_adapter(tmp_path, written.home / "adapters")
    adapter = adapter_path(written.home / "adapters", digest)
    replies = [(*ids, *baked_reply(tuned[0].baked, ids)) for ids in PROMPTS]
    rows = list(zip(PROMPTS, replies, strict=True))
    laid, bare = (
        sum(decoders[precision].log_likelihood(ids, len(given), one) for given, ids in rows) for one in (adapter, None)
    )
    assert laid > bare + 50


def test_over_another_decoder_it_is_refused(decoders, tuned, written):
    with pytest.raises(IntegrityError, match="was made for the decoder"):
        reply(decoders["int8"], PROMPTS[0], tuned[0].sealed)
    with pytest.raises(IntegrityError, match=written.digests["int8"][:12]):
        open_adapter(tuned[0].sealed, decoder=written.digests["int8"])
    assert reply(decoders["int8"], PROMPTS[0], None)


def test_absent_tampered_and_misnamed_ones_are_refused(decoders, tuned, tmp_path):
    with pytest.raises(NotFound):
        reply(decoders["fp32"], PROMPTS[0], tmp_path / ("0" * 64))
    with pytest.raises(IntegrityError, match="64 hexadecimal"):
        adapter_path(tmp_path, "../adapter")
    source = tuned[2].sealed
    copy = Path(shutil.copytree(source, tmp_path / source.name))
    raw = bytearray((copy / "adapter.onnx_adapter").read_bytes())
    raw[-5] ^= 1
    (copy / "adapter.onnx_adapter").write_bytes(raw)
    card = open_adapter(source, decoder=decoders["fp32"].digest).card
    with pytest.raises(IntegrityError, match="has changed"):
        open_adapter(copy, decoder=decoders["fp32"].digest)
    (copy / "more").write_bytes(b"")
    with pytest.raises(IntegrityError, match="A sealed adapter holds"):
        seal_adapter(copy, card)
    body = json.loads((source / "adapter.json").read_text())
    for change in ({"format": 2}, {"shape": None}, {"decoder": 7}):
        (copy / "adapter.json").write_text(json.dumps({**body, **change}))
        with pytest.raises(IntegrityError):
            open_adapter(copy, decoder=decoders["fp32"].digest)


def test_what_is_no_adapter_is_refused_though_sealed(decoders, tuned, tmp_path):
    card = open_adapter(tuned[0].sealed, decoder=decoders["fp32"].digest).card
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "adapter.onnx_adapter").write_bytes(b"no adapter")
    digest = seal_adapter(tmp_path / "work", card)
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        reply(decoders["fp32"], PROMPTS[0], (tmp_path / "work").rename(tmp_path / digest))
    assert reply(decoders["fp32"], PROMPTS[0], None)


def test_the_one_unused_for_longest_is_given_up_never_one_in_use(written, tuned):
    decoder = Decoder.load(written.folder())
    shelf = decoder.adapters = AdapterShelf(decoder._model, decoder.digest, kept=2)
    one, two, three = (tuned_one.sealed for tuned_one in tuned)
    expected = reply(decoder, PROMPTS[0], one)
    reply(decoder, PROMPTS[0], two)
    reply(decoder, PROMPTS[0], one)
    assert shelf.loaded() == (two.name, one.name)
    reply(decoder, PROMPTS[0], three)
    assert shelf.loaded() == (one.name, three.name)
    assert 0 < sum(use.size_bytes for use in shelf.usage()) < 200_000

    midway = decoder.generate(Wish(PROMPTS[0], GREEDY, one))
    begun = [next(midway)]
    with shelf.using(three), shelf.using(two):
        assert set(shelf.loaded()) == {one.name, two.name, three.name}  # all in use: more than are kept
    assert one.name in shelf.loaded()
    assert len(shelf.loaded()) == 2
    assert begun + list(midway) == expected


def test_a_reply_that_nobody_finishes_gives_its_adapter_back(written, tuned):
    """At once when it is let go, and also when it is collected while its thread holds the shelf."""
    decoder = Decoder.load(written.folder())
    shelf = decoder.adapters = AdapterShelf(decoder._model, decoder.digest, kept=1)
    one, two = (tuned_one.sealed for tuned_one in tuned[:2])
    next(decoder.generate(Wish(PROMPTS[0], GREEDY, one)))
    reply(decoder, PROMPTS[0], two)
    assert shelf.loaded() == (two.name,)
    left = decoder.generate(Wish(PROMPTS[0], GREEDY, two))
    next(left)
    with shelf._lock:
        del left  # would wait for itself
    reply(decoder, PROMPTS[0], one)
    assert shelf.loaded() == (one.name,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"peft_type": "IA3"}, "peft_type"),
        ({"r": None}, "no rank"),
    ],
)
def test_an_adapter_that_is_more_than_two_matrices_a_layer_is_refused(tuned, written, tmp_path, change, said):
    """Rather than served without what it is besides."""
    copy = Path(shutil.copytree(tuned[0].peft, tmp_path / "peft"))
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ParityFailed, match=said):
        write_adapter(copy, open_decoder(written.folder()), tmp_path)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"r": 16, "target_modules": ["q_proj"]}, "goes not into"),
        ({"r": 2, "target_modules": ["lm_head"]}, "it changes base_model.model.lm_head"),
    ],
)
def test_an_adapter_for_which_there_is_no_room_is_refused(written, tmp_path, shape, said):
    tune(written.base, tmp_path / "peft", shape, 0)
    with pytest.raises(ParityFailed, match=said):
        write_adapter(tmp_path / "peft", open_decoder(written.folder()), tmp_path)


def test_an_adapter_of_a_larger_model_is_refused(tuned, written, tmp_path):
    copy = Path(shutil.copytree(tuned[0].peft, tmp_path / "peft"))
    tensors = load_file(copy / "adapter_model.safetensors")
    save_file({name.replace("layers.1", "layers.9"): one for name, one in tensors.items()},
              copy / "adapter_model.safetensors")  # fmt: skip
    with pytest.raises(ParityFailed, match=r"no input model\.layers\.9\."):
        write_adapter(copy, open_decoder(written.folder()), tmp_path)
