"""How fast and how large a training is on this machine: a few steps of it, on the bot's own rows, thrown away.

Three are taken on the batch of median length and one on the longest, texts are read and a linear head is fitted on some
rows; `workload` knows how often each will happen. Nothing of it is seen by the training that follows: the weights are
fresh ones, and random numbers are drawn from a copy of their state, which is put back.

Memory is the most that this process held while it did so: on Linux VmHWM of /proc/self/status, set back first by way of
clear_refs; where that is refused, or on another system, the most it ever held (`getrusage`), which may be more; 0
where nothing counts it. The memory of an accelerator is not counted.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from data.render import Padder, Rendered, Renderer
from trainer.core.datamodule import Rows, Sizes, padded_tokens, plan_batches
from trainer.core.embedding import BATCH, Embedder, embed
from trainer.core.fit import resolve_precision, set_threads
from trainer.core.fixed_layers import Autocast, kept_below
from trainer.core.module import Tuner
from trainer.core.run_folder import RunFolder
from trainer.generation.recipe import GenerateRecipe
from trainer.intents.linear import Labelled
from trainer.recipes import Recipe
from trainer.tasks.task import Task

Clock = Callable[[], float]
STEPS = 3
"""Steps on the batch of median length; there is one more on the longest."""
_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_HIGH_WATER = "5"
"""What, written to clear_refs, sets VmHWM back to what the process holds now."""


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds by tokens: through what two batches took, or in proportion where they are of one size."""

    typical: tuple[float, float]
    longest: tuple[float, float]

    def seconds(self, tokens: float) -> float:
        (few, short), (many, long) = self.typical, self.longest
        even = short / max(few, 1)
        # Longer texts cost little more for each token: what took far longer was held up by something else.
        slope = min((long - short) / (many - few), 2 * even) if many > few and long > short else even
        return max(short + slope * (tokens - few), short / 10)


