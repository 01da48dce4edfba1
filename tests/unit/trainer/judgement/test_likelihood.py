"""Bits per byte and perplexity against their plain formulas, whatever the tokenizer, and of nothing at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.judgement.likelihood import Likelihood, bits_per_byte, perplexity, utf8_bytes

ROWS = st.lists(st.tuples(st.floats(0, 500), st.integers(1, 200), st.text(min_size=1, max_size=60)), min_size=1)


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_plain_formulas(rows: list[tuple[float, int, str]]) -> None:
    nats, tokens, texts = zip(*rows, strict=True)
    likelihood = Likelihood.of(nats, tokens, texts)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert likelihood.bits_per_byte().value == pytest.approx(sum(nats) * math.log2(math.e) / size, abs=1e-12)
    assert likelihood.perplexity() == pytest.approx(2 ** (sum(nats) / math.log(2) / sum(tokens)))
    assert 0 <= likelihood.bits_per_byte().low <= likelihood.bits_per_byte().high


def test_a_uniform_model_over_bytes_takes_eight_bits_each_however_it_cuts_the_text() -> None:
    text = "Grüße, 你好 👍"
    size = utf8_bytes(text)
    assert size == len(text.encode())
    for tokens in (size, 3):  # the same surprise in few tokens is another perplexity, and the same bits
        likelihood = Likelihood.of([size * math.log(256)], [tokens], [text])
        assert likelihood.bits_per_byte().value == pytest.approx(8)
    assert perplexity(size * math.log(256), size) == pytest.approx(256)


def test_nothing_is_undefined_and_much_is_infinite() -> None:
    assert math.isnan(bits_per_byte(3.0, 0))
    assert math.isnan(perplexity(0.0, 0))
    assert math.isinf(perplexity(1e9, 1))
    assert Likelihood.of([], [], []).to_wire() == {
        "rows": 0,
        "tokens": 0,
        "bytes": 0,
        "bits_per_byte": {"value": None, "low": None, "high": None},
        "perplexity": None,
    }
    assert Likelihood.of([1e9], [1], ["a"]).to_wire()["perplexity"] is None


def test_the_better_model_of_two_takes_fewer_bits() -> None:
    texts = ["one two three", "four", "five six"] * 10
    better = Likelihood.of([10.0, 4.0, 7.0] * 10, [3, 1, 2] * 10, texts)
    worse = Likelihood.of([14.0, 5.0, 9.0] * 10, [5, 2, 3] * 10, texts)
    gap = better.less(worse)
    assert gap.value == pytest.approx(better.bits_per_byte().value - worse.bits_per_byte().value)
    assert gap.high < 0
    assert gap.superiority == 0.0
    assert better.less(better).value == 0


def test_models_are_compared_on_the_same_texts_only() -> None:
    with pytest.raises(ValueError, match="different texts"):
        Likelihood.of([1.0], [1], ["a"]).less(Likelihood.of([1.0], [1], ["ab"]))
    with pytest.raises(ValueError, match="rows differ"):
        Likelihood.of([1.0], [1, 2], ["a"])
