"""Is the exported decoder the trained one? All replies equal in fp32, or nothing is published."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from data.errors import ParityFailed
from export.decoder_parity import Held, TrainedWriter, compare_decoder, require_decoder
from export.decoding import Decoder
from tests.tiny_llama import END, random_llama


def held_out(rows: int) -> list[Held]:
    dice = np.random.default_rng(5)
    return [
        Held(tuple(dice.integers(4, 260, dice.integers(1, 80)).tolist()), tuple(dice.integers(4, 260, 6).tolist()))
        for _ in range(rows)
    ]


HELD = held_out(20)


@pytest.fixture(scope="module")
def trained(written) -> TrainedWriter:
    return TrainedWriter.load(written.base)


def test_in_fp32_every_reply_is_equal(trained, decoders):
    found = compare_decoder(trained, decoders["fp32"], HELD)
    assert (found.equal, found.different, found.contexts) == (1.0, (), 20)
    assert abs(found.drift) < 1e-4
    require_decoder(found)
    assert found.to_wire() == {
        "precision": "fp32", "contexts": 20, "passed": True, "equal": 1.0, "ties": 0,
        "drift": pytest.approx(0, abs=1e-4),
    }  # fmt: skip


def test_in_fewer_bits_what_it_costs_is_told_and_not_judged(trained, decoders):
    eight, four = (compare_decoder(trained, decoders[precision], HELD, 2) for precision in ("int8", "int4"))
    assert eight.equal > four.equal
    assert 0 < abs(eight.drift) < abs(four.drift)
    assert four.different
    for found in (eight, four):
        require_decoder(found)


def test_another_model_is_refused_by_name_of_the_contexts(decoders):
    found = compare_decoder(TrainedWriter(random_llama(260, seed=8)), decoders["fp32"], HELD[:5])
    assert not found.passed
    with pytest.raises(ParityFailed, match=r"0\.00 % of 5 are equal, where all must be \(contexts 0, 1, 2, 3, 4\)"):
        require_decoder(found)


class Leaning(TrainedWriter):
    """A trained side whose favourite at one place of every reply is another, by a hair or by more."""

    def __init__(self, trained: TrainedWriter, gap: float) -> None:
        super().__init__(trained._model)
        self.gap = gap

    def scores(self, ids, since=0):
        scores = super().scores(ids, since)
        order = scores[-3].argsort()
        scores[-3, order[-2]] = scores[-3, order[-1]] + self.gap
        return scores


class Stopping(TrainedWriter):
    """A trained side that would have ended every reply two tokens earlier."""

    def scores(self, ids, since=0):
        scores = super().scores(ids, since)
        scores[-3, END] = scores[-3].max() + 1
        return scores


def test_only_what_is_equally_likely_may_differ(trained, decoders):
    held = [dataclasses.replace(one, reply=()) for one in HELD[:6]]
    near = compare_decoder(Leaning(trained, 1e-6), decoders["fp32"], held)
    assert (near.ties, near.equal, near.passed, near.drift) == (6, 1.0, True, None)
    far = compare_decoder(Leaning(trained, 1e-2), decoders["fp32"], held)
    assert (far.ties, far.equal, far.passed) == (0, 0.0, False)


def test_a_reply_that_ends_elsewhere_is_another_reply(trained, decoders):
    found = compare_decoder(Stopping(trained._model), decoders["fp32"], HELD[:3])
    assert found.equal == 0.0


def test_one_pass_tells_what_writing_token_by_token_would(trained, decoders):
    """The reply that transformers writes falls short nowhere; one with any other token, or another end, does."""
    stop = decoders["fp32"].card.stop
    for one in HELD[:6]:
        reply = trained.write(one.context, 16, stop)
        assert trained.shortfall(one.context, reply, 16, stop) < 1e-4
        assert trained.shortfall(one.context, [*reply[:-1], reply[-1] ^ 1], 16, stop) > 1e-3
        assert trained.shortfall(one.context, reply[:-1], 16, stop) > 1e-3
        assert trained.shortfall(one.context, reply[:-1], 16, ()) == np.inf


def test_the_trained_side_writes_nothing_after_its_end(trained):
    reply = trained.write(HELD[0].context, 24, (END, *range(4, 200)))
    assert all(token >= 200 or token in (0, 1, 3) for token in reply)
    assert trained.write(HELD[0].context, 24, (END, *range(4, 200))) is reply


def test_nothing_compares_nothing(trained, decoders):
    with pytest.raises(ValueError, match="no context"):
        compare_decoder(trained, decoders["fp32"], [])


@pytest.mark.slow
def test_two_hundred_contexts(trained, written):
    """As many as a release is held to."""
    with torch.inference_mode():
        found = compare_decoder(trained, Decoder.load(written.folder(), threads=2), held_out(200))
    assert (found.equal, found.ties) == (1.0, 0)
