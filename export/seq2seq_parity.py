"""Does the exported rewriter write what the trained model writes, token by token? Compared on held-out sources.

Full precision must write the very same tokens of every source. int8 may write other ones of some, and may cost a few
right answers, and no more. Write side: imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel

from data.errors import ParityFailed
from data.pair_render import Seq2SeqRenderer
from data.render import Rendered
from export.parity import MAX_COST, NAMED
from export.rewriters import Precision
from export.seq2seq import Rewriter

EQUAL = {"fp32": 1.0, "int8": 0.9}
"""Least share of sources of which both sides write the same tokens."""
AT_ONCE = 32

Written = tuple[int, ...]
"""What was written, its end token included where it came to one."""


@dataclass(frozen=True, slots=True)
class WritingParity:
    """`equal`: of how many sources the same was written; `cost`: share of right answers lost, None where none was
    known; `different`: the first rows that differ."""

    precision: Precision
    rows: int
    equal: int
    cost: float | None
    different: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        return self.equal / self.rows

    @property
    def passed(self) -> bool:
        return self.share >= EQUAL[self.precision]

    def to_wire(self) -> dict[str, Any]:
        return {
            "precision": self.precision,
            "rows": self.rows,
            "passed": self.passed,
            "equal": round(self.share, 5),
            "cost": None if self.cost is None else round(self.cost, 5),
            "different": list(self.different),
        }


def compare_writing(
    trained: Sequence[Written], exported: Sequence[Written], truth: Sequence[Written], precision: Precision
) -> WritingParity:
    """Raises ValueError when nothing would have been compared."""
    if not trained:
        raise ValueError("an empty probe compares nothing")
    differ = [row for row, (one, other) in enumerate(zip(trained, exported, strict=True)) if one != other]
    cost = None
    if truth:
        right = [(one == true) - (other == true) for one, other, true in zip(trained, exported, truth, strict=True)]
        cost = sum(right) / len(right)
    return WritingParity(precision, len(trained), len(trained) - len(differ), cost, tuple(differ[:NAMED]))


def require_writing(parity: WritingParity) -> None:
    """Raise ParityFailed unless the exported side writes what it must."""
    if not parity.passed:
        raise ParityFailed(
            f"The exported {parity.precision} model does not write what the trained one writes: the same tokens of "
            f"{parity.equal} of {parity.rows} sources.",
            remedy="Nothing was published. Export again; if it fails again, report the versions in the job's log.",
            checks="writing",
        )


def serves_int8(int8: WritingParity) -> tuple[Precision, str]:
    """Which precision is served, and why in one sentence."""
    if not int8.passed:
        return "fp32", f"int8 writes the same tokens of only {100 * int8.share:.1f} % of sources."
    if int8.cost is not None and int8.cost > MAX_COST + 1e-12:
        return "fp32", f"int8 costs {100 * int8.cost:.2f} points of exact match, more than {100 * MAX_COST:.2f}."
    return "int8", f"int8 writes the same tokens of {100 * int8.share:.1f} % of sources."


def written_in_torch(
    model: PreTrainedModel, renderer: Seq2SeqRenderer, sources: Sequence[Rendered], beams: int = 1
) -> list[Written]:
    """What transformers' own `generate` writes of these sources."""
    order = sorted(range(len(sources)), key=lambda row: len(sources[row]))
    written: list[Written] = [()] * len(sources)
    generator: Any = model
    with _asked(generator, renderer, beams), torch.inference_mode():
        for at in range(0, len(order), AT_ONCE):
            rows = order[at : at + AT_ONCE]
            ids, mask = map(torch.from_numpy, renderer.pad([sources[row] for row in rows]))
            opening = torch.tensor([renderer.opening] * len(rows))
            found = generator.generate(input_ids=ids, attention_mask=mask, decoder_input_ids=opening)
            for row, tokens in zip(rows, found[:, opening.shape[1] :].tolist(), strict=True):
                written[row] = _ended(tokens, renderer.end_id)
    return written


def written_exported(
    rewriter: Rewriter,
    sources: Sequence[Rendered],
    beams: int = 1,
    check: Callable[[], None] | None = None,
) -> list[Written]:
    """What the exported model writes of these sources; `check` is called between them and may raise."""
    written: list[Written] = []
    for source in sources:
        if check is not None:
            check()
        found = rewriter.write(source, rewriter.usual, beams=beams)
        written.append((*found.ids, *((rewriter.card.end_id,) if found.ending == "stop" else ())))
    return written


@contextmanager
def _asked(model: Any, renderer: Seq2SeqRenderer, beams: int) -> Iterator[None]:
    """Let the model generate as we ask, and in no way of its own: hub models bring penalties and forced tokens."""
    own = model.generation_config
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=renderer.shape.target_length,
        do_sample=False,
        num_beams=beams,
        decoder_start_token_id=renderer.shape.start_id,
        eos_token_id=renderer.end_id,
        pad_token_id=renderer.pad_id,
    )
    try:
        yield
    finally:
        model.generation_config = own


def _ended(tokens: list[int], end: int) -> Written:
    """Up to the end; what stands behind it pads a shorter text."""
    return tuple(tokens[: tokens.index(end) + 1] if end in tokens else tokens)