@dataclass(frozen=True, slots=True)
class DryRun:
    """Tries things as `run` would do them, by a clock."""

    run: RunFolder
    clock: Clock = time.perf_counter

    def steps(self, task: Task, recipe: Recipe, rows: Rows, renderer: Padder) -> Line:
        """What an optimiser step takes, by the tokens of its batch. `task` is not to be used again."""
        step, autocast = _stepping(task, recipe, self.run)
        lengths = rows.lengths()
        tried = [row for batch in _batches(lengths, recipe.batch_size) for row in batch]

        def learn(batch: Sequence[int]) -> None:
            step(rows.batch(batch, renderer))

        with kept_below(task, rows.texts(tried), renderer, autocast):
            return self._line(lengths, _batches(lengths, recipe.batch_size), learn)

    def budgeted(self, task: Task, recipe: GenerateRecipe, rows: Rows, renderer: Padder) -> Line:
        """As `steps`, where a batch holds so many tokens at most. `task` is not to be used again."""
        step, _ = _stepping(task, recipe, self.run)
        lengths = rows.lengths()
        plan = plan_batches(lengths, Sizes.of(recipe, recipe.batch_tokens), None)
        plan.sort(key=lambda batch: padded_tokens(lengths, batch))

        def learn(batch: Sequence[int]) -> None:
            step(rows.batch(batch, renderer))

        return self._line(lengths, (plan[len(plan) // 2], plan[-1]), learn)

    def validating(self, task: Task, recipe: Recipe, rows: Rows, renderer: Padder) -> Line:
        """What validating a batch takes, by its tokens."""
        device, autocast = _placed(task, recipe, self.run)
        task.eval()
        lengths = rows.lengths()

        def validate(batch: Sequence[int]) -> None:
            with torch.no_grad(), autocast():
                task.validate([tuple(part.to(device) for part in rows.batch(batch, renderer))])

        batches = _batches(lengths, Sizes.of(recipe).of_validation().rows)
        with kept_below(task, rows.texts([row for batch in batches for row in batch]), renderer, autocast):
            return self._line(lengths, batches, validate)

    def reading(self, encoder: Embedder, renderer: Renderer, rendered: Sequence[Rendered]) -> Line:
        """What a batch of texts takes to be embedded, by its tokens."""
        set_threads(self.run.threads)

        def read(batch: Sequence[int]) -> None:
            embed(encoder, renderer, [rendered[row] for row in batch])

        lengths = [len(one) for one in rendered]
        return self._line(lengths, _batches(lengths, BATCH), read)

    def linear(self, rows: Labelled, fit: Callable[[Labelled], object]) -> float:
        """Seconds that a linear head takes for each row and label when `fit` fits it."""
        return self._timed(partial(fit, rows)) / (len(rows) * len(set(rows.labels)))

    def _line(
        self, lengths: Sequence[int], batches: tuple[list[int], list[int]], work: Callable[[Sequence[int]], None]
    ) -> Line:
        if not lengths:  # what refuses to learn from nothing says so itself
            return Line((1.0, 0.0), (1.0, 0.0))
        typical, longest = batches
        # The first step makes room for the optimiser's state; of two, the faster one was held up by nothing else.
        _, *taken = (self._timed(partial(work, typical)) for _ in range(STEPS))
        most = self._timed(partial(work, longest))
        return Line((padded_tokens(lengths, typical), min(taken)), (padded_tokens(lengths, longest), most))

    def _timed(self, work: Callable[[], object]) -> float:
        self.run.check()
        started = self.clock()
        work()
        return self.clock() - started


def _batches(lengths: Sequence[int], size: int) -> tuple[list[int], list[int]]:
    """(the batch of median length, the longest one)"""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    middle = max(len(order) // 2 - size // 2, 0)
    return order[middle : middle + size], order[-size:]


def without_trace(work: Callable[[], Any]) -> tuple[Any, int]:
    """What `work` returns, and the most memory this process held meanwhile. Random numbers go on as if it had not
    been."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    threads = torch.get_num_threads()
    since = _forget_peak()
    try:
        with torch.random.fork_rng(devices=devices):
            found = work()
    finally:
        torch.set_num_threads(threads)
    return found, peak_memory(since)


def peak_memory(is_reset: bool) -> int:
    """Bytes that this process held at most: since it was set back, or ever."""
    if is_reset:
        with suppress(OSError):
            found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"), flags=re.MULTILINE)
            if found is not None:
                return int(found[1]) * 1024
    try:
        import resource
    except ImportError:  # not every system counts
        return 0
    ever = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ever if sys.platform == "darwin" else ever * 1024


def _forget_peak() -> bool:
    """Set the high-water mark back to what is held now; False where the system does not let us."""
    try:
        _REFS.write_text(_HIGH_WATER, encoding="ascii")
    except OSError:
        return False
    return True


def _placed(task: Task, recipe: Recipe, run: RunFolder) -> tuple[str, Autocast]:
    """Where `task` now is, and what it computes under there."""
    set_threads(run.threads)
    device = "cuda" if run.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    half = resolve_precision(recipe.precision, run.accelerator) == "bf16-mixed"
    task.to(device)
    return device, partial(torch.autocast, device, torch.bfloat16) if half else nullcontext


def _stepping(task: Task, recipe: Recipe, run: RunFolder) -> tuple[Callable[[Any], None], Autocast]:
    """A function that does with a batch what a step of `fit` does, and what it computes under."""
    device, autocast = _placed(task, recipe, run)
    task.train()
    optimiser = Tuner(task, recipe, STEPS).configure_optimizers()["optimizer"]

    def step(batch: Any) -> None:
        optimiser.zero_grad()
        with autocast():
            loss = task.loss(tuple(part.to(device) for part in batch))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(task.parameters(), recipe.clip_norm)
        optimiser.step()
        float(loss.detach())  # an accelerator answers when it is done

    return step, autocast
