"""What a base is worth: bits per byte on what was held out, beside n-grams of the same tokens, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from data.chat_render import ChatRenderer
from data.render import Rendered
from trainer.generation.lines import Talk, written
from trainer.generation.surprise import line_nats
from trainer.judgement.likelihood import bits_per_byte, perplexity
from trainer.pretraining.corpus import Corpus
from trainer.pretraining.kneser_ney import KneserNey
from trainer.tasks.generate import GenerateRows

ORDER = 5
SAMPLES = 6
SAMPLE_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Sample:
    """What was asked, what people answered, and what the base says (its likeliest tokens)."""

    context: tuple[str, ...]
    truth: str
    said: str


@dataclass(frozen=True, slots=True)
class Worth:
    """Bits per byte of the held-out conversations by the base as it is kept and by the n-grams, over the same tokens;
    `perplexity` is per token."""

    bits_per_byte: float
    ngram_bits_per_byte: float
    perplexity: float
    held_bytes: int
    samples: tuple[Sample, ...]

    @property
    def gain(self) -> float:
        """How much less than the n-grams, as a share of theirs."""
        return 1 - self.bits_per_byte / self.ngram_bits_per_byte

    def to_wire(self) -> dict[str, Any]:
        return {**asdict(self), "gain": self.gain}


def measured(model: Any, renderer: ChatRenderer, corpus: Corpus, rows: tuple[GenerateRows, GenerateRows]) -> Worth:
    """Of `model`; `rows` are the corpus's, learned and held out."""
    train, held = rows
    lost = sum(line_nats(model, held, renderer))
    floor = KneserNey(_ids(train.rendered), renderer.vocabulary, ORDER).log_probabilities(_ids(held.rendered))
    size = written(corpus.held)
    return Worth(
        bits_per_byte=bits_per_byte(lost, size),
        ngram_bits_per_byte=bits_per_byte(-float(floor.sum()), size),
        perplexity=perplexity(lost, held.learned),
        held_bytes=size,
        samples=tuple(_samples(model, renderer, corpus.held)),
    )


def _ids(rendered: Sequence[Rendered]) -> list[tuple[int, ...]]:
    return [one.ids for one in rendered]


def _samples(model: Any, renderer: ChatRenderer, held: Sequence[Talk]) -> list[Sample]:
    talks = [document for document in held if len(document) > 3 and document[1][0] != "user"]
    chosen = np.random.default_rng(0).permutation(len(talks))[:SAMPLES]
    found = []
    for at in sorted(chosen.tolist()):
        *before, (_, truth) = talks[at][:4]
        ids = renderer.prompt(before, room=SAMPLE_TOKENS)
        with torch.inference_mode():
            out = model.generate(
                torch.tensor([ids]), max_new_tokens=SAMPLE_TOKENS, do_sample=False, eos_token_id=sorted(renderer.stops)
            )
        said = renderer.text(out[0, len(ids) :].tolist())
        found.append(Sample(tuple(text for _, text in before), truth, said))
    return found
