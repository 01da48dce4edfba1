"""Does the exported decoder write what transformers would? Compared on held-out contexts, token by token. Write side.

In fp32 every greedy reply must be equal to the last token, or nothing is published. The trained side reads the exported
one's reply in one pass: where each of its tokens is the likeliest after those before it, greedy decoding could have
written nothing else, and it takes a small part of the time. One exception is stated: where the trained side finds two
tokens equally likely, rounding settles which. So a reply counts as equal when none of its tokens is more than TIE below
the likeliest. int8 and int4 change what is computed: how much is measured and told, and decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from data.errors import ParityFailed
from export.decoders import Precision
from export.decoding import Decoder, Wish
from export.sampling import Sampling

TIE = 1e-4
"""Two logits nearer than this on the trained side are equal: both sides compute in float32, in another order, and were
seen to differ by 1e-5 at most."""
NAMED = 20


@dataclass(frozen=True, slots=True)
class Held:
    """A held-out context as token ids, and the brand's true reply to it, where it is to be scored."""

    context: tuple[int, ...]
    reply: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DecoderComparison:
    """`equal` is the share of greedy replies that are the same, ties counted as such (`ties` says how many there were);
    `different` names contexts whose replies are not. `drift` is what a token of a true reply loses in natural
    logarithms of its probability, on average (negative: gains); None when no replies were given."""

    precision: Precision
    contexts: int
    equal: float
    ties: int
    different: tuple[int, ...]
    drift: float | None

    @property
    def passed(self) -> bool:
        return self.precision != "fp32" or not self.different

    def to_wire(self) -> dict[str, Any]:
        """The verdict's `parity` of a generator."""
        return {
            "precision": self.precision,
            "contexts": self.contexts,
            "passed": self.passed,
            "equal": round(self.equal, 5),
            "ties": self.ties,
            "drift": None if self.drift is None else round(self.drift, 6),
        }


class TrainedWriter:
    """The trained side: transformers' own `generate` in float32 on the CPU. What it wrote is remembered."""

    def __init__(self, model: PreTrainedModel) -> None:
        """`model` is taken as it is; for a tuned adapter, merge it first."""
        whole: Any = model  # transformers wraps its methods in ways that no type checker follows
        self._model = whole.to(torch.float32).eval()
        self._written: dict[tuple[int, ...], list[int]] = {}

    @classmethod
    def load(cls, folder: Path) -> TrainedWriter:
        """The model that Hugging Face saved in `folder`; nothing is fetched."""
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        return cls(model)

    def write(self, context: Sequence[int], length: int, stop: Sequence[int]) -> list[int]:
        """The greedy reply, without the token that ends it."""
        key = (length, *stop, *context)
        if key not in self._written:
            ids = torch.tensor([list(context)])
            with torch.inference_mode():
                found = self._model.generate(
                    ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, do_sample=False, num_beams=1,
                    repetition_penalty=1.0, eos_token_id=list(stop) or None, pad_token_id=0,
                )  # fmt: skip
            reply = found[0, len(context) :].tolist()
            self._written[key] = reply[:-1] if reply and reply[-1] in stop else reply
        return self._written[key]

    def scores(self, ids: Sequence[int], since: int = 0) -> npt.NDArray[np.float64]:
        """Logits [positions, vocabulary] of what comes after each token, from position `since` on."""
        with torch.inference_mode():
            return np.asarray(self._model(torch.tensor([list(ids)])).logits[0, since:].double().numpy())

    def shortfall(self, context: Sequence[int], reply: Sequence[int], room: int, stop: Sequence[int]) -> float:
        """By how much, in logits, the worst token of `reply` is below the likeliest at its place: 0 of the greedy reply
        of at most `room` tokens. What is shorter than that has ended, by the likeliest token of `stop`."""
        scores = self.scores([*context, *reply], len(context) - 1)
        written = [scores[at, token] for at, token in enumerate(reply)]
        if len(reply) < room:
            written.append(max((scores[-1, token] for token in stop), default=-np.inf))
        return float(max((row.max() - one for row, one in zip(scores, written, strict=False)), default=0.0))

    def log_likelihood(self, held: Held) -> float:
        """As `Decoder.log_likelihood`, of the reply after its context."""
        scores = self.scores((*held.context, *held.reply), len(held.context) - 1)
        logs = torch.log_softmax(torch.from_numpy(scores), dim=-1)
        return float(sum(logs[at, token] for at, token in enumerate(held.reply)))


def compare_decoder(
    trained: TrainedWriter, exported: Decoder, held: Sequence[Held], length: int = 32, adapter: Path | None = None
) -> DecoderComparison:
    """Hold greedy replies of at most `length` tokens to all contexts against the trained side, and score the true ones.

    Raises ValueError without a context: nothing would have been compared.
    """
    if not held:
        raise ValueError("no context compares nothing")
    different, ties = [], 0
    for row, one in enumerate(held):
        room = min(length, exported.card.context - len(one.context))
        ours = list(exported.generate(Wish(one.context, Sampling(max_tokens=room, seconds=3600), adapter)))
        shortfall = trained.shortfall(one.context, ours, room, exported.card.stop)
        ties += 0 < shortfall < TIE
        if shortfall >= TIE:
            different.append(row)
    return DecoderComparison(
        precision=exported.card.precision,
        contexts=len(held),
        equal=1 - len(different) / len(held),
        ties=ties,
        different=tuple(different[:NAMED]),
        drift=_drift(trained, exported, held, adapter),
    )


def require_decoder(comparison: DecoderComparison) -> None:
    """Raise ParityFailed when an fp32 decoder does not write what was trained."""
    if not comparison.passed:
        rows = ", ".join(map(str, comparison.different))
        raise ParityFailed(
            f"The exported decoder writes other replies than the trained one: {100 * comparison.equal:.2f} % of"
            f" {comparison.contexts} are equal, where all must be (contexts {rows}).",
            remedy="Nothing was published. Export again; if it fails again, report the versions in the job's log.",
        )


def _drift(trained: TrainedWriter, exported: Decoder, held: Sequence[Held], adapter: Path | None) -> float | None:
    scored = [one for one in held if one.reply]
    tokens = sum(len(one.reply) for one in scored)
    if not tokens:
        return None
    lost = sum(
        trained.log_likelihood(one)
        - exported.log_likelihood((*one.context, *one.reply), len(one.context), adapter)
        for one in scored
    )  # fmt: skip
    return lost / tokens
