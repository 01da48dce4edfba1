"""How well a model foretells texts: bits per byte, which models with different tokenizers share, and perplexity.

A model gives each token a probability; the negative logarithms of a text's tokens, summed, are its surprise in nats. In
bits, and by byte of the text in UTF-8, it no longer matters into how many tokens a tokenizer cuts the text: 1.2 bits
per byte are 1.2 whatever the vocabulary. Perplexity per token compares only models with one tokenizer. Surprise that
is counted and bytes that are counted must be of the same text: what a mask keeps from the one stays out of the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.judgement.intervals import Array, Difference, Interval, bootstrap, paired_bootstrap


def utf8_bytes(text: str) -> int:
    """The bytes of a text in UTF-8; half of a surrogate pair counts as the three that it takes alone."""
    return len(text.encode("utf-8", "surrogatepass"))


def bits_per_byte(nats: float, size: int) -> float:
    """Surprise of `nats` over `size` bytes, in bits for each; NaN of no bytes."""
    return nats / math.log(2) / size if size else float("nan")


def perplexity(nats: float, tokens: int) -> float:
    """The number of equally likely tokens that would surprise as much, per token; NaN of no tokens."""
    if not tokens:
        return float("nan")
    mean = nats / tokens
    return math.exp(mean) if mean < math.log(1e300) else float("inf")


@dataclass(frozen=True, slots=True)
class Likelihood:
    """What a model thinks of n texts: for each its surprise in `nats`, its scored `tokens` and the `sizes` of what was
    scored, in bytes."""

    nats: Array
    tokens: Array
    sizes: Array

    def __post_init__(self) -> None:
        if not len(self.nats) == len(self.tokens) == len(self.sizes):
            raise ValueError(f"rows differ: {len(self.nats)}, {len(self.tokens)}, {len(self.sizes)}")

    @classmethod
    def of(cls, nats: Sequence[float], tokens: Sequence[int], scored: Sequence[str]) -> Likelihood:
        """The same of the texts that were `scored`."""
        sizes = np.array([utf8_bytes(text) for text in scored], dtype=np.int64)
        return cls(np.asarray(nats, dtype=float), np.asarray(tokens, dtype=np.int64), sizes)

    def bits_per_byte(self, *, seed: int = 0) -> Interval:
        """Over all bytes, with the interval of other draws of texts."""
        return bootstrap(_bits, self._rows, seed=seed)

    def perplexity(self) -> float:
        return perplexity(float(np.sum(self.nats)), int(np.sum(self.tokens)))

    def less(self, other: Likelihood, *, seed: int = 0) -> Difference:
        """Bits per byte of this less those of `other` on the same texts: below zero, this model is the better one."""
        if not np.array_equal(self.sizes, other.sizes):
            raise ValueError("the models were scored on different texts")
        return paired_bootstrap(_second_bits, self.sizes, (other._rows, self._rows), seed=seed)

    def to_wire(self, *, seed: int = 0) -> dict[str, Any]:
        ppl = self.perplexity()
        return {
            "rows": len(self.nats),
            "tokens": int(np.sum(self.tokens)),
            "bytes": int(np.sum(self.sizes)),
            "bits_per_byte": self.bits_per_byte(seed=seed).to_wire(),
            "perplexity": ppl if math.isfinite(ppl) else None,
        }

    @property
    def _rows(self) -> Array:
        return np.stack([np.asarray(self.nats, dtype=float), np.asarray(self.sizes, dtype=float)], axis=1)


def _bits(rows: Array) -> float:
    nats, sizes = rows.sum(axis=0)
    return bits_per_byte(float(nats), int(sizes))


def _second_bits(_: Array, rows: Array) -> float:
    return _bits(rows)
