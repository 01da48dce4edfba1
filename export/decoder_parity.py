"""Does the exported decoder write what transformers would? Compared on held-out contexts, token by token. Write side.

In fp32 every greedy reply must be equal to the last token, or nothing is published. One exception is stated: where the
trained side finds two tokens equally likely, rounding settles which, and everything after may differ. So a reply
counts as equal when the two tokens at which it parts are within TIE of each other there. int8 and int4 change what is
computed: how much is measured and told, and decided elsewhere.
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

    def scores(self, ids: Sequence[int]) -> npt.NDArray[np.float64]:
        """Logits [positions, vocabulary] of what comes after each token."""
        with torch.inference_mode():
            return np.asarray(self._model(torch.tensor([list(ids)])).logits[0].double().numpy())

    def log_likelihood(self, held: Held) -> float:
        """As `Decoder.log_likelihood`, of the reply after its context."""
        ids = (*held.context, *held.reply)
        logs = torch.log_softmax(torch.from_numpy(self.scores(ids)), dim=-1)
        return float(sum(logs[at - 1, ids[at]] for at in range(len(held.context), len(ids))))


def compare_decoder(
    trained: TrainedWriter, exported: Decoder, held: Sequence[Held], length: int = 32, adapter: Path | None = None
) -> DecoderComparison:
    """Write greedy replies of at most `length` tokens to all contexts on both sides, and score the true replies.

    Raises ValueError without a context: nothing would have been compared.
    """
    if not held:
        raise ValueError("no context compares nothing")
    different, ties = [], 0
    for row, one in enumerate(held):
        room = min(length, exported.card.context - len(one.context))
        theirs = trained.write(one.context, room, exported.card.stop)
        ours = list(exported.generate(Wish(one.context, Sampling(max_tokens=room, seconds=3600), adapter)))
        if ours != theirs:
            if _is_tie(trained, one.context, (ours, theirs), exported.card.stop):
                ties += 1
            else:
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


def _is_tie(
    trained: TrainedWriter, context: Sequence[int], sides: tuple[list[int], list[int]], stop: Sequence[int]
) -> bool:
    """Whether the replies part where the trained side finds both ways equally good. A reply that ended parts from one
    that goes on by the likeliest token that ends one."""
    one, other = sides
    shared = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    scores = trained.scores([*context, *one[:shared]])[-1]
    ways = [[side[shared]] if shared < len(side) else list(stop) for side in sides]
    if not all(ways):
        return False
    best = [max(scores[way]) for way in ways]
    return bool(abs(best[0] - best[1]) < TIE)
