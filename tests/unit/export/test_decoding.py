"""Replies token by token: what transformers would write, seeded, limited, interrupted, and by many threads at once."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from data.errors import IntegrityError, UsageError
from export.decoding import CHUNK, Decoder, Wish
from export.sampling import Sampling
from tests.tiny_llama import CONTEXT, END

PROMPTS = [tuple(np.random.default_rng(seed).integers(4, 260, 3 + 4 * seed).tolist()) for seed in range(20)]
WARM = Sampling(seed=3, temperature=1.0, top_p=0.9, max_tokens=16)


@pytest.fixture(scope="module")
def model(written) -> LlamaForCausalLM:
    return LlamaForCausalLM.from_pretrained(written.base, dtype=torch.float32).eval()


def reply(decoder: Decoder, ids: tuple[int, ...], sampling: Sampling = WARM, adapter: Path | None = None) -> list[int]:
    return list(decoder.generate(Wish(ids, sampling, adapter)))


class Clock:
    """A clock that each look moves on."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_what_is_drawn_is_what_the_seed_says(decoders):
    once = reply(decoders["fp32"], PROMPTS[0])
    assert reply(decoders["fp32"], PROMPTS[0]) == once
    others = [reply(decoders["fp32"], PROMPTS[0], Sampling(seed=s, temperature=1.0, max_tokens=16)) for s in range(5)]
    assert len({tuple(one) for one in [*others, once]}) > 4


@pytest.mark.parametrize("penalty", [1.0, 1.7])
def test_greedy_replies_are_those_of_transformers(decoders, model, penalty):
    for ids in PROMPTS[:6]:
        with torch.inference_mode():
            found = model.generate(
                torch.tensor([ids]), do_sample=False, max_new_tokens=12, repetition_penalty=penalty, pad_token_id=0
            )[0, len(ids) :].tolist()
        greedy = Sampling(max_tokens=12, repetition_penalty=penalty)
        assert reply(decoders["fp32"], ids, greedy) == [one for one in found if one != END]


def test_a_reply_of_many_threads_is_the_reply_of_one(decoders):
    """Different seeds beside each other, in every precision, on one loaded model each."""
    wishes = [(p, ids, Sampling(seed=at, temperature=0.9, top_k=20, max_tokens=12))
              for p in decoders for at, ids in enumerate(PROMPTS[:8])]  # fmt: skip
    alone = [reply(decoders[p], ids, sampling) for p, ids, sampling in wishes]
    beside: list[list[int]] = [[] for _ in wishes]
    start = threading.Barrier(len(wishes))

    def write(at: int) -> None:
        p, ids, sampling = wishes[at]
        start.wait(30)
        beside[at] = reply(decoders[p], ids, sampling)

    threads = [threading.Thread(target=write, args=(at,)) for at in range(len(wishes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert beside == alone


def test_it_ends_where_the_model_ends_it(decoders):
    """By the decoder's own stop id or one of the wish; the token that ends it is no part of the reply."""
    decoder = decoders["fp32"]
    whole = reply(decoder, PROMPTS[1])
    ended = decoder.generate(Wish(PROMPTS[1], WARM, stop={whole[5]}))
    assert list(ended) == whole[: whole.index(whole[5])]
    assert ended.ending == "stop"
    seeds = (Sampling(seed=seed, temperature=5.0, max_tokens=90) for seed in range(40))
    endings = {}
    for sampling in seeds:
        generation = decoder.generate(Wish((5,), sampling))
        assert END not in list(generation)
        endings[generation.ending] = True
    assert "stop" in endings


def test_it_ends_at_its_limits(decoders):
    decoder = decoders["fp32"]
    generation = decoder.generate(Wish(PROMPTS[2], Sampling(max_tokens=3)))
    assert generation.ending is None
    assert (len(list(generation)), generation.ending) == (3, "length")
    assert list(generation) == []
    context = tuple(PROMPTS[3] * 20)[: CONTEXT - 2]
    generation = decoder.generate(Wish(context, Sampling(max_tokens=50)))
    assert (len(list(generation)), generation.ending) == (2, "length")


def test_a_context_that_leaves_no_room_is_refused(decoders):
    decoder = decoders["fp32"]
    for length in (CONTEXT, CONTEXT + 1):
        with pytest.raises(UsageError, match=f"has {length} tokens, and this model reads {CONTEXT}"):
            decoder.generate(Wish((5,) * length))
    with pytest.raises(UsageError, match=f"reads {CONTEXT}"):
        decoder.log_likelihood((5,) * (CONTEXT + 1), 1)


@pytest.mark.parametrize("ids", [(), (5, 260), (-1, 5)])
def test_what_are_no_tokens_of_it_is_a_bug(decoders, ids):
    with pytest.raises(ValueError, match="tokens from 0 to 259"):
        decoders["int4"].generate(Wish(ids))


def test_it_ends_when_its_time_is_over(written):
    """The clock is looked at before each chunk of the context and each token."""
    decoder = Decoder.load(written.folder(), clock=Clock(1.0))
    generation = decoder.generate(Wish(PROMPTS[0], Sampling(seconds=5.0, max_tokens=50)))
    assert (len(list(generation)), generation.ending) == (3, "time")
    generation = decoder.generate(Wish((5,) * (CHUNK + 5), Sampling(seconds=2.0, max_tokens=50)))
    assert (list(generation), generation.ending) == ([], "time")  # the context itself took too long


def test_nobody_waits_any_more(decoders):
    """Asked before each token: one that computes a token once all are gone computes no other."""
    asked: list[int] = []

    def gone() -> bool:
        asked.append(1)
        return len(asked) > 4

    generation = decoders["fp32"].generate(Wish(PROMPTS[0], Sampling(max_tokens=50), cancelled=gone))
    assert (len(list(generation)), generation.ending) == (3, "cancelled")
    left = decoders["fp32"].generate(Wish(PROMPTS[0], Sampling(max_tokens=50)))
    next(left)
    left.close()
    assert (list(left), left.ending) == ([], "cancelled")


@pytest.mark.parametrize(("precision", "near"), [("fp32", 1e-3), ("int8", 8.0), ("int4", 90.0)])
def test_scores_of_what_was_said(decoders, model, precision, near):
    ids = PROMPTS[19]
    assert len(ids) > CHUNK + 10
    with torch.inference_mode():
        logs = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1)
    for start in (1, 10, CHUNK - 1, CHUNK, CHUNK + 1, len(ids) - 1):
        expected = float(sum(logs[at - 1, ids[at]] for at in range(start, len(ids))))
        assert decoders[precision].log_likelihood(ids, start) == pytest.approx(expected, abs=near)
    for start in (0, len(ids)):
        with pytest.raises(ValueError, match="no tokens to score"):
            decoders[precision].log_likelihood(ids, start)


def test_a_whole_context_can_be_scored(decoders):
    ids = (PROMPTS[19] * 2)[:CONTEXT]
    parts = [decoders["fp32"].log_likelihood(ids[: at + 1], at) for at in range(1, CONTEXT)]
    assert decoders["fp32"].log_likelihood(ids, 1) == pytest.approx(sum(parts), abs=1e-3)


def test_what_is_no_graph_is_refused(written, tmp_path):
    copy = Path(shutil.copytree(written.folder(), tmp_path / "copy"))
    (copy / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        Decoder.load(copy, verify=False)
